#include "router/stats.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "net/loop.h"
#include "observe/map_json.h"
#include "routing/peer_metrics.h"

namespace gyre::router {

namespace {

using nlohmann::json;

constexpr double kWeightMax = 1000;

std::string ack_text(messages::AckCount ack) {
  if (ack == messages::kAckAll) return "all";
  return ack == messages::kAckOne ? "one" : fmt::to_string(ack);
}

std::string_view level_text(messages::ReadLevel level) {
  switch (level) {
    case messages::ReadLevel::primary: return "primary";
    case messages::ReadLevel::linearizable: return "linearizable";
    case messages::ReadLevel::bounded: return "bounded";
    case messages::ReadLevel::session: return "session";
    case messages::ReadLevel::any: return "any";
  }
  return "primary";
}

std::int64_t micros(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

json member_json(const StatsSource& source, const ring::NodeInfo& node) {
  const routing::PeerMetrics counted(source.metrics, node.id);
  const auto set = source.weights.find(node.id);
  const double weight = set == source.weights.end() ? 1 : set->second;
  const std::int64_t down = counted.breakers_open.value();
  json state = observe::node_json(node)["membership"];
  if (node.membership == ring::Membership::active) state = down > 0 ? "down" : weight == 0 ? "drained" : "up";
  return {{"id", node.id.str()},
          {"address", node.addresses.native},
          {"zone", node.zone.empty() ? json() : json(node.zone)},
          {"state", state},
          {"weight", weight},
          {"requests", counted.requests.value()},
          {"hedges", counted.hedges.value()},
          {"errors", counted.errors.value()},
          {"open", counted.outstanding.value()},
          {"down_loops", down},
          {"loops", source.options.loops},
          {"read_us",
           {{"p50", micros(counted.latency.quantile(0.5))},
            {"p95", micros(counted.latency.quantile(0.95))},
            {"p99", micros(counted.latency.quantile(0.99))}}}};
}

}  // namespace

std::string stats_json(const StatsSource& source) {
  const RouterOptions& options = source.options;
  const auto& cached = source.cache.counters();
  const auto& refused = source.server.rates.refused();
  json members = json::array();
  if (source.map != nullptr) {
    for (const ring::NodeInfo& node : source.map->nodes) {
      if (node.membership != ring::Membership::gone) members.push_back(member_json(source, node));
    }
  }
  const json all = {{"id", options.id},
                    {"resp", source.server.address},
                    {"uptime_s", static_cast<std::int64_t>(to_seconds(net::steady_now() - source.server.started))},
                    {"clients", source.server.clients.load()},
                    {"commands", source.server.commands.load()},
                    {"read", level_text(options.read)},
                    {"ack", ack_text(options.ack)},
                    {"policy", to_string(options.read_policy)},
                    {"zone", options.zone.empty() ? json() : json(options.zone)},
                    {"hedge_percent", options.hedge_percent},
                    {"coalesce", options.coalesce},
                    {"coalesced", source.coalesced},
                    {"rate",
                     {{"per_address", options.rate},
                      {"all", options.rate_all},
                      {"refused_by_address", refused.by_address.value()},
                      {"refused_by_all", refused.by_all.value()}}},
                    {"cache",
                     {{"ttl_ms", to_ms(options.cache_ttl)},
                      {"bytes_max", options.cache_bytes},
                      {"bytes", source.cache.bytes()},
                      {"hits", cached.hits.value()},
                      {"misses", cached.misses.value()},
                      {"evicted", cached.evicted.value()}}},
                    {"members", std::move(members)}};
  return all.dump(2) + "\n";
}

Result<double> parse_weight(const std::string& body) {
  const json said = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (said.is_object() && said.size() == 1 && said.contains("weight") && said["weight"].is_number()) {
    const double weight = said["weight"].get<double>();
    if (weight >= 0 && weight <= kWeightMax) return weight;
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format(R"(the body must be {{"weight": W}}, with W from 0 (drained) to {})", kWeightMax));
}

}  // namespace gyre::router
