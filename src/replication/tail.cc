#include "replication/tail.h"

#include <algorithm>
#include <iterator>

#include "base/limits.h"

namespace gyre::replication {

using messages::LoggedWritePtr;
using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;

Tail::Tail(Instant now, TailStart start, const RecentLog& recent, TaskIds& tasks, BrokenRule broken)
    : start_(std::move(start)), tasks_(&tasks), broken_(broken), read_(start_.common.value_or(last())), retry_(now) {
  if (start_.keys_wanted) keys_.emplace();
  if (!start_.common && last() > Sequence()) {
    const auto& history = start_.state.history;
    read_ = history.empty() ? Sequence() : Sequence(history.front().first.value() - 1);
    lose_rest(now);
  } else if (read_ >= last()) {
    phase_ = Phase::safe;
  } else if (recent.reaches(read_)) {
    take(now, recent.page(read_, last(), limits::kRecentLogBytesMax));
  } else {
    read();
  }
}

void Tail::on_log(Instant now, TaskId task, const Result<std::vector<LoggedWritePtr>>& writes) {
  if (phase_ != Phase::reading || task_ != task) return;
  task_.reset();
  const auto code = writes ? ErrorCode::not_found : writes.error().code;
  if (code != ErrorCode::not_found && code != ErrorCode::corrupt) return retry_.failed(now);
  retry_.restart(now);
  if (writes && !writes->empty()) return take(now, *writes);
  lose_rest(now);
}

void Tail::on_exported(Instant now, TaskId task, const Result<void>& outcome) {
  if (phase_ != Phase::exporting || task_ != task) return;
  task_.reset();
  if (!outcome) return retry_.failed(now);
  retry_.restart(now);
  losses_.clear();
  if (read_ < last()) return read();
  phase_ = Phase::safe;
}

void Tail::on_tick(Instant now) {
  if (task_ || safe() || !retry_.due(now)) return;
  if (phase_ == Phase::reading) return read();
  export_losses(now);
}

void Tail::read() {
  phase_ = Phase::reading;
  task_ = tasks_->next();
  effects_.emplace_back(ReadLog{.task = *task_, .after = read_, .bytes_max = limits::kLogReadBytes});
}

void Tail::take(Instant now, const std::vector<LoggedWritePtr>& writes) {
  for (const LoggedWritePtr& write : writes) {
    if (write->position.sequence > last()) break;
    read_ = write->position.sequence;
    losses_.emplace_back(LostWrite{start_.partition, write->position, write->time, write->id, write->mutations});
    if (write->id.given()) exported_ids_.push_back({write->id, write->position.term, write->time});
    ++exported_writes_;
    if (!keys_) continue;
    for (const Mutation& mutation : write->mutations) (*keys_)[mutation.key] = mutation.record.value.size();
    if (keys_->size() > limits::kFetchKeysMax) keys_.reset();
  }
  export_losses(now);
}

// Nobody here knows any more what the tail behind read_ was.
void Tail::lose_rest(Instant now) {
  keys_.reset();
  while (read_ < last()) {
    const Sequence first = read_.next();
    const auto& history = start_.state.history;
    const auto later = std::ranges::upper_bound(history, first, {}, &messages::TermStart::first);
    const Term term = later == history.begin() ? start_.state.position.term : std::prev(later)->term;
    read_ = later == history.end() ? last() : std::min(last(), Sequence(later->first.value() - 1));
    losses_.emplace_back(LostRange{start_.partition, term, first, read_,
                                   start_.common ? "the log on disk could not give them any more"
                                                 : "it is no longer known where the histories parted"});
    exported_writes_ += read_.value() - first.value() + 1;
  }
  export_losses(now);
}

void Tail::export_losses(Instant now) {
  phase_ = Phase::exporting;
  task_ = tasks_->next();
  if (broken_ == BrokenRule::export_before_rewind) return on_exported(now, *task_, {});
  effects_.emplace_back(ExportLosses{*task_, losses_});
}

}  // namespace gyre::replication
