#include "storage/log_index.h"

#include <algorithm>
#include <iterator>

namespace gyre::storage {

void LogIndex::grow(std::uint64_t place, std::size_t bytes, std::span<const LogStep> steps) {
  const std::lock_guard lock(mutex_);
  if (stretches_.empty() || bytes_ - stretch_offset_ >= kStretchBytes) {
    stretches_.push_back(place);
    stretch_offset_ = bytes_;
  }
  for (const LogStep& step : steps) {
    Partition& partition = partitions_[step.partition];
    if (step.cut || (partition.last && step.first != partition.last->next())) {
      partition.places.clear();
      partition.cut = true;
    }
    if (!step.cut && (partition.places.empty() || bytes_ - partition.places.back().offset >= kSpacingBytes)) {
      partition.places.push_back({step.first, place, bytes_});
    }
    partition.last = step.last;
  }
  bytes_ += bytes;
}

void LogIndex::pass(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_ += bytes;
}

void LogIndex::prepend(const LogIndex& older) {
  const std::scoped_lock lock(mutex_, older.mutex_);
  for (auto& [id, partition] : partitions_) {
    const auto before = older.partitions_.find(id);
    if (partition.cut || before == older.partitions_.end()) continue;
    const Sequence next = partition.places.empty() ? partition.last->next() : partition.places.front().first;
    if (before->second.last->next() != next) {
      partition.cut = true;
      continue;
    }
    const std::deque<Place>& places = before->second.places;
    partition.places.insert(partition.places.begin(), places.begin(), places.end());
    for (std::size_t i = 0; i < places.size(); ++i) partition.places[i].offset = 0;
    partition.cut = before->second.cut;
  }
  if (stretches_.empty()) stretch_offset_ = 0;
  stretches_.insert(stretches_.begin(), older.stretches_.begin(), older.stretches_.end());
}

void LogIndex::settle(PartitionId id, Sequence last) {
  const std::lock_guard lock(mutex_);
  Partition& partition = partitions_[id];
  if (partition.last && *partition.last != last) {
    partition.places.clear();
    partition.cut = true;
  }
  partition.last = last;
}

void LogIndex::break_off() {
  const std::lock_guard lock(mutex_);
  stretches_.clear();
  for (auto& [id, partition] : partitions_) {
    partition.places.clear();
    partition.cut = true;
  }
}

void LogIndex::forget_before(std::uint64_t place) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, partition] : partitions_) {
    // The last place before it stays: writes behind it may be left, and a reader will see which.
    while (partition.places.size() > 1 && partition.places[1].place <= place) partition.places.pop_front();
  }
  while (stretches_.size() > 1 && stretches_[1] <= place) stretches_.pop_front();
}

Sequence LogIndex::last(PartitionId partition) const {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? Sequence() : found->second.last.value_or(Sequence());
}

std::optional<std::uint64_t> LogIndex::place_behind(PartitionId partition, Sequence after) const {
  const std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || !found->second.last || after >= *found->second.last) return std::nullopt;
  const std::deque<Place>& places = found->second.places;
  const auto behind = std::ranges::upper_bound(places, after.next(), {}, &Place::first);
  if (behind == places.begin()) return std::nullopt;
  return std::prev(behind)->place;
}

LogRange LogIndex::stretch_at(std::uint64_t place) const {
  const std::lock_guard lock(mutex_);
  const auto behind = std::ranges::upper_bound(stretches_, place);
  LogRange range{.begin = behind == stretches_.begin() ? place : *std::prev(behind), .end = {}};
  if (behind != stretches_.end()) range.end = *behind;
  return range;
}

}  // namespace gyre::storage
