#include "tools/gyre/watch_state.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tools/gyre/moves_view.h"

namespace gyre::cli {
namespace {

using messages::MovesResponse;

std::vector<WatchNode> nodes_of(const ClusterStatus& status, const std::optional<MovesResponse>& moves) {
  std::vector<WatchNode> nodes;
  for (const ProcessStatus& process : status.processes) {
    if (process.role != "node") continue;
    WatchNode node{.id = process.id,
                   .zone = process.zone,
                   .state = process.shown_state(),
                   .primaries = process.primaries,
                   .replicas = process.replicas,
                   .learners = process.learners,
                   .lag_ms = process.lag_ms,
                   .faults = process.faults,
                   .load = {}};
    if (moves) {
      const auto load = std::ranges::find(moves->nodes, process.id, [](const auto& l) { return l.node.str(); });
      if (load != moves->nodes.end()) node.load = *load;
    }
    nodes.push_back(std::move(node));
  }
  std::ranges::sort(nodes, {}, &WatchNode::id);
  return nodes;
}

bool serves(const std::string& state) {
  return state == "up" || state == "catching_up" || state == "draining" || state == "removing";
}

std::vector<WatchPartition> partitions_of(const ring::ClusterMap& map, const std::vector<WatchNode>& nodes) {
  std::map<std::string, std::size_t> serving;  // index by id
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (serves(nodes[i].state)) serving[nodes[i].id] = i;
  }
  std::vector<WatchPartition> partitions;
  for (const ring::PartitionEntry& entry : map.entries) {
    WatchPartition partition;
    if (const auto primary = serving.find(entry.primary.str()); primary != serving.end()) {
      partition.primary = primary->second;
    }
    const auto copies =
        std::ranges::count_if(entry.in_sync, [&](const auto& member) { return serving.contains(member.node.str()); });
    partition.whole = static_cast<std::size_t>(copies) >= map.shape.replication_factor;
    partitions.push_back(partition);
  }
  return partitions;
}

Json number_or_null(std::int64_t value) { return value < 0 ? Json(nullptr) : Json(value); }

Json node_json(const WatchNode& node) {
  Json json{{"id", node.id},
            {"zone", node.zone.empty() ? Json(nullptr) : Json(node.zone)},
            {"state", node.state},
            {"primaries", node.primaries},
            {"replicas", node.replicas},
            {"learners", node.learners},
            {"lag_ms", number_or_null(node.lag_ms)},
            {"faults", node.faults}};
  json["bytes"] = node.load ? Json(node.load->bytes) : Json(nullptr);
  json["reads_per_second"] = node.load ? Json(node.load->reads_per_second) : Json(nullptr);
  json["writes_per_second"] = node.load ? Json(node.load->writes_per_second) : Json(nullptr);
  json["p99_us"] = node.load ? Json(node.load->p99_us) : Json(nullptr);
  return json;
}

}  // namespace

std::size_t WatchState::nodes_up() const {
  return static_cast<std::size_t>(std::ranges::count_if(nodes, [](const auto& node) { return serves(node.state); }));
}

std::size_t WatchState::under_replicated() const {
  return static_cast<std::size_t>(std::ranges::count(partitions, false, &WatchPartition::whole));
}

std::size_t WatchState::without_primary() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(partitions, [](const auto& partition) { return !partition.primary; }));
}

double WatchState::reads_per_second() const {
  double sum = 0;
  for (const auto& node : nodes) sum += node.load ? node.load->reads_per_second : 0;
  return sum;
}

double WatchState::writes_per_second() const {
  double sum = 0;
  for (const auto& node : nodes) sum += node.load ? node.load->writes_per_second : 0;
  return sum;
}

WatchState watch_state(const ClusterStatus& status, const std::optional<MovesResponse>& moves, std::string clock) {
  WatchState state;
  state.clock = std::move(clock);
  state.coordinator = moves.has_value();
  state.moves = moves;
  state.nodes = nodes_of(status, moves);
  state.replication_factor = status.replication_factor;
  state.not_serving = status.not_serving;
  if (!status.map) return state;
  state.cluster = status.map->cluster.str();
  state.epoch = status.map->epoch.value();
  state.partitions = partitions_of(*status.map, state.nodes);
  if (!moves) return state;
  for (const auto& move : moves->moves) {
    const bool begun = move.stage != messages::MoveStatus::Stage::waiting;
    if (begun && move.partition.value() < state.partitions.size())
      state.partitions[move.partition.value()].moves = true;
  }
  return state;
}

Json watch_json(const WatchState& state) {
  Json nodes = Json::array();
  for (const auto& node : state.nodes) nodes.push_back(node_json(node));
  Json ring = Json::array();
  for (const auto& partition : state.partitions) {
    ring.push_back(partition.primary ? Json(state.nodes[*partition.primary].id) : Json(nullptr));
  }
  Json events = Json::array();
  for (const auto& event : state.events) {
    events.push_back({{"id", event.id},
                      {"time_ms", event.time.value},
                      {"kind", event.kind},
                      {"node", event.node.empty() ? Json(nullptr) : Json(event.node.str())},
                      {"detail", event.detail}});
  }
  return {{"cluster", state.cluster},
          {"epoch", state.epoch},
          {"clock", state.clock},
          {"coordinator", state.coordinator},
          {"nodes_up", state.nodes_up()},
          {"under_replicated", state.under_replicated()},
          {"without_primary", state.without_primary()},
          {"not_serving", state.not_serving},
          {"reads_per_second", state.reads_per_second()},
          {"writes_per_second", state.writes_per_second()},
          {"nodes", std::move(nodes)},
          {"primaries", std::move(ring)},
          {"moves", state.moves ? moves_json(*state.moves) : Json(nullptr)},
          {"events", std::move(events)}};
}

}  // namespace gyre::cli
