// What can be set of a dispatcher, and the constants of client routing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"
#include "base/timing.h"
#include "routing/read_policy.h"

namespace gyre::routing {

struct DispatcherOptions {
  std::vector<std::string> seeds = {};  // "HOST:PORT", at least one
  std::uint64_t random_seed = 0;   // jitter and the order of seeds
  std::uint32_t connections_per_node = 1;
  std::uint32_t retries_max = 16;  // sendings after the first, per call
  double retry_budget = 0.2;       // retries allowed per call made, on average
  std::uint32_t calls_in_flight_max = 65536;  // beyond: busy. At most kCallSlotsMax
  ReadPolicy read_policy = ReadPolicy::latency;  // of reads that several members may serve
  double hedge_budget = 0;  // of such reads, how many may be asked for twice, on average
  std::string zone = {};  // whose members take reads while there are any; empty: all zones are alike
  bool checks_health = false;  // asks members that nobody else asks, too, whether they answer (kHealthCheckEvery)
  MetricsRegistry* metrics = nullptr;  // where what members do is counted; outlives the dispatcher. Null: nowhere
};

using namespace std::chrono_literals;

inline constexpr std::uint32_t kCallSlotsMax = (1U << 20) - 1;

// An attempt or a question for the map that stays unanswered for so long makes us ask another node for the map; a read
// that another member may serve goes there.
inline constexpr Duration kUnansweredMax = 250ms;
// A connection that answers nothing for so long, while a call's deadline passes on it, is given up.
inline constexpr Duration kLinkSilenceMax = 1s;
// Between two questions for a map that nobody has proven to exist: while one is missed since a moment ago (a failover
// takes less), and later.
inline constexpr Duration kMapAskGapFirst = 40ms;
inline constexpr Duration kMapAskGap = 100ms;
inline constexpr Duration kMapMissedRecently = 2s;
// Questions go on for so long after the last sign that a map is missed.
inline constexpr Duration kMapMissedMax = 1s;
// Who failed to answer such a question is passed over for so long.
inline constexpr Duration kMapAvoid = 1s;
// A newer map that was only mentioned in passing is fetched after a random part of this.
inline constexpr Duration kMapFetchSpread = 50ms;

inline constexpr Duration kBackoffFirst = 5ms;
inline constexpr Duration kBackoffMax = 500ms;
inline constexpr double kRetryTokensMax = 100;
// A new primary may be asked again within its first moments without drawing on the budget: it is about to serve.
inline constexpr Duration kNewPrimaryGrace = 2s;
// An error that a change of the in-sync set or a handoff may end is retried for so long: either takes less.
inline constexpr Duration kPatience = 1s;

// What a replica usually lags behind. Within it, a session's reads go where it has just written.
inline constexpr Duration kUsualLag = kTick + 10ms;
// A peer's measured latency counts half after so long, so that one that was slow gets another chance.
inline constexpr Duration kLatencyHalfLife = 1s;
// Taken for a peer that has never answered.
inline constexpr Duration kLatencyMin = 50us;

// Acknowledged writes that a client remembers, to tell when they are lost: these many keys, for so long.
inline constexpr std::size_t kAcknowledgedKept = 131'072;
inline constexpr Duration kAcknowledgedLife = 10s;
inline constexpr std::size_t kTermStartsKept = 16;  // of a partition
// After a failover the new primary is asked what became of such writes, within a random part of this.
inline constexpr Duration kCheckSpread = 500ms;
inline constexpr Duration kCheckDeadline = 10s;
// Where that told nothing it is asked again, after half to all of this.
inline constexpr Duration kCheckAgain = 10s;

inline constexpr double kHedgeTokensMax = 20;
inline constexpr Duration kHedgeDelayMin = 200us;

// So often it is looked whether a member that is down may be tried again.
inline constexpr Duration kProbeEvery = 50ms;
// Where health is checked: a connection on which nothing was answered for so long is asked whether its member is well.
inline constexpr Duration kHealthCheckEvery = 1s;
// One that does not answer that for so long is given up, with what is open on it: what is large may take a while.
inline constexpr Duration kHealthSilenceMax = 5s;
inline constexpr std::uint32_t kBreakerFailuresMax = 3;
inline constexpr Duration kBreakerOpenFirst = 50ms;
inline constexpr Duration kBreakerOpenMax = 1s;

}  // namespace gyre::routing
