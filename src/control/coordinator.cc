#include "control/coordinator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::control {

namespace {

using Kind = CoordinatorEvent::Kind;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

Coordinator::Coordinator(CoordinatorConfig config, std::optional<ClusterState> stored, Instant now)
    : config_(std::move(config)),
      confirmed_(stored ? std::make_shared<const ClusterState>(std::move(*stored)) : nullptr),
      now_(now),
      tick_at_(now + timing().heartbeat),
      store_look_at_(confirmed_ ? now + kStoreLook : kNever),
      liveness_(timing(), now),
      elections_(config_.broken, confirmed_ ? now : Instant()),
      hand_overs_(now) {
  if (confirmed_) history_.adopt(map());
}

void Coordinator::on_request(Instant now, AnswerToken token, const messages::RequestBody& body) {
  std::visit(Overloaded{
                 [&](const messages::JoinRequest& join) { on_join(now, token, join); },
                 [&](const messages::HeartbeatRequest& heartbeat) { on_heartbeat(now, token, heartbeat); },
                 [&](const messages::MapRequest& request) { on_map(now, token, request); },
                 [&](const messages::StatusRequest& request) { on_status(now, token, request); },
                 [&](const messages::PromoteRequest& request) { on_promote(now, token, request); },
                 [&](const messages::PlanRequest&) { on_plan(now, token); },
                 [&](const messages::MovesRequest&) { on_moves(now, token); },
                 [&](const messages::ApplyRequest& request) { on_operator(now, token, request); },
                 [&](const messages::ClusterSetRequest& request) { on_operator(now, token, request); },
                 [&](const messages::NodeSetRequest& request) { on_operator(now, token, request); },
                 [&](const auto&) {
                   answer(token, Error{.code = ErrorCode::invalid_argument,
                                       .message = "this is a coordinator, which holds no keys: send reads and "
                                                  "writes to the nodes that its map names"});
                 },
             },
             body);
}

void Coordinator::on_join(Instant now, AnswerToken token, const messages::JoinRequest& join) {
  wake(now);
  if (waiting_.size() >= kJoinsWaitingMax) {
    return answer(token, Error{.code = ErrorCode::busy,
                               .message = "too many nodes wait to join: try again in a moment",
                               .retry_after = std::chrono::milliseconds(to_ms(kStoreRetry))});
  }
  waiting_.push_back({token, join});
  if (confirmed_ && join.cluster == confirmed_->map.cluster) note_epoch(join.known, join.node.id);
  if (store_is_behind() && std::holds_alternative<Idle>(phase_)) load_state();
}

void Coordinator::on_heartbeat(Instant now, AnswerToken token, const messages::HeartbeatRequest& heartbeat) {
  wake(now);
  const bool ours = confirmed_ && heartbeat.cluster == confirmed_->map.cluster;
  const ring::NodeInfo* node = ours ? confirmed_->map.find_node(heartbeat.node) : nullptr;
  if (!node || node->incarnation != heartbeat.incarnation) {
    // From the map, a process whose node was removed sees that.
    return answer(
        token, messages::HeartbeatResponse{
                   .join_again = true, .update = ours && !node ? history_.since(heartbeat.known) : ring::MapUpdate{}});
  }
  mark_heard(heartbeat.node);
  note_epoch(heartbeat.known, heartbeat.node);
  known_[heartbeat.node] = heartbeat.known;
  answer(token, messages::HeartbeatResponse{.join_again = false, .update = history_.since(heartbeat.known)});
}

void Coordinator::on_map(Instant, AnswerToken token, const messages::MapRequest& request) {
  answer(token, messages::MapResponse{history_.since(request.known)});
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

void Coordinator::on_promote(Instant now, AnswerToken token, const messages::PromoteRequest& request) {
  wake(now);
  if (const Result<void> able = ready(); !able) return answer(token, able.error());
  const auto planned = plan_promotion(view(), request, elections_);
  if (!planned) return answer(token, planned.error());
  operator_promotions_.begin(view(), token, request, *planned, elections_, hand_overs_);
}

void Coordinator::on_message(Instant now, const messages::Sender& from, messages::Message message) {
  wake(now);
  if (!confirmed_ || from.cluster != confirmed_->map.cluster) return;
  const ring::NodeInfo* node = confirmed_->map.find_node(from.node);
  if (node == nullptr || node->incarnation != from.incarnation) return;
  mark_heard(from.node);
  const auto keep = [&](auto&& asked) {
    if (exists(asked.partition)) entry_requests_.add(from, std::move(asked));
  };
  std::visit(Overloaded{
                 [&](const messages::PollAnswer& answer) { elections_.on_poll_answer(view(), from.node, answer); },
                 [&](const messages::SealAnswer& answer) { elections_.on_seal_answer(view(), from.node, answer); },
                 [&](messages::SetInSync& asked) { keep(std::move(asked)); },
                 [&](messages::HandedOver& asked) { keep(std::move(asked)); },
                 [&](messages::Accounted& asked) { keep(std::move(asked)); },
                 [&](const messages::PeerDown& report) { on_report(from, report); },
                 [&](const messages::Promises& promises) {
                   for (const auto& [partition, term] : promises.partitions) {
                     const bool member = exists(partition) && view().entry(partition).has_member(from.node);
                     if (member && store_works()) elections_.finish(view(), partition, term);
                   }
                 },
                 [&](const messages::Leaving&) {
                   if (!hand_overs_.on_leaving(from, now)) return;
                   event(Kind::node_leaving, from.node,
                         from.node.str() + " stops: its primaries move to members that are in sync");
                 },
                 [&](messages::LoadReport& report) {
                   loads_.on_report(now, from.node, confirmed_->map.entries.size(), std::move(report));
                 },
                 [&](const messages::Retired& retired) { moves_.on_retired(from.node, retired.partition); },
                 [&](const messages::NodeEvent& event) {
                   pass_on(from.node, event);
                   const bool failed = event.kind == messages::NodeEvent::Kind::storage_failed;
                   if (!failed || !exists(event.partition)) return;
                   const ring::PartitionEntry& entry = view().entry(event.partition);
                   if (is_primary(entry, from) && entry.term == event.term)
                     hand_overs_.relieve(view(), event.partition);
                 },
                 [](const auto&) {},
             },
             message);
}

// A peer that says "refused" is not believed, but a reason to look at once.
void Coordinator::on_report(const messages::Sender& from, const messages::PeerDown& report) {
  const ring::NodeInfo* peer = confirmed_->map.find_node(report.peer);
  if (peer == nullptr || peer->incarnation != report.incarnation || peer->id == from.node) return;
  if (config_.trust_refused && report.refused) return probe(peer->id);
  if (!store_works()) return;
  for (std::size_t i = 0; i < confirmed_->map.entries.size(); ++i) {
    const ring::PartitionEntry& entry = confirmed_->map.entries[i];
    if (entry.primary != peer->id || entry.find_in_sync(from.node) == nullptr) continue;
    elections_.suspect(view(), PartitionId(static_cast<std::uint16_t>(i)), Cause::reported);
  }
}

void Coordinator::on_connection_lost(Instant now, const NodeId& node) {
  wake(now);
  if (!confirmed_ || confirmed_->map.find_node(node) == nullptr) return;
  lost_[node] = now;
  probe(node);
}

void Coordinator::on_probed(Instant now, const NodeId& node, Incarnation incarnation, bool refused) {
  wake(now);
  const ring::NodeInfo* info = confirmed_ ? confirmed_->map.find_node(node) : nullptr;
  const bool current = info != nullptr && info->incarnation == incarnation;
  if (!current || !refused || !config_.trust_refused) return;
  lost_.erase(node);
  if (!liveness_.dead(node, incarnation)) {
    event(Kind::node_dead, node, fmt::format("{} refuses connections: {} is dead", info->addresses.native, node.str()));
  }
  liveness_.on_refused(node, incarnation, now);
  suspect_primaries();
}

void Coordinator::probe(const NodeId& node) {
  const ring::NodeInfo& info = *confirmed_->map.find_node(node);
  if (!config_.trust_refused || liveness_.dead(node, info.incarnation)) return;
  Instant& at = probed_at_[node];
  if (at != Instant{} && now_ - at < kTick) return;  // many peers may report at once
  at = now_;
  effects_.push_back(Probe{node, info.incarnation, info.addresses.native});
}

void Coordinator::suspect_primaries() {
  if (!store_works()) return;
  std::map<NodeId, Cause> bad;
  for (const ring::NodeInfo& node : confirmed_->map.nodes) {
    if (liveness_.silent(node.id, now_)) bad[node.id] = Cause::silent;
    if (liveness_.dead(node.id, node.incarnation)) bad[node.id] = Cause::dead;
  }
  for (std::size_t i = 0; i < confirmed_->map.entries.size(); ++i) {
    const ring::PartitionEntry& entry = confirmed_->map.entries[i];
    if (entry.primary.empty()) continue;
    const PartitionId partition(static_cast<std::uint16_t>(i));
    if (!eligible(view(), *entry.find_in_sync(entry.primary))) {
      elections_.suspect(view(), partition, Cause::lossy);
    } else if (const auto found = bad.find(entry.primary); found != bad.end()) {
      elections_.suspect(view(), partition, found->second);
    }
  }
}

void Coordinator::on_deadline(Instant now) {
  wake(now);
  for (NodeId& node : liveness_.expire(now)) {
    const bool removed = confirmed_ && confirmed_->map.find_node(node) == nullptr;
    const std::string detail = removed
                                   ? node.str() + " was removed, and stopped"
                                   : fmt::format("{} was not heard for {} ms", node.str(), to_ms(timing().detection));
    if (removed) liveness_.forget(node);
    event(Kind::node_down, std::move(node), detail);
  }
  if (const auto* retrying = std::get_if<Retrying>(&phase_); retrying && retrying->at <= now) load_state();
  if (now < tick_at_) return;
  tick_at_ = now + timing().heartbeat;
  look_due_ = true;
  // A process that dies closes its connections and its port one after the other: the first look may come between.
  std::erase_if(lost_, [&](const auto& lost) { return now - lost.second > timing().detection; });
  for (const auto& [node, at] : lost_) probe(node);
  suspect_primaries();
  if (now < store_look_at_ || !std::holds_alternative<Idle>(phase_)) return;
  store_look_at_ = kNever;
  load_state();
}

Instant Coordinator::next_deadline() const {
  const auto* retrying = std::get_if<Retrying>(&phase_);
  return std::min({tick_at_, liveness_.next_expiry(), retrying ? retrying->at : kNever});
}

std::vector<CoordinatorEffect> Coordinator::take_effects() {
  begin_round();
  if (store_works()) {
    elections_.step(view());
    for (SendToNode& send : elections_.take_messages()) effects_.push_back(std::move(send));
    for (SendToNode& send : rebalancer_.orders(view(), elections_, hand_overs_)) effects_.push_back(std::move(send));
    for (SendToNode& send : hand_overs_.step(view(), elections_, config_.balance_primaries)) {
      effects_.push_back(std::move(send));
    }
  }
  if (confirmed_) {
    for (Answer& answer : operator_promotions_.step(view(), elections_)) effects_.push_back(std::move(answer));
  }
  for (CoordinatorEvent& event : events_.take()) effects_.push_back(std::move(event));
  for (CoordinatorEvent& event : elections_.take_events()) effects_.push_back(std::move(event));
  return std::exchange(effects_, {});
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

// Called with each event: one that comes long after the deadline shows that this process did not run.
void Coordinator::wake(Instant now) {
  now_ = now;
  if (now - tick_at_ < timing().detection / 2) return;
  liveness_.on_woken(now);
  elections_.on_woken(now);
  tick_at_ = now;
}

void Coordinator::mark_heard(const NodeId& node) {
  lost_.erase(node);
  if (liveness_.heard(node, now_)) event(Kind::node_up, node);
}

void Coordinator::note_epoch(Epoch known, const NodeId& node) {
  if (known <= confirmed_->map.epoch || known <= newest_heard_) return;
  newest_heard_ = known;
  event(Kind::store_behind, node,
        fmt::format("the node knows epoch {}, the store has {}", known.value(), confirmed_->map.epoch.value()));
  if (std::holds_alternative<Idle>(phase_)) load_state();
}

void Coordinator::pass_on(const NodeId& node, const messages::NodeEvent& said) {
  using From = messages::NodeEvent::Kind;
  const std::string& name = node.str();
  const std::string more = said.detail.empty() ? "" : ": " + said.detail;
  const auto tell = [&](Kind kind, std::string before, std::string after) {
    events_.add(kind, node, std::move(before), {said.partition, {}, said.count}, std::move(after) + more);
  };
  switch (said.kind) {
    case From::serving: return tell(Kind::serving, name + " serves ", "");
    case From::stopped: return tell(Kind::stopped, name + " serves ", " no more");
    case From::rewound: return tell(Kind::rewound, name + " gave up ", " that the surviving history lacks");
    case From::lost_writes: return tell(Kind::lost_writes, name + " put ", " into its loss ledger");
    case From::snapshot: return tell(Kind::snapshot, name + " received a snapshot of ", "");
    case From::caught_up: return tell(Kind::caught_up, name + " follows ", " again");
    case From::storage_failed: return tell(Kind::storage_failed, "the storage of " + name + " failed for ", "");
    case From::retired: return tell(Kind::retired, name + " deleted its copy of ", "");
  }
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
  events_.add(kind, std::move(node), std::move(detail));
}

}  // namespace gyre::control
