#include "storage/rocksdb_engine.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/optimistic_transaction_db.h>
#include <rocksdb/utilities/transaction.h>
#include <rocksdb/write_batch.h>

#include "base/assert.h"
#include "storage/dropped_partitions.h"
#include "storage/layout.h"
#include "storage/rocksdb_ingestion.h"
#include "storage/rocksdb_log.h"
#include "storage/rocksdb_options.h"
#include "storage/rocksdb_snapshot.h"
#include "storage/rocksdb_space.h"

namespace gyre::storage {
namespace {

rocksdb::Slice slice_of(std::string_view view) { return {view.data(), view.size()}; }

bool visible(const layout::StoredValue& value, UnixMillis now) {
  return value.expires_at == kNoExpiry || value.expires_at > now;
}

bool has_records(const PartitionBatch& batch) { return !batch.writes.empty() || !batch.repairs.empty(); }

// The commit leaves nothing of the partition but its state.
bool empties(std::span<const PartitionBatch> rest) {
  const PartitionBatch& batch = rest.front();
  return batch.drop_first && !has_records(batch) &&
         std::ranges::none_of(rest.subspan(1), [&](const PartitionBatch& later) {
           return later.partition == batch.partition && has_records(later);
         });
}

// All but what changes with every commit.
bool same_terms(const PartitionState& a, const PartitionState& b) {
  return a.history == b.history && a.served == b.served && a.promised == b.promised && a.whole_at == b.whole_at;
}

// THREAD: as Engine says. What the owner's loop alone touches: stored_, given_windows_, filled_, batch_, mark_,
// steps_.
class RocksEngineOnDisk final : public RocksEngine {
 public:
  RocksEngineOnDisk(std::string path, const RocksOptions& options)
      : path_(std::move(path)),
        filter_(horizons_),
        log_(std::make_shared<RocksLog>(path_, options)),
        id_life_(options.log_kept_for),
        clock_(clock_of(options)),
        filled_(limits::kSlots) {
    memory_read_.read_tier = rocksdb::kBlockCacheTier;
    write_.no_slowdown = true;
  }

  Result<void> start(const RocksOptions& options);
  // Writes down the windows that start() found, so that they do not depend on the log any more; durable.
  Result<void> save_windows();

  Result<std::vector<std::pair<PartitionId, StoredPartition>>> partitions() const override;
  Result<void> commit(std::span<const PartitionBatch> batches) override;
  Result<void> sync() override;
  Result<std::vector<messages::LoggedWritePtr>> read_log(PartitionId partition, Sequence after,
                                                         std::size_t bytes_max) const override {
    return log_->read(*db_, partition, after, bytes_max);
  }
  Result<Lookup> get(PartitionId partition, std::string_view key, UnixMillis now, Tier tier) const override;
  Result<std::vector<Lookup>> multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                        UnixMillis now) const override;
  Result<ScanPage> scan(PartitionId partition, const ScanRange& range, UnixMillis now) const override;
  Result<void> drop_partition(PartitionId partition) override;
  Result<void> reclaim() override;
  Result<std::unique_ptr<Snapshot>> snapshot(PartitionId partition) override;
  Result<std::unique_ptr<Ingestion>> ingest(PartitionId partition) override;
  void set_expiry_horizon(PartitionId partition, UnixMillis horizon) override { horizons_.raise(partition, horizon); }
  Result<std::optional<std::string>> sweep(PartitionId partition, std::string_view after,
                                           std::size_t records_max) override;
  PartitionSize size_of(PartitionId partition) const override { return {bytes_of(*db_, layout::range_of(partition))}; }
  bool stalled() const override;
  Result<void> compact(PartitionId partition) override {
    return storage::compact(*db_, path_, layout::range_of(partition));
  }
  std::uint64_t log_records_visited() const override { return log_->records_visited(); }

