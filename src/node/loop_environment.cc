#include "node/loop_environment.h"

#include <utility>

#include "base/log.h"

namespace gyre::node {

Result<void> LoopEnvironment::run_blocking(runtime::Job work, runtime::Job done) {
  return pool_.submit([&loop = loop_, work = std::move(work), done = std::move(done)]() mutable {
    work();
    loop.post(std::move(done));
  });
}

void LoopEnvironment::trace(PartitionId partition, const replication::RoleChanged& change) {
  if (change.serving) {
    spdlog::debug("serves partition={} term={}", partition.value(), change.term.value());
  } else {
    spdlog::warn("serves no longer partition={} term={} why=\"{}\"", partition.value(), change.term.value(),
                 change.why);
  }
}

}  // namespace gyre::node
