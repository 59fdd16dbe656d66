// Waits on one thread for a number of events on others.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace gyre::client {

// May be destroyed as soon as wait() returns.
class Waiter {
 public:
  explicit Waiter(std::size_t events) : missing_(events) {}

  void count_down() {
    // Notifies under the lock: otherwise the waiter could be gone before notify_one() touches it.
    const std::lock_guard lock(mutex_);
    if (--missing_ == 0) done_.notify_one();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return missing_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t missing_;
};

}  // namespace gyre::client
