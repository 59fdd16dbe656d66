// Which dropped partitions still have files to give back. Internal to this folder.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "base/ids.h"

namespace gyre::storage {

// Partitions dropped whose records may still be on disk. One that gets records again is none of them: taking its files
// away would take those too. THREAD: any.
class DroppedPartitions {
 public:
  void add(PartitionId partition) {
    const std::lock_guard lock(mutex_);
    states_.try_emplace(partition, State::dropped);
    none_.store(false, std::memory_order_relaxed);
  }

  // Before a partition gets records. False: not now, its files are just being taken away.
  bool use(PartitionId partition) {
    if (none_.load(std::memory_order_relaxed)) return true;
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(partition);
    if (found == states_.end()) return true;
    if (found->second == State::reclaiming) return false;
    erase(found);
    return true;
  }

  // One partition to reclaim, which finish() must follow.
  std::optional<PartitionId> start() {
    const std::lock_guard lock(mutex_);
    for (auto& [partition, state] : states_) {
      if (state == State::reclaiming) continue;
      state = State::reclaiming;
      return partition;
    }
    return std::nullopt;
  }

  void finish(PartitionId partition) {
    const std::lock_guard lock(mutex_);
    erase(states_.find(partition));
  }

 private:
  enum class State : std::uint8_t { dropped, reclaiming };

  void erase(std::map<PartitionId, State>::iterator at) {
    states_.erase(at);
    none_.store(states_.empty(), std::memory_order_relaxed);
  }

  std::mutex mutex_;
  std::map<PartitionId, State> states_;
  std::atomic<bool> none_{true};  // spares every commit the mutex; only the owner's loop adds and must see it
};

}  // namespace gyre::storage
