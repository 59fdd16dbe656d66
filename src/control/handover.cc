#include "control/handover.h"

#include <algorithm>
#include <utility>

namespace gyre::control {

bool HandOvers::on_leaving(const messages::Sender& from, Instant now) {
  Leaver& leaver = leavers_[from.node];
  const bool first = leaver.incarnation != from.incarnation;
  if (first) leaver = {from.incarnation, now, now};
  leaver.said_at = now;
  return first;
}

bool HandOvers::leaving(const ring::NodeInfo& node) const {
  const auto leaver = leavers_.find(node.id);
  return leaver != leavers_.end() && leaver->second.incarnation == node.incarnation;
}

void HandOvers::order(const View& view, PartitionId partition, const NodeId& successor) {
  orders_.insert_or_assign(partition,
                           Order{view.entry(partition).term, successor, view.now + kHandOverPatience, view.now, false});
}

void HandOvers::relieve(const View& view, PartitionId partition) {
  const ring::PartitionEntry& entry = view.entry(partition);
  if (orders_.contains(partition)) return;
  for (const ring::InSyncMember& member : entry.in_sync) {
    if (member.node != entry.primary && can_take_over(view, entry, member.node)) {
      return order(view, partition, member.node);
    }
  }
}

void HandOvers::move(const View& view, PartitionId partition, const NodeId& successor) {
  if (orders_.contains(partition) || in_turn() >= kDriftsAtOnce) return;
  order(view, partition, successor);
  orders_.at(partition).in_turn = true;
}

std::size_t HandOvers::in_turn() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(orders_, [](const auto& order) { return order.second.in_turn; }));
}

void HandOvers::on_changed(PartitionId partition, Instant now) { changed_at_[partition] = now; }

std::vector<SendToNode> HandOvers::step(const View& view, const Elections& elections, bool balance) {
  std::vector<SendToNode> messages;
  empty_leavers(view, messages);
  std::erase_if(orders_, [&](const auto& order) {
    const bool done = view.entry(order.first).term != order.second.term;
    if (!done && view.now >= order.second.until) changed_at_[order.first] = view.now;  // not again at once
    return done || view.now >= order.second.until;
  });
  if (balance && view.now >= drift_at_) {
    drift_at_ = view.now + view.map().shape.timing.heartbeat;
    begin_drifts(view, elections);
  }
  repeat_orders(view, messages);
  return messages;
}

bool HandOvers::can_take_over(const View& view, const ring::PartitionEntry& entry, const NodeId& node) const {
  const ring::InSyncMember* member = entry.find_in_sync(node);
  if (member == nullptr || !eligible(view, *member)) return false;
  const ring::NodeInfo& info = *view.map().find_node(node);
  return view.nodes.well(info) && !leaving(info);
}

// Its primaries go to those with the fewest, so that the load of a node that stops is spread; from other in-sync sets
// it is released. Where nobody can take over there is nothing to do.
void HandOvers::empty_leavers(const View& view, std::vector<SendToNode>& messages) {
  const Timing& timing = view.map().shape.timing;
  std::erase_if(leavers_, [&](const auto& leaver) {
    return view.now - leaver.second.said_at > timing.detection && !view.nodes.up(leaver.first);
  });
  std::vector<NodeId> due;
  for (auto& [node, leaver] : leavers_) {
    const ring::NodeInfo* info = view.map().find_node(node);
    if (info == nullptr || info->incarnation != leaver.incarnation || view.now < leaver.ask_at) continue;
    leaver.ask_at = view.now + timing.heartbeat;
    due.push_back(node);
  }
  if (due.empty()) return;

  std::map<NodeId, std::size_t> primaries;
  for (const ring::PartitionEntry& entry : view.map().entries) ++primaries[entry.primary];
  for (std::size_t i = 0; i < view.map().entries.size(); ++i) {
    const ring::PartitionEntry& entry = view.map().entries[i];
    const PartitionId partition(static_cast<std::uint16_t>(i));
    for (const NodeId& leaver : due) {
      if (entry.find_in_sync(leaver) == nullptr) continue;
      if (entry.primary != leaver) {
        if (leaving(*view.map().find_node(entry.primary))) continue;  // it hands over first, or stops with the others
        const Incarnation process = leavers_.at(leaver).incarnation;
        messages.push_back(
            {entry.primary, messages::Order{messages::Order::Kind::release, partition, entry.term, leaver, process}});
        continue;
      }
      const NodeId* successor = nullptr;
      for (const ring::InSyncMember& member : entry.in_sync) {
        if (!can_take_over(view, entry, member.node)) continue;
        if (successor == nullptr || primaries[member.node] < primaries[*successor]) successor = &member.node;
      }
      if (successor == nullptr) continue;
      ++primaries[*successor];
      messages.push_back(
          {leaver, messages::Order{messages::Order::Kind::hand_over, partition, entry.term, *successor}});
    }
  }
}

void HandOvers::begin_drifts(const View& view, const Elections& elections) {
  for (std::size_t i = 0; i < view.map().entries.size() && in_turn() < kDriftsAtOnce; ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    if (should_drift(view, elections, partition)) move(view, partition, view.state.target.partitions[i].front());
  }
}

bool HandOvers::should_drift(const View& view, const Elections& elections, PartitionId partition) const {
  const std::size_t index = partition.value();
  if (index >= view.state.target.partitions.size() || view.state.target.partitions[index].empty()) return false;
  const NodeId& wanted = view.state.target.partitions[index].front();
  const ring::PartitionEntry& entry = view.entry(partition);
  if (entry.primary.empty() || entry.primary == wanted) return false;
  if (orders_.contains(partition) || elections.open(partition)) return false;
  if (!elections.calm(view.map().shape.timing, partition, view.now)) return false;
  const auto changed = changed_at_.find(partition);
  const Instant changed_at = changed == changed_at_.end() ? started_ : changed->second;
  if (view.now - changed_at < kSteady || !can_take_over(view, entry, wanted)) return false;
  if (view.now - view.nodes.up_since(wanted) < kSteady) return false;
  const ring::NodeInfo& primary = *view.map().find_node(entry.primary);
  return view.nodes.well(primary) && !leaving(primary);
}

void HandOvers::repeat_orders(const View& view, std::vector<SendToNode>& messages) {
  for (auto& [partition, order] : orders_) {
    if (view.now < order.ask_at) continue;
    order.ask_at = view.now + view.map().shape.timing.heartbeat;
    messages.push_back({view.entry(partition).primary,
                        messages::Order{messages::Order::Kind::hand_over, partition, order.term, order.successor}});
  }
}

}  // namespace gyre::control
