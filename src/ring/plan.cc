#include "ring/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "base/hash.h"
#include "ring/share_input.h"
#include "ring/spread_hot.h"

namespace gyre::ring {

namespace {

// For each partition, nodes; the primary first where there is one.
using Holders = std::vector<std::vector<NodeId>>;

Holders members_of(const ClusterMap& map) {
  Holders holders;
  holders.reserve(map.entries.size());
  for (const PartitionEntry& entry : map.entries) holders.push_back(entry.members());
  return holders;
}

// Those whose copies are whole.
Holders in_sync_of(const ClusterMap& map) {
  Holders holders(map.entries.size());
  for (std::size_t i = 0; i < holders.size(); ++i) {
    for (const InSyncMember& member : map.entries[i].in_sync) holders[i].push_back(member.node);
  }
  return holders;
}

PartitionLoad load_of(const std::vector<PartitionLoad>& loads, std::size_t partition) {
  return partition < loads.size() ? loads[partition] : PartitionLoad{};
}

void append_placement(std::string& text, const Placement& placement) {
  for (const auto& nodes : placement.partitions) {
    for (const NodeId& node : nodes) text += node.str() + ' ';
    text += '\n';
  }
}

std::uint64_t id_of(const PlanInput& input, const std::vector<PlacementMember>& members, const Placement& target) {
  std::string text = fmt::format("{} copies\n", input.map.shape.replication_factor);
  for (const PlacementMember& member : members) {
    text += fmt::format("{} {} {}\n", member.id.str(), member.zone, member.weight);
  }
  append_placement(text, input.before);
  text += '\n';
  append_placement(text, target);
  return std::max<std::uint64_t>(hash64(text), 1);
}

using NodeLoads = std::map<NodeId, NodeLoad>;

NodeLoads count(const Holders& holders, const std::vector<NodeId>& primaries, const std::vector<PartitionLoad>& loads) {
  NodeLoads counted;
  for (std::size_t i = 0; i < holders.size(); ++i) {
    const PartitionLoad load = load_of(loads, i);
    for (const NodeId& node : holders[i]) {
      NodeLoad& of_node = counted[node];
      ++of_node.replicas;
      of_node.bytes += load.bytes;
      if (node != primaries[i]) continue;
      ++of_node.primaries;
      of_node.operations_per_second += load.reads_per_second + load.writes_per_second;
    }
  }
  return counted;
}

std::vector<NodeBalance> balance(const PlanInput& input, const std::vector<PlacementMember>& members,
                                 const Placement& target) {
  std::vector<NodeId> primaries_before;
  for (const PartitionEntry& entry : input.map.entries) primaries_before.push_back(entry.primary);
  std::vector<NodeId> primaries_after;
  for (const auto& nodes : target.partitions) primaries_after.push_back(nodes.empty() ? NodeId() : nodes.front());
  const NodeLoads before = count(members_of(input.map), primaries_before, input.loads);
  const NodeLoads after = count(target.partitions, primaries_after, input.loads);

  std::map<NodeId, NodeBalance> nodes;
  const std::vector<double> shares =
      members.empty() ? std::vector<double>() : replica_shares(share_input(input.map.shape, members));
  for (std::size_t i = 0; i < members.size(); ++i) nodes[members[i].id].share = shares[i];
  for (const auto& [node, load] : before) nodes[node].before = load;
  for (const auto& [node, load] : after) nodes[node].after = load;
  std::vector<NodeBalance> balances;
  for (auto& [node, each] : nodes) {
    each.node = node;
    balances.push_back(std::move(each));
  }
  return balances;
}

std::map<NodeId, std::string> zones_of(const PlanInput& input) {
  std::map<NodeId, std::string> zones;
  for (const NodeInfo& node : input.map.nodes) zones[node.id] = node.zone;
  for (const PlacementMember& member : input.members) zones[member.id] = member.zone;
  return zones;
}

// `sets`: of all copies; `whole`: of those that would be left to serve.
Spread spread_of(const Holders& sets, const Holders& whole, const std::map<NodeId, std::string>& zones) {
  Spread spread;
  std::set<std::vector<NodeId>> distinct;
  for (std::vector<NodeId> nodes : sets) {
    std::ranges::sort(nodes);
    if (!nodes.empty()) distinct.insert(std::move(nodes));
  }
  spread.distinct_sets = static_cast<std::uint32_t>(distinct.size());

  const auto zone_of = [&](const NodeId& node) {
    const auto zone = zones.find(node);
    return zone == zones.end() ? std::string_view() : std::string_view(zone->second);
  };
  std::map<NodeId, std::uint32_t> only_on;
  std::map<std::string_view, std::uint32_t> only_in;
  for (const auto& nodes : whole) {
    if (nodes.empty()) continue;
    if (nodes.size() == 1) spread.lost_with_node = std::max(spread.lost_with_node, ++only_on[nodes.front()]);
    const std::string_view zone = zone_of(nodes.front());
    const bool together = std::ranges::all_of(nodes, [&](const NodeId& node) { return zone_of(node) == zone; });
    if (together && !zone.empty()) spread.lost_with_zone = std::max(spread.lost_with_zone, ++only_in[zone]);
  }
  return spread;
}

// Copies that are missing, that stand above bounds or where zones do not want them, and that nodes below their bounds
// are to get. A lower estimate: each may force others.
std::uint32_t minimum_moves(const PlanInput& input, const std::vector<PlacementMember>& members) {
  if (members.empty()) return 0;
  const ShareInput shares = share_input(input.map.shape, members);
  Loads held(replica_shares(shares), input.map.shape.load_slack, shares.partitions);
  const std::uint32_t zones_wanted = std::min(shares.copies, shares.zones);
  std::uint64_t usable = 0;
  for (const PartitionEntry& entry : input.map.entries) {
    std::set<std::uint32_t> zones;
    std::uint32_t copies = 0;
    for (const NodeId& node : entry.members()) {
      const auto member = std::ranges::lower_bound(members, node, {}, &PlacementMember::id);
      if (member == members.end() || member->id != node) continue;
      const auto index = static_cast<NodeIndex>(member - members.begin());
      held.add(index);
      zones.insert(shares.zone[index]);
      ++copies;
    }
    const auto reached = static_cast<std::uint32_t>(zones.size());
    usable += std::min({copies, shares.copies, shares.copies + reached - zones_wanted});
  }
  std::uint64_t within_bounds = 0;
  std::uint64_t due = 0;
  for (NodeIndex node = 0; node < members.size(); ++node) {
    within_bounds += std::min(held.count(node), held.bounds(node).upper);
    due += held.under(node) ? held.bounds(node).share_down - held.count(node) : 0;
  }
  const std::uint64_t wanted = std::uint64_t{shares.copies} * shares.partitions;
  const std::uint64_t kept = std::min({wanted, usable, within_bounds});
  return static_cast<std::uint32_t>(std::max(wanted - kept, due));
}

std::uint32_t primaries_moved(const ClusterMap& map, const Placement& target) {
  std::uint32_t moved = 0;
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const PartitionEntry& entry = map.entries[i];
    const auto& nodes = target.partitions[i];
    if (entry.primary.empty() || nodes.empty() || nodes.front() == entry.primary) continue;
    if (entry.has_member(nodes.front())) ++moved;
  }
  return moved;
}

}  // namespace

