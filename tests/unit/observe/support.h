// A small cluster map.
#pragma once

#include "ring/cluster_map.h"

namespace gyre::observe {

inline ring::ClusterMap example_map() {
  ring::ClusterMap map;
  map.cluster = Uuid::from_words(1, 2);
  map.epoch = Epoch(7);
  map.shape.partitions = 2;
  map.shape.replication_factor = 3;
  map.shape.min_in_sync = 3;
  map.coordinators = {"127.0.0.1:7300"};
  for (const char* id : {"n1", "n2", "n3"}) {
    ring::NodeInfo node;
    node.id = NodeId(id);
    node.generation = Generation(6);
    node.zone = "a";
    node.addresses.native = "127.0.0.1:1";
    map.nodes.push_back(node);
  }
  ring::PartitionEntry entry;
  entry.term = Term(3);
  entry.primary = NodeId("n1");
  entry.primary_incarnation = Incarnation(4);
  entry.in_sync = {{NodeId("n2"), Generation(6)}, {NodeId("n1"), Generation(5)}};
  entry.learners = {NodeId("n3")};
  entry.departed = {NodeId("n3")};
  entry.deposed = {{NodeId("n2"), Term(2)}};
  entry.version = 5;
  map.entries = {ring::PartitionEntry{}, entry};
  return map;
}

}  // namespace gyre::observe
