#include "replication/partition.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "replication/evaluate.h"

namespace gyre::replication {

using messages::Mutation;
using messages::Record;
using messages::WriteOperation;
using messages::WriteOutcome;

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

// The answer that takes the place of `effect` when what it waited for fails.
Effect failed(Effect effect, const Error& error) {
  if (auto* done = std::get_if<WriteDone>(&effect)) {
    // A write that was refused anyway is still surely not applied; but the reason it would give may no longer hold.
    const bool refused = !done->result;
    done->result = fail(error);
    if (refused) done->result.error().outcome = Outcome::not_applied;
    if (refused && error.code == ErrorCode::outcome_unknown) done->result.error().code = ErrorCode::unavailable;
  } else if (auto* ready = std::get_if<ReadReady>(&effect)) {
    ready->result = fail(ErrorCode::unavailable, error.message);
  }
  return effect;
}

}  // namespace

Partition::Partition(PartitionId id, NodeId self, Incarnation incarnation, messages::PartitionState stored,
                     BrokenRule broken)
    : id_(id),
      self_(std::move(self)),
      incarnation_(incarnation),
      broken_(broken),
      seen_(stored.served),
      state_(std::move(stored)),
      persisted_(state_.position.sequence),
      committed_(persisted_),
      assigned_(persisted_) {}

// --- Role ---

void Partition::on_entry(const Moment&, const ring::PartitionEntry& entry) {
  if (std::holds_alternative<Broken>(role_) || entry.term < seen_) return;
  seen_ = entry.term;
  const bool mine = entry.primary == self_ && entry.primary_incarnation == incarnation_;
  if (const auto* primary = std::get_if<Primary>(&role_)) {
    if (mine && primary->term == entry.term) return;
    const Error moved{ErrorCode::not_primary,
                      Outcome::not_applied,
                      fmt::format("partition {} is served by {} now", id_.value(),
                                  entry.primary.empty() ? "nobody" : entry.primary.str()),
                      {}};
    step_down(Idle{moved.message, moved.code}, moved);
  }
  if (mine && entry.term > state_.served) return start_term(entry);
  Idle idle;
  if (entry.primary.empty()) {
    idle.why = fmt::format("partition {} has no primary", id_.value());
  } else if (entry.primary == self_) {
    idle.why = fmt::format("partition {} waits for the coordinator to appoint this process", id_.value());
  } else {
    idle.code = ErrorCode::not_primary;
    idle.why = fmt::format("partition {} is served by {}", id_.value(), entry.primary.str());
  }
  role_ = std::move(idle);
}

// Records the term before anything is served in it.
void Partition::start_term(const ring::PartitionEntry& entry) {
  role_ = Primary{entry.term, false};
  state_.served = entry.term;
  const Sequence first = assigned_.next();
  // A term without a write leaves no trace.
  if (!state_.history.empty() && state_.history.back().first == first) state_.history.pop_back();
  GYRE_ASSERT(state_.history.empty() || state_.history.back().term < entry.term);
  state_.history.push_back({entry.term, first});
  term_dirty_ = true;
}

void Partition::step_down(Role role, const Error& error) {
  if (serving()) effects_.push_back(RoleChanged{std::get<Primary>(role_).term, false, error.message});
  role_ = std::move(role);
  fail_queue(error);
  // Storage never saw what is behind committed_; what is before has been applied here and may survive.
  fail_waiting(committed_, error);
  fail_waiting(Sequence(0), {ErrorCode::outcome_unknown,
                             Outcome::unknown,
                             "the right to serve was lost before the write was acknowledged: " + error.message,
                             {}});
  pending_.truncate_after(Sequence(0));
  handed_.clear();
  persisted_ = assigned_ = committed_;
  term_dirty_ = false;
}

bool Partition::serving() const {
  const auto* primary = std::get_if<Primary>(&role_);
  return primary != nullptr && primary->in_office;
}

Result<void> Partition::check_office() const {
  return std::visit(Overloaded{
                        [](const Idle& idle) -> Result<void> { return fail(idle.code, idle.why); },
                        [this](const Primary& primary) -> Result<void> {
                          if (primary.in_office) return {};
                          return fail(ErrorCode::unavailable, fmt::format("partition {} is taking office in term {}",
                                                                          id_.value(), primary.term.value()));
                        },
                        [](const Broken& broken) -> Result<void> { return fail(ErrorCode::unavailable, broken.why); },
                    },
                    role_);
}

Result<void> Partition::may_answer(const Moment&) const { return check_office(); }

UnixMillis Partition::time(const Moment& now) {
  const UnixMillis running{time_base_.at.value + to_ms(now.steady - time_base_.steady)};
  if (now.wall <= running) return running;
  time_base_ = {now.wall, now.steady};
  return now.wall;
}

// --- Writes ---

