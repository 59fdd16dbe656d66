#include "storage/rocksdb_options.h"

#include <algorithm>
#include <limits>

#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include "base/limits.h"
#include "storage/layout.h"

namespace gyre::storage {
namespace {

rocksdb::BlockBasedTableOptions table_options(const BlockCache& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Indexes and filters count against the cache as well, so that its size bounds what reads keep in memory.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // bits per key: 1 % false positives
  table.whole_key_filtering = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  return table;
}

// Each commit writes the position of its partitions anew, under the same few keys: the memtable finds the place of such
// a key from where it last put it, instead of from the top of its skip list.
class PositionHints : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "gyre.PositionHints"; }
  bool InDomain(const rocksdb::Slice& key) const override {
    return key.size() >= layout::kPartitionBytes && layout::partition_of(view_of(key)) == layout::kMetaPartition;
  }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return key; }
};

// Compaction can wait and requests cannot: where both want the processor, a compacting thread gets a quarter of one.
class PoliteCompactions : public rocksdb::EventListener {
 public:
  void OnCompactionBegin(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    constexpr int kNice = 5;
    thread_local const int done = ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
    static_cast<void>(done);
  }
};

void bound_the_info_log(rocksdb::Options& db) {
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.max_log_file_size = std::size_t{4} << 20;
  db.keep_log_file_num = 3;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
}

}  // namespace

BlockCache make_block_cache(std::size_t bytes) { return rocksdb::NewLRUCache(bytes); }

Horizons::Horizons() : horizons_(limits::kSlots) {}

UnixMillis Horizons::of(PartitionId partition) const {
  return {horizons_[partition.value()].load(std::memory_order_relaxed)};
}

void Horizons::raise(PartitionId partition, UnixMillis horizon) {
  std::atomic<std::int64_t>& held = horizons_[partition.value()];
  std::int64_t known = held.load(std::memory_order_relaxed);
  while (known < horizon.value && !held.compare_exchange_weak(known, horizon.value)) {
  }
}

rocksdb::CompactionFilter::Decision ExpiryFilter::FilterV2(int, const rocksdb::Slice& key, ValueType type,
                                                           const rocksdb::Slice& stored, std::string*,
                                                           std::string*) const {
  if (type != ValueType::kValue || key.size() < layout::kPartitionBytes) return Decision::kKeep;
  const std::uint16_t partition = layout::partition_of(view_of(key));
  if (partition >= limits::kSlots) return Decision::kKeep;
  const Result<layout::StoredValue> value = layout::decode_value(view_of(stored));
  if (!value || value->expires_at == kNoExpiry) return Decision::kKeep;
  // kRemove leaves a tombstone where older versions may lie below, so none of them comes back.
  return value->expires_at <= horizons_.of(PartitionId(partition)) ? Decision::kRemove : Decision::kKeep;
}

rocksdb::Options tuned_options(const RocksOptions& options, const ExpiryFilter& filter,
                               std::shared_ptr<rocksdb::EventListener> listener) {
  rocksdb::Options db;
  db.create_if_missing = options.create;
  db.paranoid_checks = true;
  db.wal_recovery_mode = options.machine_died ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                              : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Any value makes RocksDB keep its log in an archive; with this one it removes nothing from there. Its own limits
  // would do so by the wall clock, and at once where that was set back. How much stays is for `listener` to see to at
  // each flush.
  db.WAL_ttl_seconds = std::numeric_limits<std::uint64_t>::max();
  db.listeners.push_back(std::move(listener));
  db.listeners.push_back(std::make_shared<PoliteCompactions>());
  db.manual_wal_flush = false;  // each commit reaches the kernel: a killed process loses nothing

  db.write_buffer_size = options.memtable_bytes / kMemtableParts;
  db.arena_block_size = std::min(kMemtableBlockBytes, db.write_buffer_size / 8);
  db.min_write_buffer_number_to_merge = kMemtableParts;
  db.max_write_buffer_number = kMemtablesMax * kMemtableParts;
  // The conflict check of sweep() looks at memtables; the least history will do, as a sweep that lacks it tries again.
  db.max_write_buffer_size_to_maintain = 1;
  db.memtable_whole_key_filtering = true;
  db.memtable_prefix_bloom_size_ratio = 0.02;
  db.memtable_insert_with_hint_prefix_extractor = std::make_shared<PositionHints>();

  db.max_background_jobs = 2;
  db.level_compaction_dynamic_level_bytes = true;
  db.bytes_per_sync = std::size_t{1} << 20;  // no burst of dirty pages at a file's end
  db.avoid_unnecessary_blocking_io = true;  // freeing files and memtables is not for the loop
  db.max_open_files = -1;  // a read from memory never has to open a file
  db.compaction_filter = &filter;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options.cache)));

  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::ranges::find(supported, rocksdb::kLZ4Compression) != supported.end();
  db.compression = lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  bound_the_info_log(db);
  return db;
}

std::unexpected<Error> read_failure(const std::string& path, const rocksdb::Status& status) {
  if (status.IsCorruption()) {
    return fail(ErrorCode::corrupt, fmt::format("the store {} is damaged: {}", path, status.ToString()));
  }
  return fail(ErrorCode::storage_failed, fmt::format("the store {} cannot be used: {}", path, status.ToString()));
}

std::unexpected<Error> write_failure(const std::string& path, const rocksdb::Status& status) {
  if (status.IsIncomplete()) {  // what no_slowdown gives instead of waiting
    return fail(Error{ErrorCode::busy, Outcome::not_applied, fmt::format("the store {} is stalled by its disk", path),
                      limits::kBusyRetryAfter});
  }
  std::unexpected<Error> failure = read_failure(path, status);
  failure.error().outcome = Outcome::unknown;
  return failure;
}

}  // namespace gyre::storage
