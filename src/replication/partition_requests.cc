// What clients ask of a partition: admission, reads, and when answers may leave.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "replication/context.h"
#include "replication/follower.h"
#include "replication/partition.h"
#include "replication/primary.h"
#include "replication/term_history.h"
#include "replication/write_queue.h"

namespace gyre::replication {

using messages::ReadLevel;

namespace {

Error busy(std::string message) {
  return {ErrorCode::busy, Outcome::not_applied, std::move(message), limits::kBusyRetryAfter};
}

}  // namespace

// Why nobody can be served here as by the primary.
Error Partition::no_primary() const {
  const auto error = [](ErrorCode code, std::string why) {
    return Error{code, Outcome::not_applied, std::move(why), {}};
  };
  if (const auto* broken = std::get_if<Broken>(&role_)) return error(ErrorCode::unavailable, broken->why);
  if (!context_->view) return error(ErrorCode::unavailable, "this node has no cluster map yet");
  const ring::PartitionEntry& entry = context_->view->entry;
  if (entry.primary.empty()) {
    return error(ErrorCode::unavailable, fmt::format("partition {} has no primary", id().value()));
  }
  if (entry.primary != context_->config.self) {
    return error(ErrorCode::not_primary,
                 fmt::format("partition {} is served by {}", id().value(), entry.primary.str()));
  }
  if (given_up_) {
    return error(ErrorCode::not_primary, fmt::format("partition {} is being handed over", id().value()));
  }
  return error(ErrorCode::unavailable,
               fmt::format("partition {} waits for the coordinator to appoint this process", id().value()));
}

// --- Writes ---

Result<void> Partition::admit(const Moment& now, const messages::WriteRequest& request) const {
  const Primary* self = primary();
  if (self == nullptr) return fail(no_primary());
  GYRE_TRY(self->check_right(now.steady));
  if (std::ranges::find(Waits::kLevels, request.ack) == Waits::kLevels.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a write is acknowledged by 1 to {} members or by all, not by {}",
                            limits::kReplicationFactorMax, request.ack));
  }
  GYRE_TRY(self->check_members(request.ack));
  if (self->too_many_lag()) {
    return fail(busy(fmt::format("the replicas of partition {} cannot keep up", id().value())));
  }
  if (const Brake& brake = self->brake(); brake.on() && queue_->size() >= brake.waiting_max()) {
    return fail(
        busy(fmt::format("partition {} holds writes back until {} has caught up", id().value(), brake.helped().str())));
  }
  if (queue_->size() + context_->journal.pending().size() >= limits::kPartitionWritesQueuedMax) {
    return fail(busy(fmt::format("too many writes wait in partition {}", id().value())));
  }
  return {};
}

void Partition::on_write(const Moment& now, Ticket ticket, messages::WriteRequest request, Instant deadline) {
  GYRE_ASSERT(!request.operations.empty());
  if (auto admitted = admit(now, request); !admitted) {
    context_->effects.push_back(WriteDone{ticket, fail(std::move(admitted).error())});
    return;
  }
  queue_->push(now.steady, ticket, std::move(request), deadline);
  drain(now);
}

void Partition::on_current(const Moment& now, Ticket ticket, std::size_t operation,
                           Result<std::optional<messages::Record>> record) {
  Primary* self = primary();
  if (self == nullptr) return;
  if (auto right = self->check_right(now.steady); !right) return queue_->fail_all(right.error());
  if (queue_->on_current(now, self->office(), ticket, operation, std::move(record))) progress(now);
}

// Carries out what is queued, unless it must wait for a handoff.
void Partition::drain(const Moment& now) {
  Primary* self = primary();
  if (self == nullptr) return;
  if (!queue_->empty()) {
    if (auto right = self->check_right(now.steady); !right) {
      queue_->fail_all(right.error());
    } else if (!self->handing_over()) {
      queue_->drain(now, self->office(), self->brake());
    }
    release_due_ = true;
  }
  self->hasten(now);
}

// --- Reads ---

