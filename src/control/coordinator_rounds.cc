// The coordinator's rounds: what waits becomes one change of the state, and what the store said of it becomes known.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "control/coordinator.h"
#include "control/map_changes.h"

namespace gyre::control {

namespace {

using Kind = CoordinatorEvent::Kind;

// INVARIANT 2 of the class.
void assert_follows(const ring::ClusterMap& before, const ring::ClusterMap& after) {
  GYRE_ASSERT(after.cluster == before.cluster && after.shape == before.shape);
  GYRE_ASSERT(after.epoch >= before.epoch);
  GYRE_ASSERT(after.epoch > before.epoch || after == before);
  for (std::size_t i = 0; i < before.entries.size(); ++i) {
    const ring::PartitionEntry& old_entry = before.entries[i];
    const ring::PartitionEntry& new_entry = after.entries[i];
    GYRE_ASSERT(new_entry.term >= old_entry.term && new_entry.version >= old_entry.version);
    GYRE_ASSERT(new_entry.version > old_entry.version || new_entry == old_entry);
    GYRE_ASSERT(new_entry.term > old_entry.term || new_entry.primary == old_entry.primary);
  }
}

void assert_sound(const ring::ClusterMap& map) {
  GYRE_ASSERT(ring::validate(map));
  for (const ring::PartitionEntry& entry : map.entries) {
    GYRE_ASSERT(entry.primary.empty() || entry.find_in_sync(entry.primary) != nullptr);
    GYRE_ASSERT(entry.departed.empty() || entry.in_sync.size() < map.shape.min_in_sync);
    for (const NodeId& node : entry.departed) GYRE_ASSERT(entry.find_in_sync(node) == nullptr);
    for (const ring::DeposedPrimary& old : entry.deposed) GYRE_ASSERT(old.term < entry.term);
  }
}

// True if `stored` is `confirmed` or a later state of the same cluster.
bool continues(const ClusterState& confirmed, const std::optional<ClusterState>& stored) {
  return stored && stored->map.cluster == confirmed.map.cluster && stored->map.epoch >= confirmed.map.epoch;
}

Kind kind_of(Admission admission) {
  switch (admission) {
    case Admission::admitted: return Kind::node_admitted;
    case Admission::rejoined: return Kind::node_rejoined;
    case Admission::none:
    case Admission::updated: break;
  }
  return Kind::node_updated;
}

}  // namespace

// Judges everything that waits, against one copy of the state.
void Coordinator::begin_round() {
  if (!std::holds_alternative<Idle>(phase_)) return;
  if (!confirmed_) return create_cluster();
  if (store_is_behind()) {
    for (const WaitingJoin& join : std::exchange(waiting_, {})) {
      refuse(join.token, join.request.node.id, ready().error());
    }
    return entry_requests_.clear();
  }
  std::vector<Choice> choices = elections_.choose(view());
  if (!has_work(choices)) return;

  ClusterState next = *confirmed_;
  Round round;
  next.map.coordinators = config_.addresses;
  round.joins = admit_waiting(next);
  round.handed_over = entry_requests_.apply({now_, next, liveness_, config_.broken}, next, elections_);
  round.choices = apply_choices(std::move(choices), next);
  round.places = place_first(next, config_.initial_nodes);
  if (next != *confirmed_) return propose(std::move(next), std::move(round));
  for (const AcceptedJoin& join : round.joins) finish_join(join);
}

bool Coordinator::has_work(const std::vector<Choice>& choices) const {
  const ring::ClusterMap& map = confirmed_->map;
  const bool placement_due = confirmed_->target.partitions.empty() && map.nodes.size() >= config_.initial_nodes;
  return !waiting_.empty() || !entry_requests_.empty() || !choices.empty() || placement_due ||
         map.coordinators != config_.addresses;
}

std::vector<Coordinator::AcceptedJoin> Coordinator::admit_waiting(ClusterState& next) {
  std::vector<AcceptedJoin> accepted;
  for (WaitingJoin& join : std::exchange(waiting_, {})) {
    const Result<Admission> admission = admit(next, join.request, liveness_, now_, config_.broken);
    if (admission) {
      accepted.push_back({join.token, std::move(join.request), *admission});
    } else {
      refuse(join.token, join.request.node.id, admission.error());
    }
  }
  return accepted;
}

// A choice was made by the confirmed entry, and counts only where that is still unchanged.
std::vector<Choice> Coordinator::apply_choices(std::vector<Choice> choices, ClusterState& next) const {
  std::erase_if(choices, [&](const Choice& choice) {
    ring::PartitionEntry& entry = next.map.entries[choice.partition.value()];
    const bool changed = entry.version != confirmed_->map.entry(choice.partition).version;
    const bool overtaken = entry.term >= choice.appointment.term;
    if (overtaken || (changed && config_.broken != BrokenRule::swap_by_version)) return true;
    // The chosen process may be gone: another one of the same node was admitted in this very round.
    const Incarnation chosen = choice.appointment.incarnation;
    if (next.map.find_node(choice.appointment.node)->incarnation != chosen) return true;
    appoint(next.map.shape, entry, choice.appointment);
    return false;
  });
  return choices;
}

void Coordinator::create_cluster() {
  ClusterState created;
  created.map.cluster = config_.new_cluster;
  created.map.shape = config_.shape;
  created.map.coordinators = config_.addresses;
  created.map.entries.resize(config_.shape.partitions);
  propose(std::move(created), {});
}

void Coordinator::propose(ClusterState next, Round round) {
  const Epoch expected = confirmed_ ? confirmed_->map.epoch : Epoch{};
  next.map.epoch = expected.next();
  auto proposed = std::make_shared<const ClusterState>(std::move(next));
  effects_.push_back(SwapState{expected, proposed});
  phase_ = Swapping{std::move(proposed), std::move(round)};
}

void Coordinator::on_swapped(Instant now, const Result<void>& outcome) {
  GYRE_ASSERT(std::holds_alternative<Swapping>(phase_));
  wake(now);
  Swapping swap = std::get<Swapping>(std::exchange(phase_, Idle{}));
  if (!outcome) {
    for (AcceptedJoin& join : swap.round.joins) waiting_.push_back({join.token, std::move(join.request)});
    if (outcome.error().code != ErrorCode::condition_failed) return on_store_failure(outcome.error());
    return load_state();  // somebody else was first: all is judged again by what the store has now
  }
  confirm(std::move(swap.proposed), swap.round);
  for (const AcceptedJoin& join : swap.round.joins) finish_join(join);
  if (swap.round.places) {
    event(Kind::partitions_placed, {},
          fmt::format("{} partitions on {} nodes", confirmed_->map.shape.partitions, confirmed_->map.nodes.size()));
  }
}

void Coordinator::on_loaded(Instant now, Result<std::optional<ClusterState>> outcome) {
  GYRE_ASSERT(std::holds_alternative<Loading>(phase_));
  wake(now);
  if (!outcome) return on_store_failure(outcome.error());
  std::optional<ClusterState>& stored = *outcome;
  if (confirmed_ && !continues(*confirmed_, stored)) {
    return on_store_failure({.code = ErrorCode::corrupt,
                             .message =
                                 "the cluster store has lost what it held: it was emptied or replaced by another "
                                 "or an older one; bring back the newest"});
  }
  phase_ = Idle{};
  if (stored) confirm(std::make_shared<const ClusterState>(std::move(*stored)), {});
}

void Coordinator::confirm(ClusterStatePtr state, const Round& round) {
  const ClusterStatePtr before = std::exchange(confirmed_, std::move(state));
  const ring::ClusterMap& map = confirmed_->map;
  liveness_.set_timing(map.shape.timing);
  if (!before) return event(Kind::cluster_created, {}, map.cluster.str());
  if (before->map.epoch == map.epoch) return;
  assert_follows(before->map, map);
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const ring::PartitionEntry& old_entry = before->map.entries[i];
    if (old_entry.version == map.entries[i].version) continue;
    hand_overs_.on_changed(partition, now_);
    const bool promoted = !old_entry.primary.empty() && old_entry.primary != map.entries[i].primary;
    if (promoted && !round.handed_over.contains(partition)) elections_.on_promoted(timing(), partition, now_);
  }
  tell_changes(before->map, map, round.choices, round.handed_over, events_);
  for (const ring::NodeInfo& node : map.nodes) {
    if (liveness_.up(node.id)) effects_.push_back(SendToNode{node.id, messages::MapPush{this->map()}});
  }
}

