// What operators set: of the cluster, and of one node. Pure functions of the cluster's state.
#pragma once

#include <optional>

#include "control/cluster_store.h"
#include "control/effect.h"
#include "control/liveness.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::control {

// What happened, for people; none: all was so already. On failure `state` is as it was.
using Changed = Result<std::optional<CoordinatorEvent>>;

// ERRORS: invalid_argument (a number beyond its limits; more copies than nodes to hold them; min_in_sync above the
// replication factor).
Changed change_cluster(ClusterState& state, const messages::ClusterSetRequest& request);

// Weight and zone hold from then on, whatever the node says of itself when it joins. Who is drained or removed gives
// away what it has by the next target placement; a forgotten node's copies count as lost at once.
// ERRORS: invalid_argument (unknown node, weight, zone), condition_failed (too few nodes would be left for all copies;
// for `forget`: the node is up, or what was acknowledged may be on it alone).
Changed change_node(ClusterState& state, const Liveness& nodes, const messages::NodeSetRequest& request);

}  // namespace gyre::control
