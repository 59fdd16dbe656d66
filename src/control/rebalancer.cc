#include "control/rebalancer.h"

#include <algorithm>

#include "base/limits.h"

namespace gyre::control {

namespace {

bool settled(const ring::PartitionEntry& entry, const std::vector<NodeId>& wanted) {
  const auto is_wanted = [&](const NodeId& node) { return among(wanted, node); };
  return std::ranges::all_of(wanted, [&](const NodeId& node) { return entry.has_member(node); }) &&
         std::ranges::all_of(entry.learners, is_wanted) &&
         std::ranges::all_of(entry.in_sync, is_wanted, &ring::InSyncMember::node);
}

bool well(const View& view, const HandOvers& hand_overs, const NodeId& node) {
  const ring::NodeInfo* info = view.map().find_node(node);
  return info != nullptr && view.nodes.well(*info) && !hand_overs.leaving(*info);
}

bool in_sync(const View& view, const ring::PartitionEntry& entry, const NodeId& node) {
  const ring::InSyncMember* member = entry.find_in_sync(node);
  return member != nullptr && eligible(view, *member);
}

// The copies that the target wants are there, on nodes that are well, so that others may go.
bool target_in_sync(const View& view, const HandOvers& hand_overs, PartitionId partition) {
  if (view.broken == BrokenRule::target_in_sync_first) return true;
  const ring::PartitionEntry& entry = view.entry(partition);
  const std::vector<NodeId>& nodes = view.wanted(partition);
  std::size_t copies = 0;
  for (const NodeId& node : nodes) {
    if (!well(view, hand_overs, node)) continue;
    if (!in_sync(view, entry, node)) return false;
    ++copies;
  }
  // Where nodes were lost the target may have fewer than an `all` write needs: then the old ones stay.
  const ring::ClusterShape& shape = view.map().shape;
  return copies >= std::min<std::size_t>(shape.replication_factor, nodes.size()) && copies >= shape.min_in_sync;
}

bool gone(const View& view, const NodeId& node) {
  const ring::NodeInfo* info = view.map().find_node(node);
  return info != nullptr && info->membership == ring::Membership::gone;
}

// It may hold what nobody else does: writes of its time as primary, or acknowledged ones from when it was in sync.
bool owes(const View& view, const ring::PartitionEntry& entry, const NodeId& node) {
  if (among(entry.departed, node)) return true;
  const bool deposed = std::ranges::find(entry.deposed, node, &ring::DeposedPrimary::node) != entry.deposed.end();
  return deposed && view.broken != BrokenRule::move_waits_for_account;
}

}  // namespace

// Every change of target or members comes with a new epoch.
void Rebalancer::look(const View& view) {
  if (looked_at_ == view.map().epoch) return;
  looked_at_ = view.map().epoch;
  unsettled_.clear();
  const std::size_t partitions = std::min(view.map().entries.size(), view.state.target.partitions.size());
  for (std::size_t i = 0; i < partitions; ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const ring::PartitionEntry& entry = view.entry(partition);
    const std::vector<NodeId>& nodes = view.wanted(partition);
    if (!entry.primary.empty() && !nodes.empty() && !control::settled(entry, nodes)) unsettled_.push_back(partition);
  }
}

std::vector<Rebalancer::Step> Rebalancer::steps(const View& view, const Elections& elections,
                                                const HandOvers& hand_overs) {
  look(view);
  std::vector<Step> steps;
  if (settled()) return steps;
  add_leaves(view, elections, hand_overs, steps);
  if (!view.state.policy.paused) add_joins(view, elections, hand_overs, steps);
  return steps;
}

// Copies to nodes that are down make no progress and hold up nobody.
Rebalancer::Copies Rebalancer::copies(const View& view) const {
  Copies copies;
  const std::size_t partitions = std::min(view.map().entries.size(), view.state.target.partitions.size());
  for (std::size_t i = 0; i < partitions; ++i) {
    const ring::PartitionEntry& entry = view.map().entries[i];
    for (const NodeId& learner : entry.learners) {
      if (!among(view.state.target.partitions[i], learner) || !view.nodes.up(learner)) continue;
      ++copies.to[learner];
      ++copies.from[entry.primary];
    }
  }
  return copies;
}

// Those with the fewest copies first: what heals comes before what only balances.
void Rebalancer::add_joins(const View& view, const Elections& elections, const HandOvers& hand_overs,
                           std::vector<Step>& steps) const {
  const std::uint32_t at_once = view.map().moves.moves_per_node;
  Copies under_way = copies(view);
  std::vector<PartitionId> order = unsettled_;
  std::ranges::stable_sort(order, {}, [&](PartitionId partition) { return view.entry(partition).in_sync.size(); });
  for (const PartitionId partition : order) {
    const ring::PartitionEntry& entry = view.entry(partition);
    if (elections.open(partition) || !well(view, hand_overs, entry.primary)) continue;
    if (entry.in_sync.size() + entry.learners.size() >= limits::kMembersMax) continue;
    for (const NodeId& node : view.wanted(partition)) {
      if (entry.has_member(node) || !well(view, hand_overs, node)) continue;
      if (under_way.to[node] >= at_once || under_way.from[entry.primary] >= at_once) continue;
      ++under_way.to[node];
      ++under_way.from[entry.primary];
      steps.push_back({partition, node, true, entry.version});
      break;  // one change of an entry at a time; if it also loses a member now, this comes next time
    }
  }
}

void Rebalancer::add_leaves(const View& view, const Elections& elections, const HandOvers& hand_overs,
                            std::vector<Step>& steps) const {
  for (const PartitionId partition : unsettled_) {
    const ring::PartitionEntry& entry = view.entry(partition);
    const bool calm = !elections.open(partition) && target_in_sync(view, hand_overs, partition);
    for (const NodeId& learner : entry.learners) {
      if (among(view.wanted(partition), learner)) continue;
      if (!gone(view, learner) && (!calm || owes(view, entry, learner))) continue;
      steps.push_back({partition, learner, false, entry.version});
      break;
    }
  }
}

bool Rebalancer::carry_out(const Step& step, ring::ClusterMap& map) {
  ring::PartitionEntry& entry = map.entries[step.partition.value()];
  if (entry.version != step.version || map.find_node(step.node) == nullptr) return false;
  if (step.joins) {
    add_learner(entry, step.node);
  } else {
    remove_learner(entry, step.node);
  }
  return true;
}

std::vector<SendToNode> Rebalancer::orders(const View& view, const Elections& elections, HandOvers& hand_overs) {
  std::vector<SendToNode> messages;
  look(view);
  if (settled() || view.now < order_at_) return messages;
  order_at_ = view.now + view.map().shape.timing.heartbeat;
  std::map<NodeId, std::size_t> asked;
  for (const PartitionId partition : unsettled_) {
    const ring::PartitionEntry& entry = view.entry(partition);
    const std::vector<NodeId>& nodes = view.wanted(partition);
    if (elections.open(partition) || !well(view, hand_overs, entry.primary)) continue;
    if (!target_in_sync(view, hand_overs, partition)) continue;
    if (!among(nodes, entry.primary)) {
      const auto successor =
          std::ranges::find_if(nodes, [&](const NodeId& node) { return hand_overs.can_take_over(view, entry, node); });
      if (successor != nodes.end()) hand_overs.move(view, partition, *successor);
      continue;
    }
    for (const ring::InSyncMember& member : entry.in_sync) {
      if (among(nodes, member.node) || asked[entry.primary] >= kReleasesPerPrimary) continue;
      ++asked[entry.primary];
      const Incarnation process = view.map().find_node(member.node)->incarnation;
      messages.push_back({entry.primary, messages::Order{messages::Order::Kind::release, partition, entry.term,
                                                         member.node, process}});
    }
  }
  return messages;
}

}  // namespace gyre::control
