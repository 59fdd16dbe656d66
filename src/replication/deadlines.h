// Which deadlines are open, for whoever must not look through all that waits to learn that none has passed.
#pragma once

#include <cstddef>
#include <map>

#include "base/time.h"

namespace gyre::replication {

inline constexpr Duration kDeadlineSlot = std::chrono::milliseconds(100);

// Counts deadlines in slots of time; a slot is due when it is over, so a passed deadline is noticed a little late.
class Deadlines {
 public:
  // kNever is none.
  void add(Instant deadline);
  // REQUIRES: was added.
  void remove(Instant deadline);
  // Some deadline has passed, and it is time to look for it.
  bool due(Instant now) const { return !slots_.empty() && slots_.begin()->first <= now; }

 private:
  std::map<Instant, std::size_t> slots_;  // by the end of each, how many
};

}  // namespace gyre::replication
