// What a router shows of itself and of the members behind it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/metrics.h"
#include "resp/server.h"
#include "ring/cluster_map.h"
#include "router/options.h"
#include "router/read_cache.h"

namespace gyre::router {

struct StatsSource {
  const RouterOptions& options;
  const resp::Server& server;
  const ReadCache& cache;
  MetricsRegistry& metrics;  // where the members' are
  ring::ClusterMapPtr map;   // null: none is known yet
  std::map<NodeId, double> weights;  // that were set
  std::uint64_t coalesced = 0;  // reads that went out with others
};

// {"id","resp","uptime_s","clients","commands","read","ack","policy","zone","hedge_percent","coalesce",
//  "coalesced","rate":{"per_address","all","refused_by_address","refused_by_all"},
//  "cache":{"ttl_ms","bytes_max","bytes","hits","misses","evicted"},
//  "members":[{"id","address","zone","state","weight","requests","hedges","errors","open","down_loops","loops",
//              "read_us":{"p50","p95","p99"}}]}
// A `rate`, `ttl_ms` or `hedge_percent` of 0: off. `state`: up, down (a breaker is open in some loop), drained (weight
// 0), or the membership of one that is not active. Quantiles are since the start.
std::string stats_json(const StatsSource& source);

// A page that shows that, and looks again every second.
std::string stats_page();

// {"weight":W} -> W. ERRORS: invalid_argument.
Result<double> parse_weight(const std::string& body);

}  // namespace gyre::router
