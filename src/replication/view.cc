#include "replication/view.h"

#include <algorithm>

namespace gyre::replication {

View::View(const ring::ClusterMap& map, PartitionId partition, bool trust)
    : entry(map.entry(partition)),
      timing(map.shape.timing),
      min_in_sync(map.shape.min_in_sync),
      trust_generations(trust) {
  for (const NodeId& member : entry.members()) {
    const ring::NodeInfo* info = map.find_node(member);
    if (info != nullptr) nodes.emplace(member, Node{info->incarnation, info->generation});
  }
}

bool View::in_sync(const NodeId& node) const {
  const ring::InSyncMember* member = entry.find_in_sync(node);
  return member != nullptr && present(node, member->generation);
}

std::size_t View::in_sync_size() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(entry.in_sync, [this](const auto& member) { return in_sync(member.node); }));
}

bool View::present(const NodeId& node, Generation generation) const {
  const auto found = nodes.find(node);
  return found != nodes.end() && (!trust_generations || found->second.generation == generation);
}

}  // namespace gyre::replication
