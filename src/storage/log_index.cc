#include "storage/log_index.h"

#include <algorithm>

namespace gyre::storage {

void LogIndex::grow(std::uint64_t place, std::size_t bytes, std::span<const LogStep> steps) {
  const std::lock_guard lock(mutex_);
  for (const LogStep& step : steps) {
    Partition& partition = partitions_[step.partition];
    if (step.cut || step.first != partition.last.next()) partition.places.clear();
    if (!step.cut && (partition.places.empty() || bytes_ - partition.places.back().offset >= kSpacingBytes)) {
      partition.places.push_back({step.first, place, bytes_});
    }
    partition.last = step.last;
  }
  bytes_ += bytes;
}

void LogIndex::forget_before(std::uint64_t place) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, partition] : partitions_) {
    // The last place before it stays: writes behind it may be left, and a reader will see which.
    while (partition.places.size() > 1 && partition.places[1].place <= place) partition.places.pop_front();
  }
}

Sequence LogIndex::last(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? Sequence() : found->second.last;
}

std::optional<std::uint64_t> LogIndex::place_behind(PartitionId partition, Sequence after) const {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || after >= found->second.last) return std::nullopt;
  const std::deque<Place>& places = found->second.places;
  const auto behind = std::ranges::upper_bound(places, after.next(), {}, &Place::first);
  if (behind == places.begin()) return std::nullopt;
  return std::prev(behind)->place;
}

}  // namespace gyre::storage
