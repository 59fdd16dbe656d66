#include "control/entry_requests.h"

#include <utility>

namespace gyre::control {

void EntryRequests::add(const messages::Sender& from, messages::SetInSync asked) {
  const PartitionId partition = asked.partition;
  set_in_sync_.insert_or_assign(partition, From<messages::SetInSync>{from, std::move(asked)});
}

void EntryRequests::add(const messages::Sender& from, messages::HandedOver asked) {
  const PartitionId partition = asked.partition;
  handed_over_.insert_or_assign(partition, From<messages::HandedOver>{from, std::move(asked)});
}

void EntryRequests::add(const messages::Sender& from, messages::Accounted asked) {
  accounted_.emplace(asked.partition, from.node, asked.term);
}

void EntryRequests::clear() { *this = {}; }

std::set<PartitionId> EntryRequests::apply(const View& view, ClusterState& state, Elections& elections) {
  std::set<PartitionId> handed_over;
  for (const auto& [partition, asked] : handed_over_) {
    if (hand_over(view, state, elections, asked)) handed_over.insert(partition);
  }
  const bool no_conflicts = view.broken == BrokenRule::swap_by_version;
  for (auto& [partition, asked] : set_in_sync_) {
    if (elections.sealing(partition) && !no_conflicts) continue;  // the seal decides who stays
    switch (judge(view, asked.sender, asked.message)) {
      case Verdict::refused: break;
      case Verdict::granted:
        set_in_sync(state.map.shape, state.map.entries[partition.value()], std::move(asked.message.in_sync));
        break;
      case Verdict::promote_instead: elections.suspect(view, partition, Cause::cut_off); break;
    }
  }
  for (const auto& [partition, node, term] : accounted_) {
    account(state.map.entries[partition.value()], node, term);
  }
  clear();
  return handed_over;
}

// True: the successor is primary now.
bool EntryRequests::hand_over(const View& view, ClusterState& state, Elections& elections,
                              const From<messages::HandedOver>& asked) const {
  const auto& [sender, message] = asked;
  ring::PartitionEntry& entry = state.map.entries[message.partition.value()];
  if (!is_primary(entry, sender) || message.term != entry.term || message.successor == entry.primary) return false;
  const ring::InSyncMember* successor = entry.find_in_sync(message.successor);
  const ring::NodeInfo* node = state.map.find_node(message.successor);
  const bool able = successor != nullptr && eligible(view, *successor) && !view.nodes.dead(node->id, node->incarnation);
  if (!able) {
    elections.suspect(view, message.partition, message.successor.empty() ? Cause::cannot_go_on : Cause::gave_up);
    return false;
  }
  appoint(state.map.shape, entry,
          {.node = node->id,
           .incarnation = node->incarnation,
           .term = entry.term.next(),
           .in_sync = entry.in_sync,
           .drained = true});
  return true;
}

}  // namespace gyre::control