void Partition::on_write(const Moment& now, Ticket ticket, std::vector<WriteOperation> operations) {
  GYRE_ASSERT(!operations.empty());
  if (auto office = check_office(); !office) {
    effects_.push_back(WriteDone{ticket, fail(std::move(office).error())});
    return;
  }
  if (queue_.size() + pending_.size() >= limits::kPartitionWritesQueuedMax) {
    effects_.push_back(WriteDone{ticket, fail(Error{ErrorCode::busy, Outcome::not_applied,
                                                    fmt::format("too many writes wait in partition {}", id_.value()),
                                                    limits::kBusyRetryAfter})});
    return;
  }
  queue_.push_back({ticket, std::move(operations), std::nullopt, {}, 0, false});
  drain_queue(now);
}

void Partition::on_current(const Moment& now, Ticket ticket, std::size_t operation,
                           Result<std::optional<Record>> record) {
  // Only the head ever reads; an answer for anything else comes from before a change of role.
  if (queue_.empty() || queue_.front().ticket != ticket || !queue_.front().started) return;
  Queued& head = queue_.front();
  GYRE_ASSERT(operation < head.current.size() && head.reads_open > 0);
  if (!record) {
    answer_after(assigned_, WriteDone{ticket, fail(std::move(record).error())});
    queue_.pop_front();
  } else {
    head.current[operation] = *std::move(record);
    if (--head.reads_open > 0) return;
    apply(now, head);
    queue_.pop_front();
  }
  drain_queue(now);
}

// Carries out the queue from its head until one must wait for a stored value.
void Partition::drain_queue(const Moment& now) {
  while (!queue_.empty()) {
    Queued& head = queue_.front();
    if (head.started) return;
    if (head.operations.empty()) {
      plan_queued_read(head);
    } else {
      if (start_reads(head)) return;
      apply(now, head);
    }
    queue_.pop_front();
  }
}

// Collects the stored values that the write depends on, and asks for those that are not pending. False: all are there.
bool Partition::start_reads(Queued& write) {
  write.started = true;
  write.current.resize(write.operations.size());
  for (std::size_t i = 0; i < write.operations.size(); ++i) {
    const WriteOperation& operation = write.operations[i];
    if (!needs_current(operation)) continue;
    const Mutation* pending = pending_.find(operation.key);
    if (pending != nullptr && broken_ != BrokenRule::evaluate_pending) {
      if (pending->kind == Mutation::Kind::put) write.current[i] = pending->record;
      continue;
    }
    effects_.push_back(ReadCurrent{write.ticket, i, operation.key});
    ++write.reads_open;
  }
  return write.reads_open > 0;
}

void Partition::apply(const Moment& now, Queued& write) {
  auto outcomes = evaluate_all(now, write);
  // Failed conditions and writes that change nothing show what is stored: they wait for it as others do.
  answer_after(assigned_, WriteDone{write.ticket, std::move(outcomes)});
}

// All operations under one sequence, each seeing those before it; or none of them.
Result<std::vector<WriteOutcome>> Partition::evaluate_all(const Moment& now, const Queued& write) {
  const Position next{std::get<Primary>(role_).term, assigned_.next()};
  const UnixMillis at = time(now);
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(write.operations.size());
  bool changed = false;
  for (std::size_t i = 0; i < write.operations.size(); ++i) {
    const WriteOperation& operation = write.operations[i];
    const Record* current = write.current[i] ? &*write.current[i] : nullptr;
    if (needs_current(operation) && broken_ != BrokenRule::evaluate_pending) {
      if (const Mutation* newer = pending_.find(operation.key)) {
        current = newer->kind == Mutation::Kind::put ? &newer->record : nullptr;
      }
    }
    auto evaluation = evaluate(operation, current, at, next);
    if (!evaluation) {
      if (changed) pending_.truncate_after(assigned_);
      return fail(std::move(evaluation).error());
    }
    outcomes.push_back(evaluation->outcome);
    if (evaluation->mutation) {
      pending_.append(*std::move(evaluation->mutation));
      changed = true;
    }
  }
  if (changed) assigned_ = next.sequence;
  return outcomes;
}

// --- Reads ---

Result<Partition::ReadPlan> Partition::on_read(const Moment&, Ticket ticket, std::optional<Bytes> key) {
  GYRE_TRY(check_office());
  if (!queue_.empty()) {
    if (queue_.size() >= limits::kPartitionWritesQueuedMax) {
      return fail(Error{ErrorCode::busy, Outcome::not_applied,
                        fmt::format("too many requests wait in partition {}", id_.value()), limits::kBusyRetryAfter});
    }
    queue_.push_back({ticket, {}, std::move(key), {}, 0, false});
    return ReadPlan::wait;
  }
  if (pending_.empty() || (key && pending_.find(*key) == nullptr)) return ReadPlan::engine;
  plan_queued_read({ticket, {}, std::move(key), {}, 0, false});
  return ReadPlan::wait;
}

