// What a promotion by an operator concerns and may cost, looked at before it is asked for.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"
#include "ring/cluster_map.h"

namespace gyre::cli {

// What the nodes say of their partitions.
struct Holdings {
  std::set<PartitionId> served;              // a primary serves them now
  std::map<PartitionId, Position> positions;  // of the node to promote
};

// The partitions of which `node` would become primary: those `wanted`; none: all that nobody serves and that have it as
// a member. ERRORS: invalid_argument (no such partition, or the node is no member of it).
Result<std::vector<PartitionId>> partitions_to_promote(const ring::ClusterMap& map, const NodeId& node,
                                                       const std::vector<std::uint32_t>& wanted,
                                                       const Holdings& holdings);

// A sentence for each partition in which the node may lack acknowledged writes: it is not in sync, or its data is of
// another generation than was counted in.
std::vector<std::string> costs_of_promotion(const ring::ClusterMap& map, const NodeId& node,
                                            const std::vector<PartitionId>& partitions, const Holdings& holdings);

}  // namespace gyre::cli
