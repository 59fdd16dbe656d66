// What `gyre cluster watch` shows: a cluster at one moment, put together from what its processes say. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/request.h"
#include "tools/gyre/cluster_look.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

struct WatchNode {
  std::string id;
  std::string zone;
  std::string state;  // as `gyre cluster status` shows it
  std::size_t primaries = 0;
  std::size_t replicas = 0;  // in sync
  std::size_t learners = 0;
  std::int64_t lag_ms = -1;  // -1: nobody knows
  std::size_t faults = 0;  // rules of injected network faults
  std::optional<messages::NodeLoadStatus> load;  // none: the coordinator does not say
};

struct WatchPartition {
  std::optional<std::size_t> primary;  // index of the node; none: nobody serves it
  bool whole = true;  // as many copies in sync, on nodes that are up, as there should be
  bool moves = false;
};

struct WatchState {
  std::string cluster;
  std::uint64_t epoch = 0;
  std::uint32_t replication_factor = 0;
  std::string clock;  // "12:04:31"
  bool coordinator = false;  // it answers
  std::vector<WatchNode> nodes;  // by id
  std::vector<WatchPartition> partitions;  // in the order of the ring's numbers
  std::size_t not_serving = 0;  // have a primary that does not serve
  std::optional<messages::MovesResponse> moves;  // none: the coordinator does not answer
  std::vector<double> history;  // operations per second, oldest first
  std::vector<messages::ClusterEvent> events;  // oldest first

  std::size_t nodes_up() const;
  std::size_t under_replicated() const;
  std::size_t without_primary() const;
  double reads_per_second() const;
  double writes_per_second() const;
};

// History and events are the caller's to add.
WatchState watch_state(const ClusterStatus& status, const std::optional<messages::MovesResponse>& moves,
                       std::string clock);

Json watch_json(const WatchState& state);

}  // namespace gyre::cli
