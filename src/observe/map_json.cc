#include "observe/map_json.h"

#include <string>

#include <nlohmann/json.hpp>

namespace gyre::observe {

namespace {

using nlohmann::json;

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

const char* to_string(ring::Membership membership) {
  return membership == ring::Membership::draining ? "draining" : "active";
}

}  // namespace

json node_json(const ring::NodeInfo& node) {
  return {{"id", node.id.str()},
          {"data_id", node.data_id.str()},
          {"incarnation", node.incarnation.value()},
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
  json replicas = json::array();
  json learners = json::array();
  for (const ring::InSyncMember& member : entry.in_sync) {
    in_sync.push_back(member.node.str());
    if (member.node != entry.primary) replicas.push_back(member.node.str());
  }
  for (const NodeId& learner : entry.learners) learners.push_back(learner.str());
  return {{"partition", partition.value()},
          {"first_slot", slots.first},
          {"last_slot", slots.end - 1},
          {"term", entry.term.value()},
          {"version", entry.version},
          {"primary", text_or_null(entry.primary.str())},
          {"primary_incarnation", entry.primary_incarnation.value()},
          {"in_sync", std::move(in_sync)},
          {"replicas", std::move(replicas)},
          {"learners", std::move(learners)}};
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
            {"vnodes", map.shape.vnodes},
            {"load_slack", map.shape.load_slack}}},
          {"coordinators", map.coordinators},
          {"nodes", std::move(nodes)},
          {"partitions", std::move(partitions)}};
}

}  // namespace gyre::observe
