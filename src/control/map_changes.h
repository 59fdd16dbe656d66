// Tells people what a new map changes.
#pragma once

#include <set>
#include <vector>

#include "base/ids.h"
#include "control/election.h"
#include "control/event_groups.h"
#include "ring/cluster_map.h"

namespace gyre::control {

// `choices`, `handed_over`: what is known about why.
// REQUIRES: both maps are of one cluster.
void tell_changes(const ring::ClusterMap& before, const ring::ClusterMap& after, const std::vector<Choice>& choices,
                  const std::set<PartitionId>& handed_over, EventGroups& events);

}  // namespace gyre::control
