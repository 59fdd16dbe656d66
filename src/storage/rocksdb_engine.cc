#include "storage/rocksdb_engine.h"

#include <map>

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/optimistic_transaction_db.h>
#include <rocksdb/utilities/transaction.h>
#include <rocksdb/write_batch.h>

#include "base/assert.h"
#include "storage/dropped_partitions.h"
#include "storage/layout.h"
#include "storage/rocksdb_options.h"

namespace gyre::storage {
namespace {

std::string_view view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }
rocksdb::Slice slice_of(std::string_view view) { return {view.data(), view.size()}; }

// A key range that a RocksDB iterator can be bounded by: it keeps the memory that the options point into.
struct Bounds {
  explicit Bounds(layout::KeyRange of) : range(std::move(of)), end(range.end) {}
  Bounds(const Bounds&) = delete;
  Bounds& operator=(const Bounds&) = delete;

  layout::KeyRange range;
  rocksdb::Slice end;
};

std::unique_ptr<rocksdb::Iterator> iterate(rocksdb::DB& db, const Bounds& bounds, bool fill_cache) {
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bounds.end;
  options.fill_cache = fill_cache;
  return std::unique_ptr<rocksdb::Iterator>(db.NewIterator(options));
}

messages::Record record_of(const layout::StoredValue& value, bool value_wanted = true) {
  return {value_wanted ? Bytes::copy_of(value.bytes) : Bytes(), value.version, value.expires_at};
}

bool visible(const layout::StoredValue& value, UnixMillis now) {
  return value.expires_at == kNoExpiry || value.expires_at > now;
}

class RocksSnapshot final : public Snapshot {
 public:
  // The iterator holds the database as it is now, files and memtables.
  RocksSnapshot(rocksdb::DB& db, const std::string& path, PartitionId partition, PartitionState state)
      : path_(path), state_(std::move(state)), bounds_(layout::range_of(partition)) {
    iterator_ = iterate(db, bounds_, /*fill_cache=*/false);
    iterator_->Seek(bounds_.range.begin);
  }

  const PartitionState& state() const override { return state_; }

  Result<std::vector<KeyedRecord>> next(std::size_t bytes_max) override {
    std::vector<KeyedRecord> items;
    std::size_t bytes = 0;
    for (; iterator_->Valid() && (items.empty() || bytes < bytes_max); iterator_->Next()) {
      const std::string_view key = layout::user_key_of(view_of(iterator_->key()));
      GYRE_TRY_SET(const layout::StoredValue value, layout::decode_value(view_of(iterator_->value())));
      bytes += key.size() + value.bytes.size();
      items.push_back({Bytes::copy_of(key), record_of(value)});
    }
    if (!iterator_->status().ok()) return read_failure(path_, iterator_->status());
    return items;
  }

 private:
  const std::string& path_;
  PartitionState state_;
  Bounds bounds_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// THREAD: as Engine says. What the owner's loop alone touches: states_, batch_.
class RocksEngineOnDisk final : public RocksEngine {
 public:
  explicit RocksEngineOnDisk(std::string path) : path_(std::move(path)), filter_(horizons_) {
    memory_read_.read_tier = rocksdb::kBlockCacheTier;
    write_.no_slowdown = true;
  }

  Result<void> start(const RocksOptions& options);

  Result<std::vector<std::pair<PartitionId, PartitionState>>> partitions() const override;
  Result<void> commit(std::span<const PartitionBatch> batches) override;
  Result<void> sync() override;
  Result<Lookup> get(PartitionId partition, std::string_view key, UnixMillis now, Tier tier) const override;
  Result<std::vector<Lookup>> multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                        UnixMillis now) const override;
  Result<ScanPage> scan(PartitionId partition, const ScanRange& range, UnixMillis now) const override;
  Result<void> drop_partition(PartitionId partition) override;
  Result<void> reclaim() override;
  Result<std::unique_ptr<Snapshot>> snapshot(PartitionId partition) override;
  void set_expiry_horizon(PartitionId partition, UnixMillis horizon) override { horizons_.raise(partition, horizon); }
  Result<std::optional<std::string>> sweep(PartitionId partition, std::string_view after,
                                           std::size_t records_max) override;
  PartitionSize size_of(PartitionId partition) const override;
  bool stalled() const override;
  Result<void> compact(PartitionId partition) override;

