#include "storage/memory_engine.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::storage {

// Copies the partition: records are shared slices, so this is cheap enough for tests.
class MemoryEngine::MemorySnapshot final : public Snapshot {
 public:
  MemorySnapshot(Records records, PartitionState state)
      : records_(std::move(records)), state_(std::move(state)), next_(records_.begin()) {}

  const PartitionState& state() const override { return state_; }

  Result<std::vector<KeyedRecord>> next(std::size_t bytes_max) override {
    std::vector<KeyedRecord> items;
    std::size_t bytes = 0;
    for (; next_ != records_.end() && (items.empty() || bytes < bytes_max); ++next_) {
      const auto& [key, record] = *next_;
      bytes += key.size() + record.value.size();
      items.push_back({Bytes::copy_of(key), record});
    }
    return items;
  }

 private:
  const Records records_;
  const PartitionState state_;
  Records::const_iterator next_;
};

class MemoryEngine::MemoryIngestion final : public Ingestion {
 public:
  MemoryIngestion(MemoryEngine& engine, PartitionId partition, std::uint64_t number)
      : engine_(engine), filling_{partition, {}}, number_(number) {}

  Result<void> add(std::span<const messages::Mutation> records) override {
    for (const messages::Mutation& record : records) {
      if (!filling_.records.empty() && record.key.view() <= filling_.records.back().key.view()) {
        return fail(ErrorCode::invalid_argument, "the records of a snapshot do not come in key order");
      }
      filling_.records.push_back(record);
    }
    return {};
  }

  Result<void> finish() override {
    const auto last = engine_.ingestions_.find(filling_.partition);
    if (last == engine_.ingestions_.end() || last->second != number_) {
      return fail(ErrorCode::not_found, "the partition was dropped while it was filled");
    }
    engine_.record(std::move(filling_));
    return engine_.sync();
  }

 private:
  MemoryEngine& engine_;
  Filling filling_;
  std::uint64_t number_;
};

void MemoryEngine::apply(Partition& partition, const messages::Mutation& mutation) {
  if (mutation.kind == messages::Mutation::Kind::put) {
    partition.records.insert_or_assign(mutation.key.str(), mutation.record);
  } else {
    partition.records.erase(mutation.key.str());
  }
}

// What is logged before cannot be read any more, and ids behind `last` are of a history that is gone.
void MemoryEngine::cut_log(Partition& partition, Sequence last) {
  partition.log.clear();
  partition.log_after = last;
  partition.ids.truncate_after(last);
}

void MemoryEngine::apply(Partition& partition, const OwnedBatch& batch) const {
  if (batch.drop_first) partition = {};
  Position reached = partition.state.position;
  for (const messages::LoggedWritePtr& write : batch.writes) {
    const Sequence previous(write->position.sequence.value() - 1);
    if (previous != reached.sequence) cut_log(partition, previous);
    for (const messages::Mutation& mutation : write->mutations) apply(partition, mutation);
    partition.log.push_back(write);
    partition.ids.add(*write);
    reached = write->position;
  }
  for (const messages::Mutation& repair : batch.repairs) apply(partition, repair);
  if (!batch.repairs.empty() || reached != batch.state.position) cut_log(partition, batch.state.position.sequence);
  if (batch.window) partition.ids.replace(*batch.window);
  partition.state = batch.state;
  for (; partition.log.size() > log_kept_; partition.log.pop_front()) {
    partition.log_after = partition.log.front()->position.sequence;
  }
}

void MemoryEngine::apply(Contents& contents, const Change& change) const {
  if (const auto* drop = std::get_if<Drop>(&change)) {
    contents.erase(drop->partition);
    return;
  }
  if (const auto* removal = std::get_if<Removal>(&change)) {
    Records& records = contents[removal->partition].records;
    for (const std::string& key : removal->keys) records.erase(key);
    return;
  }
  if (const auto* filling = std::get_if<Filling>(&change)) {
    for (const messages::Mutation& record : filling->records) apply(contents[filling->partition], record);
    return;
  }
  for (const OwnedBatch& batch : std::get<std::vector<OwnedBatch>>(change)) apply(contents[batch.partition], batch);
}

void MemoryEngine::record(Change change) {
  apply(live_, change);
  unsynced_.push_back(std::move(change));
  if (unsynced_.size() > kUnsyncedMax) {
    apply(synced_, unsynced_.front());
    unsynced_.pop_front();
  }
}

const MemoryEngine::Partition* MemoryEngine::find(PartitionId partition) const {
  const auto found = live_.find(partition);
  return found == live_.end() ? nullptr : &found->second;
}

Result<std::vector<std::pair<PartitionId, StoredPartition>>> MemoryEngine::partitions() const {
  std::vector<std::pair<PartitionId, StoredPartition>> stored;
  for (const auto& [id, partition] : live_) {
    stored.emplace_back(id, StoredPartition{partition.state, partition.ids.window()});
  }
  return stored;
}

Result<void> MemoryEngine::commit(std::span<const PartitionBatch> batches) {
  std::vector<OwnedBatch> owned;
  owned.reserve(batches.size());
  for (const PartitionBatch& batch : batches) {
    if (batch.drop_first) ingestions_.erase(batch.partition);
    owned.push_back({.partition = batch.partition,
                     .drop_first = batch.drop_first,
                     .writes = {batch.writes.begin(), batch.writes.end()},
                     .repairs = {batch.repairs.begin(), batch.repairs.end()},
                     .window = batch.window,
                     .state = batch.state});
  }
  record(std::move(owned));
  return {};
}

