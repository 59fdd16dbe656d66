#include "control/in_sync.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::control {

namespace {

bool names(const std::vector<ring::InSyncMember>& set, const NodeId& node) {
  return std::ranges::find(set, node, &ring::InSyncMember::node) != set.end();
}

bool has_twice(const std::vector<ring::InSyncMember>& set) {
  std::vector<NodeId> nodes;
  for (const ring::InSyncMember& member : set) nodes.push_back(member.node);
  std::ranges::sort(nodes);
  return std::ranges::adjacent_find(nodes) != nodes.end();
}

void add_once(std::vector<NodeId>& nodes, const NodeId& node) {
  if (!among(nodes, node)) nodes.push_back(node);
}

void replace_in_sync(const ring::ClusterShape& shape, ring::PartitionEntry& entry,
                     std::vector<ring::InSyncMember> in_sync) {
  GYRE_ASSERT(!in_sync.empty() && !has_twice(in_sync));
  const bool too_few = in_sync.size() < shape.min_in_sync;
  for (const ring::InSyncMember& old : entry.in_sync) {
    if (names(in_sync, old.node)) continue;
    add_once(entry.learners, old.node);
    add_once(entry.departed, old.node);
  }
  const auto is_in = [&](const NodeId& node) { return names(in_sync, node); };
  std::erase_if(entry.learners, is_in);
  std::erase_if(entry.departed, is_in);
  if (!too_few) entry.departed.clear();
  entry.in_sync = std::move(in_sync);
}

// A node accounts for all its terms together, so each is named once, with the last.
void depose(ring::PartitionEntry& entry) {
  std::erase_if(entry.deposed, [&](const ring::DeposedPrimary& old) { return old.node == entry.primary; });
  entry.deposed.push_back({entry.primary, entry.term});
  if (entry.deposed.size() > limits::kDeposedMax) entry.deposed.erase(entry.deposed.begin());
}

// Who goes is no member by the target placement, and the copies that it wants stay.
bool only_leavers_go(const View& view, const messages::SetInSync& asked) {
  const std::size_t index = asked.partition.value();
  if (index >= view.state.target.partitions.size()) return false;
  const std::vector<NodeId>& wanted = view.wanted(asked.partition);
  const auto is_wanted = [&](const ring::InSyncMember& member) { return among(wanted, member.node); };
  const bool wanted_stay = std::ranges::all_of(view.entry(asked.partition).in_sync, [&](const auto& member) {
    return !is_wanted(member) || names(asked.in_sync, member.node);
  });
  const auto copies = static_cast<std::size_t>(std::ranges::count_if(asked.in_sync, is_wanted));
  return wanted_stay && copies >= std::min<std::size_t>(view.map().shape.replication_factor, wanted.size());
}

}  // namespace

bool eligible(const View& view, const ring::InSyncMember& member) {
  const ring::NodeInfo* node = view.map().find_node(member.node);
  return node != nullptr && (node->generation == member.generation || view.broken == BrokenRule::generation_counts);
}

std::vector<ring::InSyncMember> eligible_members(const View& view, const ring::PartitionEntry& entry) {
  std::vector<ring::InSyncMember> members;
  std::ranges::copy_if(entry.in_sync, std::back_inserter(members),
                       [&](const ring::InSyncMember& member) { return eligible(view, member); });
  return members;
}

void set_in_sync(const ring::ClusterShape& shape, ring::PartitionEntry& entry,
                 std::vector<ring::InSyncMember> in_sync) {
  GYRE_ASSERT(names(in_sync, entry.primary));
  replace_in_sync(shape, entry, std::move(in_sync));
  ++entry.version;
}

void appoint(const ring::ClusterShape& shape, ring::PartitionEntry& entry, Appointment appointment) {
  GYRE_ASSERT(appointment.term > entry.term && names(appointment.in_sync, appointment.node));
  if (!entry.primary.empty() && entry.primary != appointment.node && !appointment.drained) depose(entry);
  replace_in_sync(shape, entry, std::move(appointment.in_sync));
  entry.term = appointment.term;
  entry.primary = std::move(appointment.node);
  entry.primary_incarnation = appointment.incarnation;
  ++entry.version;
}

void add_learner(ring::PartitionEntry& entry, const NodeId& node) {
  GYRE_ASSERT(!entry.has_member(node) && entry.members().size() < limits::kMembersMax);
  entry.learners.push_back(node);
  ++entry.version;
}

void remove_learner(ring::PartitionEntry& entry, const NodeId& node) {
  GYRE_ASSERT(entry.find_in_sync(node) == nullptr);
  std::erase(entry.learners, node);
  std::erase(entry.departed, node);
  ++entry.version;
}

bool account(ring::PartitionEntry& entry, const NodeId& node, Term term) {
  const auto done = [&](const ring::DeposedPrimary& old) { return old.node == node && old.term <= term; };
  if (std::erase_if(entry.deposed, done) == 0) return false;
  ++entry.version;
  return true;
}

void drop_lossy(const ring::ClusterShape& shape, ring::PartitionEntry& entry, const NodeId& node) {
  if (entry.primary == node || entry.find_in_sync(node) == nullptr) return;
  std::vector<ring::InSyncMember> stay = entry.in_sync;
  std::erase_if(stay, [&](const ring::InSyncMember& member) { return member.node == node; });
  set_in_sync(shape, entry, std::move(stay));
}

bool is_primary(const ring::PartitionEntry& entry, const messages::Sender& process) {
  return entry.primary == process.node && entry.primary_incarnation == process.incarnation;
}

Verdict judge(const View& view, const messages::Sender& from, const messages::SetInSync& asked) {
  if (asked.partition.value() >= view.map().entries.size()) return Verdict::refused;
  const ring::PartitionEntry& entry = view.entry(asked.partition);
  const bool current = asked.term == entry.term && asked.version == entry.version;
  if (!is_primary(entry, from)) return Verdict::refused;
  if (!current && view.broken != BrokenRule::request_names_version) return Verdict::refused;
  if (!names(asked.in_sync, entry.primary) || has_twice(asked.in_sync)) return Verdict::refused;
  for (const ring::InSyncMember& member : asked.in_sync) {
    if (!entry.has_member(member.node) || !eligible(view, member)) return Verdict::refused;
  }
  if (std::ranges::is_permutation(asked.in_sync, entry.in_sync)) return Verdict::refused;  // nothing to do
  if (asked.release || asked.in_sync.size() >= view.map().shape.min_in_sync) return Verdict::granted;
  if (only_leavers_go(view, asked)) return Verdict::granted;
  const bool drops_the_living = std::ranges::any_of(entry.in_sync, [&](const ring::InSyncMember& member) {
    return !names(asked.in_sync, member.node) && eligible(view, member) &&
           view.nodes.heard_lately(*view.map().find_node(member.node), view.now);
  });
  return drops_the_living ? Verdict::promote_instead : Verdict::granted;
}

}  // namespace gyre::control
