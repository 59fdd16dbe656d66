// Placement: which nodes hold which partition, as a function of the members and the placement before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "ring/cluster_map.h"

namespace gyre::ring {

// For each partition its nodes in order; the first is the intended primary.
struct Placement {
  std::vector<std::vector<NodeId>> partitions;

  bool operator==(const Placement&) const = default;
};

struct PlacementMember {
  NodeId id;
  std::string zone;     // empty: a zone of its own
  double weight = 1.0;  // above 0
};

// Places every partition on min(RF, members) distinct nodes, in as many zones as possible, no node above its bound
// for replicas or primaries (DESIGN.md section 3), changing `before` only where membership or a bound forces it.
// Deterministic; idempotent: place(x, place(x, before)) == place(x, before). `before` may be empty or name nodes that
// are gone. Members in any order. No members: every partition is placed on none.
Placement place(const ClusterShape& shape, const std::vector<PlacementMember>& members, const Placement& before);

}  // namespace gyre::ring