Result<void> Partition::check_session(const messages::ReadConsistency& read) const {
  if (read.level != ReadLevel::session) return {};
  const Journal& journal = context_->journal;
  const Position own = journal.persisted_position();
  Contains found = contains(journal.state().history, own, read.seen);
  if (context_->broken(BrokenRule::session_by_history)) {
    found = own.sequence >= read.seen.sequence ? Contains::yes : Contains::not_yet;
  }
  switch (found) {
    case Contains::yes: return {};
    case Contains::not_yet:
      return fail(ErrorCode::behind,
                  fmt::format("this member has reached {}, not {}", to_string(own), to_string(read.seen)));
    case Contains::lost:
      return fail(ErrorCode::session_lost,
                  fmt::format("what this session saw at {} did not survive a failover", to_string(read.seen)));
    case Contains::unknown: break;
  }
  return fail(ErrorCode::session_lost,
              fmt::format("partition {} does not remember as far back as {}", id().value(), to_string(read.seen)));
}

Result<void> Partition::check_member_read(const Moment& now, const messages::ReadConsistency& read) const {
  if (read.level == ReadLevel::primary || read.level == ReadLevel::linearizable) return fail(no_primary());
  if (std::holds_alternative<Idle>(role_) || broken()) return fail(no_primary());
  if (!std::holds_alternative<Replica>(role_) || follower_->repairing() || !follower_->whole()) {
    return fail(ErrorCode::behind, fmt::format("this member of partition {} is catching up", id().value()));
  }
  if (read.level == ReadLevel::bounded && now.steady - follower_->fresh_at() > read.bound) {
    return fail(ErrorCode::behind, fmt::format("this member's copy may be older than {} ms", to_ms(read.bound)));
  }
  return check_session(read);
}

Result<void> Partition::check_read(const Moment& now, const messages::ReadConsistency& read) const {
  const Primary* self = primary();
  if (self == nullptr) return check_member_read(now, read);
  GYRE_TRY(self->check_right(now.steady));
  return check_session(read);
}

Result<Partition::ReadPlan> Partition::on_read(const Moment& now, Ticket ticket, const ReadRequest& request) {
  if (auto may = check_read(now, request.read); !may) {
    // It may only wait to be committed.
    if (may.error().code == ErrorCode::behind) follower_->hasten();
    return fail(std::move(may).error());
  }
  if (primary() == nullptr) return ReadPlan::engine;
  PendingLog& pending = context_->journal.pending();
  if (!queue_->empty()) {
    if (queue_->size() >= limits::kPartitionWritesQueuedMax) {
      return fail(busy(fmt::format("too many requests wait in partition {}", id().value())));
    }
    queue_->push(ticket, request);
    return ReadPlan::wait;
  }
  if (pending.empty() || (request.key && pending.find(*request.key) == nullptr)) return ReadPlan::engine;
  queue_->plan(ticket, request);
  primary()->hasten(now);
  return ReadPlan::wait;
}

bool Partition::may_read_at_once(const Moment& now, const messages::ReadConsistency& read, std::string_view key) const {
  if (read.level == ReadLevel::linearizable || !check_read(now, read)) return false;
  Journal& journal = context_->journal;
  // What a member shows is durable as far as it says.
  if (primary() == nullptr) return journal.committed() == journal.persisted();
  return queue_->empty() && (journal.pending().empty() || journal.pending().find(key) == nullptr);
}

bool Partition::may_leave_at_once(const Moment& now, const messages::ReadConsistency& read) const {
  return context_->broken(BrokenRule::check_after_read) || check_read(now, read);
}

