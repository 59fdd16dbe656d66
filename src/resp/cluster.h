// CLUSTER ...: the cluster map in the words of Redis Cluster.
//
// Partitions have primaries and members, nodes do not: a node that is a member of a partition is shown as a replica of
// its slots, and as a master of those it is primary of.
#pragma once

#include "redis/reply.h"
#include "ring/cluster_map.h"

namespace gyre::resp {

redis::Reply tell_cluster_info(const ring::ClusterMap& map, const NodeId& self);
redis::Reply tell_cluster_myid(const ring::ClusterMap& map, const NodeId& self);
redis::Reply tell_cluster_nodes(const ring::ClusterMap& map, const NodeId& self);
redis::Reply tell_cluster_shards(const ring::ClusterMap& map, const NodeId& self);
redis::Reply tell_cluster_slots(const ring::ClusterMap& map, const NodeId& self);

}  // namespace gyre::resp
