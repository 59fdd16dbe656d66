#include "router/front_map.h"

#include <utility>

namespace gyre::router {

ring::MapUpdate FrontMap::update_for(Epoch known, const ring::ClusterMapPtr& cluster) {
  if (cluster == nullptr) return {};
  if (history_.map() == nullptr || history_.map()->epoch < cluster->epoch) history_.adopt(front_of(*cluster));
  return known < history_.map()->epoch ? history_.since(known) : ring::MapUpdate{};
}

ring::ClusterMapPtr FrontMap::front_of(const ring::ClusterMap& cluster) const {
  const NodeId router("router");
  const Incarnation incarnation(1);
  auto front = std::make_shared<ring::ClusterMap>();
  front->cluster = cluster.cluster;
  front->epoch = cluster.epoch;
  front->shape = cluster.shape;
  front->moves = cluster.moves;
  ring::NodeInfo self;
  self.id = router;
  self.incarnation = incarnation;
  self.addresses.native = address_;
  front->nodes.push_back(std::move(self));
  front->entries.reserve(cluster.entries.size());
  for (const ring::PartitionEntry& entry : cluster.entries) {
    ring::PartitionEntry& shown = front->entries.emplace_back();
    shown.term = entry.term;
    shown.version = entry.version;
    shown.primary = router;
    shown.primary_incarnation = incarnation;
    shown.in_sync = {{router, Generation()}};
  }
  return front;
}

}  // namespace gyre::router
