// A cluster's state for tests and benchmarks that begin with data in its place.
#pragma once

#include <utility>
#include <vector>

#include "control/cluster_store.h"
#include "control/coordinator.h"
#include "control/planner.h"
#include "ring/placement.h"

namespace gyre::control {

// Of these nodes, ordered by id: everything is where it should be, each partition in its first term.
inline ClusterState placed_state(const CoordinatorConfig& config, std::vector<ring::NodeInfo> nodes) {
  ClusterState state;
  state.map.cluster = config.new_cluster;
  state.map.epoch = Epoch(1);
  state.map.shape = config.shape;
  state.map.coordinators = config.addresses;
  state.map.nodes = std::move(nodes);
  state.target = ring::place(state.map.shape, placement_members(state.map), {});
  for (const auto& wanted : state.target.partitions) {
    ring::PartitionEntry& entry = state.map.entries.emplace_back();
    entry.term = Term(1);
    entry.version = 1;
    entry.primary = wanted.front();
    entry.primary_incarnation = Incarnation(1);
    for (const NodeId& node : wanted) entry.in_sync.push_back({node, Generation()});
  }
  return state;
}

}  // namespace gyre::control