 private:
  Result<void> load_states();
  Result<void> clear_stateless_partitions();
  Result<void> clear(layout::KeyRange range);
  void append(const PartitionBatch& batch);
  void remember(const PartitionBatch& batch);
  Result<Lookup> lookup_of(const rocksdb::Status& status, const rocksdb::PinnableSlice& stored, UnixMillis now) const;
  Result<void> delete_files(PartitionId partition);
  Result<void> remove_expired(const std::vector<std::string>& keys, UnixMillis horizon);

  const std::string path_;
  Horizons horizons_;
  const ExpiryFilter filter_;
  // Optimistic transactions serve sweep() alone; everything else goes to the database below at no cost for them.
  std::unique_ptr<rocksdb::OptimisticTransactionDB> transactions_;
  rocksdb::DB* db_ = nullptr;  // transactions_'s
  rocksdb::ReadOptions memory_read_;
  rocksdb::ReadOptions disk_read_;
  rocksdb::WriteOptions write_;
  std::map<PartitionId, PartitionState> states_;
  DroppedPartitions dropped_;
  rocksdb::WriteBatch batch_;
};

Result<void> RocksEngineOnDisk::start(const RocksOptions& options) {
  const rocksdb::Options tuned = tuned_options(options, filter_);
  rocksdb::OptimisticTransactionDBOptions optimistic;
  // Serial: conflicts are checked inside RocksDB's write thread, so also against commits that are no transactions.
  optimistic.validate_policy = rocksdb::OccValidationPolicy::kValidateSerial;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::OptimisticTransactionDB* opened = nullptr;
  const rocksdb::Status status = rocksdb::OptimisticTransactionDB::Open(
      tuned, optimistic, path_, {{rocksdb::kDefaultColumnFamilyName, tuned}}, &handles, &opened);
  if (!status.ok()) {
    if (status.IsInvalidArgument() && !options.create) {
      return fail(ErrorCode::corrupt,
                  fmt::format("the store {} is missing or unreadable ({}); restore it, or remove the whole data "
                              "directory to start this node empty",
                              path_, status.ToString()));
    }
    return read_failure(path_, status);
  }
  transactions_.reset(opened);
  db_ = transactions_->GetBaseDB();
  for (rocksdb::ColumnFamilyHandle* handle : handles) db_->DestroyColumnFamilyHandle(handle);
  GYRE_TRY(load_states());
  return clear_stateless_partitions();
}

Result<void> RocksEngineOnDisk::load_states() {
  const Bounds bounds(layout::meta_range());
  const auto iterator = iterate(*db_, bounds, /*fill_cache=*/false);
  for (iterator->Seek(bounds.range.begin); iterator->Valid(); iterator->Next()) {
    GYRE_TRY_SET(const layout::MetaKey key, layout::decode_meta_key(view_of(iterator->key())));
    GYRE_TRY(layout::decode_meta(key.kind, view_of(iterator->value()), states_[key.partition]));
  }
  if (!iterator->status().ok()) return read_failure(path_, iterator->status());
  return {};
}

// Goes through the gaps between partitions that have state.
Result<void> RocksEngineOnDisk::clear_stateless_partitions() {
  std::string begin(layout::kPartitionBytes, '\0');
  for (const auto& [partition, state] : states_) {
    const layout::KeyRange held = layout::range_of(partition);
    GYRE_TRY(clear({begin, held.begin}));
    begin = held.end;
  }
  return clear({begin, layout::meta_range().begin});
}

// Writes only where there is something to remove. A damaged block counts as something: it may be a neighbour's, whose
// readers will report it, and is no reason to refuse the whole store.
Result<void> RocksEngineOnDisk::clear(layout::KeyRange range) {
  const Bounds bounds(std::move(range));
  const auto iterator = iterate(*db_, bounds, /*fill_cache=*/false);
  iterator->Seek(bounds.range.begin);
  if (!iterator->Valid() && iterator->status().ok()) return {};
  const rocksdb::Status status =
      db_->DeleteRange(rocksdb::WriteOptions(), db_->DefaultColumnFamily(), bounds.range.begin, bounds.end);
  if (!status.ok()) return write_failure(path_, status);
  return {};
}

Result<std::vector<std::pair<PartitionId, PartitionState>>> RocksEngineOnDisk::partitions() const {
  return std::vector<std::pair<PartitionId, PartitionState>>(states_.begin(), states_.end());
}

// Records first, then the position they lead to: a reader of the log knows at a position record that everything before
// it and behind the last one belongs to that partition's batch.
void RocksEngineOnDisk::append(const PartitionBatch& batch) {
  for (const messages::Mutation& mutation : batch.mutations) {
    const std::string key = layout::key_of(batch.partition, mutation.key);
    if (mutation.kind == messages::Mutation::Kind::del) {
      batch_.Delete(key);
      continue;
    }
    const layout::ValueHeader header(mutation.record);
    const rocksdb::Slice key_parts[] = {key};
    const rocksdb::Slice value_parts[] = {slice_of(header.view()), slice_of(mutation.record.value)};
    batch_.Put(rocksdb::SliceParts(key_parts, 1), rocksdb::SliceParts(value_parts, 2));
  }
  const auto known = states_.find(batch.partition);
  if (known == states_.end() || known->second.history != batch.state.history ||
      known->second.served != batch.state.served) {
    batch_.Put(layout::terms_key(batch.partition), layout::encode_terms(batch.state));
  }
  batch_.Put(layout::position_key(batch.partition), layout::encode_position(batch.state.position));
}

void RocksEngineOnDisk::remember(const PartitionBatch& batch) {
  PartitionState& known = states_[batch.partition];
  known.position = batch.state.position;
  known.served = batch.state.served;
  if (known.history != batch.state.history) known.history = batch.state.history;
}

Result<void> RocksEngineOnDisk::commit(std::span<const PartitionBatch> batches) {
  // A batch that once held large values would hold their memory for ever.
  constexpr std::size_t kBatchBytesKept = std::size_t{1} << 20;
  if (batch_.GetDataSize() > kBatchBytesKept) {
    batch_ = rocksdb::WriteBatch();
  } else {
    batch_.Clear();
  }
  for (const PartitionBatch& batch : batches) {
    if (!dropped_.use(batch.partition)) return write_failure(path_, rocksdb::Status::Incomplete());
    append(batch);
  }
  const rocksdb::Status status = db_->Write(write_, &batch_);
  if (!status.ok()) return write_failure(path_, status);
  for (const PartitionBatch& batch : batches) remember(batch);
  return {};
}

Result<void> RocksEngineOnDisk::sync() {
  const rocksdb::Status status = db_->FlushWAL(/*sync=*/true);
  if (!status.ok()) return write_failure(path_, status);
  return {};
}

Result<Lookup> RocksEngineOnDisk::lookup_of(const rocksdb::Status& status, const rocksdb::PinnableSlice& stored,
                                            UnixMillis now) const {
  if (status.IsNotFound()) return Lookup{};
  if (status.IsIncomplete()) return Lookup{Lookup::State::needs_disk, {}};
  if (!status.ok()) return read_failure(path_, status);
  GYRE_TRY_SET(const layout::StoredValue value, layout::decode_value(view_of(stored)));
  if (!visible(value, now)) return Lookup{};
  return Lookup{Lookup::State::found, record_of(value)};
}

Result<Lookup> RocksEngineOnDisk::get(PartitionId partition, std::string_view key, UnixMillis now, Tier tier) const {
  rocksdb::PinnableSlice stored;
  const rocksdb::Status status = db_->Get(tier == Tier::memory ? memory_read_ : disk_read_, db_->DefaultColumnFamily(),
                                          layout::key_of(partition, key), &stored);
  return lookup_of(status, stored, now);
}

Result<std::vector<Lookup>> RocksEngineOnDisk::multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                                         UnixMillis now) const {
  std::vector<std::string> stored_keys;
  stored_keys.reserve(keys.size());
  for (const std::string_view key : keys) stored_keys.push_back(layout::key_of(partition, key));
  const std::vector<rocksdb::Slice> slices(stored_keys.begin(), stored_keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(disk_read_, db_->DefaultColumnFamily(), keys.size(), slices.data(), values.data(), statuses.data());

  std::vector<Lookup> answers;
  answers.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    GYRE_TRY_SET(Lookup answer, lookup_of(statuses[i], values[i], now));
    answers.push_back(std::move(answer));
  }
  return answers;
}

