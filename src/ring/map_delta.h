// What changed between two cluster maps, so that a change costs what it changes and not what there is. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "gyre/result.h"
#include "ring/cluster_map.h"

namespace gyre::ring {

// Turns any map of the same cluster with an epoch in [from, to] into that of epoch `to`.
struct MapDelta {
  ClusterId cluster;
  Epoch from;
  Epoch to;
  ClusterShape shape;
  MoveLimits moves;
  std::vector<std::string> coordinators;
  std::vector<NodeInfo> nodes;   // added or changed, by id
  std::vector<NodeId> gone;      // by id
  std::vector<std::pair<PartitionId, PartitionEntry>> entries;  // changed, by partition

  bool operator==(const MapDelta&) const = default;
};
using MapDeltaPtr = std::shared_ptr<const MapDelta>;

// A newer map: either whole, or as what changed. Both null: nothing newer.
struct MapUpdate {
  ClusterMapPtr map;
  MapDeltaPtr delta;

  bool empty() const { return map == nullptr && delta == nullptr; }
};

// REQUIRES: the map is valid; nodes and `gone` of the delta are in order.
// A map that is as new as the delta stays as it is. ERRORS: stale_map (the delta does not begin at or before this map,
// or is of another cluster: ask for a whole one), invalid_argument (what comes of it is no valid map).
Result<ClusterMapPtr> apply(const ClusterMap& map, const MapDelta& delta);
// The newest map that `update` leads to; `known` may be null. ERRORS: as apply.
Result<ClusterMapPtr> apply(const ClusterMapPtr& known, const MapUpdate& update);

// Remembers since which epoch each part of the map is as it is, to tell others what changed since what they know. What
// it remembers begins with the first map it is given: who knows an older one gets a whole one.
class MapHistory {
 public:
  // `map`: newer than the last one.
  void adopt(ClusterMapPtr map);
  const ClusterMapPtr& map() const { return map_; }
  // For somebody who has a map of epoch `known` (0: none). Whole where the delta is unknown or no smaller.
  MapUpdate since(Epoch known) const;

 private:
  void note_nodes(const ClusterMap& before);
  void forget_oldest_gone();

  ClusterMapPtr map_;
  Epoch first_;  // from here on all is remembered
  std::vector<Epoch> entry_changed_;               // by partition
  std::vector<std::pair<NodeId, Epoch>> node_changed_;  // by id; of nodes that are gone, too
};

}  // namespace gyre::ring
