// What has to hold while partitions move from node to node.
#pragma once

#include <set>
#include <utility>

#include "messages/request.h"
#include "ring/cluster_map.h"
#include "ring/placement.h"
#include "tests/simulation/notice.h"

namespace gyre::simulation {

// A member leaves, because the target placement does not have it, only while those that it has are in sync; and a node
// that still has to account for what it served stays a member.
class MoveChecks {
 public:
  explicit MoveChecks(OnNotice notice) : notice_(std::move(notice)) {}

  void on_target(const ring::Placement& target);
  void on_coordinator_sent(const messages::Message& message);
  void on_coordinator_reached(const NodeId& from, const messages::Message& message);
  void on_swapped(const ring::ClusterMap& before, const ring::ClusterMap& after);

 private:
  // So many of the nodes that should have the partition are in sync, and so many should be.
  struct Copies {
    std::size_t in_sync = 0;
    std::size_t wanted = 0;
    bool enough() const { return in_sync >= wanted; }
  };
  Copies copies(const ring::ClusterMap& map, const ring::Placement& target, PartitionId partition) const;

  OnNotice notice_;
  // As stored, and as it was before: what leaves the coordinator now may have been decided by that.
  ring::ClusterMap map_, map_before_;
  ring::Placement target_, target_before_;
  bool target_changes_ = false;  // with the map that comes next
  std::set<NodeId> leaving_;  // nodes whose present process has said so
};

}  // namespace gyre::simulation
