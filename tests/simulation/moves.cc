#include "tests/simulation/moves.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gyre::simulation {

using messages::Order;

namespace {

bool wants(const ring::Placement& target, PartitionId partition, const NodeId& node) {
  if (partition.value() >= target.partitions.size()) return false;
  const std::vector<NodeId>& wanted = target.partitions[partition.value()];
  return std::ranges::find(wanted, node) != wanted.end();
}

}  // namespace

void MoveChecks::on_target(const ring::Placement& target) {
  target_before_ = std::exchange(target_, target);
  target_changes_ = true;
}

void MoveChecks::on_coordinator_reached(const NodeId& from, const messages::Message& message) {
  if (std::holds_alternative<messages::Leaving>(message)) leaving_.insert(from);
}

MoveChecks::Copies MoveChecks::copies(const ring::ClusterMap& map, const ring::Placement& target,
                                      PartitionId partition) const {
  if (partition.value() >= map.entries.size() || partition.value() >= target.partitions.size()) return {};
  const std::size_t nodes = target.partitions[partition.value()].size();
  Copies copies{0, std::min<std::size_t>(map.shape.replication_factor, nodes)};
  for (const ring::InSyncMember& member : map.entry(partition).in_sync) {
    if (wants(target, partition, member.node)) ++copies.in_sync;
  }
  return copies;
}

void MoveChecks::on_coordinator_sent(const messages::Message& message) {
  const auto* order = std::get_if<Order>(&message);
  if (order == nullptr || order->kind != Order::Kind::release) return;
  // A late order about a process that is gone is ignored.
  const ring::NodeInfo* node = map_.find_node(order->node);
  if (node == nullptr || node->incarnation != order->incarnation) return;
  // One that stops is asked to leave, too, even if it should stay.
  if (leaving_.contains(order->node)) return;
  if (wants(target_, order->partition, order->node) || wants(target_before_, order->partition, order->node)) return;
  const Copies now = copies(map_, target_, order->partition);
  const bool enough = now.enough() || copies(map_before_, target_, order->partition).enough() ||
                      copies(map_, target_before_, order->partition).enough() ||
                      copies(map_before_, target_before_, order->partition).enough();
  if (enough) return;
  notice_({Notice::Kind::safety, "copies",
           fmt::format("{} is to leave the members of partition {}, though only {} of the {} that replace it are in "
                       "sync",
                       order->node.str(), order->partition.value(), now.in_sync, now.wanted)});
}

void MoveChecks::on_swapped(const ring::ClusterMap& before, const ring::ClusterMap& after) {
  std::erase_if(leaving_, [&](const NodeId& id) {
    const ring::NodeInfo* known = before.find_node(id);
    const ring::NodeInfo* now = after.find_node(id);
    return known == nullptr || now == nullptr || known->incarnation != now->incarnation;
  });
  if (!std::exchange(target_changes_, false)) target_before_ = target_;
  map_before_ = before;
  map_ = after;
  for (std::size_t i = 0; i < std::min(before.entries.size(), after.entries.size()); ++i) {
    const ring::PartitionEntry& entry = after.entries[i];
    for (const ring::DeposedPrimary& deposed : before.entries[i].deposed) {
      const ring::NodeInfo* node = before.find_node(deposed.node);
      const bool given_up = node == nullptr || node->membership == ring::Membership::gone;
      const bool left = before.entries[i].has_member(deposed.node) && !entry.has_member(deposed.node);
      const bool accounted = std::ranges::find(entry.deposed, deposed) == entry.deposed.end();
      if (!left || given_up || accounted) continue;
      notice_({Notice::Kind::safety, "accounts",
               fmt::format("{} is no member of partition {} any more, and has not accounted for term {}",
                           deposed.node.str(), i, deposed.term.value())});
    }
  }
}

}  // namespace gyre::simulation
