#include "replication/follower.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "replication/term_history.h"

namespace gyre::replication {

using messages::Append;
using messages::AppendAck;
using messages::LoggedWritePtr;
using messages::NodeEvent;

// --- Terms ---

void Follower::on_primary(Instant now, Term term, const NodeId& primary, Incarnation incarnation) {
  if (term > term_) begin(now, term, primary, incarnation);
}

void Follower::begin(Instant now, Term term, const NodeId& primary, Incarnation incarnation) {
  stop();
  newest_append_ = Instant();
  context_.lost_ids.on_new_primary(context_.journal.assigned());
  term_ = term;
  primary_ = primary;
  incarnation_ = incarnation;
  heard_ = context_.running.read(now);
  context_.journal.promise(term, false);
}

void Follower::stop() {
  matched_ = false;
  gap_ = false;
  if (repair_) {
    context_.journal.disown_step();
    context_.lost_ids.add(repair_->exported_ids());
    repair_->close();
    context_.take_in(repair_->take_effects());
  }
  repair_.reset();
  owes_answer_ = false;
  fresh_next_.reset();
  level_ = false;
}

// --- Appends ---

void Follower::on_append(const Moment& now, const NodeId& from, Incarnation incarnation, Append append) {
  const Term promised = context_.journal.state().promised;
  if (append.term < promised) {
    context_.send(from, AppendAck{.partition = context_.config.id,
                                  .term = append.term,
                                  .generation = context_.config.generation,
                                  .echo = append.sent_at,
                                  .sent_at = now.steady,
                                  .state = AppendAck::State::unmatched,
                                  .whole = whole(),
                                  .refused = true,
                                  .gap = false,
                                  .position = {},
                                  .promised = promised});
    return;
  }
  if (append.term > term_) begin(now.steady, append.term, from, incarnation);
  if (append.term != term_ || from != primary_ || incarnation != incarnation_) return;
  if (append.sent_at > newest_append_) hear(now, append);
  if (!repair_) match(now, append);
  const Sequence received = context_.journal.assigned();
  if (matched_) receive(now.steady, append);
  if (journal_is_stored()) tell_time_reached();
  note_freshness(now, append);
  newest_append_ = std::max(newest_append_, append.sent_at);
  owes_answer_ = true;
  // What is new is acknowledged when it is stored; leases need not wait for that, nor for a sync that takes long.
  const bool overdue = now.steady - answered_at_ >= context_.view->timing.heartbeat;
  if (received == context_.journal.assigned() || overdue) ack(now);
}

// Of what was sent later than all before it: a late or doubled message says nothing about now.
void Follower::hear(const Moment& now, const Append& append) {
  context_.grants->give({primary_, incarnation_, term_}, now.steady);
  const UnixMillis served =
      std::max(append.serving ? append.time : UnixMillis(), heard_time_ ? heard_time_->served : UnixMillis());
  if (!heard_time_ || append.time >= heard_time_->time) {
    heard_time_ = HeardTime{append.time, now.steady, append.position.sequence, served};
  }
  heard_time_->served = served;
  heard_ = context_.running.read(now.steady);
  if (!append.serving) return;
  context_.grants->on_heard_serving(term_);
  heard_term_ = term_;
  heard_serving_ = heard_;
}

// From the position on that the primary had then: what it had changed by then may have changed what expires.
void Follower::tell_time_reached() {
  if (heard_time_ && heard_time_->position <= context_.journal.assigned()) tell_heard_time();
}

void Follower::tell_heard_time() {
  if (!heard_time_) return;
  context_.clock.hear(heard_time_->time, heard_time_->at);
  context_.clock.hear_served(heard_time_->served);
  heard_time_.reset();
}

void Follower::match(const Moment& now, const Append& append) {
  Journal& journal = context_.journal;
  if (context_.broken(BrokenRule::apply_in_order)) {
    matched_ = true;
    return;
  }
  if (append.history.empty()) return;
  if (matched_) {
    // The primary's log does not reach back to this very position.
    const bool cut_off = append.writes.empty() && journal.assigned() == append.previous.sequence &&
                         journal.assigned() < append.position.sequence;
    if (cut_off) start_repair(now, append.history, journal.assigned(), true);
    return;
  }
  // What this member has of the primary's own term the primary has, too: `append` may only be older than that.
  const Sequence theirs = std::max(append.position.sequence, journal.assigned());
  auto common = common_prefix(journal.state().history, journal.assigned(), append.history, theirs);
  // What is given up and not stored yet may be all that is left of it: it is stored first.
  if (common != journal.assigned() && !journal_is_stored()) return hasten();
  if (!whole() || context_.damaged) return start_repair(now, append.history, common, true);
  if (common != journal.assigned()) return start_repair(now, append.history, common, false);
  journal.match_history();
  context_.lost_ids.look_through(journal.window());
  matched_ = true;
  if (std::exchange(was_away_, false)) context_.tell_event(NodeEvent::Kind::caught_up, term_);
}

// A write that may follow what this member has.
bool Follower::fits(const messages::LoggedWrite& write, Term term) const {
  const Journal& journal = context_.journal;
  const auto& history = journal.state().history;
  const Position position = write.position;
  const bool next = position.sequence == journal.assigned().next() ||
                    (context_.broken(BrokenRule::apply_in_order) && position.sequence > journal.assigned());
  return next && !write.mutations.empty() && position.term <= term &&
         (history.empty() || position.term >= history.back().term);
}

void Follower::receive(Instant now, const Append& append) {
  if (now < stalled_until_) return;
  Journal& journal = context_.journal;
  const bool in_order = !context_.broken(BrokenRule::apply_in_order);
  if (in_order && append.history.empty() && append.previous.sequence > journal.assigned()) {
    gap_ = true;
    return;
  }
  for (const LoggedWritePtr& write : append.writes) {
    if (write->position.sequence <= journal.assigned()) continue;
    if (!fits(*write, term_)) {
      gap_ = true;
      return;
    }
    gathered_ += write->bytes();
    context_.lost_ids.on_written(write->id, write->position, write->time);
    journal.append(write);
  }
  if (!append.may_wait) hasten();
}

void Follower::ack(const Moment& now) {
  if (context_.journal.promised_durably() < term_) return;
  AppendAck answer{.partition = context_.config.id,
                   .term = term_,
                   .generation = context_.config.generation,
                   .echo = newest_append_,
                   .sent_at = now.steady,
                   .state = AppendAck::State::unmatched,
                   .whole = whole(),
                   .refused = false,
                   .gap = std::exchange(gap_, false),
                   .position = {},
                   .promised = context_.journal.state().promised};
  owes_answer_ = false;
  answered_at_ = now.steady;
  if (repair_) {
    answer.state = AppendAck::State::repairing;
  } else if (matched_) {
    answer.state = AppendAck::State::following;
    answer.position = acknowledged_ = context_.journal.persisted_position();
  }
  context_.send(primary_, std::move(answer));
}

void Follower::on_refused(Instant now) { stalled_until_ = now + context_.view->timing.heartbeat; }

void Follower::on_stored(const Moment& now, bool step) {
  if (step && repair_) {
    repair_->on_step_persisted(now.steady);
    drain_repair();
  }
  take_freshness();
  const bool news = matched_ && acknowledged_ != context_.journal.persisted_position();
  if (owes_answer_ || news || step) ack(now);
}

// --- Liveness and freshness ---

void Follower::on_dead(const NodeId& node, Incarnation incarnation) {
  const bool heard_process = incarnation >= incarnation_ || context_.broken(BrokenRule::proof_names_incarnation);
  if (node == primary_ && heard_process) heard_serving_.reset();
  refused_.insert(node);
}

bool Follower::alive(Instant now, Term term, const NodeId& primary, Duration window) const {
  const Duration running = context_.running.read(now);
  if (heard_serving_ && heard_term_ == term && running - *heard_serving_ <= window) return true;
  return !refused_.contains(primary) && running <= window && !context_.broken(BrokenRule::start_grants_all);
}

// What was echoed is counted from when this member sent it; it holds what the primary had when that came back.
void Follower::note_freshness(const Moment& now, const Append& append) {
  if (context_.broken(BrokenRule::freshness_from_sending)) {
    fresh_at_ = now.steady;
    return;
  }
  const bool own = append.echo >= context_.config.started && append.echo <= now.steady;
  if (!append.serving || !matched_ || !own) return;
  if (!fresh_next_) fresh_next_ = Freshness{append.echo, append.position.sequence};
  take_freshness();
}

void Follower::take_freshness() {
  if (!fresh_next_ || context_.journal.persisted() < fresh_next_->position) return;
  fresh_at_ = std::max(fresh_at_, fresh_next_->at);
  level_ = true;
  fresh_next_.reset();
}

// --- Repair ---

void Follower::start_repair(const Moment& now, const messages::TermHistory& theirs, std::optional<Sequence> common,
                            bool snapshot) {
  Journal& journal = context_.journal;
  context_.drop_uncommitted();
  if (common) common = std::min(*common, journal.committed());
  context_.lost_ids.on_given_up(common.value_or(Sequence()), journal.assigned());
  matched_ = false;
  was_away_ = true;
  fresh_next_.reset();
  level_ = false;
  fresh_at_ = Instant();
  repair_.emplace(now.steady,
                  RepairStart{.partition = context_.config.id,
                              .primary = primary_,
                              .term = term_,
                              .state = journal.state(),
                              .theirs = theirs,
                              .common = common,
                              .snapshot = snapshot,
                              .committed_bytes_max = context_.config.snapshot_committed_bytes_max},
                  journal.recent(), context_.tasks, context_.config.broken);
  drain_repair();
}

void Follower::drain_repair() {
  context_.take_in(repair_->take_effects());
  if (repair_->done()) finish_repair();
}

void Follower::finish_repair() {
  context_.lost_ids.add(repair_->exported_ids());
  context_.lost_ids.look_through(context_.journal.window());
  for (const messages::WindowWrite& write : repair_->written_since()) {
    context_.lost_ids.on_written(write.id, write.position, write.time);
  }
  const std::uint64_t lost = repair_->exported_writes();
  if (lost > 0) context_.tell_event(NodeEvent::Kind::lost_writes, term_, lost);
  const auto kind = repair_->rewinding() ? NodeEvent::Kind::rewound : NodeEvent::Kind::snapshot;
  if (!repair_->rewinding()) context_.damaged = false;
  context_.tell_event(kind, term_, lost);
  repair_.reset();
  ++repairs_;
  matched_ = !context_.damaged;
}

void Follower::on_fetched(const Moment& now, const NodeId& from, messages::FetchedKeys keys) {
  if (!repair_ || keys.term != term_ || from != primary_) return;
  repair_->on_fetched(now.steady, std::move(keys));
  drain_repair();
}

void Follower::on_chunk(const Moment& now, const NodeId& from, messages::SnapshotChunk chunk) {
  if (!repair_ || chunk.term != term_ || from != primary_) return;
  repair_->on_chunk(now.steady, std::move(chunk));
  drain_repair();
}

void Follower::on_log(const Moment& now, TaskId task, const Result<std::vector<LoggedWritePtr>>& writes) {
  if (!repair_) return;
  repair_->on_log(now.steady, task, writes);
  drain_repair();
}

void Follower::on_exported(const Moment& now, TaskId task, Result<void> outcome) {
  if (!repair_) return;
  repair_->on_exported(now.steady, task, std::move(outcome));
  drain_repair();
}

void Follower::on_ingested(const Moment& now, TaskId task, const Result<void>& outcome) {
  if (!repair_) return;
  repair_->on_ingested(now.steady, task, outcome);
  drain_repair();
}

void Follower::on_taking() {
  hastened_ = false;
  gathered_ = 0;
  tell_time_reached();
}

void Follower::on_tick(const Moment& now) {
  if (gathered_ > 0) hasten();
  if (!repair_) return;
  repair_->on_tick(now.steady);
  drain_repair();
}

}  // namespace gyre::replication