 private:
  Result<void> load_states();
  Result<void> clear_stateless_partitions();
  void find_records();
  bool sees_something(const Bounds& bounds) const;
  Result<void> clear(layout::KeyRange range);
  void append(PartitionId partition, const messages::Mutation& mutation);
  void append_cut(PartitionId partition, Sequence last);
  void append_drop(PartitionId partition, bool filled);
  bool filled_before(std::span<const PartitionBatch> earlier, PartitionId partition) const;
  Result<void> check_free(const PartitionBatch& batch);
  std::unexpected<Error> at_work() const;
  void append_window(const PartitionBatch& batch);
  void append_writes(const PartitionBatch& batch, Position reached);
  void append(const PartitionBatch& batch, std::span<const PartitionBatch> earlier);
  const PartitionState* state_before(std::span<const PartitionBatch> earlier, PartitionId partition) const;
  void clear_batch();
  Result<void> write_batch();
  void remember(const PartitionBatch& batch);
  Result<Lookup> lookup_of(const rocksdb::Status& status, const rocksdb::PinnableSlice& stored, UnixMillis now) const;
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
  // Windows as of opening, until the first commit.
  std::map<PartitionId, StoredPartition> stored_;
  bool windows_held_ = false;
  std::map<PartitionId, Instant> given_windows_;  // those on disk; nothing in them was written later
  const std::shared_ptr<RocksLog> log_;
  const Duration id_life_;
  const std::function<Instant()> clock_;
  std::vector<bool> filled_;  // by partition: it may hold records
  DroppedPartitions dropped_;
  std::optional<Ingestions> ingestions_;
  rocksdb::WriteBatch batch_;
  std::string mark_;
  std::vector<LogStep> steps_;  // what batch_ means for the log
};

Result<void> RocksEngineOnDisk::start(const RocksOptions& options) {
  const rocksdb::Options tuned = tuned_options(options, filter_, log_);
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
  GYRE_TRY(clear_stateless_partitions());
  ingestions_.emplace(path_, *db_, tuned, *log_);
  GYRE_TRY(ingestions_->clear());
  find_records();
  log_->trim(*db_);
  windows_held_ = true;
  return log_->scan(*db_, stored_);
}

Result<void> RocksEngineOnDisk::load_states() {
  const Bounds bounds(layout::meta_range());
  const auto iterator = iterate(*db_, bounds, /*fill_cache=*/false);
  for (iterator->Seek(bounds.range.begin); iterator->Valid(); iterator->Next()) {
    GYRE_TRY_SET(const layout::MetaKey key, layout::decode_meta_key(view_of(iterator->key())));
    GYRE_TRY(layout::decode_meta(key.kind, view_of(iterator->value()), stored_[key.partition]));
    if (key.kind == layout::MetaKey::Kind::window) given_windows_[key.partition] = clock_();
  }
  if (!iterator->status().ok()) return read_failure(path_, iterator->status());
  return {};
}

// Goes through the gaps between partitions that have state.
Result<void> RocksEngineOnDisk::clear_stateless_partitions() {
  std::string begin(layout::kPartitionBytes, '\0');
  for (const auto& [partition, stored] : stored_) {
    const layout::KeyRange held = layout::range_of(partition);
    GYRE_TRY(clear({begin, held.begin}));
    begin = held.end;
  }
  return clear({begin, layout::meta_range().begin});
}

// Which partitions may hold records, and which were dropped and not reclaimed before the store was closed. Of one whose
// files were being deleted when it was, some may be seen again.
void RocksEngineOnDisk::find_records() {
  constexpr std::uint64_t kWorthReclaiming = std::size_t{1} << 20;
  for (const auto& [partition, stored] : stored_) {
    const PartitionState& state = stored.state;
    const bool empty = state.position == Position() && state.whole_at == Sequence();
    filled_[partition.value()] = !empty || sees_something(Bounds(layout::range_of(partition)));
    if (empty && size_of(partition).bytes >= kWorthReclaiming) dropped_.add(partition);
  }
}

// A damaged block counts as something: it may be a neighbour's, whose readers will report it, and is no reason to
// refuse the whole store.
bool RocksEngineOnDisk::sees_something(const Bounds& bounds) const {
  const auto iterator = iterate(*db_, bounds, /*fill_cache=*/false);
  iterator->Seek(bounds.range.begin);
  return iterator->Valid() || !iterator->status().ok();
}

// Writes only where there is something to remove.
Result<void> RocksEngineOnDisk::clear(layout::KeyRange range) {
  const Bounds bounds(std::move(range));
  if (!sees_something(bounds)) return {};
  const rocksdb::Status status =
      db_->DeleteRange(rocksdb::WriteOptions(), db_->DefaultColumnFamily(), bounds.range.begin, bounds.end);
  if (!status.ok()) return write_failure(path_, status);
  return {};
}

Result<void> RocksEngineOnDisk::save_windows() {
  rocksdb::WriteBatch batch;
  for (const auto& [partition, stored] : stored_) {
    if (!stored.window.empty()) batch.Put(layout::window_key(partition), layout::encode_window(stored.window));
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const rocksdb::Status status = db_->Write(synced, &batch);
  if (!status.ok()) return write_failure(path_, status);
  return {};
}

Result<std::vector<std::pair<PartitionId, StoredPartition>>> RocksEngineOnDisk::partitions() const {
  return std::vector<std::pair<PartitionId, StoredPartition>>(stored_.begin(), stored_.end());
}

void RocksEngineOnDisk::append(PartitionId partition, const messages::Mutation& mutation) {
  const auto prefix = layout::prefix_of(partition);
  const rocksdb::Slice key_parts[] = {{prefix.data(), prefix.size()}, slice_of(mutation.key)};
  const rocksdb::SliceParts key(key_parts, 2);
  if (mutation.kind == messages::Mutation::Kind::del) {
    batch_.Delete(key);
    return;
  }
  const layout::ValueHeader header(mutation.record);
  const rocksdb::Slice value_parts[] = {slice_of(header.view()), slice_of(mutation.record.value)};
  batch_.Put(key, rocksdb::SliceParts(value_parts, 2));
}

void RocksEngineOnDisk::append_cut(PartitionId partition, Sequence last) {
  batch_.PutLogData(layout::encode_cut_mark(partition, last));
  steps_.push_back({.partition = partition, .cut = true, .first = {}, .last = last});
}

// The writes and, where the history does not simply go on with them, what cuts it. `reached`: the position before.
void RocksEngineOnDisk::append_writes(const PartitionBatch& batch, Position reached) {
  for (const messages::LoggedWritePtr& write : batch.writes) {
    const Sequence sequence = write->position.sequence;
    if (sequence != reached.sequence.next()) append_cut(batch.partition, Sequence(sequence.value() - 1));
    layout::encode_write_mark(batch.partition, *write, mark_);
    batch_.PutLogData(mark_);
    for (const messages::Mutation& mutation : write->mutations) append(batch.partition, mutation);
    if (steps_.empty() || steps_.back().cut || steps_.back().partition != batch.partition) {
      steps_.push_back({.partition = batch.partition, .first = sequence, .last = {}});
    }
    steps_.back().last = sequence;
    reached = write->position;
  }
  if (!batch.repairs.empty() || reached != batch.state.position) {
    append_cut(batch.partition, batch.state.position.sequence);
  }
}

// Where nothing can be there is nothing to delete: a tombstone would keep files from being ingested beneath it.
void RocksEngineOnDisk::append_drop(PartitionId partition, bool filled) {
  const layout::KeyRange range = layout::range_of(partition);
  batch_.PutLogData(layout::encode_drop_mark(partition));
  if (filled) {
    batch_.DeleteRange(range.begin, range.end);
    ingestions_->note_tombstone(partition);
  }
  batch_.Delete(layout::window_key(partition));
  steps_.push_back({.partition = partition, .cut = true, .first = {}, .last = {}});
}

// One that was given goes once nobody can ask for what is in it: it would come back at every opening.
void RocksEngineOnDisk::append_window(const PartitionBatch& batch) {
  if (batch.window) {
    batch_.Put(layout::window_key(batch.partition), layout::encode_window(*batch.window));
    given_windows_[batch.partition] = clock_();
    return;
  }
  const auto given = given_windows_.find(batch.partition);
  if (given == given_windows_.end() || clock_() - given->second < id_life_) return;
  batch_.Delete(layout::window_key(batch.partition));
  given_windows_.erase(given);
}

// Marks cost neither memtable nor tables anything. The position closes each partition's part.
void RocksEngineOnDisk::append(const PartitionBatch& batch, std::span<const PartitionBatch> earlier) {
  const PartitionState* before = state_before(earlier, batch.partition);
  if (batch.drop_first) {
    append_drop(batch.partition, filled_before(earlier, batch.partition));
    before = nullptr;
  }
  append_writes(batch, before == nullptr ? Position{} : before->position);
  for (const messages::Mutation& repair : batch.repairs) append(batch.partition, repair);
  append_window(batch);
  if (before == nullptr || !same_terms(*before, batch.state)) {
    batch_.Put(layout::terms_key(batch.partition), layout::encode_terms(batch.state));
  }
  batch_.Put(layout::position_key(batch.partition), layout::encode_position(batch.state));
}

// As the batches before it in the same commit leave it. Null: it has none.
const PartitionState* RocksEngineOnDisk::state_before(std::span<const PartitionBatch> earlier,
                                                      PartitionId partition) const {
  for (auto batch = earlier.rbegin(); batch != earlier.rend(); ++batch) {
    if (batch->partition == partition) return &batch->state;
  }
  const auto known = stored_.find(partition);
  return known == stored_.end() ? nullptr : &known->second.state;
}

bool RocksEngineOnDisk::filled_before(std::span<const PartitionBatch> earlier, PartitionId partition) const {
  return filled_[partition.value()] || std::ranges::any_of(earlier, [&](const PartitionBatch& batch) {
           return batch.partition == partition && has_records(batch);
         });
}

void RocksEngineOnDisk::remember(const PartitionBatch& batch) {
  if (batch.drop_first || has_records(batch)) filled_[batch.partition.value()] = has_records(batch);
  PartitionState& known = stored_[batch.partition].state;
  if (same_terms(known, batch.state)) {
    known.position = batch.state.position;
    known.time = batch.state.time;
  } else {
    known = batch.state;
  }
}

void RocksEngineOnDisk::clear_batch() {
  // A batch that once held large values would hold their memory for ever.
  constexpr std::size_t kBatchBytesKept = std::size_t{1} << 20;
  if (batch_.GetDataSize() > kBatchBytesKept) {
    batch_ = rocksdb::WriteBatch();
  } else {
    batch_.Clear();
  }
  steps_.clear();
}

Result<void> RocksEngineOnDisk::write_batch() {
  const rocksdb::SequenceNumber before = db_->GetLatestSequenceNumber();
  const rocksdb::Status status = db_->Write(write_, &batch_);
  if (!status.ok()) return write_failure(path_, status);
  log_->grow(before, batch_.GetDataSize(), steps_);
  return {};
}

// Another thread is just working on what the partition holds.
std::unexpected<Error> RocksEngineOnDisk::at_work() const {
  return fail(Error{ErrorCode::busy, Outcome::not_applied, fmt::format("the store {} is at work there", path_),
                    limits::kBusyRetryAfter});
}

// ERRORS: busy.
Result<void> RocksEngineOnDisk::check_free(const PartitionBatch& batch) {
  const bool free = (!batch.drop_first || ingestions_->cancel(batch.partition)) &&
                    (!has_records(batch) || dropped_.use(batch.partition));
  if (!free) return at_work();
  return {};
}

Result<void> RocksEngineOnDisk::commit(std::span<const PartitionBatch> batches) {
  clear_batch();
  for (std::size_t i = 0; i < batches.size(); ++i) {
    GYRE_TRY(check_free(batches[i]));
    append(batches[i], batches.first(i));
  }
  GYRE_TRY(write_batch());
  if (std::exchange(windows_held_, false)) {
    for (auto& [partition, stored] : stored_) stored.window = {};
  }
  for (std::size_t i = 0; i < batches.size(); ++i) {
    remember(batches[i]);
    if (empties(batches.subspan(i))) dropped_.add(batches[i].partition);
  }
  return {};
}

Result<void> RocksEngineOnDisk::sync() {
  const rocksdb::SequenceNumber last = db_->GetLatestSequenceNumber();
  const rocksdb::Status status = db_->FlushWAL(/*sync=*/true);
  if (!status.ok()) return write_failure(path_, status);
  ingestions_->note_synced(last);
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
  if (!ingestions_->cancel(partition) || !dropped_.use(partition)) return at_work();
  clear_batch();
  append_drop(partition, filled_[partition.value()]);
  batch_.Delete(layout::terms_key(partition));
  batch_.Delete(layout::position_key(partition));
  GYRE_TRY(write_batch());
  stored_.erase(partition);
  filled_[partition.value()] = false;
  dropped_.add(partition);
  return {};
}

Result<std::unique_ptr<Ingestion>> RocksEngineOnDisk::ingest(PartitionId partition) {
  if (!dropped_.use(partition)) return at_work();
  filled_[partition.value()] = true;
  return ingestions_->begin(partition);
}

Result<void> RocksEngineOnDisk::reclaim() {
  std::set<PartitionId> reclaimed;
  while (const std::optional<PartitionId> partition = dropped_.start()) {
    ingestions_->note_tombstone(*partition);
    Result<void> deleted = delete_files(*db_, path_, layout::range_of(*partition));
    dropped_.finish(*partition);
    GYRE_TRY(std::move(deleted));
    reclaimed.insert(*partition);
  }
  std::vector<layout::KeyRange> ranges;
  for (const PartitionId partition : reclaimed) ranges.push_back(layout::range_of(partition));
  return compact_remains(*db_, path_, std::move(ranges));
}

Result<std::unique_ptr<Snapshot>> RocksEngineOnDisk::snapshot(PartitionId partition) {
  const PartitionState* known = state_before({}, partition);
  return take_snapshot(*db_, path_, partition, known == nullptr ? PartitionState{} : *known);
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

bool RocksEngineOnDisk::stalled() const {
  std::uint64_t stopped = 0;
  std::uint64_t delayed_bytes_per_second = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kIsWriteStopped, &stopped);
  db_->GetIntProperty(rocksdb::DB::Properties::kActualDelayedWriteRate, &delayed_bytes_per_second);
  return stopped != 0 || delayed_bytes_per_second != 0;
}

// What the log holds behind the place where it is torn was not recovered, and RocksDB gives the same sequence numbers
// out again: nobody may ever read it. So the log goes, and what it was still needed for is written down before.
// Whoever is interrupted here begins again.
Result<void> recover_from_machine_death(const std::string& path, const RocksOptions& options) {
  {
    RocksEngineOnDisk engine(path, options);
    GYRE_TRY(engine.start(options));
    GYRE_TRY(engine.save_windows());
  }  // closed: all that was recovered is in tables, and its log in the archive
  std::error_code error;
  std::filesystem::remove_all(archive_of(path), error);
  if (error) {
    return fail(ErrorCode::storage_failed, fmt::format("{} cannot be removed: {}", archive_of(path), error.message()));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RocksEngine>> RocksEngine::open(const std::string& path, const RocksOptions& options) {
  if (options.machine_died) GYRE_TRY(recover_from_machine_death(path, options));
  RocksOptions recovered = options;
  recovered.machine_died = false;
  auto engine = std::make_unique<RocksEngineOnDisk>(path, recovered);
  GYRE_TRY(engine->start(recovered));
  return engine;
}

}  // namespace gyre::storage
