#include "runtime/tasks.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::runtime {

using messages::FetchedKey;
using messages::LoggedWritePtr;
using replication::Moment;
using replication::TaskId;

namespace {

// The first of the keys, as many as one message takes: who asked for them asks for the rest again.
Result<std::vector<FetchedKey>> read_keys(const storage::Engine& engine, PartitionId partition,
                                          const std::vector<Bytes>& keys) {
  constexpr std::size_t kKeysAtOnce = 16;  // values may be large
  std::vector<FetchedKey> fetched;
  std::size_t bytes = 0;
  while (fetched.size() < keys.size() && bytes < limits::kFetchBytesPerMessage) {
    const auto first = keys.begin() + static_cast<std::ptrdiff_t>(fetched.size());
    const std::size_t count = std::min(kKeysAtOnce, keys.size() - fetched.size());
    const std::vector<std::string_view> views(first, first + static_cast<std::ptrdiff_t>(count));
    GYRE_TRY_SET(auto found, engine.multi_get(partition, views, kBeforeAll));
    for (std::size_t i = 0; i < count; ++i) {
      fetched.push_back({first[static_cast<std::ptrdiff_t>(i)], std::nullopt});
      if (found[i].state != storage::Lookup::State::found) continue;
      bytes += found[i].record.value.size();
      fetched.back().record = std::move(found[i].record);
    }
  }
  return fetched;
}

Result<std::vector<FetchedKey>> read_records(storage::Snapshot& snapshot, std::size_t bytes_max) {
  GYRE_TRY_SET(auto records, snapshot.next(bytes_max));
  std::vector<FetchedKey> fetched;
  fetched.reserve(records.size());
  for (auto& [key, record] : records) fetched.push_back({std::move(key), std::move(record)});
  return fetched;
}

std::size_t bytes_of(const std::vector<FetchedKey>& records) {
  std::size_t bytes = 0;
  for (const FetchedKey& item : records) bytes += item.key.size() + (item.record ? item.record->value.size() : 0);
  return bytes;
}

std::size_t bytes_of(const std::vector<LoggedWritePtr>& writes) {
  std::size_t bytes = 0;
  for (const LoggedWritePtr& write : writes) bytes += write->bytes();
  return bytes;
}

Error too_many_copies() {
  return {ErrorCode::busy, Outcome::not_applied, "too many reads of copies wait on this host", limits::kBusyRetryAfter};
}

std::uint64_t count_writes(const std::vector<messages::Loss>& losses) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      losses, [](const auto& loss) { return std::holds_alternative<messages::LostWrite>(loss); }));
}

}  // namespace

template <class T>
Tasks::Task Tasks::make(Machine& machine, std::move_only_function<T()> work,
                        std::move_only_function<void(const Moment&, T)> deliver) {
  auto result = std::make_shared<T>();
  return {[work = std::move(work), result]() mutable { *result = work(); },
          [this, &machine, deliver = std::move(deliver), result]() mutable {
            deliver(context_.environment.now(), std::move(*result));
            context_.machines.touch(machine);
          }};
}

void Tasks::admit_paced() {
  if (paced_.empty()) return;
  const Instant now = context_.environment.now().steady;
  while (!paced_.empty() && context_.pace.take(now, paced_.front().bytes)) {
    waiting_.push_back(std::move(paced_.front().task));
    paced_.pop_front();
  }
}

void Tasks::count_copied(std::size_t expected, std::size_t actual) {
  context_.pace.correct(expected, actual);
  context_.metrics.copied_bytes.add(actual);
}

void Tasks::retry_stalled() {
  if (stalled_.empty()) return;
  const Instant now = context_.environment.now().steady;
  while (!stalled_.empty() && stalled_.front().until <= now) {
    Job again = std::move(stalled_.front().again);
    stalled_.pop_front();
    again();
  }
}

