#include "control/membership.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace gyre::control {

namespace {

using Change = MembershipChange::Kind;
using Kind = CoordinatorEvent::Kind;
using ring::Membership;

bool may_leave(const ring::NodeInfo& node) {
  return node.membership == Membership::removing || node.membership == Membership::gone;
}

// Whether somebody counts on the node: as a member, as where data should be, or for its account. One that is gone need
// not account for anything, and what it held is not waited for.
bool needed(const ClusterState& state, const ring::NodeInfo& node) {
  const auto names_it = [&](const ring::PartitionEntry& entry) {
    if (entry.has_member(node.id)) return true;
    if (node.membership == Membership::gone) return false;
    return among(entry.departed, node.id) ||
           std::ranges::find(entry.deposed, node.id, &ring::DeposedPrimary::node) != entry.deposed.end();
  };
  return std::ranges::any_of(state.map.entries, names_it) ||
         std::ranges::any_of(state.target.partitions, [&](const auto& wanted) { return among(wanted, node.id); });
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
  std::size_t active = state.map.active_nodes();
  for (const ring::NodeInfo& node : state.map.nodes) {
    if (node.membership == Membership::active) {
      const bool too_long = patience > Duration(0) && view.nodes.silence(node.id, view.now) >= patience;
      if (!too_long || state.target.partitions.empty() || active <= state.map.shape.replication_factor) continue;
      --active;
      changes.push_back({Change::away, node.id});
    } else if (node.membership == Membership::away) {
      if (view.nodes.well(node)) changes.push_back({Change::returned, node.id});
    } else if (may_leave(node)) {
      if (!needed(state, node) && !busy(node.id)) changes.push_back({Change::leaves, node.id});
    }
  }
  return changes;
}

std::optional<CoordinatorEvent> carry_out(const MembershipChange& change, ClusterState& state) {
  const auto node = std::ranges::find(state.map.nodes, change.node, &ring::NodeInfo::id);
  if (node == state.map.nodes.end()) return std::nullopt;
  const std::string id = change.node.str();
  switch (change.kind) {
    case Change::away:
      if (node->membership != Membership::active) return std::nullopt;
      node->membership = Membership::away;
      return CoordinatorEvent{
          Kind::node_away, change.node,
          fmt::format("{} was silent for {} s: what it had is replaced", id, to_ms(state.policy.replace_after) / 1000)};
    case Change::returned:
      if (node->membership != Membership::away) return std::nullopt;
      node->membership = Membership::active;
      return CoordinatorEvent{Kind::node_returned, change.node, id + " is back and takes part again"};
    case Change::leaves: break;
  }
  if (!may_leave(*node) || needed(state, *node)) return std::nullopt;
  remove_node(state, change.node);
  return CoordinatorEvent{Kind::node_removed, change.node, id + " has nothing more, and left the cluster"};
}

}  // namespace gyre::control
