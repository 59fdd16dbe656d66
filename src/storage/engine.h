// The engine: an ordered store of records, divided into partitions. One engine belongs to one event loop.
// Keys are any bytes, but not empty.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/operation.h"

namespace gyre::storage {

using messages::PartitionState;

// What one partition adds to a commit, made durable together or not at all: in this order.
struct PartitionBatch {
  PartitionId partition;
  bool drop_first = false;  // forget all records, the log and the window before
  std::span<const messages::LoggedWritePtr> writes = {};   // in order; they can be read back by read_log
  std::span<const messages::Mutation> repairs = {};  // records brought in from another member: not of the log
  std::optional<std::vector<messages::WindowWrite>> window = {};  // takes the place of all ids logged so far
  PartitionState state;                              // after all that
};

// What a store remembers of one partition.
struct StoredPartition {
  PartitionState state;
  // The writes with an id that a retry may still ask for, oldest first: of the last window given, and those logged
  // behind it, as far back as the log reaches, but no more than a window holds. Left out is what its client has closed
  // (but for what may repeat another write), and what is surely older than an id lives; how old the rest is, nobody can
  // tell any more.
  std::vector<messages::WindowWrite> window;
};

// Where a read may look.
enum class Tier : std::uint8_t {
  memory,  // never blocks: memtable and block cache
  all,  // may read the disk: off the loop only
};

// Whether a reader at `now` sees the record.
inline bool visible(const messages::Record& record, UnixMillis now) {
  return record.expires_at == kNoExpiry || record.expires_at > now;
}

struct Lookup {
  enum class State : std::uint8_t { found, absent, needs_disk };
  State state = State::absent;
  messages::Record record;  // only when found
};

struct KeyedRecord {
  Bytes key;
  messages::Record record;
};

struct ScanRange {
  std::string_view prefix = {};
  std::string_view after = {};  // exclusive; empty: from the first key
  std::size_t items_max = 1000;
  std::size_t bytes_max = 1 << 20;  // the page ends behind the item that reaches it
  bool values_wanted = true;
};

struct ScanPage {
  std::vector<KeyedRecord> items;
  bool more = false;
};

// The records of one partition as they were at one position. Safe to read on any thread, while the engine lives.
// Includes expired records that are still there.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual const PartitionState& state() const = 0;
  // The next records in key order, up to about `bytes_max`; empty: done. ERRORS: corrupt, storage_failed.
  virtual Result<std::vector<KeyedRecord>> next(std::size_t bytes_max) = 0;
};

// Many records of one partition on their way into the store, at far less cost than by commits. Until finish() any of
// them may be in place already.
// THREAD: any, one at a time.
class Ingestion {
 public:
  virtual ~Ingestion() = default;
  // Blocks. ERRORS: invalid_argument (not behind all keys before), busy (stalled; the same records may be added later),
  // not_found (as finish), corrupt, storage_failed.
  virtual Result<void> add(std::span<const messages::Mutation> records) = 0;
  // All commits from before the ingestion are durable then, and so is this. The state that goes with the records is to
  // be committed afterwards. Call it once, behind the last add(). Blocks. ERRORS: not_found (nothing more is put in
  // place: the partition was dropped meanwhile, another ingestion begun, or the next one, from a drop on, will do),
  // corrupt, storage_failed.
  virtual Result<void> finish() = 0;
};

struct PartitionSize {
  std::uint64_t bytes = 0;  // on disk and in memory, approximate
};

// THREAD: commit, drop_partition, snapshot, ingest and partitions on the owner's loop only. Everything else on any
// thread, concurrently with everything. (The memory engine belongs to one thread altogether.)
//
// A record whose expires_at is set and not later than the reader's `now` is invisible to get, multi_get and scan, at
// once. It is removed for good by compaction once expires_at <= the partition's expiry horizon, and by sweeps.
//
// ERRORS of all: corrupt (checksum mismatch, or no record of ours), storage_failed (I/O; the caller must stop serving
// from this engine).
class Engine {
 public:
  virtual ~Engine() = default;

  // Every partition that has a state. Called once, after opening. May read the whole log.
  virtual Result<std::vector<std::pair<PartitionId, StoredPartition>>> partitions() const = 0;

  // Applies all batches atomically and in order; a partition may occur in several. When it returns, the writes are
  // visible and handed to the kernel (they survive the process); not yet synced. Never blocks on a write stall.
  // ERRORS: busy (stalled, or what is dropped is just being ingested; nothing was applied), storage_failed (nothing may
  // be assumed).
  virtual Result<void> commit(std::span<const PartitionBatch> batches) = 0;
  // Makes every commit that returned before this call survive the machine. Blocks.
  virtual Result<void> sync() = 0;

  // Logged writes behind `after`, in order and without a gap, up to about `bytes_max` (at least one, if there is one
  // and it was committed before the call). The log is what the store keeps for its own recovery, bounded in size:
  // no second copy of the data. Reads the disk.
  // ERRORS: not_found (the log does not reach back to `after`, or its history was broken by a drop or repair).
  virtual Result<std::vector<messages::LoggedWritePtr>> read_log(PartitionId partition, Sequence after,
                                                                 std::size_t bytes_max) const = 0;

  virtual Result<Lookup> get(PartitionId partition, std::string_view key, UnixMillis now, Tier tier) const = 0;
  // One answer for each key, in order. Reads the disk.
  virtual Result<std::vector<Lookup>> multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                                UnixMillis now) const = 0;
  // Keys in byte order. Reads the disk.
  virtual Result<ScanPage> scan(PartitionId partition, const ScanRange& range, UnixMillis now) const = 0;

  // Forgets records and state of a partition at once; its cost does not grow with its size. The partition may be used
  // again right away. ERRORS: as commit.
  virtual Result<void> drop_partition(PartitionId partition) = 0;
  // Gives the disk space of dropped partitions back now instead of whenever compaction comes by: of those dropped as a
  // whole, by drop_partition or a batch with no records of its own, now or before the store was opened. Blocks. While
  // it works on a partition, commits of records to that partition answer busy.
  virtual Result<void> reclaim() = 0;
  // The partition as it is now, at the position of its last commit.
  virtual Result<std::unique_ptr<Snapshot>> snapshot(PartitionId partition) = 0;

  // Records brought in from another member, from a point behind all that the partition holds: nobody else commits
  // records to it until finish() has returned. Must not outlive the engine. ERRORS: busy (as commit of records).
  virtual Result<std::unique_ptr<Ingestion>> ingest(PartitionId partition) = 0;

  // The partition's time below which expired records may be removed for good; never goes back.
  virtual void set_expiry_horizon(PartitionId partition, UnixMillis horizon) = 0;
  // Looks at up to `records_max` records behind `after` and removes those expired at the horizon, unless a commit
  // changes them meanwhile. Returns where to go on; none: the partition's end was reached. Removal is physical only:
  // positions do not change. Blocks. REQUIRES: records_max > 0.
  virtual Result<std::optional<std::string>> sweep(PartitionId partition, std::string_view after,
                                                   std::size_t records_max) = 0;

  // May read the disk.
  virtual PartitionSize size_of(PartitionId partition) const = 0;
  // True while commit would answer busy.
  virtual bool stalled() const = 0;
};

}  // namespace gyre::storage
