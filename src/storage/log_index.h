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

// A half-open range of places: what is read together.
struct LogRange {
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> end;  // none: the log ends in it
};

// Sparse: for each partition one place about every kSpacingBytes of log, so its memory is bounded by the log's size;
// and the log as a whole in stretches of about kStretchBytes. It may begin within the log, and be extended to older
// parts.
// THREAD: any.
class LogIndex {
 public:
  // The log has grown by an entry at `place` or behind it. Places never go back.
  void grow(std::uint64_t place, std::size_t bytes, std::span<const LogStep> steps);
  // It has grown by `bytes` that are nobody's.
  void pass(std::size_t bytes);
  // Puts before all that is here what the part of the log just before it holds.
  void prepend(const LogIndex& older);
  // `last` is the last write of the partition: if something else was found, the log does not lead there.
  void settle(PartitionId partition, Sequence last);
  // What was read so far cannot be used: the log begins with what is written from here on.
  void break_off();
  // What lies before `place` is gone.
  void forget_before(std::uint64_t place);

  // The last write known.
  Sequence last(PartitionId partition) const;
  // Where to begin reading for the write behind `after`; it may be some way behind that, or gone. None: what is indexed
  // does not reach back to it, or there is no write behind it.
  std::optional<std::uint64_t> place_behind(PartitionId partition, Sequence after) const;
  // The stretch that `place` is in. REQUIRES: `place` came from here.
  LogRange stretch_at(std::uint64_t place) const;

  static constexpr std::size_t kSpacingBytes = std::size_t{1} << 20;
  static constexpr std::size_t kStretchBytes = std::size_t{4} << 20;

 private:
  struct Place {
    Sequence first;  // writes from this one on are here or later
    std::uint64_t place = 0;
    std::uint64_t offset = 0;  // bytes of log before it
  };
  struct Partition {
    std::optional<Sequence> last;
    bool cut = false;  // what is logged before the first place does not count
    std::deque<Place> places;
  };

  mutable std::mutex mutex_;
  std::map<PartitionId, Partition> partitions_;
  std::deque<std::uint64_t> stretches_;  // where each begins
  std::uint64_t stretch_offset_ = 0;  // of the last one
  std::uint64_t bytes_ = kSpacingBytes;  // of log so far; what was prepended is at 0, and so never too near
};

}  // namespace gyre::storage