Result<ScanPage> RocksEngineOnDisk::scan(PartitionId partition, const ScanRange& range, UnixMillis now) const {
  const Bounds bounds(layout::range_of(partition, range.prefix));
  const auto iterator = iterate(*db_, bounds, /*fill_cache=*/true);
  if (!range.after.empty() && range.after >= range.prefix) {
    // The first key behind `after` is `after` and a zero byte.
    iterator->Seek(layout::key_of(partition, range.after) + '\0');
  } else {
    iterator->Seek(bounds.range.begin);
  }
  ScanPage page;
  std::size_t bytes = 0;
  for (; iterator->Valid(); iterator->Next()) {
    GYRE_TRY_SET(const layout::StoredValue value, layout::decode_value(view_of(iterator->value())));
    if (!visible(value, now)) continue;
    if (page.items.size() >= range.items_max || bytes >= range.bytes_max) {
      page.more = true;
      break;
    }
    const std::string_view key = layout::user_key_of(view_of(iterator->key()));
    page.items.push_back({Bytes::copy_of(key), record_of(value, range.values_wanted)});
    bytes += key.size() + page.items.back().record.value.size();
  }
  if (!iterator->status().ok()) return read_failure(path_, iterator->status());
  return page;
}

Result<void> RocksEngineOnDisk::drop_partition(PartitionId partition) {
  if (!dropped_.use(partition)) return write_failure(path_, rocksdb::Status::Incomplete());
  const layout::KeyRange range = layout::range_of(partition);
  rocksdb::WriteBatch batch;
  batch.DeleteRange(range.begin, range.end);
  batch.Delete(layout::terms_key(partition));
  batch.Delete(layout::position_key(partition));
  const rocksdb::Status status = db_->Write(write_, &batch);
  if (!status.ok()) return write_failure(path_, status);
  states_.erase(partition);
  dropped_.add(partition);
  return {};
}

