// What clients asked and were told, and whether a store that answers so can be one that never lies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace gyre::simulation {

// One call on one register. A value of 0 means "absent". Every value is written once.
struct Operation {
  enum class Kind : std::uint8_t { read, write, remove };
  Kind kind = Kind::read;
  std::uint64_t value = 0;      // written, or read
  Instant called;
  Instant answered = kNever;    // kNever: the outcome is unknown, it may take effect at any time or not at all
};

// Linearizable: each operation can be given one moment between its call and its answer, so that each read sees what was
// written last. Reads without an answer must be left out. Wing and Gong's search with Lowe's memory of states
// ("Testing for linearizability", 2017). At most 64 operations.
bool linearizable(std::vector<Operation> operations);

// A counter: every answered increment of 1 returned another number; none was applied twice, none was lost.
struct CounterHistory {
  std::vector<std::int64_t> returned;  // by increments that were answered
  std::uint64_t unknown = 0;  // increments that may have been applied
};
// Empty: fine. Else what is wrong.
std::string check_counter(const CounterHistory& history, std::int64_t final_value);

}  // namespace gyre::simulation
