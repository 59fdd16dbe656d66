#include "replication/journal.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "replication/term_history.h"

namespace gyre::replication {

using messages::LoggedWritePtr;

Journal::Journal(messages::PartitionState stored, std::vector<messages::WindowWrite> window, BrokenRule broken)
    : state_(std::move(stored)),
      persisted_(state_.position),
      assigned_(state_.position.sequence),
      promised_durably_(state_.promised),
      served_durably_(state_.served),
      recent_(limits::kRecentLogBytesMax),
      window_(broken),
      broken_(broken) {
  window_.replace(std::move(window));
}

Position Journal::position_of(Sequence sequence) const {
  GYRE_ASSERT(sequence <= assigned_);
  if (sequence == Sequence(0)) return {};
  const auto term = term_at(state_.history, sequence);
  return term ? Position{*term, sequence} : Position{};
}

void Journal::append(LoggedWritePtr write) {
  const Position position = write->position;
  GYRE_ASSERT(position.sequence == assigned_.next() || broken_ == BrokenRule::apply_in_order);
  if (state_.history.empty() || state_.history.back().term < position.term) {
    replication::begin_term(state_.history, position.term, position.sequence);
  }
  if (write->id.given() && window_.find(write->id) == nullptr) window_.add(messages::window_write(*write));
  assigned_ = position.sequence;
  pending_.append(std::move(write));
}

// --- Promises ---

void Journal::promise(Term term, bool synced) {
  if (term > state_.promised) {
    state_.promised = term;
    dirty_ = true;
  }
  if (synced && promised_synced_ < state_.promised) dirty_ = sync_wanted_ = true;
}

void Journal::begin_term(Term term) {
  GYRE_ASSERT(term >= state_.promised);
  state_.promised = office_ = term;
  state_.whole_at = Sequence(0);
  begin_office();
  dirty_ = true;
}

void Journal::begin_office() {
  if (!state_.history.empty() && state_.history.back().term >= office_) return;
  replication::begin_term(state_.history, office_, assigned_.next());
}

void Journal::record_served() {
  GYRE_ASSERT(office_ >= state_.served);
  state_.served = office_;
  sync_wanted_ = true;
  dirty_ = true;
}

void Journal::match_history() { truncate_after(state_.history, assigned_); }

// --- Giving up ---

void Journal::forget_after(Sequence last) {
  assigned_ = last;
  pending_.truncate_after(last);
  recent_.truncate_after(last);
  window_.truncate_after(last);
  truncate_after(state_.history, last);
  if (office_ != Term()) begin_office();
}

void Journal::drop_uncommitted() {
  if (assigned_ != committed()) forget_after(committed());
}

// --- Persistence ---

bool Journal::step_is_out() const {
  return std::ranges::any_of(handed_, [](const Handed& handed) { return handed.before_step.has_value(); });
}

std::optional<Persist> Journal::take(UnixMillis time, const RepairStep* step) {
  if (step_is_out()) step = nullptr;
  if (assigned_ == committed() && !dirty_ && step == nullptr) return std::nullopt;
  Handed handed{.id = ++last_id_,
                .last = state_.position,
                .promised = state_.promised,
                .served = state_.served,
                .dirty = std::exchange(dirty_, false),
                .synced = std::exchange(sync_wanted_, false),
                .before = state_.position,
                .persisted_before = persisted_,
                .step = step != nullptr,
                .before_step = std::nullopt};
  if (step != nullptr) return take_step(*step, std::move(handed));
  const auto writes = pending_.after(committed());
  for (const LoggedWritePtr& write : writes) {
    if (!recent_.empty() && recent_.last().next() != write->position.sequence) recent_.clear();
    recent_.append(write);
  }
  if (!writes.empty()) state_.position = handed.last = writes.back()->position;
  state_.time = std::max(state_.time, time);
  const bool synced = handed.synced;
  handed_.push_back(std::move(handed));
  return Persist{.id = last_id_,
                 .drop_first = false,
                 .writes = writes,
                 .repairs = {},
                 .window = std::nullopt,
                 .state = state_,
                 .synced = synced};
}

// What is assigned and not committed was given up when the repair began.
Persist Journal::take_step(const RepairStep& step, Handed handed) {
  GYRE_ASSERT(assigned_ == committed());
  handed.before_step = BeforeStep{state_, std::exchange(window_, Window(broken_))};
  handed.last = step.state.position;
  const UnixMillis time = std::max(state_.time, step.state.time);
  const Term served = state_.served;
  const Term promised = state_.promised;
  state_ = step.state;
  state_.served = served;
  state_.promised = promised;
  state_.time = time;
  assigned_ = state_.position.sequence;
  persisted_ = std::min(persisted_, state_.position,
                        [](const Position& a, const Position& b) { return a.sequence < b.sequence; });
  pending_.truncate_after(Sequence(0));
  const bool keeps_recent = !step.drop_first && !recent_.empty() && recent_.reaches(assigned_);
  if (keeps_recent) {
    recent_.truncate_after(assigned_);
  } else {
    recent_.clear();
  }
  // Without one it is of a snapshot that is not complete, and nothing is held.
  GYRE_ASSERT(step.window || assigned_ == Sequence());
  if (step.window) window_.replace(*step.window);
  const bool synced = handed.synced;
  handed_.push_back(std::move(handed));
  return Persist{.id = last_id_,
                 .drop_first = step.drop_first,
                 .writes = {},
                 .repairs = step.repairs,
                 .window = step.window,
                 .state = state_,
                 .synced = synced};
}

Journal::Report Journal::on_persisted(std::uint64_t id) {
  Report report;
  while (!handed_.empty() && handed_.front().id <= id) {
    const Handed done = std::move(handed_.front());
    handed_.pop_front();
    persisted_through(done.last);
    promised_durably_ = std::max(promised_durably_, done.promised);
    served_durably_ = std::max(served_durably_, done.served);
    if (done.synced) promised_synced_ = std::max(promised_synced_, done.promised);
    report.step = report.step || done.before_step.has_value();
  }
  pending_.drop_through(persisted_.sequence);
  return report;
}

// Some of it may have been given up since, by a step of a repair that is still on its way.
void Journal::persisted_through(Position position) {
  for (const Handed& later : handed_) {
    if (later.step && later.last.sequence < position.sequence) position = later.last;
  }
  persisted_ = position;
}

void Journal::disown_step() {
  for (Handed& handed : handed_) handed.before_step.reset();
}

void Journal::on_refused() {
  GYRE_ASSERT(!handed_.empty());
  Handed refused = std::move(handed_.back());
  handed_.pop_back();
  dirty_ = dirty_ || refused.dirty;
  sync_wanted_ = sync_wanted_ || refused.synced;
  if (refused.before_step) {
    state_ = std::move(refused.before_step->state);
    window_ = std::move(refused.before_step->window);
    assigned_ = state_.position.sequence;
    persisted_ = refused.persisted_before;
    recent_.clear();
    return;
  }
  state_.position = refused.before;
  forget_after(refused.before.sequence);
}

void Journal::check_invariants() const {
  GYRE_ASSERT(persisted_.sequence <= committed() && committed() <= assigned_);
  GYRE_ASSERT(pending_.empty() || pending_.first() > persisted_.sequence);
  GYRE_ASSERT(persisted_.sequence < assigned_ || pending_.empty());
  GYRE_ASSERT(promised_durably_ <= state_.promised && served_durably_ <= state_.served);
  GYRE_ASSERT(state_.served <= state_.promised);
}

}  // namespace gyre::replication