Result<void> RocksEngineOnDisk::reclaim() {
  while (const std::optional<PartitionId> partition = dropped_.start()) {
    Result<void> deleted = delete_files(*partition);
    dropped_.finish(*partition);
    GYRE_TRY(std::move(deleted));
    // What is left are files shared with neighbours: few, however large the partition was.
    GYRE_TRY(compact(*partition));
  }
  return {};
}

// REQUIRES: nobody writes to the partition meanwhile.
Result<void> RocksEngineOnDisk::delete_files(PartitionId partition) {
  // Files go at once and for good, so the drop must be durable first: otherwise the machine's death could bring the
  // partition's position back without its records.
  GYRE_TRY(sync());
  const layout::KeyRange range = layout::range_of(partition);
  const rocksdb::Slice begin(range.begin);
  const rocksdb::Slice end(range.end);
  rocksdb::ColumnFamilyHandle* const all = db_->DefaultColumnFamily();
  rocksdb::Status status = rocksdb::DeleteFilesInRange(db_, all, &begin, &end, /*include_end=*/false);
  // One of the files may have held the range tombstone, which also hid records in files shared with neighbours.
  if (status.ok()) status = db_->DeleteRange(rocksdb::WriteOptions(), all, begin, end);
  if (!status.ok()) return write_failure(path_, status);
  return {};
}

