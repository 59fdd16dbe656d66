#include "control/cluster_store.h"

#include <fmt/format.h>

namespace gyre::control {

Result<void> check_swap(const ClusterState* stored, Epoch expected, const ClusterState& next) {
  const Epoch epoch = stored ? stored->map.epoch : Epoch{};
  if (epoch != expected) {
    return fail(ErrorCode::condition_failed,
                fmt::format("the cluster store is at epoch {}, not {}: another coordinator was first", epoch.value(),
                            expected.value()));
  }
  if (stored && stored->map.cluster != next.map.cluster) {
    return fail(ErrorCode::wrong_cluster,
                fmt::format("the cluster store holds cluster {}, not {}: give each cluster a store of its own",
                            stored->map.cluster.str(), next.map.cluster.str()));
  }
  return {};
}

}  // namespace gyre::control
