#include "replication/repair.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/limits.h"
#include "replication/term_history.h"

namespace gyre::replication {

using messages::FetchedKeys;
using messages::LoggedWritePtr;
using messages::Mutation;
using messages::PartitionState;
using messages::SnapshotChunk;
using messages::WindowWrite;

namespace {

// What a key costs in a message besides its bytes, about.
constexpr std::size_t kKeyOverheadBytes = 64;

Mutation as_repair(messages::FetchedKey fetched) {
  if (!fetched.record) return {Mutation::Kind::del, std::move(fetched.key), {}};
  return {Mutation::Kind::put, std::move(fetched.key), *std::move(fetched.record)};
}

}  // namespace

Repair::Repair(Instant now, RepairStart start, const RecentLog& recent, TaskIds& tasks, BrokenRule broken)
    : start_(std::move(start)),
      rewinding_(start_.common && !start_.snapshot),
      tasks_(&tasks),
      broken_(broken),
      tail_(now,
            {.partition = start_.partition, .state = start_.state, .common = start_.common, .keys_wanted = rewinding_},
            recent, tasks, broken),
      // Only has to differ from those of earlier repairs of this member in the same term.
      id_(static_cast<std::uint64_t>(now.time_since_epoch().count())),
      progress_(now),
      retry_(now) {
  drain_tail(now);
}

// --- The tail ---

void Repair::on_log(Instant now, TaskId task, const Result<std::vector<LoggedWritePtr>>& writes) {
  tail_.on_log(now, task, writes);
  drain_tail(now);
}

void Repair::on_exported(Instant now, TaskId task, const Result<void>& outcome) {
  tail_.on_exported(now, task, outcome);
  drain_tail(now);
}

void Repair::drain_tail(Instant now) {
  std::ranges::move(tail_.take_effects(), std::back_inserter(effects_));
  if (phase_ != Phase::saving || !tail_.safe()) return;
  auto keys = tail_.take_keys();
  if (!keys) return begin_snapshot(now);
  keys_ = *std::move(keys);
  phase_ = keys_.empty() ? Phase::done : Phase::fetching;
  if (!keys_.empty()) fetch_next(now);
}

// --- What comes ---

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
  if (phase_ != Phase::receiving || chunk.term != start_.term || chunk.id != id_) return;
  if (chunk.chunk + 1 == chunk_) progress_ = now;  // the next one will come
  if (chunk.chunk != chunk_) return;
  if (next_ || last_received_) return;
  on_progress(now);
  ++chunk_;
  last_received_ = chunk.last;
  if (storing()) {
    next_ = std::move(chunk);
    return;
  }
  take(std::move(chunk));
}

void Repair::on_ingested(Instant now, TaskId task, const Result<void>& outcome) {
  if (!ingestion_ || ingestion_->stage == Ingestion::Stage::open || task != ingestion_->task) return;
  const auto stage = std::exchange(ingestion_->stage, Ingestion::Stage::open);
  if (!outcome) {
    reset_snapshot();
    return retry_.failed(now);
  }
  if (stage == Ingestion::Stage::finishing) ingestion_.reset();
  on_stored(now);
}

void Repair::on_tick(Instant now) {
  if (phase_ == Phase::saving) {
    tail_.on_tick(now);
    return drain_tail(now);
  }
  if (!retry_.due(now)) return;
  switch (phase_) {
    case Phase::fetching:
      if (!step_) ask_keys();
      break;
    case Phase::receiving:
      if (next_ || last_received_) break;
      // The primary may have closed it meanwhile.
      if (chunk_ > 0 && now - progress_ >= limits::kSnapshotPatience) return begin_snapshot(now);
      ask_chunk();
      break;
    case Phase::saving:
    case Phase::done: break;
  }
}

void Repair::on_step_persisted(Instant now) {
  if (!step_) return;  // that of an earlier repair
  step_.reset();
  on_stored(now);
}

