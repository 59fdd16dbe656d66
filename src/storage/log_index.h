// Where in a store's log the writes of each partition are. Internal to this folder; must not know RocksDB.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "base/ids.h"

namespace gyre::storage {

// What one entry of the log means for one partition.
struct LogStep {
  PartitionId partition;
  bool cut = false;  // what is logged before does not count any more: the history goes on behind `last`
  Sequence first;    // of the writes in it, without `cut`
  Sequence last;
};

// Sparse: for each partition one place about every kSpacingBytes of log, so its memory is bounded by the log's size.
// THREAD: any.
class LogIndex {
 public:
  // The log has grown by an entry at `place` or behind it. Places never go back.
  void grow(std::uint64_t place, std::size_t bytes, std::span<const LogStep> steps);
  // What lies before `place` is gone.
  void forget_before(std::uint64_t place);

  // The last write known.
  Sequence last(PartitionId partition) const;
  // Where to begin reading for the write behind `after`; it may be some way behind that, or gone. None: the log does
  // not reach back to it, or there is no write behind it.
  std::optional<std::uint64_t> place_behind(PartitionId partition, Sequence after) const;

  static constexpr std::size_t kSpacingBytes = std::size_t{1} << 20;

 private:
  struct Place {
    Sequence first;  // writes from this one on are here or later
    std::uint64_t place = 0;
    std::uint64_t offset = 0;  // bytes of log before it
  };
  struct Partition {
    Sequence last;
    std::deque<Place> places;
  };

  mutable std::mutex mutex_;
  std::map<PartitionId, Partition> partitions_;
  std::uint64_t bytes_ = 0;  // of log so far
};

}  // namespace gyre::storage