Result<std::unique_ptr<Snapshot>> RocksEngineOnDisk::snapshot(PartitionId partition) {
  const auto known = states_.find(partition);
  return std::make_unique<RocksSnapshot>(*db_, path_, partition,
                                         known == states_.end() ? PartitionState{} : known->second);
}

Result<std::optional<std::string>> RocksEngineOnDisk::sweep(PartitionId partition, std::string_view after,
                                                            std::size_t records_max) {
  GYRE_ASSERT(records_max > 0);
  const UnixMillis horizon = horizons_.of(partition);
  const Bounds bounds(layout::range_of(partition));
  const auto iterator = iterate(*db_, bounds, /*fill_cache=*/false);
  iterator->Seek(after.empty() ? bounds.range.begin : layout::key_of(partition, after) + '\0');
  std::vector<std::string> expired;
  std::string last;
  for (std::size_t looked_at = 0; iterator->Valid() && looked_at < records_max; ++looked_at, iterator->Next()) {
    last = iterator->key().ToString();
    GYRE_TRY_SET(const layout::StoredValue value, layout::decode_value(view_of(iterator->value())));
    if (!visible(value, horizon)) expired.push_back(last);
  }
  if (!iterator->status().ok()) return read_failure(path_, iterator->status());
  GYRE_TRY(remove_expired(expired, horizon));
  if (!iterator->Valid()) return std::optional<std::string>{};
  return std::optional<std::string>(layout::user_key_of(last));
}

// A commit may have replaced a record since it was found expired, or replace it right now: the transaction reads each
// again and takes effect only if nothing touched them in between. If something did, the next sweep has another go.
Result<void> RocksEngineOnDisk::remove_expired(const std::vector<std::string>& keys, UnixMillis horizon) {
  if (keys.empty()) return {};
  const std::unique_ptr<rocksdb::Transaction> transaction(transactions_->BeginTransaction(write_));
  for (const std::string& key : keys) {
    std::string stored;
    rocksdb::Status status = transaction->GetForUpdate(disk_read_, key, &stored);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return read_failure(path_, status);
    GYRE_TRY_SET(const layout::StoredValue value, layout::decode_value(stored));
    if (visible(value, horizon)) continue;
    status = transaction->Delete(key);
    if (!status.ok()) return write_failure(path_, status);
  }
  const rocksdb::Status status = transaction->Commit();
  const bool another_go = status.IsBusy() || status.IsTryAgain() || status.IsIncomplete();
  if (!status.ok() && !another_go) return write_failure(path_, status);
  return {};
}

PartitionSize RocksEngineOnDisk::size_of(PartitionId partition) const {
  const layout::KeyRange range = layout::range_of(partition);
  const rocksdb::Range whole(range.begin, range.end);
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  PartitionSize size;
  // Can fail only for options that exclude both memtables and files.
  db_->GetApproximateSizes(options, db_->DefaultColumnFamily(), &whole, 1, &size.bytes).PermitUncheckedError();
  return size;
}

bool RocksEngineOnDisk::stalled() const {
  std::uint64_t stopped = 0;
  std::uint64_t delayed_bytes_per_second = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kIsWriteStopped, &stopped);
  db_->GetIntProperty(rocksdb::DB::Properties::kActualDelayedWriteRate, &delayed_bytes_per_second);
  return stopped != 0 || delayed_bytes_per_second != 0;
}

Result<void> RocksEngineOnDisk::compact(PartitionId partition) {
  const layout::KeyRange range = layout::range_of(partition);
  const rocksdb::Slice begin(range.begin);
  const rocksdb::Slice end(range.end);
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const rocksdb::Status status = db_->CompactRange(options, &begin, &end);
  if (!status.ok()) return write_failure(path_, status);
  return {};
}

}  // namespace

Result<std::unique_ptr<RocksEngine>> RocksEngine::open(const std::string& path, const RocksOptions& options) {
  auto engine = std::make_unique<RocksEngineOnDisk>(path);
  GYRE_TRY(engine->start(options));
  return engine;
}

}  // namespace gyre::storage
