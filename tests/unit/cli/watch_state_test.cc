#include "tools/gyre/watch_state.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using messages::MovesResponse;
using Stage = messages::MoveStatus::Stage;

const NodeId n1("n1"), n2("n2");

ProcessStatus process(std::string id, std::string role, std::string state) {
  ProcessStatus status;
  status.id = std::move(id);
  status.role = std::move(role);
  status.state = std::move(state);
  return status;
}

// n1 and n2 hold both partitions; n1 is primary of the first, n2 of the second.
ClusterStatus cluster() {
  auto map = std::make_shared<ring::ClusterMap>();
  map->epoch = Epoch(7);
  map->shape.partitions = 2;
  map->shape.replication_factor = 2;
  map->entries.resize(2);
  map->entries[0].primary = n1;
  map->entries[1].primary = n2;
  for (auto& entry : map->entries) entry.in_sync = {{n1, {}}, {n2, {}}};
  ClusterStatus status;
  status.map = map;
  status.replication_factor = 2;
  status.processes = {process("c1", "coordinator", "up"), process("n2", "node", "up"), process("n1", "node", "up")};
  return status;
}

TEST(WatchState, ListsNodesByIdAndPartitionsByPrimary) {
  const WatchState state = watch_state(cluster(), MovesResponse{}, "12:00:00");
  ASSERT_EQ(state.nodes.size(), 2u);
  EXPECT_EQ(state.nodes[0].id, "n1");
  ASSERT_EQ(state.partitions.size(), 2u);
  EXPECT_EQ(state.partitions[0].primary, 0u);
  EXPECT_EQ(state.partitions[1].primary, 1u);
  EXPECT_EQ(state.epoch, 7u);
  EXPECT_EQ(state.under_replicated(), 0u);
  EXPECT_TRUE(state.coordinator);
}

TEST(WatchState, CountsWhatLacksANodeThatIsDown) {
  ClusterStatus status = cluster();
  status.processes[1].state = "down";
  const WatchState state = watch_state(status, std::nullopt, "");
  EXPECT_EQ(state.nodes_up(), 1u);
  EXPECT_EQ(state.under_replicated(), 2u);
  EXPECT_EQ(state.without_primary(), 1u);
  EXPECT_FALSE(state.coordinator);
}

TEST(WatchState, CountsANodeOnItsWayOutAsServing) {
  ClusterStatus status = cluster();
  status.processes[1].membership = "draining";
  const WatchState state = watch_state(status, std::nullopt, "");
  EXPECT_EQ(state.nodes[1].state, "draining");
  EXPECT_EQ(state.under_replicated(), 0u);
}

TEST(WatchState, AddsLoadsAndMarksWhatMoves) {
  MovesResponse moves;
  moves.nodes = {{.node = n1, .bytes = 10, .reads_per_second = 3, .writes_per_second = 4}};
  moves.moves = {{PartitionId(0), n1, n2, Stage::waiting, 0, 0},
                 {PartitionId(1), n1, n2, Stage::copying, 0, 0},
                 {PartitionId(9), n1, n2, Stage::copying, 0, 0}};
  const WatchState state = watch_state(cluster(), moves, "");
  EXPECT_EQ(state.nodes[0].load->bytes, 10u);
  EXPECT_FALSE(state.nodes[1].load);
  EXPECT_EQ(state.reads_per_second(), 3);
  EXPECT_EQ(state.writes_per_second(), 4);
  EXPECT_FALSE(state.partitions[0].moves) << "it waits for its turn";
  EXPECT_TRUE(state.partitions[1].moves);
}

TEST(WatchJson, HasTheRingAsPrimaries) {
  const Json json = watch_json(watch_state(cluster(), std::nullopt, ""));
  EXPECT_EQ(json["primaries"], (Json{"n1", "n2"}));
  EXPECT_TRUE(json["moves"].is_null());
  EXPECT_TRUE(json["nodes"][0]["p99_us"].is_null());
}

}  // namespace
}  // namespace gyre::cli
