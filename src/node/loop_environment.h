// The world of the hosts of one loop: real clocks, the pool, the log.
#pragma once

#include <atomic>

#include "net/blocking_pool.h"
#include "net/loop.h"
#include "runtime/environment.h"

namespace gyre::node {

class LoopEnvironment : public runtime::Environment {
 public:
  LoopEnvironment(net::Loop& loop, net::BlockingPool& pool) : loop_(loop), pool_(pool) {}

  replication::Moment now() override { return {net::steady_now(), net::wall_now()}; }
  Result<void> run_blocking(runtime::Job work, runtime::Job done) override;
  void trace(PartitionId partition, const replication::RoleChanged& change) override;

  // Partitions served by the hosts of this loop. THREAD: any.
  std::size_t serving() const { return serving_.load(std::memory_order_relaxed); }

 private:
  net::Loop& loop_;
  net::BlockingPool& pool_;
  std::atomic<std::size_t> serving_{0};
};

}  // namespace gyre::node
