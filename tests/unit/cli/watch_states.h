// States for tests of what `gyre cluster watch` draws.
#pragma once

#include <string>

#include "tools/gyre/watch_state.h"

namespace gyre::cli {

// `nodes` nodes n1, n2, ... that share `partitions` in turn; all is well and nothing moves.
inline WatchState healthy_state(std::size_t nodes, std::size_t partitions) {
  WatchState state;
  state.cluster = "4f2a9c1d00000000";
  state.epoch = 214;
  state.replication_factor = 3;
  state.clock = "12:04:31";
  state.coordinator = true;
  state.moves.emplace();
  for (std::size_t i = 0; i < nodes; ++i) {
    WatchNode node;
    node.id = "n" + std::to_string(i + 1);
    node.zone = i % 2 == 0 ? "a" : "b";
    node.state = "up";
    node.primaries = partitions / nodes;
    node.replicas = 2 * partitions / nodes;
    node.lag_ms = 3;
    node.load = messages::NodeLoadStatus{.node = NodeId(node.id),
                                         .bytes = std::uint64_t{1} << 30,
                                         .reads_per_second = 3075,
                                         .writes_per_second = 1025,
                                         .p99_us = 1800};
    state.nodes.push_back(std::move(node));
  }
  for (std::size_t i = 0; i < partitions; ++i) state.partitions.push_back({.primary = i * nodes / partitions});
  for (std::uint64_t i = 1; i <= 40; ++i) {
    state.events.push_back({i, UnixMillis{1'700'000'000'000 + static_cast<std::int64_t>(i) * 1000}, "in_sync_changed",
                            NodeId("n1"), "event " + std::to_string(i) + " of a partition"});
  }
  state.history = {1000, 2000, 4000, 8000};
  return state;
}

// Copies of `moving` partitions go from n1 to n2.
inline WatchState moving_state(std::size_t nodes, std::size_t partitions, std::size_t moving) {
  WatchState state = healthy_state(nodes, partitions);
  for (std::size_t i = 0; i < moving; ++i) {
    state.moves->moves.push_back({PartitionId(static_cast<std::uint16_t>(i)), NodeId("n1"), NodeId("n2"),
                                  messages::MoveStatus::Stage::copying, 1 << 20, 4 << 20});
    state.partitions[i].moves = true;
  }
  state.moves->moves_done = 33;
  state.moves->moves_total = 64;
  state.moves->bytes_done = 50 << 20;
  state.moves->bytes_total = 100 << 20;
  state.moves->bytes_per_second = 5 << 20;
  return state;
}

}  // namespace gyre::cli
