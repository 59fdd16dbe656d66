// Shares of a placement's members.
#pragma once

#include <vector>

#include "ring/cluster_map.h"
#include "ring/placement.h"
#include "ring/shares.h"

namespace gyre::ring {

// REQUIRES: members are ordered by id.
ShareInput share_input(const ClusterShape& shape, const std::vector<PlacementMember>& members);

}  // namespace gyre::ring
