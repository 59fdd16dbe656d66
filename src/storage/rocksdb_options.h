// How Gyre sets RocksDB up, and what RocksDB's answers mean. Internal to this folder.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/compaction_filter.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/slice.h>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "storage/rocksdb_engine.h"

namespace gyre::storage {

inline std::string_view view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// For each partition the time below which expired records may go for good. THREAD: any.
class Horizons {
 public:
  Horizons();
  UnixMillis of(PartitionId partition) const;
  void raise(PartitionId partition, UnixMillis horizon);

 private:
  std::vector<std::atomic<std::int64_t>> horizons_;
};

// Removes records that expired before their partition's horizon. Never touches what it does not understand: that is
// for a reader to report.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(const Horizons& horizons) : horizons_(horizons) {}
  const char* Name() const override { return "gyre.expiry"; }
  Decision FilterV2(int level, const rocksdb::Slice& key, ValueType type, const rocksdb::Slice& stored,
                    std::string* new_value, std::string* skip_until) const override;

 private:
  const Horizons& horizons_;
};

// `filter` must outlive the database. `listener` is told of flushes.
rocksdb::Options tuned_options(const RocksOptions& options, const ExpiryFilter& filter,
                               std::shared_ptr<rocksdb::EventListener> listener);

// The error that a failed status of a read, or of anything that changes nothing, stands for.
std::unexpected<Error> read_failure(const std::string& path, const rocksdb::Status& status);
// Of a write.
std::unexpected<Error> write_failure(const std::string& path, const rocksdb::Status& status);

}  // namespace gyre::storage
