#include "net/blocking_pool.h"

#include <utility>

#include <pthread.h>

#include "base/limits.h"

namespace gyre::net {

BlockingPool::BlockingPool(std::string name, std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
      run();
    });
  }
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<void> BlockingPool::submit(Task job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= limits::kPoolJobsMax) {
      return fail(Error{ErrorCode::busy, Outcome::not_applied, "too many operations wait for the disk",
                        limits::kBusyRetryAfter});
    }
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return {};
}

void BlockingPool::run() {
  for (;;) {
    Task job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace gyre::net
