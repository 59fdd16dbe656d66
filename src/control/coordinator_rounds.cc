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
  ring::ClusterShape shape = before.shape;
  shape.replication_factor = after.shape.replication_factor;
  shape.min_in_sync = after.shape.min_in_sync;
  GYRE_ASSERT(after.cluster == before.cluster && after.shape == shape);
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
    refuse_waiting(ready().error());
    return entry_requests_.clear();
  }
  std::vector<Choice> choices = elections_.choose(view());
  const Due due = look_around();
  if (!has_work(choices, due)) return;

  ClusterState next = *confirmed_;
  Round round;
  next.map.coordinators = config_.addresses;
  round.joins = admit_waiting(next);
  change_as_asked(next, round);
  std::vector<NodeId> returned;
  for (const MembershipChange& change : due.memberships) {
    if (auto event = control::carry_out(change, next)) round.events.push_back(std::move(*event));
    if (change.kind == MembershipChange::Kind::returned) returned.push_back(change.node);
  }
  round.handed_over = entry_requests_.apply({now_, next, liveness_, config_.broken}, next, elections_);
  round.choices = apply_choices(std::move(choices), next);
  for (const Rebalancer::Step& step : due.steps) Rebalancer::carry_out(step, next.map);
  round.places = place_first(next, config_.initial_nodes);
  plan_again(returned, next, round);
  if (next != *confirmed_) return propose(std::move(next), std::move(round));
  finish(round);
}

// Not with every event: each looks at all nodes, or at all partitions that are moving.
Coordinator::Due Coordinator::look_around() {
  Due due;
  if (!std::exchange(look_due_, false)) return due;
  std::map<NodeId, Instant> unneeded;
  due.memberships = due_changes(view(), [&](const NodeId& node) {
    const auto known = unneeded_since_.find(node);
    // One that is down begins anew when it is back.
    const bool begins = known == unneeded_since_.end() || !liveness_.up(node);
    const Instant since = begins ? now_ : known->second;
    unneeded.emplace(node, since);
    return still_holds(node, since);
  });
  unneeded_since_ = std::move(unneeded);
  due.steps = rebalancer_.steps(view(), elections_, hand_overs_);
  if (moves_.update(view(), confirmed_, loads_)) {
    event(Kind::rebalance_done, {}, "all partitions are where the target placement wants them");
  }
  return due;
}

// A node leaves once it has given up its copies, for they may hold what nobody else does. One that is down is waited
// for, unless it is gone for good.
bool Coordinator::still_holds(const NodeId& node, Instant since) const {
  if (!liveness_.up(node)) return confirmed_->map.find_node(node)->membership != ring::Membership::gone;
  return now_ - since < kDeletionPatience && loads_.holds_copies(node, since).value_or(true);
}

bool Coordinator::has_work(const std::vector<Choice>& choices, const Due& due) const {
  return !waiting_.empty() || !operators_.empty() || !entry_requests_.empty() || !choices.empty() || !due.empty() ||
         first_placement_due(*confirmed_, config_.initial_nodes) || confirmed_->map.coordinators != config_.addresses;
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
    const ring::NodeInfo* chosen = next.map.find_node(choice.appointment.node);
    if (chosen == nullptr || chosen->incarnation != choice.appointment.incarnation) return true;
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
    for (WaitingOperator& asked : swap.round.operators) operators_.push_back(std::move(asked));
    if (outcome.error().code != ErrorCode::condition_failed) return on_store_failure(outcome.error());
    return load_state();  // somebody else was first: all is judged again by what the store has now
  }
  store_look_at_ = kNever;  // it has just said that it has nothing else
  confirm(std::move(swap.proposed), swap.round);
  finish(swap.round);
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
  look_due_ = true;
  if (!before || before->map.epoch != map.epoch) history_.adopt(this->map());
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
  forget_removed(before->map);
  push_map();
}

// To each node what changed since it last said what it knows: what was pushed since may be lost. Most know the same.
void Coordinator::push_map() {
  std::map<Epoch, ring::MapUpdate> updates;
  for (const ring::NodeInfo& node : confirmed_->map.nodes) {
    if (!liveness_.up(node.id)) continue;
    const auto known = known_.find(node.id);
    const Epoch epoch = known == known_.end() ? Epoch() : known->second;
    const auto [update, added] = updates.try_emplace(epoch);
    if (added) update->second = history_.since(epoch);
    if (!update->second.empty()) effects_.push_back(SendToNode{node.id, messages::MapPush{update->second}});
  }
}

// Whoever is still up is told why it is not known any more, and expires by and by.
void Coordinator::forget_removed(const ring::ClusterMap& before) {
  for (const ring::NodeInfo& node : before.nodes) {
    if (confirmed_->map.find_node(node.id) != nullptr) continue;
    if (liveness_.up(node.id)) {
      const auto known = known_.find(node.id);
      const ring::MapUpdate update = history_.since(known == known_.end() ? Epoch() : known->second);
      effects_.push_back(SendToNode{node.id, messages::MapPush{update}});
    } else {
      liveness_.forget(node.id);
    }
    lost_.erase(node.id);
    probed_at_.erase(node.id);
    known_.erase(node.id);
    loads_.forget(node.id);
  }
}

// What a round contains is true now.
void Coordinator::finish(const Round& round) {
  for (const AcceptedJoin& join : round.joins) finish_join(join);
  for (const CoordinatorEvent& made : round.events) event(made.kind, made.node, made.detail);
  const Epoch epoch = confirmed_->map.epoch;
  for (const WaitingOperator& asked : round.operators) {
    const bool applied = std::holds_alternative<messages::ApplyRequest>(asked.request);
    answer(asked.token, applied ? messages::ResponseBody(messages::ApplyResponse{epoch})
                                : messages::ResponseBody(messages::SetResponse{epoch}));
  }
}

void Coordinator::finish_join(const AcceptedJoin& join) {
  const NodeId& node = join.request.node.id;
  if (join.admission != Admission::none) {
    event(kind_of(join.admission), node, join.request.node.addresses.native);
  }
  refusals_.erase(node);
  known_[node] = confirmed_->map.epoch;
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
  refuse_waiting({.code = ErrorCode::unavailable,
                  .outcome = Outcome::unknown,
                  .message = "the cluster store failed (" + error.message + "); the coordinator tries again"});
}

void Coordinator::refuse_waiting(const Error& why) {
  for (const WaitingJoin& join : std::exchange(waiting_, {})) refuse(join.token, join.request.node.id, why);
  for (const WaitingOperator& asked : std::exchange(operators_, {})) answer(asked.token, why);
}

bool Coordinator::store_works() const {
  const bool reached = std::holds_alternative<Idle>(phase_) || std::holds_alternative<Swapping>(phase_);
  return confirmed_ && reached && !store_is_behind();
}

void Coordinator::check_invariants() const {
  GYRE_ASSERT(waiting_.size() <= 2 * kJoinsWaitingMax && operators_.size() <= 2 * kOperatorRequestsMax);
  elections_.check_invariants();
  if (confirmed_) assert_sound(confirmed_->map);
  if (const auto* swap = std::get_if<Swapping>(&phase_)) {
    assert_sound(swap->proposed->map);
    if (confirmed_) assert_follows(confirmed_->map, swap->proposed->map);
  }
}

}  // namespace gyre::control