std::vector<PlannedMove> moves_between(const ClusterMap& map, const Placement& target,
                                       const std::vector<PartitionLoad>& loads) {
  std::vector<PlannedMove> moves;
  for (std::size_t i = 0; i < map.entries.size() && i < target.partitions.size(); ++i) {
    const std::vector<NodeId> members = map.entries[i].members();
    const std::vector<NodeId>& wanted = target.partitions[i];
    std::vector<NodeId> leaving;
    std::vector<NodeId> coming;
    std::ranges::copy_if(members, std::back_inserter(leaving), [&](const NodeId& n) { return !among(wanted, n); });
    std::ranges::copy_if(wanted, std::back_inserter(coming), [&](const NodeId& n) { return !among(members, n); });
    for (std::size_t m = 0; m < std::max(leaving.size(), coming.size()); ++m) {
      const bool copied = m < coming.size();
      moves.push_back({.partition = PartitionId(static_cast<std::uint16_t>(i)),
                       .from = m < leaving.size() ? leaving[m] : NodeId(),
                       .to = copied ? coming[m] : NodeId(),
                       .bytes = copied ? load_of(loads, i).bytes : 0});
    }
  }
  return moves;
}

Plan make_plan(const PlanInput& input) {
  std::vector<PlacementMember> members = input.members;
  std::ranges::sort(members, {}, &PlacementMember::id);
  Plan plan;
  plan.target = place(input.map.shape, members, input.before);
  if (input.spread_hot) {
    plan.spreads_hot_primaries = spread_hot_primaries(input.map.shape, members, input.loads, plan.target);
  }
  plan.id = plan.target == input.before ? 0 : id_of(input, members, plan.target);
  plan.moves = moves_between(input.map, plan.target, input.loads);
  for (const PlannedMove& move : plan.moves) plan.bytes += move.bytes;
  plan.primaries_moved = primaries_moved(input.map, plan.target);
  plan.moves_minimum = minimum_moves(input, members);
  plan.nodes = balance(input, members, plan.target);
  const auto zones = zones_of(input);
  plan.before = spread_of(members_of(input.map), in_sync_of(input.map), zones);
  plan.after = spread_of(plan.target.partitions, plan.target.partitions, zones);
  return plan;
}

}  // namespace gyre::ring
