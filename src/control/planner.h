// Plans: what the target placement should be for the cluster as it is, and what an operator was shown of it.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "control/cluster_store.h"
#include "control/load_table.h"
#include "gyre/result.h"
#include "messages/request.h"
#include "ring/plan.h"

namespace gyre::control {

// The nodes that may hold data.
std::vector<ring::PlacementMember> placement_members(const ring::ClusterMap& map);
// What a placement is a function of is another.
bool placement_outdated(const ring::ClusterMap& before, const ring::ClusterMap& after);

// The last target, where nodes that are back after they were away take their places again that nobody has filled yet:
// their copies are there, those of their successors have to be made.
ring::Placement target_with_returned(const ClusterState& state, const std::vector<NodeId>& returned);

// How long a plan's copies take, by rates seen lately and the limits set.
Duration estimate(const ring::Plan& plan, const ring::ClusterMap& map, double bytes_per_second_of_one);

// Loads change by the second, and a plan with them. So that just that is carried out which was shown, the loads of the
// last plans shown are remembered by the ids of the plans. Lost with the process: then a plan is asked for again.
class Planner {
 public:
  messages::PlanResponse show(Instant now, const ClusterState& state, const LoadTable& loads);
  // The plan of this id. ERRORS: condition_failed (what was shown would be another one by now).
  Result<ring::Plan> find(Instant now, const ClusterState& state, const LoadTable& loads, std::uint64_t id) const;

 private:
  struct Shown {
    std::uint64_t id;
    std::vector<ring::PartitionLoad> loads;
  };
  static constexpr std::size_t kShownMax = 8;

  std::deque<Shown> shown_;
};

// REQUIRES: the partitions are placed.
ring::Plan plan_of(const ClusterState& state, const ring::Placement& before,
                   const std::vector<ring::PartitionLoad>& loads);

}  // namespace gyre::control
