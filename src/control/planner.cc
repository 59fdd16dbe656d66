#include "control/planner.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace gyre::control {

namespace {

// Of one node, where none was seen: what the disk and network of a modest machine give.
constexpr double kRateAssumed = 64.0 * 1024 * 1024;
// What a move takes beside its bytes: a few heartbeats and swaps of the map.
constexpr Duration kMoveOverhead = std::chrono::milliseconds(300);

// One of `wanted` that has no whole copy and is not back itself: who has none at all before who is being given one.
std::vector<NodeId>::iterator find_successor(std::vector<NodeId>& wanted, const ring::PartitionEntry& entry,
                                             const std::vector<NodeId>& returned) {
  auto found = wanted.end();
  for (auto node = wanted.begin(); node != wanted.end(); ++node) {
    if (entry.find_in_sync(*node) != nullptr || among(returned, *node)) continue;
    if (!entry.has_member(*node)) return node;
    if (found == wanted.end()) found = node;
  }
  return found;
}

}  // namespace

std::vector<ring::PlacementMember> placement_members(const ring::ClusterMap& map) {
  std::vector<ring::PlacementMember> members;
  for (const ring::NodeInfo& node : map.nodes) {
    if (node.membership == ring::Membership::active) members.push_back({node.id, node.zone, node.weight});
  }
  return members;
}

bool placement_outdated(const ring::ClusterMap& before, const ring::ClusterMap& after) {
  if (before.shape.replication_factor != after.shape.replication_factor) return true;
  const auto same = [](const ring::PlacementMember& a, const ring::PlacementMember& b) {
    return std::tie(a.id, a.zone, a.weight) == std::tie(b.id, b.zone, b.weight);
  };
  return !std::ranges::equal(placement_members(before), placement_members(after), same);
}

ring::Placement target_with_returned(const ClusterState& state, const std::vector<NodeId>& returned) {
  ring::Placement target = state.target;
  const std::size_t partitions = std::min(target.partitions.size(), state.map.entries.size());
  for (std::size_t i = 0; i < partitions; ++i) {
    const ring::PartitionEntry& entry = state.map.entries[i];
    std::vector<NodeId>& wanted = target.partitions[i];
    for (const NodeId& node : returned) {
      if (!entry.has_member(node) || among(wanted, node)) continue;
      const auto successor = find_successor(wanted, entry, returned);
      if (successor != wanted.end()) *successor = node;
    }
  }
  return target;
}

ring::Plan plan_of(const ClusterState& state, const ring::Placement& before,
                   const std::vector<ring::PartitionLoad>& loads) {
  const std::vector<ring::PlacementMember> members = placement_members(state.map);
  return ring::make_plan(
      {.map = state.map, .before = before, .members = members, .loads = loads, .spread_hot = state.policy.spread_hot});
}

// The slowest of those who send and of those who receive; copies come from primaries.
Duration estimate(const ring::Plan& plan, const ring::ClusterMap& map, double bytes_per_second_of_one) {
  struct Work {
    std::uint64_t bytes = 0;
    std::uint32_t moves = 0;
  };
  std::map<NodeId, Work> senders;
  std::map<NodeId, Work> receivers;
  const auto add = [](Work& work, const ring::PlannedMove& move) {
    work.bytes += move.bytes;
    ++work.moves;
  };
  for (const ring::PlannedMove& move : plan.moves) {
    if (move.to.empty()) continue;
    add(senders[map.entry(move.partition).primary], move);
    add(receivers[move.to], move);
  }
  double rate = bytes_per_second_of_one > 0 ? bytes_per_second_of_one : kRateAssumed;
  if (map.moves.bytes_per_second > 0) rate = std::min(rate, static_cast<double>(map.moves.bytes_per_second));
  Duration longest{0};
  for (const auto* nodes : {&senders, &receivers}) {
    for (const auto& [node, work] : *nodes) {
      const std::uint32_t turns = (work.moves + map.moves.moves_per_node - 1) / map.moves.moves_per_node;
      const std::chrono::duration<double> copying(static_cast<double>(work.bytes) / rate);
      longest = std::max(longest, std::chrono::duration_cast<Duration>(copying) + turns * kMoveOverhead);
    }
  }
  return longest;
}

messages::PlanResponse Planner::show(Instant now, const ClusterState& state, const LoadTable& loads) {
  std::vector<ring::PartitionLoad> seen = loads.loads(state.map, now);
  ring::Plan plan = plan_of(state, state.target, seen);
  const Duration takes = estimate(plan, state.map, loads.bytes_per_second_of_one(now));
  std::erase_if(shown_, [&](const Shown& shown) { return shown.id == plan.id; });
  if (shown_.size() >= kShownMax) shown_.pop_front();
  shown_.push_back({plan.id, std::move(seen)});
  return {std::move(plan), takes};
}

Result<ring::Plan> Planner::find(Instant now, const ClusterState& state, const LoadTable& loads,
                                 std::uint64_t id) const {
  const auto shown = std::ranges::find(shown_, id, &Shown::id);
  ring::Plan plan = plan_of(state, state.target, shown == shown_.end() ? loads.loads(state.map, now) : shown->loads);
  if (plan.id != id) {
    return fail(ErrorCode::condition_failed,
                "the cluster has changed since this plan was made: look at the new one (`gyre rebalance plan`)");
  }
  return plan;
}

}  // namespace gyre::control
