// Records of a partition put into a RocksDB store as a file of their own. Internal to this folder.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <rocksdb/db.h>

#include "storage/engine.h"

namespace gyre::storage {

// Which partitions are being filled. THREAD: any.
class OpenIngestions {
 public:
  // Takes the place of one before. Returns its number.
  std::uint64_t begin(PartitionId partition);
  // Before the partition is dropped: one that is open comes to nothing. False: not now, it is just being put in place.
  bool drop(PartitionId partition);
  // Before it is put in place, which finish() must follow. False: it is not the partition's last one, or that was
  // dropped.
  bool place(PartitionId partition, std::uint64_t number);
  void finish(PartitionId partition);

 private:
  struct Open {
    std::uint64_t number = 0;
    bool placing = false;
  };

  std::mutex mutex_;
  std::map<PartitionId, Open> open_;
  std::uint64_t last_ = 0;
};

// What writes files for the store at `path`, and takes them in. The file is written aside in the store's directory,
// with the store's own options. RocksDB then takes it as a table at the bottom of the tree, without a memtable, the log
// or a compaction. It refuses where it would have to give the records a sequence number, as where something dropped
// still hides in the partition's range: the log would have a gap that reading it does not get across. Then they are
// written from the file like any others.
class IngestionFiles {
 public:
  IngestionFiles(std::string path, rocksdb::DB& db, const rocksdb::Options& options)
      : path_(std::move(path)), db_(db), options_(options) {}

  // Removes what a process before left. ERRORS: storage_failed.
  Result<void> clear() const;
  // Must not outlive this.
  std::unique_ptr<Ingestion> begin(PartitionId partition);
  // See OpenIngestions.
  bool drop(PartitionId partition) { return open_.drop(partition); }

 private:
  class File;

  std::string directory() const { return path_ + "/incoming"; }

  const std::string path_;
  rocksdb::DB& db_;
  const rocksdb::Options options_;
  OpenIngestions open_;
};

}  // namespace gyre::storage
