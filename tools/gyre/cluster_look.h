// A cluster as its processes, its map and its primaries show it at one moment. `cluster status` prints it, `cluster
// watch` draws it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "ring/cluster_map.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/partition_groups.h"

namespace gyre::cli {

struct ProcessStatus {
  std::string role;
  std::string id;
  std::optional<pid_t> pid;
  std::string state;  // up, down, paused, starting, catching_up, unreachable
  bool answers = false;
  std::string native;
  std::string http;
  std::string resp;  // empty: none
  std::string zone;  // empty: none
  std::optional<double> weight;  // nodes alone
  std::string membership;  // active, draining, away, removing, gone; empty: no node of the map
  std::size_t primaries = 0;
  std::size_t replicas = 0;  // in sync
  std::size_t learners = 0;  // catching up
  std::int64_t lag_ms = -1;  // the largest that any primary sees of it; -1: nobody knows
  std::size_t faults = 0;  // rules of injected network faults that are on

  // "up", but of a node on its way out "draining" or "removing".
  const std::string& shown_state() const {
    const bool leaving = membership == "draining" || membership == "removing";
    return state == "up" && leaving ? membership : state;
  }
};

struct ClusterStatus {
  ring::ClusterMapPtr map;  // null: nobody gave one
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
  std::vector<ProcessStatus> processes;
  std::size_t nodes_up = 0;
  std::size_t nodes_total = 0;
  std::size_t without_primary = 0;
  std::size_t under_replicated = 0;
  std::size_t not_serving = 0;  // have a primary that does not serve
  PrimaryAnswers by_primary;
};

// "active", "draining", ...
std::string_view to_string(ring::Membership membership);

// Asks every process, each for so long at most. Those known to be down or paused are not waited for.
ClusterStatus look_at_cluster(const ClusterSource& source, Duration limit = kSourceAnswerLimit);

// The pure part of it: adds what the map knows to the processes' states: who holds what, and what is missing while some
// nodes are not up.
void apply_map(ClusterStatus& status, const ring::ClusterMap& map);

}  // namespace gyre::cli
