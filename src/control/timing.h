// The times on which failure detection and leases rest (PROTOCOL.md, constants).
#pragma once

#include <chrono>

#include "base/time.h"

namespace gyre::control {

using namespace std::chrono_literals;

inline constexpr Duration kHeartbeatInterval = 100ms;  // H: a node shows itself this often
inline constexpr Duration kDetection = 1s;             // D: silent for so long, a node counts as down
inline constexpr Duration kLease = 2s;                 // L: a member's word to a primary
inline constexpr Duration kSwapBudget = 500ms;         // for one replacement of the cluster map
inline constexpr Duration kStoreRetry = 500ms;         // between attempts to reach a cluster store that failed

// Losing one member never stops the primaries it served: they learn of it before their lease is over.
static_assert(kDetection + 2 * kHeartbeatInterval + kSwapBudget < kLease * 9 / 10);

}  // namespace gyre::control