void Tasks::end_turn() {
  admit_paced();
  retry_stalled();
  while (!waiting_.empty() && running_ < limits::kHostTasksMax) {
    auto task = std::make_shared<Task>(std::move(waiting_.front()));
    const auto submitted = context_.environment.run_blocking([task] { task->work(); },
                                                             [this, task] {
                                                               --running_;
                                                               task->done();
                                                             });
    if (!submitted) {
      waiting_.front() = std::move(*task);
      return;
    }
    waiting_.pop_front();
    ++running_;
  }
}

// --- Log and keys ---

void Tasks::carry_out(Machine& machine, replication::ReadLog effect) {
  using Writes = Result<std::vector<LoggedWritePtr>>;
  if (effect.paced && paced_.size() >= kPacedMax) {
    return machine.partition.on_log(context_.environment.now(), effect.task, fail(too_many_copies()));
  }
  context_.metrics.log_reads.add();
  const std::size_t bytes = std::min(effect.bytes_max, limits::kLogReadBytes);
  Task task = make<Writes>(
      machine,
      [engine = &context_.engine, id = machine.partition.id(), after = effect.after, bytes] {
        return engine->read_log(id, after, bytes);
      },
      [this, &machine, effect, bytes](const Moment& now, Writes writes) {
        const bool out_of_reach = !writes && writes.error().code == ErrorCode::not_found;
        if (!writes && !out_of_reach) context_.on_read_error(nullptr, writes.error());
        if (effect.paced) count_copied(bytes, writes ? bytes_of(*writes) : 0);
        machine.partition.on_log(now, effect.task, std::move(writes));
      });
  if (!effect.paced) return waiting_.push_back(std::move(task));
  paced_.push_back({{machine.partition.id(), effect.task}, bytes, std::move(task)});
}

void Tasks::carry_out(Machine& machine, replication::ReadKeys effect) {
  using Keys = Result<std::vector<FetchedKey>>;
  waiting_.push_back(make<Keys>(
      machine,
      [engine = &context_.engine, id = machine.partition.id(), keys = std::move(effect.keys)] {
        return read_keys(*engine, id, keys);
      },
      [this, &machine, task = effect.task](const Moment& now, Keys keys) {
        if (!keys) context_.on_read_error(&machine, keys.error());
        machine.partition.on_keys(now, task, std::move(keys));
      }));
}

// --- Snapshots ---

void Tasks::carry_out(Machine& machine, replication::OpenSnapshot effect) {
  auto snapshot = context_.engine.snapshot(machine.partition.id());
  Result<void> opened;
  if (snapshot) {
    snapshots_[{machine.partition.id(), effect.task}] = *std::move(snapshot);
  } else {
    opened = fail(snapshot.error());
  }
  machine.partition.on_snapshot_open(context_.environment.now(), effect.task, std::move(opened));
  if (!snapshot) context_.on_read_error(&machine, snapshot.error());
}

void Tasks::carry_out(Machine& machine, replication::ReadSnapshot effect) {
  using Records = Result<std::vector<FetchedKey>>;
  const TaskName name{machine.partition.id(), effect.task};
  const auto open = snapshots_.find(name);
  GYRE_ASSERT(open != snapshots_.end());
  if (paced_.size() >= kPacedMax) {
    return machine.partition.on_snapshot_records(context_.environment.now(), effect.task, fail(too_many_copies()));
  }
  const std::size_t bytes = context_.options.snapshot_chunk_bytes;
  Task task = make<Records>(
      machine, [snapshot = open->second, bytes] { return read_records(*snapshot, bytes); },
      [this, &machine, task = effect.task, bytes](const Moment& now, Records records) {
        if (!records) context_.on_read_error(&machine, records.error());
        count_copied(bytes, records ? bytes_of(*records) : 0);
        machine.partition.on_snapshot_records(now, task, std::move(records));
      });
  paced_.push_back({name, bytes, std::move(task)});
}

// Nobody waits for what is not yet read of it.
void Tasks::carry_out(Machine& machine, replication::CloseSnapshot effect) {
  const TaskName name{machine.partition.id(), effect.task};
  std::erase_if(paced_, [&](const Paced& paced) { return paced.name == name; });
  snapshots_.erase(name);
}

