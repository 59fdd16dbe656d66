#include "replication/partition.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "replication/context.h"
#include "replication/follower.h"
#include "replication/primary.h"
#include "replication/retiree.h"
#include "replication/term_history.h"
#include "replication/write_queue.h"

namespace gyre::replication {

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

Partition::Partition(PartitionConfig config, messages::PartitionState stored, std::vector<messages::WindowWrite> window,
                     const std::vector<messages::LostId>& lost)
    : context_(std::make_unique<Context>(std::move(config), std::move(stored), std::move(window), lost)),
      follower_(std::make_unique<Follower>(*context_)),
      queue_(std::make_unique<WriteQueue>(*context_)) {
  owes_lost_range_ = !context_->config.loses_nothing;
  // Before the map says that nobody needs the retries any more.
  context_->lost_ids.look_through(context_->journal.window());
}

Partition::Partition(Partition&&) noexcept = default;
Partition::~Partition() = default;

Primary* Partition::primary() const {
  const auto* primary = std::get_if<std::unique_ptr<Primary>>(&role_);
  return primary != nullptr ? primary->get() : nullptr;
}

// --- Map ---

void Partition::on_map(const Moment& now, const ring::ClusterMap& map, MapSource source) {
  Context& context = *context_;
  if (source == MapSource::memory && !context.config.loses_nothing) return;
  map_from_store_ = map_from_store_ || source == MapSource::store;
  View view(map, context.config.id, !context.broken(BrokenRule::generation_counts));
  if (context.view && view.entry.version < context.view->entry.version) return;
  const bool was_in_touch = in_touch(now);
  context.view.emplace(std::move(view));
  const ring::PartitionEntry& entry = context.view->entry;
  if (!context.grants) {
    context.grants.emplace(context.config.started, context.view->timing.lease, context.journal.state().served,
                           context.config.broken);
  }
  if (given_up_ && entry.term > given_up_->term) given_up_.reset();
  const bool nobody_is_away = entry.deposed.empty() && entry.learners.empty();
  if (nobody_is_away) context.journal.forget_retries();
  if (broken()) return;
  if (Primary* self = primary()) {
    if (entry.term == self->term()) {
      self->on_view(now);
      return progress(now);
    }
    const Term ended = self->term();
    step_down(no_primary());
    // The successor need not wait for the lease it gave.
    if (!entry.primary.empty()) context.send(entry.primary, messages::GivenUp{context.config.id, ended});
  }
  take_member_role(now, was_in_touch);
  if (appointed()) return try_begin(now);
  // A member whose data is gone must know the term before it gives a lease again.
  const bool forgetful = !context.config.loses_nothing && context.broken(BrokenRule::lossy_member_is_silent);
  if (forgetful || std::holds_alternative<Idle>(role_)) return;
  follower_->on_primary(now.steady, entry.term, entry.primary, entry.primary_incarnation);
}

// By the map, this node has its present data in the in-sync set.
bool Partition::in_sync() const {
  const View& view = *context_->view;
  const ring::InSyncMember* member = view.entry.find_in_sync(context_->config.self);
  return member != nullptr && (member->generation == context_->config.generation || !view.trust_generations);
}

// The map wants this very process, with the data it has, in a term that it has promised nobody against.
bool Partition::appointed() const {
  const PartitionConfig& config = context_->config;
  const ring::PartitionEntry& entry = context_->view->entry;
  const messages::PartitionState& state = context_->journal.state();
  const bool serves_on = context_->broken(BrokenRule::new_term_each_start);
  const bool same_process = entry.primary_incarnation == config.incarnation || serves_on;
  const bool new_term = entry.term > begun_ && (entry.term > state.served || serves_on);
  const bool named = map_from_store_ && entry.primary == config.self && same_process;
  return named && in_sync() && new_term && entry.term >= state.promised;
}

void Partition::try_begin(const Moment& now) {
  if (!context_->view || broken() || primary() || !appointed()) return;
  if (!lost_range_is_safe(now)) {
    // Nobody is followed any more meanwhile.
    follower_->stop();
    context_->journal.promise(context_->view->entry.term, false);
    return;
  }
  follower_->stop();
  follower_->tell_heard_time();
  context_->lost_ids.on_new_primary(context_->journal.assigned());
  context_->lost_ids.look_through(context_->journal.window());
  begun_ = context_->view->entry.term;
  handed_over_at_ = Instant();
  role_ = std::make_unique<Primary>(*context_, now, begun_);
}

void Partition::take_member_role(const Moment& now, bool was_in_touch) {
  if (!context_->view->entry.has_member(context_->config.self)) return leave(now, was_in_touch);
  // A step that drops this node's copy may be on its way: whatever repairs it next waits for that.
  if (std::holds_alternative<Idle>(role_)) context_->journal.disown_step();
  if (in_sync()) {
    role_ = Replica{};
  } else {
    role_ = Learner{};
  }
}

// Answers everything that waits; what storage was not given is forgotten.
void Partition::step_down(const Error& error) {
  Context& context = *context_;
  primary()->stop(error.message);
  role_ = Learner{};
  context.clock.stop();
  context.journal.end_term();
  queue_->fail_all(error);
  const Error unknown{ErrorCode::outcome_unknown,
                      Outcome::unknown,
                      "the right to serve was lost before the write was acknowledged: " + error.message,
                      {}};
  // Storage never saw what is behind `committed`; what is before has been applied here and may survive.
  for (auto& answer : context.waits.take_after(context.journal.committed())) {
    context.effects.push_back(failed(std::move(answer.effect), error));
  }
  for (auto& answer : context.waits.take_after(Sequence(0))) {
    context.effects.push_back(failed(std::move(answer.effect), unknown));
  }
  context.drop_uncommitted();
}

// --- The end of a term ---

void Partition::give_up(const Moment& now, std::optional<NodeId> successor, const Error& error) {
  if (successor) handed_over_at_ = now.steady;
  given_up_ = GivenUpTerm{primary()->term(), std::move(successor), {}};
  if (error.code == ErrorCode::not_primary && context_->broken(BrokenRule::give_up_before_handoff)) {
    primary()->end_handover();
  } else {
    step_down(error);
    take_member_role(now, true);
  }
  tell_given_up(now.steady);
}

void Partition::tell_given_up(Instant now) {
  given_up_->told_at = now;
  for (const auto& [node, info] : context_->view->nodes) {
    if (node != context_->config.self) context_->send(node, messages::GivenUp{context_->config.id, given_up_->term});
  }
  if (!given_up_->successor) return;
  context_->tell_coordinator(messages::HandedOver{context_->config.id, given_up_->term, *given_up_->successor});
}

void Partition::on_stopping(const Moment&) { stopping_ = true; }

void Partition::on_order(const Moment& now, const messages::Order& order) {
  if (Primary* self = primary()) self->on_order(now, order);
  progress(now);
}

// --- Peers ---

void Partition::on_peer(const Moment& now, const NodeId& from, Incarnation incarnation, messages::Message message) {
  // Before the map is known, and without storage, nothing is accepted and nothing said.
  if (!context_->view || broken()) return;
  if (std::holds_alternative<Idle>(role_)) {
    const auto* answer = std::get_if<messages::RetireAnswer>(&message);
    if (answer != nullptr && retiree() != nullptr) retiree()->on_answer(now, from, incarnation, *answer);
    return;
  }
  if (const auto* append = std::get_if<messages::Append>(&message)) {
    if (stopping_ && std::holds_alternative<Learner>(role_)) return;
    if (Primary* self = primary(); self != nullptr && append->term > self->term()) {
      step_down({ErrorCode::not_primary,
                 Outcome::not_applied,
                 fmt::format("partition {} is served by {} now", id().value(), from.str()),
                 {}});
    }
  }
  std::visit(Overloaded{
                 [&](messages::Append& append) {
                   if (!primary() || append.term < primary()->term()) {
                     follower_->on_append(now, from, incarnation, std::move(append));
                   }
                 },
                 [&](messages::AppendAck& ack) {
                   if (Primary* self = primary()) self->on_ack(now, from, incarnation, ack);
                 },
                 [&](messages::GivenUp& given_up) {
                   context_->grants->on_given_up(from, given_up.term);
                   if (Primary* self = primary()) self->try_office(now);
                 },
                 [&](messages::FetchKeys& fetch) {
                   if (Primary* self = primary()) self->on_fetch(now, from, std::move(fetch));
                 },
                 [&](messages::FetchedKeys& keys) { follower_->on_fetched(now, from, std::move(keys)); },
                 [&](messages::SnapshotAsk& ask) {
                   if (Primary* self = primary()) self->on_ask(now, from, ask);
                 },
                 [&](messages::SnapshotChunk& chunk) { follower_->on_chunk(now, from, std::move(chunk)); },
                 [&](messages::RetireAsk& ask) {
                   if (Primary* self = primary()) self->on_retire_ask(now, from, ask);
                 },
                 [](auto&) {},
             },
             message);
  progress(now);
}

void Partition::on_peer_dead(const Moment& now, const NodeId& node, Incarnation incarnation, Instant tried_at) {
  if (!context_->view || broken()) return;
  context_->grants->on_dead(node, incarnation);
  follower_->on_dead(node, incarnation);
  if (Primary* self = primary()) self->on_dead(now, node, incarnation, tried_at);
  progress(now);
}

// --- The coordinator's questions ---

bool Partition::on_poll(const Moment& now, Term term, const NodeId& suspect) {
  if (!context_->view || broken() || context_->broken(BrokenRule::alive_stops_election)) return false;
  if (suspect == context_->config.self) return primary() && primary()->term() == term && serving(now);
  if (context_->journal.state().promised > term) return false;
  return follower_->alive(now.steady, term, suspect, context_->view->timing.detection);
}

void Partition::on_seal(const Moment& now, Term term) {
  if (!context_->view || broken() || term <= context_->view->entry.term) return;
  Journal& journal = context_->journal;
  if (term > journal.state().promised) {
    if (primary()) {
      give_up(now, std::nullopt,
              {ErrorCode::unavailable,
               Outcome::not_applied,
               fmt::format("partition {} is being given another primary", id().value()),
               {}});
    }
    follower_->stop();
  }
  journal.promise(std::max(term, journal.state().promised), true);
  seal_ = std::max(seal_.value_or(Term()), term);
  answer_seal(now);
}

void Partition::answer_seal(const Moment& now) {
  if (!seal_) return;
  const Journal& journal = context_->journal;
  if (journal.promised_synced() < *seal_ && !context_->broken(BrokenRule::seal_is_durable)) return;
  seal_.reset();
  messages::SealAnswer answer;
  answer.generation = context_->config.generation;
  answer.items.push_back({.partition = id(),
                          .promised = journal.state().promised,
                          .position = journal.persisted_position(),
                          .whole = follower_->whole(),
                          .lease_left = context_->grants->left(now.steady)});
  context_->tell_coordinator(std::move(answer));
}

// --- Time ---

void Partition::on_tick(const Moment& now) {
  Context& context = *context_;
  ticked_at_ = now.steady;
  if (!context.view) return;
  const Duration heartbeat = context.view->timing.heartbeat;
  if (given_up_ && now.steady - given_up_->told_at >= heartbeat) tell_given_up(now.steady);
  if (broken()) return;
  context.journal.expire_window(context.running.read(now.steady));
  end_overdue(now.steady);
  if (Primary* self = primary()) {
    self->on_tick(now);
  } else if (Retiree* leaver = retiree()) {
    leaver->on_tick(now);
  } else {
    follower_->on_tick(now);
  }
  if (context.damaged && primary() && now.steady - damage_told_at_ >= context.view->timing.lease) tell_damage(now);
  try_begin(now);
  account(now);
  progress(now);
}

// Whatever happened may have let answers go, a handoff end, or a seal become durable.
void Partition::progress(const Moment& now) {
  if (broken()) return;
  answer_seal(now);
  mark_retries(now.steady);
  release_due_ = true;
  Primary* self = primary();
  if (self == nullptr) return;
  if (self->handed_over(now.steady)) {
    const NodeId successor = self->successor();
    return give_up(now, successor,
                   {ErrorCode::not_primary,
                    Outcome::not_applied,
                    fmt::format("partition {} is handed over to {}", id().value(), successor.str()),
                    {}});
  }
  drain(now);
}

// --- Storage ---

// An in-sync member gives nothing up: it may be the last one that has it. Its primary hears that it is under repair,
// and asks for a set without it.
const RepairStep* Partition::next_step() const {
  if (const Retiree* leaver = retiree()) return leaver->step();
  const RepairStep* step = primary() != nullptr ? nullptr : follower_->step();
  return step != nullptr && in_sync() ? nullptr : step;
}

// There is nothing but writes that nobody waits for.
bool Partition::gathers() const {
  const bool replica = std::holds_alternative<Replica>(role_) && !stopping_;
  return replica && !context_->journal.dirty() && follower_->gathers();
}

std::optional<Persist> Partition::take_persist() {
  if (broken()) return std::nullopt;
  const RepairStep* step = next_step();
  if (step == nullptr && gathers()) return std::nullopt;
  follower_->on_taking();
  auto persist = context_->journal.take(context_->clock.latest(), step);
  if (!persist) return persist;
  if (Primary* self = primary()) self->on_taken(persist->writes);
  if (retiree() != nullptr && persist->drop_first) ++drops_;
  return persist;
}

void Partition::on_committed(const Moment& now, std::uint64_t) {
  if (Primary* self = primary()) self->on_stored(now);
}

void Partition::on_persisted(const Moment& now, std::uint64_t id) {
  if (broken()) return;
  const Journal::Report report = context_->journal.on_persisted(id);
  if (Primary* self = primary()) {
    self->on_stored(now);
  } else if (auto* idle = std::get_if<Idle>(&role_)) {
    if (idle->retiree != nullptr && report.step) {
      idle->retiree->on_step_persisted();
      idle->retiree.reset();
    }
  } else {
    follower_->on_stored(now, report.step);
  }
  progress(now);
}

void Partition::on_refused(const Moment& now, const Error& why) {
  if (broken()) return;
  const Sequence assigned = context_->journal.assigned();
  context_->journal.on_refused();
  context_->lost_ids.on_given_up(context_->journal.assigned(), assigned);
  if (Primary* self = primary()) {
    self->on_refused();
  } else {
    follower_->on_refused(now.steady);
  }
  // What waits in the queue may have seen what was refused.
  if (!context_->broken(BrokenRule::fail_what_was_refused)) {
    for (auto& answer : context_->waits.take_after(context_->journal.committed())) {
      context_->effects.push_back(failed(std::move(answer.effect), why));
    }
  }
  queue_->fail_all(why);
  progress(now);
}

void Partition::on_storage_failed(const Moment& now, const Error& why) {
  if (broken()) return;
  const std::string reason = fmt::format("the storage of partition {} failed: {}", id().value(), why.message);
  if (primary()) {
    give_up(now, NodeId(), {ErrorCode::unavailable, Outcome::not_applied, reason, {}});
  }
  for (auto& answer : context_->waits.take_after(Sequence(0))) {
    context_->effects.push_back(failed(std::move(answer.effect), {ErrorCode::unavailable, {}, reason, {}}));
  }
  follower_->stop();
  role_ = Broken{reason};
  context_->tell_event(messages::NodeEvent::Kind::storage_failed, context_->journal.state().promised, 0, reason);
}

void Partition::on_damaged(const Moment& now, const Error& why) {
  if (broken() || std::exchange(context_->damaged, true)) return;
  damage_ = why.message;
  follower_->distrust();
  tell_damage(now);
}

// Repeated by a primary, until another member was found that can take over.
void Partition::tell_damage(const Moment& now) {
  damage_told_at_ = now.steady;
  const Term term = primary() ? primary()->term() : context_->journal.state().promised;
  context_->tell_event(messages::NodeEvent::Kind::storage_failed, term, 0,
                       damage_ + "; this copy is not trusted until it has been fetched again");
}

// --- Results of work ---

void Partition::on_log(const Moment& now, TaskId task, Result<std::vector<messages::LoggedWritePtr>> writes) {
  if (Primary* self = primary()) {
    self->on_log(now, task, writes);
  } else if (Retiree* leaver = retiree()) {
    leaver->on_log(now, task, writes);
  } else {
    follower_->on_log(now, task, writes);
  }
}

void Partition::on_keys(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> keys) {
  if (Primary* self = primary()) self->on_keys(now, task, std::move(keys));
}

void Partition::on_snapshot_open(const Moment& now, TaskId task, Result<void> opened) {
  if (Primary* self = primary()) self->on_snapshot_open(now, task, std::move(opened));
}

void Partition::on_snapshot_records(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> records) {
  if (Primary* self = primary()) self->on_snapshot_records(now, task, std::move(records));
}

void Partition::on_ingested(const Moment& now, TaskId task, const Result<void>& outcome) {
  follower_->on_ingested(now, task, outcome);
}

void Partition::on_exported(const Moment& now, TaskId task, Result<void> outcome) {
  if (range_export_ && range_export_->task == task) {
    // A failed export is asked for again before long.
    range_export_->done = outcome.has_value();
    if (!outcome) return range_export_.reset();
    return try_begin(now);
  }
  if (Retiree* leaver = retiree()) return leaver->on_exported(now, task, outcome);
  follower_->on_exported(now, task, std::move(outcome));
}

// A primary waits for the others: what only it has may still be lost, and the mark is synced, the retry maybe not.
void Partition::mark_retries(Instant now) {
  Context& context = *context_;
  if (!context.lost_ids.waiting() || context.broken(BrokenRule::retries_are_marked)) return;
  Sequence stored = context.journal.persisted();
  if (const Primary* self = primary()) stored = std::min(stored, self->held(messages::kAckAll));
  context.lost_ids.progress(now, stored, context.tasks, context.effects);
}

void Partition::on_marked(const Moment& now, TaskId task, Result<void> outcome) {
  context_->lost_ids.on_marked(now.steady, task, outcome);
}

// --- What others see ---

std::vector<Effect> Partition::take_effects(const Moment& now) {
  if (std::exchange(release_due_, false)) release(now);
  return std::exchange(context_->effects, {});
}

bool Partition::has_effects() const { return !context_->effects.empty() || (release_due_ && !context_->waits.empty()); }

PartitionId Partition::id() const { return context_->config.id; }
const messages::PartitionState& Partition::state() const { return context_->journal.state(); }
std::uint64_t Partition::era() const { return follower_->repairs() + drops_; }
UnixMillis Partition::time(const Moment& now) {
  const Primary* self = primary();
  return self != nullptr ? self->time(now) : context_->clock.read(now);
}

UnixMillis Partition::served_time() const { return context_->clock.served(); }

bool Partition::serving(const Moment& now) const {
  const Primary* self = primary();
  return self != nullptr && self->serving(now.steady);
}

Duration Partition::serving_for(const Moment& now) const {
  return serving(now) ? now.steady - primary()->office().since : Duration(0);
}

messages::PartitionStatus Partition::status(const Moment& now) const {
  using Seen = messages::PartitionStatus::Role;
  messages::PartitionStatus status;
  status.partition = id();
  status.role =
      std::visit(Overloaded{[](const Idle&) { return Seen::idle; }, [](const Learner&) { return Seen::learner; },
                            [](const Replica&) { return Seen::replica; },
                            [](const std::unique_ptr<Primary>&) { return Seen::primary; },
                            [](const Broken&) { return Seen::broken; }},
                 role_);
  status.serving = serving(now);
  if (context_->view) status.term = context_->view->entry.term;
  status.position = context_->journal.persisted_position();
  status.promised = context_->journal.state().promised;
  status.whole = follower_->whole();
  if (const auto* broken = std::get_if<Broken>(&role_)) status.why = broken->why;
  if (const Primary* self = primary()) {
    if (auto right = self->check_right(now.steady); !right) status.why = right.error().message;
    status.members = self->status(now.steady);
  }
  return status;
}

bool Partition::repairing() const { return follower_->repairing(); }

std::vector<messages::LoadReport::Transfer> Partition::transfers() const {
  const Primary* self = primary();
  return self != nullptr ? self->transfers() : std::vector<messages::LoadReport::Transfer>();
}

std::optional<Term> Partition::open_promise() const {
  if (!context_->view || std::holds_alternative<Idle>(role_) || broken()) return std::nullopt;
  const Term promised = context_->journal.state().promised;
  if (promised <= context_->view->entry.term) return std::nullopt;
  return promised;
}

std::optional<messages::PeerDown> Partition::silent_primary(const Moment& now) const {
  if (!context_->view || !std::holds_alternative<Replica>(role_)) return std::nullopt;
  const View& view = *context_->view;
  const ring::PartitionEntry& entry = view.entry;
  const bool sealed = context_->journal.state().promised > entry.term;
  if (sealed || entry.primary == context_->config.self || !follower_->unheard(now.steady, view.timing.detection)) {
    return std::nullopt;
  }
  return messages::PeerDown{.peer = entry.primary, .incarnation = entry.primary_incarnation, .refused = false};
}

bool Partition::settled(const Moment& now) const {
  if (!context_->view) return false;
  // What only this start knows to be lost must be in the ledger first: a later one does not know it any more.
  const bool owes_account = std::ranges::find(context_->view->entry.deposed, context_->config.self,
                                              &ring::DeposedPrimary::node) != context_->view->entry.deposed.end();
  if (owes_lost_range_ || (owes_account && !context_->config.loses_nothing)) return false;
  // A copy that is not given up yet makes no start look clean.
  if (std::holds_alternative<Idle>(role_)) return retiree() == nullptr || context_->config.loses_nothing;
  if (primary()) return serving(now);
  const Term term = context_->view->entry.term;
  return std::holds_alternative<Replica>(role_) && follower_->whole() && follower_->following(term);
}

void Partition::check_invariants() const {
  const Context& context = *context_;
  context.journal.check_invariants();
  if (const Primary* self = primary()) {
    self->check_invariants();
    GYRE_ASSERT(self->term() == begun_);
  } else {
    GYRE_ASSERT(queue_->empty());
  }
  GYRE_ASSERT(!std::holds_alternative<Idle>(role_) || !follower_->repairing());
  GYRE_ASSERT(!given_up_ || given_up_->term <= begun_);
}

}  // namespace gyre::replication
