// What the newest cluster map says of one partition.
#pragma once

#include <cstdint>
#include <map>

#include "base/timing.h"
#include "ring/cluster_map.h"

namespace gyre::replication {

struct View {
  struct Node {
    Incarnation incarnation;  // of the process admitted last
    Generation generation;    // of its data now
  };

  // `trust_generations`: false only in tests that break that rule.
  View(const ring::ClusterMap& map, PartitionId partition, bool trust_generations);

  ring::PartitionEntry entry;
  Timing timing;
  std::uint32_t min_in_sync;
  std::map<NodeId, Node> nodes;  // the members
  bool trust_generations;

  // In the in-sync set, by the data that it has now.
  bool in_sync(const NodeId& node) const;
  std::size_t in_sync_size() const;
  // The data of this generation is what `node` has now. False: not a member, or another generation.
  bool present(const NodeId& node, Generation generation) const;
};

}  // namespace gyre::replication
