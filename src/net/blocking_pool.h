// Threads for work that may block: disk reads, fsync.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "gyre/result.h"
#include "net/loop.h"

namespace gyre::net {

class BlockingPool {
 public:
  BlockingPool(std::string name, std::size_t threads);
  // Finishes what was submitted, then joins.
  ~BlockingPool();

  // Runs `job` on one of the threads. ERRORS: busy (kPoolJobsMax jobs wait).
  Result<void> submit(Task job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gyre::net
