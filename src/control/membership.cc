#include "control/membership.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>

namespace gyre::control {

namespace {

using Kind = MembershipChange::Kind;
using EventKind = CoordinatorEvent::Kind;
using ring::Membership;

std::size_t active_nodes(const ring::ClusterMap& map) {
  return static_cast<std::size_t>(std::ranges::count(map.nodes, Membership::active, &ring::NodeInfo::membership));
}

bool may_leave(const ring::NodeInfo& node) {
  return node.membership == Membership::removing || node.membership == Membership::gone;
}

// Nodes that somebody counts on: members, and where data should be. A node that is gone need not account for anything,
// and what it held is not waited for.
std::set<NodeId> named(const ClusterState& state) {
  std::set<NodeId> nodes;
  for (const ring::PartitionEntry& entry : state.map.entries) {
    for (const NodeId& member : entry.members()) nodes.insert(member);
    const auto add_unless_gone = [&](const NodeId& id) {
      const ring::NodeInfo* node = state.map.find_node(id);
      if (node != nullptr && node->membership != Membership::gone) nodes.insert(id);
    };
    for (const NodeId& departed : entry.departed) add_unless_gone(departed);
    for (const ring::DeposedPrimary& deposed : entry.deposed) add_unless_gone(deposed.node);
  }
  for (const auto& wanted : state.target.partitions) nodes.insert(wanted.begin(), wanted.end());
  return nodes;
}

void remove_node(ClusterState& state, const NodeId& node) {
  std::erase_if(state.map.nodes, [&](const ring::NodeInfo& info) { return info.id == node; });
  std::erase_if(state.settings, [&](const NodeSettings& settings) { return settings.node == node; });
  for (ring::PartitionEntry& entry : state.map.entries) {
    if (std::erase(entry.departed, node) > 0) ++entry.version;
  }
}

}  // namespace

std::vector<MembershipChange> due_changes(const View& view, const std::function<bool(const NodeId&)>& busy) {
  std::vector<MembershipChange> changes;
  const ClusterState& state = view.state;
  const Duration patience = state.policy.replace_after;
  std::size_t active = active_nodes(state.map);
  std::optional<std::set<NodeId>> needed;
  for (const ring::NodeInfo& node : state.map.nodes) {
    if (node.membership == Membership::active) {
      const bool too_long = patience > Duration(0) && view.nodes.silence(node.id, view.now) >= patience;
      if (!too_long || state.target.partitions.empty() || active <= state.map.shape.replication_factor) continue;
      --active;
      changes.push_back({Kind::away, node.id});
    } else if (node.membership == Membership::away) {
      if (view.nodes.well(node)) changes.push_back({Kind::returned, node.id});
    } else if (may_leave(node)) {
      if (!needed) needed = named(state);
      if (!needed->contains(node.id) && !busy(node.id)) changes.push_back({Kind::leaves, node.id});
    }
  }
  return changes;
}

std::optional<CoordinatorEvent> carry_out(const MembershipChange& change, ClusterState& state) {
  const auto node = std::ranges::find(state.map.nodes, change.node, &ring::NodeInfo::id);
  if (node == state.map.nodes.end()) return std::nullopt;
  const std::string id = change.node.str();
  switch (change.kind) {
    case Kind::away:
      if (node->membership != Membership::active) return std::nullopt;
      node->membership = Membership::away;
      return CoordinatorEvent{
          EventKind::node_away, change.node,
          fmt::format("{} was silent for {} s: what it had is replaced", id, to_ms(state.policy.replace_after) / 1000)};
    case Kind::returned:
      if (node->membership != Membership::away) return std::nullopt;
      node->membership = Membership::active;
      return CoordinatorEvent{EventKind::node_returned, change.node, id + " is back and takes part again"};
    case Kind::leaves: break;
  }
  if (!may_leave(*node) || named(state).contains(change.node)) return std::nullopt;
  remove_node(state, change.node);
  return CoordinatorEvent{EventKind::node_removed, change.node, id + " has nothing more, and left the cluster"};
}

}  // namespace gyre::control
