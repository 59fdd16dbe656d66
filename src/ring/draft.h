// A placement being worked on: who holds what so far, how loaded everybody is, and which changes zones allow.
#pragma once

#include <cstdint>
#include <vector>

#include "ring/ring.h"
#include "ring/shares.h"

namespace gyre::ring {

inline constexpr NodeIndex kNobody = UINT32_MAX;

// INVARIANT 1: no partition has a node twice; its primary, once chosen, is among its members.
// INVARIANT 2: after trim(), every partition has at most `copies` members, and those it still lacks suffice to reach
//              as many zones as possible.
// INVARIANT 3: `replicas` and `primaries` count what the partitions hold.
class Draft {
 public:
  Draft(const ShareInput& input, double slack);

  std::uint32_t partitions() const { return static_cast<std::uint32_t>(members_.size()); }
  std::uint32_t nodes() const { return static_cast<std::uint32_t>(zone_.size()); }
  const std::vector<NodeIndex>& members(std::uint32_t partition) const { return members_[partition]; }
  NodeIndex primary(std::uint32_t partition) const { return primary_[partition]; }
  bool holds(std::uint32_t partition, NodeIndex node) const;
  bool complete(std::uint32_t partition) const { return members_[partition].size() >= copies_; }
  const Loads& replicas() const { return replicas_; }
  const Loads& primaries() const { return primaries_; }

  // The room a partition has for one more member, with `leaver` gone first (kNobody: none goes).
  class Gap {
   public:
    // True if `node` may fill it: not a member, and no zone is lost by it.
    bool accepts(NodeIndex node) const;

   private:
    friend class Draft;
    const Draft* draft_;
    const std::vector<NodeIndex>* members_;
    NodeIndex leaver_;
    bool open_;      // there is room
    bool any_zone_;  // enough zones are covered without the new member's
  };
  Gap gap(std::uint32_t partition, NodeIndex leaver = kNobody) const;

  // Adds a member that has held the partition before. REQUIRES: `node` is not a member.
  void keep(std::uint32_t partition, NodeIndex node);
  // True if giving `node` the partition is a move: it was not kept.
  bool moves(std::uint32_t partition, NodeIndex node) const;
  // REQUIRES: `node` is not a member.
  void add(std::uint32_t partition, NodeIndex node);
  // Drops members while there are too many, or so many in one zone that others would be left out: the most loaded
  // first, the primary never.
  void trim(std::uint32_t partition);
  // REQUIRES: gap(partition, leaver).accepts(node).
  void replace(std::uint32_t partition, NodeIndex leaver, NodeIndex node);
  // REQUIRES: `node` is a member.
  void set_primary(std::uint32_t partition, NodeIndex node);
  // Makes `node`, no member yet, the primary, in place of leaver_for(partition, node).
  void bring_primary(std::uint32_t partition, NodeIndex node);
  // The most loaded member that `node`, no member yet, can replace. kNobody: there is room for both.
  NodeIndex leaver_for(std::uint32_t partition, NodeIndex node) const;

 private:
  std::uint32_t distinct_zones(const std::vector<NodeIndex>& members, NodeIndex without) const;
  // Another member than `node` is in the same zone.
  bool zone_doubled(std::uint32_t partition, NodeIndex node) const;
  void remove(std::uint32_t partition, NodeIndex node);

  std::uint32_t copies_;
  std::uint32_t zones_wanted_;  // that each partition reaches
  std::vector<std::uint32_t> zone_;
  Loads replicas_;
  Loads primaries_;
  std::vector<std::vector<NodeIndex>> members_;
  std::vector<std::vector<NodeIndex>> kept_;
  std::vector<NodeIndex> primary_;
};

}  // namespace gyre::ring
