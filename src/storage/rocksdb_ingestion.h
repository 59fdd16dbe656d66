// Records of a partition put into a RocksDB store as files of their own. Internal to this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <rocksdb/db.h>

#include "storage/engine.h"
#include "storage/rocksdb_log.h"

namespace gyre::storage {

// Which partitions are being filled. THREAD: any.
class OpenIngestions {
 public:
  // Takes the place of one before. Returns its number.
  std::uint64_t begin(PartitionId partition);
  // Before the partition is dropped: one that is open comes to nothing. False: not now, it is just being put in place.
  bool cancel(PartitionId partition);
  // Before some of it is put in place, which placed() must follow. False: it was cancelled, or another has begun.
  bool place(PartitionId partition, std::uint64_t number);
  void placed(PartitionId partition);

 private:
  struct Open {
    std::uint64_t number = 0;
    bool placing = false;
  };

  std::mutex mutex_;
  std::map<PartitionId, Open> open_;
  std::uint64_t last_ = 0;
};

// How copies come into the store at `path`. The records are written aside, with the store's own options; RocksDB then
// takes the files as they are, as deep in the tree as they fit, without a memtable, the log or a compaction. Where it
// would have to give them a sequence number it must not: the log would have a gap that reading it does not get across.
// That is so where a range tombstone lies over the partition. There records are written like others, piece by piece.
//
// INVARIANT: of one that is cancelled nothing is put in place any more.
class Ingestions {
 public:
  // All of it outlives this.
  Ingestions(const std::string& path, rocksdb::DB& db, const rocksdb::Options& options, RocksLog& log)
      : path_(path), db_(db), options_(options), log_(log) {}

  // Removes what a process before left. ERRORS: storage_failed.
  Result<void> clear() const;
  // Must not outlive this. THREAD: the one that commits.
  std::unique_ptr<Ingestion> begin(PartitionId partition);
  // See OpenIngestions. THREAD: any.
  bool cancel(PartitionId partition) { return open_.cancel(partition); }
  // A range tombstone was written over the partition; none is ever known to be gone. THREAD: any.
  void note_tombstone(PartitionId partition);
  // All up to here is durable. THREAD: any.
  void note_synced(rocksdb::SequenceNumber through);

 private:
  class Filling;
  class ByFiles;
  class ByPieces;

  std::string directory() const { return path_ + "/incoming"; }
  bool under_tombstone(PartitionId partition);
  rocksdb::Status sync_through(rocksdb::SequenceNumber wanted);

  const std::string& path_;
  rocksdb::DB& db_;
  const rocksdb::Options options_;
  RocksLog& log_;
  OpenIngestions open_;
  std::mutex mutex_;
  std::set<PartitionId> tombstones_;  // under mutex_
  std::atomic<rocksdb::SequenceNumber> synced_{0};
};

}  // namespace gyre::storage