std::vector<Effect> Repair::take_effects() { return std::exchange(effects_, {}); }

// --- Rewinding ---

void Repair::fetch_next(Instant now) {
  asked_.clear();
  std::size_t bytes = 0;
  for (const auto& [key, record_bytes] : keys_) {
    bytes += key.size() + record_bytes + kKeyOverheadBytes;
    if (!asked_.empty() && bytes > limits::kFetchBytesPerMessage) break;
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
  const auto later = std::ranges::stable_partition(
      window_, [common](const WindowWrite& write) { return write.position.sequence <= common; });
  written_since_.assign(std::make_move_iterator(later.begin()), std::make_move_iterator(later.end()));
  window_.erase(later.begin(), later.end());
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
  reset_snapshot();
  ask_chunk();
  on_progress(now);
}

// What is asked for next is the first chunk of another one.
void Repair::reset_snapshot() {
  drop_ingestion();
  window_.clear();
  records_.clear();
  snapshot_bytes_ = 0;
  emptied_ = false;
  whole_.reset();
  next_.reset();
  last_received_ = false;
  ++id_;
  chunk_ = 0;
}

void Repair::ask_chunk() {
  effects_.emplace_back(Send{start_.primary, messages::SnapshotAsk{start_.partition, start_.term, id_, chunk_}});
}

void Repair::take(SnapshotChunk chunk) {
  for (messages::FetchedKey& record : chunk.records) {
    snapshot_bytes_ += record.key.size() + (record.record ? record.record->value.size() : 0);
    records_.push_back(as_repair(std::move(record)));
  }
  std::ranges::move(chunk.window, std::back_inserter(window_));
  if (chunk.last) {
    whole_ = start_.state;
    whole_->position = chunk.position;
    whole_->history = std::move(chunk.history);
    whole_->whole_at = Sequence();
    whole_->time = std::max(whole_->time, chunk.time);
  }
  store_next();
  if (!last_received_) ask_chunk();
}

// The first step is made at once, whatever else is to be done: it drops what was there.
void Repair::store_next() {
  const bool ingests = ingestion_ || snapshot_bytes_ > start_.committed_bytes_max;
  if (emptied_ && ingests && !records_.empty()) return ingest();
  if (emptied_ && ingestion_ && whole_) return finish_ingestion();
  RepairStep step;
  step.drop_first = !std::exchange(emptied_, true);
  if (!ingests) step.repairs = std::exchange(records_, {});
  if (whole_ && records_.empty()) {
    step.window = std::move(window_);
    step.state = *std::exchange(whole_, std::nullopt);
  } else {
    step.state = start_.state;
    step.state.position = Position();
    step.state.history.clear();
    step.state.whole_at = messages::kNeverWhole;
  }
  step_ = std::move(step);
}

void Repair::ingest() {
  if (!ingestion_) ingestion_ = Ingestion{.task = tasks_->next()};
  ingestion_->stage = Ingestion::Stage::adding;
  effects_.emplace_back(IngestRecords{ingestion_->task, std::exchange(records_, {})});
}

void Repair::finish_ingestion() {
  ingestion_->stage = Ingestion::Stage::finishing;
  effects_.emplace_back(FinishIngestion{ingestion_->task});
  if (broken_ != BrokenRule::whole_once_in_place) return;
  ingestion_.reset();
  store_next();
}

void Repair::on_stored(Instant now) {
  on_progress(now);
  if (!records_.empty() || whole_) return store_next();
  if (next_) {
    take(*std::exchange(next_, std::nullopt));
  } else if (phase_ == Phase::fetching || last_received_) {
    phase_ = Phase::done;
  }
}

void Repair::drop_ingestion() {
  if (ingestion_) effects_.emplace_back(DropIngestion{ingestion_->task});
  ingestion_.reset();
}

void Repair::on_progress(Instant now) {
  progress_ = now;
  retry_.restart(now);
}

}  // namespace gyre::replication