Result<void> MemoryEngine::sync() {
  for (const Change& change : unsynced_) apply(synced_, change);
  unsynced_.clear();
  return {};
}

void MemoryEngine::crash(std::size_t kept) {
  GYRE_ASSERT(kept <= unsynced_.size());
  unsynced_.resize(kept);
  live_ = synced_;
  for (const Change& change : unsynced_) apply(live_, change);
  horizons_.clear();
}

Result<std::vector<messages::LoggedWritePtr>> MemoryEngine::read_log(PartitionId partition, Sequence after,
                                                                     std::size_t bytes_max) const {
  const Partition* held = find(partition);
  const Partition none;
  if (held == nullptr) held = &none;
  const std::size_t first = after.value() - held->log_after.value();
  if (after < held->log_after || first > held->log.size()) {
    return fail(ErrorCode::not_found, fmt::format("the log of partition {} does not reach back to write {}",
                                                  partition.value(), after.value()));
  }
  std::vector<messages::LoggedWritePtr> writes;
  std::size_t bytes = 0;
  for (std::size_t i = first; i < held->log.size() && (writes.empty() || bytes < bytes_max); ++i) {
    writes.push_back(held->log[i]);
    bytes += held->log[i]->bytes();
  }
  return writes;
}

Result<Lookup> MemoryEngine::get(PartitionId partition, std::string_view key, UnixMillis now, Tier) const {
  const Partition* held = find(partition);
  if (held == nullptr) return Lookup{};
  const auto found = held->records.find(key);
  if (found == held->records.end() || !visible(found->second, now)) return Lookup{};
  return Lookup{Lookup::State::found, found->second};
}

Result<std::vector<Lookup>> MemoryEngine::multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                                    UnixMillis now) const {
  std::vector<Lookup> answers;
  answers.reserve(keys.size());
  for (const std::string_view key : keys) {
    GYRE_TRY_SET(Lookup answer, get(partition, key, now, Tier::all));
    answers.push_back(std::move(answer));
  }
  return answers;
}

Result<ScanPage> MemoryEngine::scan(PartitionId partition, const ScanRange& range, UnixMillis now) const {
  ScanPage page;
  const Partition* held = find(partition);
  if (held == nullptr) return page;
  const Records& records = held->records;
  const bool resumed = !range.after.empty() && range.after >= range.prefix;
  auto at = resumed ? records.upper_bound(range.after) : records.lower_bound(range.prefix);
  std::size_t bytes = 0;
  for (; at != records.end() && at->first.starts_with(range.prefix); ++at) {
    const auto& [key, record] = *at;
    if (!visible(record, now)) continue;
    if (page.items.size() >= range.items_max || bytes >= range.bytes_max) {
      page.more = true;
      break;
    }
    KeyedRecord item{Bytes::copy_of(key), record};
    if (!range.values_wanted) item.record.value = {};
    bytes += key.size() + item.record.value.size();
    page.items.push_back(std::move(item));
  }
  return page;
}

Result<void> MemoryEngine::drop_partition(PartitionId partition) {
  ingestions_.erase(partition);
  record(Drop{partition});
  return {};
}

Result<std::unique_ptr<Snapshot>> MemoryEngine::snapshot(PartitionId partition) {
  const Partition* held = find(partition);
  if (held == nullptr) return std::make_unique<MemorySnapshot>(Records{}, PartitionState{});
  return std::make_unique<MemorySnapshot>(held->records, held->state);
}

Result<std::unique_ptr<Ingestion>> MemoryEngine::ingest(PartitionId partition) {
  const std::uint64_t number = ingestions_[partition] = ++last_ingestion_;
  return std::make_unique<MemoryIngestion>(*this, partition, number);
}

void MemoryEngine::set_expiry_horizon(PartitionId partition, UnixMillis horizon) {
  UnixMillis& known = horizons_[partition];
  known = std::max(known, horizon);
}

Result<std::optional<std::string>> MemoryEngine::sweep(PartitionId partition, std::string_view after,
                                                       std::size_t records_max) {
  GYRE_ASSERT(records_max > 0);
  const Partition* held = find(partition);
  if (held == nullptr) return std::optional<std::string>{};
  const UnixMillis horizon = horizons_[partition];
  const Records& records = held->records;
  auto at = after.empty() ? records.begin() : records.upper_bound(after);
  Removal removal{partition, {}};
  std::optional<std::string> last;
  for (std::size_t looked_at = 0; at != records.end() && looked_at < records_max; ++looked_at, ++at) {
    last = at->first;
    if (!visible(at->second, horizon)) removal.keys.push_back(at->first);
  }
  if (at == records.end()) last.reset();
  if (!removal.keys.empty()) record(std::move(removal));
  return last;
}

PartitionSize MemoryEngine::size_of(PartitionId partition) const {
  PartitionSize size;
  if (const Partition* held = find(partition)) {
    for (const auto& [key, record] : held->records) size.bytes += key.size() + record.value.size();
  }
  return size;
}

}  // namespace gyre::storage
