// The times on which failure detection and leases rest (PROTOCOL.md, constants).
#pragma once

#include <chrono>

#include "base/time.h"
#include "gyre/result.h"

namespace gyre {

// Chosen when a cluster is created and kept in its map: members that counted with different leases would be unsafe.
struct Timing {
  Duration heartbeat = std::chrono::milliseconds(100);  // H: everybody shows itself this often
  Duration detection = std::chrono::seconds(1);         // D: silent for so long, a process is suspected
  Duration lease = std::chrono::seconds(2);             // L: a member's word to a primary

  auto operator<=>(const Timing&) const = default;

  // What a primary counts with, from sending. A member counts the whole of it, from receiving.
  Duration lease_counted() const { return lease / 10 * 9; }
  // No second promotion of a partition within it, unless its primary is provably dead.
  Duration promotion_pause() const { return 2 * lease; }
};

// For one replacement of the cluster map.
inline constexpr Duration kSwapBudget = std::chrono::milliseconds(500);
// Machines are told the time this often.
inline constexpr Duration kTick = std::chrono::milliseconds(20);

// Losing one member must never stop the primaries it served: D + 2 H + swap < 0.9 L. ERRORS: invalid_argument.
Result<void> check(const Timing& timing);

}  // namespace gyre