void Coordinator::finish_join(const AcceptedJoin& join) {
  const NodeId& node = join.request.node.id;
  if (join.admission != Admission::none) {
    event(kind_of(join.admission), node, join.request.node.addresses.native);
  }
  refusals_.erase(node);
  mark_heard(node);
  answer(join.token, messages::JoinResponse{map()});
}

void Coordinator::load_state() {
  phase_ = Loading{};
  effects_.push_back(LoadState{});
}

// Those who wait are told rather than kept: they ask again.
void Coordinator::on_store_failure(const Error& error) {
  phase_ = Retrying{now_ + kStoreRetry};
  event(Kind::store_failed, {}, error.to_string());
  for (const WaitingJoin& join : std::exchange(waiting_, {})) {
    refuse(join.token, join.request.node.id,
           Error{.code = ErrorCode::unavailable,
                 .message = "the cluster store failed (" + error.message + "); the coordinator tries again"});
  }
}

bool Coordinator::store_works() const {
  const bool reached = std::holds_alternative<Idle>(phase_) || std::holds_alternative<Swapping>(phase_);
  return confirmed_ && reached && !store_is_behind();
}

void Coordinator::check_invariants() const {
  GYRE_ASSERT(waiting_.size() <= 2 * kJoinsWaitingMax);
  elections_.check_invariants();
  if (confirmed_) assert_sound(confirmed_->map);
  if (const auto* swap = std::get_if<Swapping>(&phase_)) {
    assert_sound(swap->proposed->map);
    if (confirmed_) assert_follows(confirmed_->map, swap->proposed->map);
  }
}

}  // namespace gyre::control
