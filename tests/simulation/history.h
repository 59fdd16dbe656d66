// What clients asked of one key and were told, and whether a store that answers so can be one that never lies.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/simulation/clock.h"

namespace gyre::simulation {

// One call on one register. A value of 0 means "absent". Every value is written once.
struct Operation {
  enum class Kind : std::uint8_t {
    read,           // saw `value`
    write,          // of `value`
    remove,
    insert,         // of `value`, where nothing was
    replace,        // of `expected` by `value`
    found_present,  // saw that there is some value
    found_other,    // saw that the value is not `expected`
  };
  Kind kind = Kind::read;
  std::uint64_t value = 0;
  std::uint64_t expected = 0;
  WorldTime called;
  WorldTime answered = kEndOfTime;  // kEndOfTime: the outcome is unknown, it may take effect at any time or not at all
  // Of one that only saw: what it would have done. An earlier attempt of it may have, if that was lost with everything.
  std::optional<Kind> tried = {};
};

// Linearizable: each operation can be given one moment between its call and its answer, so that each sees what was
// there last. Those that only see and have no answer must be left out. Wing and Gong's search with Lowe's memory of
// states ("Testing for linearizability", 2017). At most kOperationsMax operations.
inline constexpr std::size_t kOperationsMax = 64;
// `first`: what the register holds before all of them.
bool linearizable(std::vector<Operation> operations, std::uint64_t first = 0);

// A stretch of time.
struct TimeSpan {
  WorldTime from;
  WorldTime to;
};
// The same between losses of everything (oldest first), each of which may set the register back to what it held at any
// time before. An operation that is under way at such a moment may have taken effect or not.
bool linearizable_between(const std::vector<Operation>& operations, const std::vector<TimeSpan>& losses);

}  // namespace gyre::simulation
