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
  double reads_per_second = 0;
  double writes_per_second = 0;
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
  double operations_per_second = 0;  // reads and writes of its primaries, and writes of its other replicas

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
  std::uint64_t id = 0;  // names this very plan: the same inputs, the same id. 0: nothing is to be done
  Placement target;
  std::vector<PlannedMove> moves;  // by partition
  std::uint32_t primaries_moved = 0;  // hand-overs that go with no copy
  std::uint32_t moves_minimum = 0;    // copies that any placement within the bounds would have to move
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

// Deterministic. A cluster of 200 nodes and 4096 partitions: well under a second.
Plan make_plan(const PlanInput& input);

}  // namespace gyre::ring
