// The cluster map as JSON: of the admin server's /map and the CLI's --json. Tools rely on the names.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ring/cluster_map.h"

namespace gyre::observe {

// {"cluster","epoch","shape":{"partitions","replication_factor","min_in_sync","vnodes","load_slack","heartbeat_ms",
//  "detection_ms","lease_ms"},"moves":{"moves_per_node","bytes_per_second","p99_factor"},"coordinators":[],
//  "nodes":[node_json],"partitions":[partition_json]}; a `bytes_per_second` or `p99_factor` of 0 sets no limit.
nlohmann::json map_json(const ring::ClusterMap& map);

// {"id","data_id","incarnation","generation","zone","weight","membership","native","http","resp"}; what is not there is
// null. `membership`: active, draining, away, removing or gone.
nlohmann::json node_json(const ring::NodeInfo& node);

// {"partition","first_slot","last_slot","term","version","primary","primary_incarnation","in_sync":[],
//  "generations":[],"replicas":[],"learners":[],"departed":[],"deposed":[{"node","term"}]}; `last_slot` is the last one
// inside, `generations` those of `in_sync`, `replicas` the in-sync members other than the primary, and `primary` is
// null where nobody serves.
nlohmann::json partition_json(const ring::ClusterMap& map, PartitionId partition);

}  // namespace gyre::observe