Result<bool> Partition::may_leave(const Moment& now, Ticket ticket, const ReadRequest& request, bool off_loop) {
  if (context_->broken(BrokenRule::check_after_read)) return true;
  GYRE_TRY(check_read(now, request.read));
  if (off_loop && request.era && *request.era != era()) {
    return fail(ErrorCode::behind, "the value was read before this member gave up writes that did not survive");
  }
  Journal& journal = context_->journal;
  Waits::Answer answer{.after = {}, .effect = ReadReady{ticket, ReadReady::Release{}}, .deadline = request.deadline};
  Primary* self = primary();
  if (self == nullptr) {
    if (request.read.level == ReadLevel::bounded) answer.valid_until = follower_->fresh_at() + request.read.bound;
    answer.after = journal.committed();
  } else if (off_loop) {
    // What was committed since the read was admitted may show in it.
    const messages::Mutation* pending = request.key ? journal.pending().find(*request.key) : nullptr;
    const Sequence newest = pending != nullptr ? pending->record.version.sequence : Sequence(0);
    answer.after = request.key ? std::min(newest, journal.committed()) : journal.committed();
  }
  messages::AckCount level = messages::kAckOne;
  if (request.read.level == ReadLevel::linearizable && !context_->broken(BrokenRule::linearizable_waits)) {
    answer.after = std::max(answer.after, self->last_change(request.key));
    level = messages::kAckAll;
  }
  const Sequence held = self != nullptr ? self->held(level) : journal.persisted();
  if (answer.after <= held) return true;
  context_->waits.add(level, std::move(answer));
  if (self != nullptr) self->hasten(now);
  return false;
}

messages::Standing Partition::standing(Position seen) const {
  const Journal& journal = context_->journal;
  messages::Standing standing{.position = journal.persisted_position(), .history = {}};
  if (seen != Position()) standing.history = told_since(journal.state().history, seen.term);
  return standing;
}

// --- Answers ---

void Partition::release(const Moment& now) {
  Waits& waits = context_->waits;
  const Primary* self = primary();
  for (const messages::AckCount level : Waits::kLevels) {
    if (waits.empty(level)) continue;
    if (self != nullptr && level != messages::kAckOne && level != messages::kAckAll) {
      // Fewer are left than were asked for: nobody can say any more whether they will have it.
      if (auto enough = self->check_members(level); !enough) {
        for (auto& answer : waits.take_all(level)) {
          context_->effects.push_back(failed(
              std::move(answer.effect), {ErrorCode::outcome_unknown, Outcome::unknown, enough.error().message, {}}));
        }
        continue;
      }
    }
    Sequence held = self != nullptr ? self->held(level) : context_->journal.persisted();
    if (level == messages::kAckOne && context_->broken(BrokenRule::answer_once_persisted)) {
      held = context_->journal.assigned();
    }
    for (auto& answer : waits.take_through(level, held)) leave(now, level, std::move(answer));
  }
}

// Who asked waits no more. A write that has its place keeps it, and its id stays in the window: a retry is answered by
// that.
void Partition::end_overdue(Instant now) {
  const Error overdue{ErrorCode::timeout,
                      Outcome::unknown,
                      "the deadline passed before the members that have to hold what this answer shows did",
                      {}};
  for (auto& answer : context_->waits.take_overdue(now)) {
    context_->effects.push_back(failed(std::move(answer.effect), overdue));
  }
  queue_->end_overdue(now);
}

// The last look before an answer leaves.
void Partition::leave(const Moment& now, messages::AckCount level, Waits::Answer answer) {
  Effect effect = std::move(answer.effect);
  const Primary* self = primary();
  Result<void> may = {};
  if (self != nullptr && !context_->broken(BrokenRule::check_before_leaving)) may = self->check_right(now.steady);
  if (may && self != nullptr && level == messages::kAckAll && std::holds_alternative<WriteDone>(effect)) {
    may = self->check_members(level);
  }
  if (!may) {
    effect =
        failed(std::move(effect), {ErrorCode::outcome_unknown,
                                   Outcome::unknown,
                                   "the write was applied here, but others may not have it: " + may.error().message,
                                   {}});
  } else if (now.steady > answer.valid_until) {
    std::get<ReadReady>(effect).result = fail(ErrorCode::behind, "this member's copy is older than was asked for");
  }
  context_->effects.push_back(std::move(effect));
}

}  // namespace gyre::replication
