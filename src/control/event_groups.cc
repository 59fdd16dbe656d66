#include "control/event_groups.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gyre::control {

namespace {

constexpr std::size_t kPartitionsNamedMax = 4;

using Kind = CoordinatorEvent::Kind;

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::cluster_created: return "cluster_created";
    case Kind::partitions_placed: return "partitions_placed";
    case Kind::node_admitted: return "node_admitted";
    case Kind::node_rejoined: return "node_rejoined";
    case Kind::node_updated: return "node_updated";
    case Kind::node_refused: return "node_refused";
    case Kind::node_up: return "node_up";
    case Kind::node_down: return "node_down";
    case Kind::node_dead: return "node_dead";
    case Kind::node_leaving: return "node_leaving";
    case Kind::node_away: return "node_away";
    case Kind::node_returned: return "node_returned";
    case Kind::node_draining: return "node_draining";
    case Kind::node_removed: return "node_removed";
    case Kind::settings_changed: return "settings_changed";
    case Kind::store_failed: return "store_failed";
    case Kind::store_behind: return "store_behind";
    case Kind::suspected: return "suspected";
    case Kind::poll_alive: return "poll_alive";
    case Kind::sealed: return "sealed";
    case Kind::promoted: return "promoted";
    case Kind::appointed_again: return "appointed_again";
    case Kind::handed_over: return "handed_over";
    case Kind::no_candidate: return "no_candidate";
    case Kind::in_sync_changed: return "in_sync_changed";
    case Kind::rebalance_planned: return "rebalance_planned";
    case Kind::rebalance_done: return "rebalance_done";
    case Kind::member_added: return "member_added";
    case Kind::member_removed: return "member_removed";
    case Kind::serving: return "serving";
    case Kind::stopped: return "stopped";
    case Kind::rewound: return "rewound";
    case Kind::lost_writes: return "lost_writes";
    case Kind::snapshot: return "snapshot";
    case Kind::caught_up: return "caught_up";
    case Kind::storage_failed: return "storage_failed";
    case Kind::retired: return "retired";
  }
  return "unknown";
}

void EventGroups::add(Kind kind, NodeId node, std::string detail) {
  groups_.push_back({kind, std::move(node), std::move(detail), {}, {}});
}

void EventGroups::add(Kind kind, NodeId node, std::string before, About about, std::string after) {
  for (Group& group : groups_) {
    const bool same = group.kind == kind && group.node == node && !group.partitions.empty() && group.before == before &&
                      group.after == after;
    if (same) return group.partitions.push_back(std::move(about));
  }
  groups_.push_back({kind, std::move(node), std::move(before), std::move(after), {std::move(about)}});
}

std::vector<CoordinatorEvent> EventGroups::take() {
  std::vector<CoordinatorEvent> events;
  for (Group& group : std::exchange(groups_, {})) {
    std::string detail = std::move(group.before);
    const std::size_t partitions = group.partitions.size();
    std::uint64_t count = 0;
    for (const About& about : group.partitions) count += about.count;
    if (count > 0) detail += fmt::format("{} write{} of ", count, count == 1 ? "" : "s");
    if (partitions == 1) detail += "partition ";
    if (partitions > 1) detail += fmt::format("{} partitions (", partitions);
    for (std::size_t i = 0; i < std::min(partitions, kPartitionsNamedMax); ++i) {
      const About& about = group.partitions[i];
      detail += fmt::format("{}{}{}{}", i > 0 ? ", " : "", about.partition.value(), about.remark.empty() ? "" : " ",
                            about.remark);
    }
    if (partitions > kPartitionsNamedMax) detail += ", ...";
    if (partitions > 1) detail += ")";
    detail += group.after;
    events.push_back({group.kind, std::move(group.node), std::move(detail)});
  }
  return events;
}

std::string list_of(const std::vector<NodeId>& nodes) {
  if (nodes.empty()) return "nobody";
  std::string text = nodes.front().str();
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    text += (i + 1 == nodes.size() ? " and " : ", ") + nodes[i].str();
  }
  return text;
}

std::string list_of(const std::vector<ring::InSyncMember>& members) {
  std::vector<NodeId> nodes;
  for (const ring::InSyncMember& member : members) nodes.push_back(member.node);
  std::ranges::sort(nodes);
  return list_of(nodes);
}

}  // namespace gyre::control