Result<bool> Partition::may_leave(const Moment&, Ticket ticket) {
  GYRE_TRY(check_office());
  if (committed_ == persisted_) return true;
  answer_after(committed_, ReadReady{ticket, ReadReady::Release{}});
  return false;
}

void Partition::plan_queued_read(const Queued& read) {
  const Mutation* pending = read.read_key ? pending_.find(*read.read_key) : nullptr;
  if (pending == nullptr) {
    // A range sees all that was written before it.
    answer_after(read.read_key ? persisted_ : assigned_, ReadReady{read.ticket, ReadReady::FromEngine{}});
    return;
  }
  std::optional<Record> record;
  if (pending->kind == Mutation::Kind::put) record = pending->record;
  answer_after(pending->record.version.sequence, ReadReady{read.ticket, std::move(record)});
}

// --- Persistence ---

std::optional<Persist> Partition::take_persist() {
  if (assigned_ == committed_ && !term_dirty_) return std::nullopt;
  const auto mutations = pending_.after(committed_);
  handed_.push_back({++last_handed_id_, state_.position, assigned_, term_dirty_});
  if (!mutations.empty()) state_.position = mutations.back().record.version;
  committed_ = assigned_;
  term_dirty_ = false;
  return Persist{last_handed_id_, mutations, state_};
}

void Partition::on_persisted(const Moment& now, std::uint64_t id) {
  bool term = false;
  // An id from before a change of role is no longer among them.
  while (!handed_.empty() && handed_.front().id <= id) {
    persisted_ = handed_.front().last;
    term = term || handed_.front().term;
    handed_.pop_front();
  }
  pending_.drop_through(persisted_);
  if (term) {
    auto& primary = std::get<Primary>(role_);
    primary.in_office = true;
    effects_.push_back(RoleChanged{primary.term, true, "appointed"});
  }
  while (!waiting_.empty() && waiting_.front().after <= persisted_) {
    effects_.push_back(std::move(waiting_.front().effect));
    waiting_.pop_front();
  }
  drain_queue(now);
}

void Partition::on_refused(const Moment&, const Error& why) {
  GYRE_ASSERT(!handed_.empty() && handed_.back().last == committed_);
  const Handed refused = handed_.back();
  handed_.pop_back();
  committed_ = assigned_ = refused.before.sequence;
  term_dirty_ = refused.term;
  state_.position = refused.before;
  pending_.truncate_after(committed_);
  // What waits in the queue may have seen what was refused.
  if (broken_ != BrokenRule::fail_what_was_refused) fail_waiting(committed_, why);
  fail_queue(why);
}

void Partition::on_storage_failed(const Moment&, const Error& why) {
  if (std::holds_alternative<Broken>(role_)) return;
  fail_waiting(Sequence(0), {ErrorCode::outcome_unknown,
                             Outcome::unknown,
                             "storage failed while the write was on its way: " + why.message,
                             {}});
  step_down(Broken{fmt::format("the storage of partition {} failed: {}", id_.value(), why.message)},
            {ErrorCode::unavailable, Outcome::not_applied, why.message, {}});
}

// --- Answers ---

void Partition::answer_after(Sequence sequence, Effect effect) {
  if (sequence <= persisted_ || broken_ == BrokenRule::answer_once_persisted) {
    effects_.push_back(std::move(effect));
    return;
  }
  if (!waiting_.empty()) sequence = std::max(sequence, waiting_.back().after);  // answers leave in order
  waiting_.push_back({sequence, std::move(effect)});
}

// Fails the answers that wait for something behind `after`.
void Partition::fail_waiting(Sequence after, const Error& error) {
  const auto first = std::ranges::upper_bound(waiting_, after, {}, &Waiting::after);
  for (auto waiting = first; waiting != waiting_.end(); ++waiting) {
    effects_.push_back(failed(std::move(waiting->effect), error));
  }
  waiting_.erase(first, waiting_.end());
}

void Partition::fail_queue(const Error& error) {
  for (Queued& queued : queue_) {
    if (queued.operations.empty()) {
      effects_.push_back(ReadReady{queued.ticket, fail(error)});
    } else {
      effects_.push_back(WriteDone{queued.ticket, fail(error)});
    }
  }
  queue_.clear();
}

std::vector<Effect> Partition::take_effects() { return std::exchange(effects_, {}); }

void Partition::check_invariants() const {
  GYRE_ASSERT(persisted_ <= committed_ && committed_ <= assigned_);
  GYRE_ASSERT(state_.position.sequence == committed_);
  GYRE_ASSERT(pending_.empty() == (persisted_ == assigned_));
  GYRE_ASSERT(state_.served <= seen_);
  if (!std::holds_alternative<Primary>(role_)) {
    GYRE_ASSERT(pending_.empty() && queue_.empty() && waiting_.empty());
  }
  GYRE_ASSERT(std::ranges::is_sorted(waiting_, {}, &Waiting::after));
}

}  // namespace gyre::replication
