#include "tests/simulation/appointments.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace gyre::simulation {

// --- What is said ---

void Appointments::on_coordinator_reached(const NodeId& from, const messages::Message& message) {
  if (const auto* over = std::get_if<messages::HandedOver>(&message)) {
    GaveUp& gave_up = gave_up_[{over->partition, over->term}];
    gave_up.primary = from;
    gave_up.successors.insert(over->successor);
  }
  if (const auto* promises = std::get_if<messages::Promises>(&message)) {
    for (const auto& [partition, term] : promises->partitions) {
      promised_[partition] = std::max(promised_[partition], term);
    }
  }
}

// While a seal is under way members promise by it; what they promised before is another matter.
void Appointments::on_coordinator_sent(const messages::Message& message) {
  const auto* seal = std::get_if<messages::Seal>(&message);
  if (seal == nullptr) return;
  for (const auto& [partition, term] : seal->partitions) {
    finishes_.try_emplace({partition, terms_[partition]}, promised_[partition] > terms_[partition]);
  }
}

bool Appointments::asked_for(PartitionId partition, const ring::PartitionEntry& entry) const {
  if (!asked_ || asked_->node != entry.primary) return false;
  return asked_->partitions.empty() || std::ranges::find(asked_->partitions, partition) != asked_->partitions.end();
}

bool Appointments::unclean(PartitionId partition, const ring::PartitionEntry& entry) const {
  return asked_for(partition, entry) && asked_->unclean;
}

// --- What is judged ---

void Appointments::on_swapped(const ring::ClusterMap& before, const ring::ClusterMap& after) {
  if (std::exchange(carried_out_, false)) asked_.reset();
  for (std::size_t i = 0; i < after.entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const ring::PartitionEntry& entry = after.entries[i];
    terms_[partition] = entry.term;
    if (entry.term == before.entries[i].term || before.entries[i].primary.empty()) continue;
    check_who(partition, before, entry);
    check_pause(partition, before, entry);
    carried_out_ = carried_out_ || asked_for(partition, entry);
  }
}

void Appointments::check_who(PartitionId partition, const ring::ClusterMap& before, const ring::PartitionEntry& after) {
  const ring::PartitionEntry& entry = before.entry(partition);
  std::vector<NodeId> eligible;
  for (const ring::InSyncMember& member : entry.in_sync) {
    const ring::NodeInfo* node = before.find_node(member.node);
    if (node != nullptr && node->generation == member.generation) eligible.push_back(member.node);
  }
  if (std::ranges::find(eligible, after.primary) != eligible.end() || unclean(partition, after)) return;
  if (!eligible.empty()) return wrong(partition, after, "it was not in sync, and others were");
  check_last_resort(partition, entry, after);
}

void Appointments::check_last_resort(PartitionId partition, const ring::PartitionEntry& before,
                                     const ring::PartitionEntry& after) {
  std::vector<NodeId> all = before.members();
  all.insert(all.end(), before.departed.begin(), before.departed.end());
  if (std::ranges::find(all, after.primary) == all.end()) return wrong(partition, after, "it was no member");
  const ring::InSyncMember* chosen = after.find_in_sync(after.primary);
  if (chosen == nullptr || !has_data(nodes_, *chosen)) return;
  const Position position = truth_.held(index_of(nodes_, after.primary), partition).position;
  for (const NodeId& other : all) {
    const messages::PartitionState& held = truth_.held(index_of(nodes_, other), partition);
    if (held.whole_at > held.position.sequence || held.position <= position) continue;
    wrong(partition, after,
          fmt::format("it is at {}, but nobody in sync has its data any more, and {} is at {}", to_string(position),
                      other.str(), to_string(held.position)));
  }
}

void Appointments::check_pause(PartitionId partition, const ring::ClusterMap& before,
                               const ring::PartitionEntry& after) {
  const ring::PartitionEntry& entry = before.entry(partition);
  if (after.primary == entry.primary) return;
  const auto gave_up = gave_up_.find({partition, entry.term});
  const bool by_itself = gave_up != gave_up_.end() && gave_up->second.primary == entry.primary;
  if (by_itself && gave_up->second.successors.contains(after.primary)) return;
  const auto last = promoted_at_.find(partition);
  const auto finishes = finishes_.find({partition, entry.term});
  const bool promised = finishes != finishes_.end() && finishes->second;
  // The coordinator's clock may be a little fast.
  const Duration pause = before.shape.timing.promotion_pause() / 100 * 97;
  const bool soon = last != promoted_at_.end() && scheduler_.now() - last->second < pause;
  promoted_at_[partition] = scheduler_.now();
  if (!soon || by_itself || promised || asked_for(partition, after)) return;
  if (gone(entry.primary, entry.primary_incarnation)) return;
  wrong(partition, after, fmt::format("{} had just been promoted, and its process lives", entry.primary.str()));
}

bool Appointments::gone(const NodeId& node, Incarnation incarnation) const {
  const SimNode& process = *nodes_[index_of(nodes_, node)];
  return !process.up() || process.disk().incarnation() != incarnation;
}

void Appointments::wrong(PartitionId partition, const ring::PartitionEntry& after, std::string_view why) {
  notice_({Notice::Kind::safety, "appointment",
           fmt::format("{} is made primary of partition {} in term {}: {}", after.primary.str(), partition.value(),
                       after.term.value(), why)});
}

}  // namespace gyre::simulation
