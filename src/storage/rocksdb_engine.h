// The engine on RocksDB. No RocksDB type's definition is needed to use it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"
#include "base/time.h"
#include "storage/engine.h"

namespace rocksdb {
class Cache;
}

namespace gyre::storage {

using BlockCache = std::shared_ptr<rocksdb::Cache>;

// One for all stores of a process. UNITS: bytes of uncompressed blocks, indexes and filters.
BlockCache make_block_cache(std::size_t bytes);

struct RocksOptions {
  BlockCache cache;
  std::size_t memtable_bytes = std::size_t{64} << 20;  // flushed at once; up to kMemtablesMax times that waits for it
  // Log that recovery needs no more is kept for members that were away, up to about so much, but surely for
  // `log_kept_for`: the ids in it are what retries are recognised by when the store is opened again.
  std::size_t log_bytes = std::size_t{1} << 30;
  Duration log_kept_for = limits::kWriteIdLife;
  bool create = false;  // make a new store; otherwise it must be there
  // The machine died since the store was used last: the end of its log may be torn, and the longest whole prefix is
  // recovered. Otherwise only an unfinished last record is forgiven, as a killed process leaves it, and anything else
  // refused: nothing acknowledged goes missing unnoticed.
  bool machine_died = false;
  // Of the kernel. Empty: what earlier processes of this boot know of the log's age does not count.
  std::string boot_id = {};
  std::function<Instant()> clock = {};  // a test's; empty: CLOCK_BOOTTIME
};

inline constexpr int kMemtablesMax = 4;
// A list a quarter as long costs far less: most of an insertion is waiting for memory that no cache holds.
inline constexpr int kMemtableParts = 4;
// What a memtable allocates at once. Three fill a huge page, where jemalloc adds a small page to each; of 1 MiB, as
// RocksDB would have it, there is room for one.
inline constexpr std::size_t kMemtableBlockBytes = std::size_t{640} << 10;

// INVARIANT: a partition without state has no records (restored at opening, where a crash interrupted reclaim()).
class RocksEngine : public Engine {
 public:
  // ERRORS: corrupt (also: not there), storage_failed.
  static Result<std::unique_ptr<RocksEngine>> open(const std::string& path, const RocksOptions& options);

  // Rewrites all of a partition on disk, which removes what is deleted or expired at its horizon. Blocks. THREAD: any.
  virtual Result<void> compact(PartitionId partition) = 0;

  // Records of the log that opening and read_log have gone through so far. THREAD: any.
  virtual std::uint64_t log_records_visited() const = 0;
};

}  // namespace gyre::storage
