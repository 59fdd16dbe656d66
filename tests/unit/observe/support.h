// A small cluster map.
#pragma once

#include "ring/cluster_map.h"

namespace gyre::observe {

inline ring::ClusterMap example_map() {
  ring::ClusterMap map;
  map.cluster = Uuid::from_words(1, 2);
  map.epoch = Epoch(7);
  map.shape.partitions = 2;
  map.coordinators = {"127.0.0.1:7300"};
  for (const char* id : {"n1", "n2"}) {
    ring::NodeInfo node;
    node.id = NodeId(id);
    node.zone = "a";
    node.addresses.native = "127.0.0.1:1";
    map.nodes.push_back(node);
  }
  ring::PartitionEntry entry;
  entry.term = Term(3);
  entry.primary = NodeId("n1");
  entry.primary_incarnation = Incarnation(4);
  entry.in_sync = {{NodeId("n2"), {}}, {NodeId("n1"), {}}};
  entry.version = 5;
  map.entries = {ring::PartitionEntry{}, entry};
  return map;
}

}  // namespace gyre::observe
