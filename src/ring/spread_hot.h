// Moves primaries for load: from nodes that clients keep busiest to others that have a copy.
#pragma once

#include <vector>

#include "ring/placement.h"
#include "ring/plan.h"
#include "ring/shares.h"

namespace gyre::ring {

// Hands primaries over within the replica sets of `placement`, or exchanges two, such that no node has more than its
// bounds allow of them, as long as the busiest nodes (relative to their weights) get less to do. Does nothing where
// they are about as busy as the others, or where there is little to do at all. True: something moved.
// REQUIRES: members are ordered by id, and all of the placement are among them; `loads` is by partition.
bool spread_hot_primaries(const ClusterShape& shape, const std::vector<PlacementMember>& members,
                          const std::vector<PartitionLoad>& loads, Placement& placement);

}  // namespace gyre::ring
