#include "observe/map_json.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace gyre::observe {

namespace {

using nlohmann::json;

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

json names_of(const std::vector<NodeId>& nodes) {
  json names = json::array();
  for (const NodeId& node : nodes) names.push_back(node.str());
  return names;
}

const char* to_string(ring::Membership membership) {
  switch (membership) {
    case ring::Membership::active: return "active";
    case ring::Membership::draining: return "draining";
    case ring::Membership::away: return "away";
    case ring::Membership::removing: return "removing";
    case ring::Membership::gone: return "gone";
  }
  return "unknown";
}

}  // namespace

json node_json(const ring::NodeInfo& node) {
  return {{"id", node.id.str()},
          {"data_id", node.data_id.str()},
          {"incarnation", node.incarnation.value()},
          {"generation", node.generation.value()},
          {"zone", text_or_null(node.zone)},
          {"weight", node.weight},
          {"membership", to_string(node.membership)},
          {"native", text_or_null(node.addresses.native)},
          {"http", text_or_null(node.addresses.http)},
          {"resp", text_or_null(node.addresses.resp)}};
}

json partition_json(const ring::ClusterMap& map, PartitionId partition) {
  const ring::PartitionEntry& entry = map.entry(partition);
  const ring::SlotRange slots = map.partitioning().slots(partition);
  json in_sync = json::array();
  json generations = json::array();
  json replicas = json::array();
  json deposed = json::array();
  for (const ring::InSyncMember& member : entry.in_sync) {
    in_sync.push_back(member.node.str());
    generations.push_back(member.generation.value());
    if (member.node != entry.primary) replicas.push_back(member.node.str());
  }
  for (const ring::DeposedPrimary& primary : entry.deposed) {
    deposed.push_back({{"node", primary.node.str()}, {"term", primary.term.value()}});
  }
  return {{"partition", partition.value()},
          {"first_slot", slots.first},
          {"last_slot", slots.end - 1},
          {"term", entry.term.value()},
          {"version", entry.version},
          {"primary", text_or_null(entry.primary.str())},
          {"primary_incarnation", entry.primary_incarnation.value()},
          {"in_sync", std::move(in_sync)},
          {"generations", std::move(generations)},
          {"replicas", std::move(replicas)},
          {"learners", names_of(entry.learners)},
          {"departed", names_of(entry.departed)},
          {"deposed", std::move(deposed)}};
}

json map_json(const ring::ClusterMap& map) {
  json nodes = json::array();
  for (const ring::NodeInfo& node : map.nodes) nodes.push_back(node_json(node));
  json partitions = json::array();
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    partitions.push_back(partition_json(map, PartitionId(static_cast<std::uint16_t>(i))));
  }
  return {{"cluster", map.cluster.str()},
          {"epoch", map.epoch.value()},
          {"shape",
           {{"partitions", map.shape.partitions},
            {"replication_factor", map.shape.replication_factor},
            {"min_in_sync", map.shape.min_in_sync},
            {"vnodes", map.shape.vnodes},
            {"load_slack", map.shape.load_slack},
            {"heartbeat_ms", to_ms(map.shape.timing.heartbeat)},
            {"detection_ms", to_ms(map.shape.timing.detection)},
            {"lease_ms", to_ms(map.shape.timing.lease)}}},
          {"moves",
           {{"moves_per_node", map.moves.moves_per_node},
            {"bytes_per_second", map.moves.bytes_per_second},
            {"p99_factor", map.moves.p99_factor}}},
          {"coordinators", map.coordinators},
          {"nodes", std::move(nodes)},
          {"partitions", std::move(partitions)}};
}

}  // namespace gyre::observe
