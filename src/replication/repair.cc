#include "replication/repair.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/limits.h"
#include "replication/term_history.h"

namespace gyre::replication {

using messages::FetchedKeys;
using messages::LoggedWritePtr;
using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;
using messages::PartitionState;
using messages::SnapshotChunk;
using messages::WindowWrite;

namespace {

using namespace std::chrono_literals;

constexpr Duration kRetryFirst = 200ms;
constexpr Duration kRetryMax = 2s;
// What a key costs in a message besides its bytes, about.
constexpr std::size_t kKeyOverheadBytes = 64;

Mutation as_repair(messages::FetchedKey fetched) {
  if (!fetched.record) return {Mutation::Kind::del, std::move(fetched.key), {}};
  return {Mutation::Kind::put, std::move(fetched.key), *std::move(fetched.record)};
}

}  // namespace

Repair::Repair(Instant now, RepairStart start, const RecentLog& recent, TaskIds& tasks, BrokenRule broken)
    : start_(std::move(start)),
      tasks_(&tasks),
      broken_(broken),
      rewinding_(start_.common && !start_.snapshot),
      tail_read_(start_.common.value_or(start_.state.position.sequence)),
      // Only has to differ from those of earlier repairs of this member in the same term.
      id_(static_cast<std::uint64_t>(now.time_since_epoch().count())),
      progress_(now),
      retry_at_(now) {
  const Sequence last = start_.state.position.sequence;
  if (!start_.common && last > Sequence()) {
    const auto& history = start_.state.history;
    tail_read_ = history.empty() ? Sequence() : Sequence(history.front().first.value() - 1);
    lose_rest_of_tail(now);
  } else if (tail_read_ >= last) {
    tail_is_safe(now);
  } else if (recent.reaches(tail_read_)) {
    take_tail(now, recent.page(tail_read_, last, limits::kRecentLogBytesMax));
  } else {
    read_tail(now);
  }
}

void Repair::on_log(Instant now, TaskId task, Result<std::vector<LoggedWritePtr>> writes) {
  if (phase_ != Phase::reading || task_ != task) return;
  task_.reset();
  on_progress(now);
  if (writes && !writes->empty()) return take_tail(now, *writes);
  const auto code = writes ? ErrorCode::not_found : writes.error().code;
  // Anything else is tried again.
  if (code == ErrorCode::not_found || code == ErrorCode::corrupt) lose_rest_of_tail(now);
}

void Repair::on_exported(Instant now, TaskId task, Result<void> outcome) {
  if (phase_ != Phase::exporting || task_ != task) return;
  task_.reset();
  on_progress(now);
  if (!outcome) return;
  losses_.clear();
  if (tail_read_ < start_.state.position.sequence) return read_tail(now);
  tail_is_safe(now);
}

void Repair::on_fetched(Instant now, FetchedKeys fetched) {
  if (phase_ != Phase::fetching || fetched.term != start_.term || fetched.id != id_ || step_) return;
  on_progress(now);
  if (fetched.keys.empty()) return begin_snapshot(now);
  for (messages::FetchedKey& key : fetched.keys) {
    if (keys_.erase(key.key) == 0) continue;
    if (key.record) fetched_bytes_ += key.record->value.size();
    fetched_.push_back(as_repair(std::move(key)));
  }
  if (fetched_bytes_ > limits::kFetchBytesMax) return begin_snapshot(now);
  fetched_at_ = std::max(fetched_at_, fetched.position);
  start_.state.time = std::max(start_.state.time, fetched.time);
  window_ = std::move(fetched.window);
  if (keys_.empty()) return finish_rewind();
  fetch_next(now);
}

void Repair::on_chunk(Instant now, SnapshotChunk chunk) {
  if (phase_ != Phase::receiving || chunk.term != start_.term || chunk.id != id_ || chunk.chunk != chunk_) return;
  if (next_ || last_received_) return;
  on_progress(now);
  ++chunk_;
  last_received_ = chunk.last;
  if (step_) {
    next_ = std::move(chunk);
    return;
  }
  store(std::move(chunk));
  if (!last_received_) ask_chunk();
}

void Repair::on_tick(Instant now) {
  if (now < retry_at_) return;
  retry_after_ = std::clamp(2 * retry_after_, kRetryFirst, kRetryMax);
  retry_at_ = now + retry_after_;
  switch (phase_) {
    case Phase::reading:
      if (!task_) read_tail(now);
      break;
    case Phase::exporting:
      if (!task_) export_losses(now);
      break;
    case Phase::fetching:
      if (!step_) ask_keys();
      break;
    case Phase::receiving:
      if (next_ || last_received_) break;
      // The primary may have closed it meanwhile.
      if (chunk_ > 0 && now - progress_ >= limits::kSnapshotPatience) return begin_snapshot(now);
      ask_chunk();
      break;
    case Phase::done: break;
  }
}

void Repair::on_step_persisted(Instant now) {
  if (!step_) return;  // that of an earlier repair
  step_.reset();
  on_progress(now);
  if (next_) {
    store(std::move(*next_));
    next_.reset();
    if (!last_received_) ask_chunk();
  } else if (phase_ == Phase::fetching || last_received_) {
    phase_ = Phase::done;
  }
}

std::vector<Effect> Repair::take_effects() { return std::exchange(effects_, {}); }

// --- The tail ---

void Repair::read_tail(Instant now) {
  phase_ = Phase::reading;
  task_ = tasks_->next();
  effects_.emplace_back(ReadLog{*task_, tail_read_, limits::kLogReadBytes});
  on_progress(now);
}

void Repair::take_tail(Instant now, const std::vector<LoggedWritePtr>& writes) {
  for (const LoggedWritePtr& write : writes) {
    if (write->position.sequence > start_.state.position.sequence) break;
    tail_read_ = write->position.sequence;
    losses_.emplace_back(LostWrite{start_.partition, write->position, write->time, write->id, write->mutations});
    if (write->id.given()) exported_ids_.push_back(write->id);
    ++exported_writes_;
    if (!rewinding_) continue;
    for (const Mutation& mutation : write->mutations) keys_[mutation.key] = mutation.record.value.size();
    if (keys_.size() > limits::kFetchKeysMax) rewinding_ = false;
  }
  export_losses(now);
}

// Nobody here knows any more what the tail behind tail_read_ was.
void Repair::lose_rest_of_tail(Instant now) {
  rewinding_ = false;
  const Sequence last = start_.state.position.sequence;
  while (tail_read_ < last) {
    const Sequence first = tail_read_.next();
    const auto& history = start_.state.history;
    const auto later = std::ranges::upper_bound(history, first, {}, &messages::TermStart::first);
    const Term term = later == history.begin() ? start_.state.position.term : std::prev(later)->term;
    tail_read_ = later == history.end() ? last : std::min(last, Sequence(later->first.value() - 1));
    losses_.emplace_back(LostRange{start_.partition, term, first, tail_read_,
                                   start_.common ? "the log on disk could not give them any more"
                                                 : "it is no longer known where the histories parted"});
    exported_writes_ += tail_read_.value() - first.value() + 1;
  }
  export_losses(now);
}

void Repair::export_losses(Instant now) {
  phase_ = Phase::exporting;
  task_ = tasks_->next();
  if (broken_ == BrokenRule::export_before_rewind) return on_exported(now, *task_, {});
  effects_.emplace_back(ExportLosses{*task_, losses_});
  on_progress(now);
}

void Repair::tail_is_safe(Instant now) {
  if (!rewinding_) return begin_snapshot(now);
  phase_ = Phase::fetching;
  if (keys_.empty()) {
    phase_ = Phase::done;
    return;
  }
  fetch_next(now);
}

// --- Rewinding ---

void Repair::fetch_next(Instant now) {
  asked_.clear();
  std::size_t bytes = 0;
  for (const auto& [key, record_bytes] : keys_) {
    bytes += key.size() + record_bytes + kKeyOverheadBytes;
    if (!asked_.empty() && bytes > limits::kSnapshotChunkBytes) break;
    asked_.push_back(key);
    if (asked_.size() == limits::kFetchKeysPerMessage) break;
  }
  ++id_;
  ask_keys();
  on_progress(now);
}

void Repair::ask_keys() {
  effects_.emplace_back(Send{start_.primary, messages::FetchKeys{start_.partition, start_.term, id_, asked_}});
}

void Repair::finish_rewind() {
  const Sequence common = *start_.common;
  mark_reapplied(window_);
  std::erase_if(window_, [common](const WindowWrite& write) { return write.position.sequence > common; });
  PartitionState state = start_.state;
  state.position = {term_at(state.history, common).value_or(Term()), common};
  truncate_after(state.history, common);
  state.whole_at = fetched_at_.sequence > common ? fetched_at_.sequence : Sequence();
  step_ = RepairStep{false, std::move(fetched_), std::move(window_), std::move(state)};
}

// --- Snapshot ---

void Repair::begin_snapshot(Instant now) {
  phase_ = Phase::receiving;
  rewinding_ = false;
  keys_.clear();
  fetched_.clear();
  window_.clear();
  ++id_;
  chunk_ = 0;
  ask_chunk();
  on_progress(now);
}

void Repair::ask_chunk() {
  effects_.emplace_back(Send{start_.primary, messages::SnapshotAsk{start_.partition, start_.term, id_, chunk_}});
}

void Repair::store(SnapshotChunk chunk) {
  RepairStep step;
  step.drop_first = chunk.chunk == 0;
  step.state = start_.state;
  step.repairs.reserve(chunk.records.size());
  for (messages::FetchedKey& record : chunk.records) step.repairs.push_back(as_repair(std::move(record)));
  std::ranges::move(chunk.window, std::back_inserter(window_));
  if (chunk.last) {
    mark_reapplied(window_);
    step.window = std::move(window_);
    step.state.position = chunk.position;
    step.state.history = std::move(chunk.history);
    step.state.whole_at = Sequence();
    step.state.time = std::max(step.state.time, chunk.time);
  } else {
    step.state.position = Position();
    step.state.history.clear();
    step.state.whole_at = messages::kNeverWhole;
  }
  step_ = std::move(step);
}

void Repair::mark_reapplied(const std::vector<WindowWrite>& window) {
  std::vector<messages::WriteId> exported = exported_ids_;
  std::ranges::sort(exported);
  MarkReapplied effect;
  for (const WindowWrite& write : window) {
    if (std::ranges::binary_search(exported, write.id)) effect.ids.push_back(write.id);
  }
  if (!effect.ids.empty()) effects_.emplace_back(std::move(effect));
}

void Repair::on_progress(Instant now) {
  progress_ = now;
  retry_after_ = kRetryFirst;
  retry_at_ = now + retry_after_;
}

}  // namespace gyre::replication
