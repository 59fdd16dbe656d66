// A plan: what it takes to get from the placement that is to another one, and what comes of it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "ring/cluster_map.h"
#include "ring/placement.h"

namespace gyre::ring {

// What is known of one partition; zero where nobody has said.
struct PartitionLoad {
  std::uint64_t bytes = 0;       // of one copy
  double reads_per_second = 0;   // that its primary answers
  double writes_per_second = 0;

  bool operator==(const PartitionLoad&) const = default;
};

// One copy that comes to be, that goes, or both.
struct PlannedMove {
  PartitionId partition;
  NodeId from;  // gives up its copy; empty: a copy more
  NodeId to;    // gets a copy; empty: a copy less
  std::uint64_t bytes = 0;  // that are copied

  bool operator==(const PlannedMove&) const = default;
};

// What one node has.
struct NodeLoad {
  std::uint32_t primaries = 0;
  std::uint32_t replicas = 0;  // primaries included
  std::uint64_t bytes = 0;
  double operations_per_second = 0;  // of clients, that it answers as primary

  bool operator==(const NodeLoad&) const = default;
};

struct NodeBalance {
  NodeId node;
  double share = 0;  // of replicas, by weight and zone
  NodeLoad before;
  NodeLoad after;

  bool operator==(const NodeBalance&) const = default;
};

// How well copies are spread.
struct Spread {
  std::uint32_t distinct_sets = 0;   // different replica sets
  std::uint32_t lost_with_node = 0;  // partitions without a copy if the worst single node were lost
  std::uint32_t lost_with_zone = 0;  // and the worst zone; 0 where nodes name no zones

  bool operator==(const Spread&) const = default;
};

struct Plan {
  // Names this very plan: the same members, placement before and target, the same id. 0: the target stays as it is;
  // `moves` are what earlier plans still have to do.
  std::uint64_t id = 0;
  Placement target;
  std::vector<PlannedMove> moves;  // from what the map has, by partition
  std::uint32_t primaries_moved = 0;  // hand-overs to nodes that have a copy already
  std::uint32_t moves_minimum = 0;    // copies that any placement within bounds, zones and shares would have to move
  std::uint64_t bytes = 0;            // that are copied
  std::vector<NodeBalance> nodes;     // by node
  Spread before;
  Spread after;
  bool spreads_hot_primaries = false;

  bool operator==(const Plan&) const = default;
};

// Why a placement is asked for.
struct PlanInput {
  const ClusterMap& map;              // as it is
  const Placement& before;            // the last target
  const std::vector<PlacementMember>& members;  // that may hold data
  const std::vector<PartitionLoad>& loads;      // by partition; empty: nothing is known
  bool spread_hot = false;            // primaries may move for load, within the bounds of their numbers
};

// The copies that come to be and go between what the map has and `target`, by partition. A learner counts as a copy.
// `loads` as in PlanInput.
std::vector<PlannedMove> moves_between(const ClusterMap& map, const Placement& target,
                                       const std::vector<PartitionLoad>& loads);

// Deterministic. A cluster of 200 nodes and 4096 partitions: well under a second.
Plan make_plan(const PlanInput& input);

}  // namespace gyre::ring
