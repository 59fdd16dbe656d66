// Shares and bounds: how much of a cluster's data each node should hold, and how far from that it may be.
#pragma once

#include <cstdint>
#include <vector>

#include "ring/ring.h"

namespace gyre::ring {

// What shares are a function of. Nodes are ordered by id.
struct ShareInput {
  std::uint32_t partitions = 0;
  std::uint32_t copies = 0;          // members of each partition, at most the number of nodes
  std::uint32_t zones = 0;           // how many there are
  std::vector<double> weights;       // by node
  std::vector<std::uint32_t> zone;   // by node, below `zones`
};

// Replicas (primaries included) each node should hold: by weight, none above `partitions`, the rest shared out again
// (water-filling). Zones come before weights: with zones enough for every copy, no zone gets more than one copy of a
// partition; with fewer zones, each gets at least one.
std::vector<double> replica_shares(const ShareInput& input);

// Primaries each node should have: by weight alone. Never above the node's replica share.
std::vector<double> primary_shares(const ShareInput& input);

// How many replicas, or primaries, one node should have.
//
// INVARIANT: lower <= share rounded down <= share rounded up <= upper.
struct Bounds {
  Bounds(double share, double slack, std::uint32_t partitions);

  double share;
  std::uint32_t share_down;
  std::uint32_t share_up;
  std::uint32_t lower;  // below it a node is given more, until it has share_down
  std::uint32_t upper;  // never exceeded: max(ceil(share), floor((1 + slack) * share))
};

// How many each node has, beside its bounds.
class Loads {
 public:
  Loads(const std::vector<double>& shares, double slack, std::uint32_t partitions);

  void add(NodeIndex node) { ++counts_[node]; }
  void remove(NodeIndex node) { --counts_[node]; }

  std::uint32_t count(NodeIndex node) const { return counts_[node]; }
  const Bounds& bounds(NodeIndex node) const { return bounds_[node]; }
  bool over(NodeIndex node) const { return counts_[node] > bounds_[node].upper; }
  bool under(NodeIndex node) const { return counts_[node] < bounds_[node].lower; }
  bool has_room(NodeIndex node) const { return counts_[node] < bounds_[node].upper; }
  bool lacks_share(NodeIndex node) const { return counts_[node] < bounds_[node].share_down; }
  bool can_give(NodeIndex node) const { return counts_[node] > bounds_[node].share_down; }
  // How far above its share a node is, as a part of the share: -1 for an empty node.
  double surplus(NodeIndex node) const { return (counts_[node] - bounds_[node].share) / bounds_[node].share; }

 private:
  std::vector<Bounds> bounds_;
  std::vector<std::uint32_t> counts_;
};

}  // namespace gyre::ring
