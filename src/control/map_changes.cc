#include "control/map_changes.h"

#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

namespace gyre::control {

namespace {

using Kind = CoordinatorEvent::Kind;

// Those of `a` that are not in `b`.
std::vector<NodeId> missing(const std::vector<ring::InSyncMember>& a, const std::vector<ring::InSyncMember>& b) {
  std::vector<NodeId> nodes;
  for (const ring::InSyncMember& member : a) {
    if (std::ranges::find(b, member.node, &ring::InSyncMember::node) == b.end()) nodes.push_back(member.node);
  }
  return nodes;
}

void tell_in_sync(PartitionId partition, const ring::PartitionEntry& before, const ring::PartitionEntry& after,
                  EventGroups& events) {
  const std::vector<NodeId> left = missing(before.in_sync, after.in_sync);
  const std::vector<NodeId> joined = missing(after.in_sync, before.in_sync);
  if (left.empty() && joined.empty()) return;
  std::string change;
  if (!joined.empty()) change += fmt::format("{} joined", list_of(joined));
  if (!left.empty()) change += fmt::format("{}{} left", change.empty() ? "" : ", ", list_of(left));
  events.add(Kind::in_sync_changed, after.primary, "the in-sync set of ", {partition, {}},
             fmt::format(" is {} now: {}", list_of(after.in_sync), change));
}

void tell_members(PartitionId partition, const ring::PartitionEntry& before, const ring::PartitionEntry& after,
                  EventGroups& events) {
  const std::vector<NodeId> old_members = before.members();
  const std::vector<NodeId> new_members = after.members();
  for (const NodeId& node : new_members) {
    if (before.has_member(node)) continue;
    events.add(Kind::member_added, node, node.str() + " gets a copy of ", {partition, {}}, "");
  }
  for (const NodeId& node : old_members) {
    if (after.has_member(node)) continue;
    events.add(Kind::member_removed, node, node.str() + " is no member any more of ", {partition, {}}, "");
  }
}

void tell_appointment(PartitionId partition, const ring::PartitionEntry& before, const ring::PartitionEntry& after,
                      const Choice* choice, EventGroups& events) {
  const bool again = before.primary == after.primary;
  const std::string who = again
                              ? fmt::format("{} stays primary of ", after.primary.str())
                              : fmt::format("{} replaces {} as primary of ", after.primary.str(), before.primary.str());
  const std::string in_sync = fmt::format("; in sync: {}", list_of(after.in_sync));
  if (choice != nullptr) {
    const std::string passed_over = choice->passed_over.empty() ? ""
                                                                : fmt::format("; {} did not seal in time, though heard",
                                                                              list_of(choice->passed_over));
    events.add(again ? Kind::appointed_again : Kind::promoted, after.primary, who,
               {partition, fmt::format("in term {} at {}", after.term.value(), to_string(choice->position))},
               fmt::format(", because {}{}", why(choice->cause, before.primary), in_sync + passed_over));
    return;
  }
  events.add(again ? Kind::appointed_again : Kind::promoted, after.primary, who,
             {partition, fmt::format("in term {}", after.term.value())},
             again && before.primary_incarnation != after.primary_incarnation ? ", because it started again" + in_sync
                                                                              : in_sync);
}

}  // namespace

void tell_changes(const ring::ClusterMap& before, const ring::ClusterMap& after, const std::vector<Choice>& choices,
                  const std::set<PartitionId>& handed_over, EventGroups& events) {
  std::map<PartitionId, const Choice*> chosen;
  for (const Choice& choice : choices) chosen.emplace(choice.partition, &choice);
  for (std::size_t i = 0; i < after.entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const ring::PartitionEntry& old_entry = before.entries[i];
    const ring::PartitionEntry& new_entry = after.entries[i];
    if (old_entry.version == new_entry.version || old_entry.primary.empty()) continue;
    tell_members(partition, old_entry, new_entry, events);
    if (old_entry.term == new_entry.term) {
      tell_in_sync(partition, old_entry, new_entry, events);
    } else if (handed_over.contains(partition)) {
      events.add(Kind::handed_over, new_entry.primary, fmt::format("{} took over ", new_entry.primary.str()),
                 {partition, fmt::format("in term {}", new_entry.term.value())},
                 fmt::format(" from {}, which had asked for it", old_entry.primary.str()));
    } else {
      const auto choice = chosen.find(partition);
      tell_appointment(partition, old_entry, new_entry, choice == chosen.end() ? nullptr : choice->second, events);
    }
  }
}

}  // namespace gyre::control