// --- Ingestions ---

void Tasks::run_ingestion(Machine& machine, TaskId task, IngestionWork work) {
  run_ingestion(machine, task, std::make_shared<IngestionWork>(std::move(work)));
}

void Tasks::run_ingestion(Machine& machine, TaskId task, std::shared_ptr<IngestionWork> work) {
  waiting_.push_back(make<Result<void>>(
      machine, [work] { return (*work)(); },
      [this, &machine, task, work](const Moment& now, Result<void> outcome) {
        if (!outcome && outcome.error().code == ErrorCode::busy) {
          stalled_.push_back({now.steady + limits::kBusyRetryAfter,
                              [this, &machine, task, work] { run_ingestion(machine, task, work); }});
          return;
        }
        if (!outcome && outcome.error().code == ErrorCode::corrupt) context_.metrics.storage_errors.add();
        if (!outcome && outcome.error().code == ErrorCode::storage_failed) context_.fail_storage(outcome.error());
        machine.partition.on_ingested(now, task, outcome);
      }));
}

void Tasks::carry_out(Machine& machine, replication::IngestRecords effect) {
  const TaskName name{machine.partition.id(), effect.task};
  auto open = ingestions_.find(name);
  if (open == ingestions_.end()) {
    auto begun = context_.engine.ingest(machine.partition.id());
    // Busy as well: what the machine dropped is just being cleared away.
    if (!begun) {
      return run_ingestion(machine, effect.task,
                           [why = begun.error().message] { return fail(ErrorCode::not_found, why); });
    }
    open = ingestions_.emplace(name, *std::move(begun)).first;
  }
  run_ingestion(machine, effect.task,
                [ingestion = open->second, records = std::move(effect.records)] { return ingestion->add(records); });
}

void Tasks::carry_out(Machine& machine, replication::FinishIngestion effect) {
  const auto open = ingestions_.find({machine.partition.id(), effect.task});
  GYRE_ASSERT(open != ingestions_.end());
  run_ingestion(machine, effect.task, [ingestion = std::move(open->second)] { return ingestion->finish(); });
  ingestions_.erase(open);
}

void Tasks::carry_out(Machine& machine, replication::DropIngestion effect) {
  const auto open = ingestions_.find({machine.partition.id(), effect.task});
  if (open == ingestions_.end()) return;
  // Its files may be large, and go with it.
  waiting_.push_back({[ingestion = std::move(open->second)]() mutable { ingestion.reset(); }, [] {}});
  ingestions_.erase(open);
}

// --- Ledger ---

void Tasks::carry_out(Machine& machine, replication::ExportLosses effect) {
  using Losses = std::vector<messages::Loss>;
  auto losses = std::make_shared<const Losses>(std::move(effect.losses));
  waiting_.push_back(make<Result<void>>(
      machine,
      [ledger = &context_.ledger, losses, wall = context_.environment.now().wall] {
        return ledger->append(*losses, wall);
      },
      [this, &machine, task = effect.task, losses](const Moment& now, Result<void> outcome) {
        if (outcome) {
          context_.metrics.lost_writes.add(count_writes(*losses));
        } else {
          context_.metrics.storage_errors.add();
        }
        machine.partition.on_exported(now, task, std::move(outcome));
      }));
}

void Tasks::carry_out(Machine& machine, replication::MarkReapplied effect) {
  waiting_.push_back(make<Result<void>>(
      machine,
      [ledger = &context_.ledger, id = machine.partition.id(), retries = std::move(effect.retries)] {
        return ledger->mark_reapplied(id, retries);
      },
      [this, &machine, task = effect.task](const Moment& now, Result<void> outcome) {
        if (!outcome) context_.metrics.storage_errors.add();
        machine.partition.on_marked(now, task, std::move(outcome));
      }));
}

}  // namespace gyre::runtime
