// What can be set of a dispatcher, and the constants of client routing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace gyre::routing {

struct DispatcherOptions {
  std::vector<std::string> seeds = {};  // "HOST:PORT", at least one
  std::uint64_t random_seed = 0;   // jitter and the order of seeds
  std::uint32_t connections_per_node = 1;
  std::uint32_t retries_max = 16;  // sendings after the first, per call
  double retry_budget = 0.2;       // retries allowed per call made, on average
  std::uint32_t calls_in_flight_max = 65536;  // beyond: busy. At most kCallSlotsMax
};

using namespace std::chrono_literals;

inline constexpr std::uint32_t kCallSlotsMax = (1U << 20) - 1;

// An attempt or a question for the map that stays unanswered for so long makes us ask another node for the map.
inline constexpr Duration kUnansweredMax = 250ms;
// A connection that answers nothing for so long, while a call's deadline passes on it, is given up.
inline constexpr Duration kLinkSilenceMax = 1s;
// Between two questions for a map that nobody has proven to exist.
inline constexpr Duration kMapAskGap = 100ms;
// A newer map that was only mentioned in passing is fetched after a random part of this.
inline constexpr Duration kMapFetchSpread = 50ms;

inline constexpr Duration kBackoffFirst = 5ms;
inline constexpr Duration kBackoffMax = 500ms;
inline constexpr double kRetryTokensMax = 100;

inline constexpr std::uint32_t kBreakerFailuresMax = 3;
inline constexpr Duration kBreakerOpenFirst = 50ms;
inline constexpr Duration kBreakerOpenMax = 1s;

}  // namespace gyre::routing
