// RocksDB's write-ahead log as the log of partitions: read back for members that were away, and for the windows of
// partitions when a store is opened. Internal to this folder.
//
// Each commit is one log record. In it, marks (layout.h) say where each write begins, and where a partition's history
// begins anew; they are in the log alone. What is recovered from the log already costs nothing to keep: files that
// recovery needs no more go to the store's archive, until they are too many.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include "storage/log_ages.h"
#include "storage/log_index.h"
#include "storage/log_stretches.h"
#include "storage/logged_ids.h"
#include "storage/rocksdb_engine.h"

namespace gyre::storage {

// When a store is opened, only the part of its log is read whose ids a retry may still ask for: the files that are not
// surely older than `log_kept_for` (see LogAges). Older ones are looked at when somebody asks for what is in them.
//
// THREAD: scan before everything else; the rest on any.
class RocksLog final : public rocksdb::EventListener {
 public:
  RocksLog(std::string path, const RocksOptions& options);

  // Finds where the log can be read from. `stored` is what the store remembers; its windows are completed with the ids
  // logged behind them. ERRORS: storage_failed.
  Result<void> scan(rocksdb::DB& db, std::map<PartitionId, StoredPartition>& stored);
  // A commit of `bytes` was written behind the store's sequence number `before`.
  void grow(rocksdb::SequenceNumber before, std::size_t bytes, std::span<const LogStep> steps) {
    index_.grow(before + 1, bytes, steps);
  }
  // The log has grown by what nobody reads back.
  void pass(std::size_t bytes) { index_.pass(bytes); }
  // As Engine::read_log; a page ends where a stretch does. Whoever waits for another's read mostly wants what it reads.
  Result<std::vector<messages::LoggedWritePtr>> read(rocksdb::DB& db, PartitionId partition, Sequence after,
                                                     std::size_t bytes_max);
  // Removes the oldest files of the archive while there is too much of it and they are surely old enough. What it
  // cannot remove it tries again the next time. Notes which files are complete.
  void trim(rocksdb::DB& db);

  // Log records decoded by reads and scans so far.
  std::uint64_t records_visited() const;

  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo&) override { trim(*db); }

 private:
  using Places = std::vector<rocksdb::SequenceNumber>;  // where files begin, oldest first

  std::expected<Places, rocksdb::Status> find_files(rocksdb::DB& db);
  bool index_older_file(rocksdb::DB& db);
  std::uint64_t old_through();
  void note_complete();
  std::unexpected<Error> not_reached(PartitionId partition, Sequence after) const;

  const std::string path_;
  const std::size_t bytes_max_;
  const std::string boot_;
  const std::function<Instant()> clock_;
  LogIndex index_;
  mutable std::mutex reading_;  // of what follows; held while the log is read
  LogStretches stretches_;
  Places older_files_;  // of those that are not in index_
  rocksdb::SequenceNumber indexed_from_ = 0;
  std::uint64_t records_scanned_ = 0;
  std::mutex trimming_;  // of what follows
  LogAges ages_;
};

// Where RocksDB puts the files that recovery does not need any more.
std::string archive_of(const std::string& store);

// CLOCK_BOOTTIME, unless a test gives another.
std::function<Instant()> clock_of(const RocksOptions& options);

}  // namespace gyre::storage
