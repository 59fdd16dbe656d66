#include "control/coordinator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "control/timing.h"

namespace gyre::control {

namespace {

constexpr std::size_t kJoinsWaitingMax = 2 * std::size_t{limits::kNodesMax};  // beyond: busy

using Kind = CoordinatorEvent::Kind;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

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

std::string_view to_string(CoordinatorEvent::Kind kind) {
  switch (kind) {
    case Kind::cluster_created: return "cluster_created";
    case Kind::partitions_placed: return "partitions_placed";
    case Kind::node_admitted: return "node_admitted";
    case Kind::node_rejoined: return "node_rejoined";
    case Kind::node_updated: return "node_updated";
    case Kind::node_refused: return "node_refused";
    case Kind::node_up: return "node_up";
    case Kind::node_down: return "node_down";
    case Kind::store_failed: return "store_failed";
    case Kind::store_behind: return "store_behind";
  }
  return "unknown";
}

Coordinator::Coordinator(CoordinatorConfig config, std::optional<ClusterState> stored, Instant now)
    : config_(std::move(config)) {
  if (stored) confirmed_ = std::make_shared<const ClusterState>(std::move(*stored));
  begin_round(now);
}

void Coordinator::on_request(Instant now, AnswerToken token, const messages::RequestBody& body) {
  std::visit(Overloaded{
                 [&](const messages::JoinRequest& join) { on_join(now, token, join); },
                 [&](const messages::HeartbeatRequest& heartbeat) { on_heartbeat(now, token, heartbeat); },
                 [&](const messages::MapRequest& request) { on_map(now, token, request); },
                 [&](const messages::StatusRequest& request) { on_status(now, token, request); },
                 [&](const auto&) {
                   answer(token, Error{.code = ErrorCode::invalid_argument,
                                       .message = "this is a coordinator, which holds no keys: send reads and "
                                                  "writes to the nodes that its map names"});
                 },
             },
             body);
}

void Coordinator::on_join(Instant now, AnswerToken token, const messages::JoinRequest& join) {
  if (waiting_.size() >= kJoinsWaitingMax) {
    return answer(token, Error{.code = ErrorCode::busy,
                               .message = "too many nodes wait to join: try again in a moment",
                               .retry_after = std::chrono::milliseconds(to_ms(kStoreRetry))});
  }
  waiting_.push_back({token, join});
  if (confirmed_ && join.cluster == confirmed_->map.cluster) note_epoch(join.known, join.node.id);
  if (store_is_behind() && std::holds_alternative<Idle>(phase_)) return load_state();
  begin_round(now);
}

void Coordinator::on_heartbeat(Instant now, AnswerToken token, const messages::HeartbeatRequest& heartbeat) {
  const ring::NodeInfo* node = confirmed_ ? confirmed_->map.find_node(heartbeat.node) : nullptr;
  if (!node || node->incarnation != heartbeat.incarnation) {
    return answer(token, messages::HeartbeatResponse{.join_again = true, .map = nullptr});
  }
  mark_heard(now, heartbeat.node);
  note_epoch(heartbeat.known, heartbeat.node);
  answer(token, messages::HeartbeatResponse{.join_again = false, .map = map_if_newer(heartbeat.known)});
}

void Coordinator::on_map(Instant, AnswerToken token, const messages::MapRequest& request) {
  answer(token, messages::MapResponse{map_if_newer(request.known)});
}

void Coordinator::on_status(Instant now, AnswerToken token, const messages::StatusRequest&) {
  messages::StatusResponse response;
  response.map = map();
  if (response.map) {
    for (const ring::NodeInfo& node : response.map->nodes) {
      response.nodes.push_back(liveness_.status(node.id, now));
    }
  }
  answer(token, std::move(response));
}

void Coordinator::on_swapped(Instant now, const Result<void>& outcome) {
  GYRE_ASSERT(std::holds_alternative<Swapping>(phase_));
  Swapping round = std::get<Swapping>(std::exchange(phase_, Idle{}));
  if (!outcome) {
    for (AcceptedJoin& join : round.joins) waiting_.push_back({join.token, std::move(join.request)});
    if (outcome.error().code != ErrorCode::condition_failed) return on_store_failure(now, outcome.error());
    return load_state();  // somebody else was first: the joins are judged again by what the store has now
  }
  const bool created = !confirmed_;
  confirm(std::move(round.proposed));
  if (created) event(Kind::cluster_created, {}, confirmed_->map.cluster.str());
  for (const AcceptedJoin& join : round.joins) finish_join(now, join);
  if (round.places) {
    event(Kind::partitions_placed, {},
          fmt::format("{} partitions on {} nodes", confirmed_->map.shape.partitions, confirmed_->map.nodes.size()));
  }
  begin_round(now);
}

void Coordinator::on_loaded(Instant now, Result<std::optional<ClusterState>> outcome) {
  GYRE_ASSERT(std::holds_alternative<Loading>(phase_));
  if (!outcome) return on_store_failure(now, outcome.error());
  std::optional<ClusterState>& stored = *outcome;
  if (confirmed_ && !continues(*confirmed_, stored)) {
    return on_store_failure(now, {.code = ErrorCode::corrupt,
                                  .message = "the cluster store has lost what it held: it was emptied or replaced by "
                                             "another or an older one; bring back the newest"});
  }
  phase_ = Idle{};
  if (stored) confirm(std::make_shared<const ClusterState>(std::move(*stored)));
  begin_round(now);
}

void Coordinator::on_deadline(Instant now) {
  for (NodeId& node : liveness_.expire(now)) event(Kind::node_down, std::move(node));
  if (const auto* retrying = std::get_if<Retrying>(&phase_); retrying && retrying->at <= now) load_state();
}

Instant Coordinator::next_deadline() const {
  const auto* retrying = std::get_if<Retrying>(&phase_);
  return std::min(liveness_.next_expiry(), retrying ? retrying->at : kNever);
}

std::vector<CoordinatorEffect> Coordinator::take_effects() { return std::exchange(effects_, {}); }

void Coordinator::check_invariants() const {
  GYRE_ASSERT(waiting_.size() <= kJoinsWaitingMax + kJoinsWaitingMax);
  if (confirmed_) GYRE_ASSERT(ring::validate(confirmed_->map));
  if (const auto* round = std::get_if<Swapping>(&phase_)) {
    GYRE_ASSERT(ring::validate(round->proposed->map));
    if (confirmed_) assert_follows(confirmed_->map, round->proposed->map);
  } else if (std::holds_alternative<Idle>(phase_)) {
    GYRE_ASSERT(confirmed_ && waiting_.empty());
  }
}

ring::ClusterMapPtr Coordinator::map() const {
  return confirmed_ ? ring::ClusterMapPtr(confirmed_, &confirmed_->map) : nullptr;
}

Result<void> Coordinator::ready() const {
  if (!confirmed_) return fail(ErrorCode::unavailable, "the cluster is not created yet: the cluster store is awaited");
  if (store_is_behind()) {
    return fail(ErrorCode::unavailable,
                fmt::format("a node knows epoch {} of the cluster map, but the cluster store is only at {}: it "
                            "has lost changes; start the coordinator on the newest store",
                            newest_heard_.value(), confirmed_->map.epoch.value()));
  }
  if (std::holds_alternative<Retrying>(phase_)) {
    return fail(ErrorCode::unavailable, "the cluster store failed; the coordinator tries again");
  }
  return {};
}

void Coordinator::create_cluster() {
  ClusterState created;
  created.map.cluster = config_.new_cluster;
  created.map.epoch = Epoch(1);
  created.map.shape = config_.shape;
  created.map.coordinators = config_.addresses;
  created.map.entries.resize(config_.shape.partitions);
  propose(std::move(created), {}, false);
}

// Judges every join that waits, against one copy of the state.
void Coordinator::begin_round(Instant now) {
  if (!std::holds_alternative<Idle>(phase_)) return;
  if (!confirmed_) return create_cluster();
  ClusterState next = *confirmed_;
  bool changed = std::exchange(next.map.coordinators, config_.addresses) != config_.addresses;
  std::vector<AcceptedJoin> accepted;
  for (WaitingJoin& join : std::exchange(waiting_, {})) {
    const NodeId& node = join.request.node.id;
    if (store_is_behind()) {
      refuse(join.token, node, ready().error());
      continue;
    }
    const Result<Admission> admission = admit(next, join.request, liveness_, now);
    if (!admission) {
      refuse(join.token, node, admission.error());
      continue;
    }
    accepted.push_back({join.token, std::move(join.request), *admission});
    changed = changed || *admission != Admission::none;
  }
  if (store_is_behind()) return;
  const bool places = place_first(next, config_.initial_nodes);
  if (changed || places) {
    next.map.epoch = next.map.epoch.next();
    return propose(std::move(next), std::move(accepted), places);
  }
  for (const AcceptedJoin& join : accepted) finish_join(now, join);
}

void Coordinator::propose(ClusterState next, std::vector<AcceptedJoin> joins, bool places) {
  GYRE_ASSERT(std::holds_alternative<Idle>(phase_));
  auto proposed = std::make_shared<const ClusterState>(std::move(next));
  effects_.push_back(SwapState{confirmed_ ? confirmed_->map.epoch : Epoch{}, proposed});
  phase_ = Swapping{std::move(proposed), std::move(joins), places};
}

void Coordinator::confirm(ClusterStatePtr state) {
  if (confirmed_) assert_follows(confirmed_->map, state->map);
  confirmed_ = std::move(state);
}

void Coordinator::finish_join(Instant now, const AcceptedJoin& join) {
  const NodeId& node = join.request.node.id;
  if (join.admission != Admission::none) {
    event(kind_of(join.admission), node, join.request.node.addresses.native);
  }
  refusals_.erase(node);
  mark_heard(now, node);
  answer(join.token, messages::JoinResponse{map()});
}

void Coordinator::load_state() {
  phase_ = Loading{};
  effects_.push_back(LoadState{});
}

// Those who wait are told rather than kept: they ask again.
void Coordinator::on_store_failure(Instant now, const Error& error) {
  phase_ = Retrying{now + kStoreRetry};
  event(Kind::store_failed, {}, error.to_string());
  for (const WaitingJoin& join : std::exchange(waiting_, {})) {
    refuse(join.token, join.request.node.id,
           Error{.code = ErrorCode::unavailable,
                 .message = "the cluster store failed (" + error.message + "); the coordinator tries again"});
  }
}

void Coordinator::mark_heard(Instant now, const NodeId& node) {
  if (liveness_.heard(node, now)) event(Kind::node_up, node);
}

void Coordinator::note_epoch(Epoch known, const NodeId& node) {
  if (known <= confirmed_->map.epoch || known <= newest_heard_) return;
  newest_heard_ = known;
  event(Kind::store_behind, node,
        fmt::format("the node knows epoch {}, the store has {}", known.value(), confirmed_->map.epoch.value()));
  if (std::holds_alternative<Idle>(phase_)) load_state();
}

ring::ClusterMapPtr Coordinator::map_if_newer(Epoch known) const {
  return confirmed_ && confirmed_->map.epoch > known ? map() : nullptr;
}

void Coordinator::answer(AnswerToken token, messages::ResponseBody body) {
  effects_.push_back(Answer{token, std::move(body)});
}

void Coordinator::refuse(AnswerToken token, const NodeId& node, Error why) {
  if (refusals_.size() >= limits::kNodesMax) refusals_.clear();
  if (std::string& last = refusals_[node]; last != why.message) {
    last = why.message;
    event(Kind::node_refused, node, why.message);
  }
  answer(token, std::move(why));
}

void Coordinator::event(CoordinatorEvent::Kind kind, NodeId node, std::string detail) {
  effects_.push_back(CoordinatorEvent{kind, std::move(node), std::move(detail)});
}

}  // namespace gyre::control
