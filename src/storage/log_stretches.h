// The last stretches of the log that were read. Internal to this folder.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/transaction_log.h>

#include "messages/operation.h"
#include "storage/log_index.h"

namespace gyre::storage {

// Whoever was away misses writes of many partitions, and they lie in the log side by side: a stretch is read and
// decoded once for all of them. Stretches that follow each other are read without searching, as the place is kept; to
// begin anywhere else, RocksDB goes through a log file from its start.
//
// THREAD: one at a time.
class LogStretches {
 public:
  // The writes of the partition behind `after`, up to about `bytes_max`, as far as they are in one stretch. `place`: of
  // the index, for the first of them. Empty without an error: it is not in the log.
  rocksdb::Status read(rocksdb::DB& db, const LogIndex& index, std::uint64_t place, PartitionId partition,
                       Sequence after, std::size_t bytes_max, std::vector<messages::LoggedWritePtr>& writes);
  // Gives memory and files back if nothing was read since the last call.
  void rest();

  // Log records that were decoded so far.
  std::uint64_t records() const { return records_; }

  // What is kept takes about three times their size in memory.
  static constexpr std::size_t kKept = 4;

 private:
  struct Stretch {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // behind what was read
    // Without a gap, for each partition.
    std::map<PartitionId, std::vector<messages::LoggedWritePtr>> writes;
  };
  class Decoder;

  // The one that begins there, which may be empty yet; it comes first.
  Stretch& at(std::uint64_t begin);
  rocksdb::Status extend(rocksdb::DB& db, Stretch& stretch, std::uint64_t end);
  rocksdb::Status move_cursor(rocksdb::DB& db, std::uint64_t place);

  std::list<Stretch> stretches_;  // the one used last comes first
  std::unique_ptr<rocksdb::TransactionLogIterator> cursor_;
  std::uint64_t cursor_place_ = 0;  // everything before it has been passed
  std::uint64_t records_ = 0;
  bool used_ = false;  // since the last rest()
};

}  // namespace gyre::storage
