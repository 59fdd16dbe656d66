#include "ring/cluster_map.h"

#include <chrono>
#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::ring {
namespace {

using testing::HasSubstr;

NodeInfo node(const char* id) {
  NodeInfo info;
  info.id = NodeId(id);
  return info;
}

InSyncMember member(const char* id) { return {NodeId(id), Generation(1)}; }

ClusterMap valid_map() {
  ClusterMap map;
  map.epoch = Epoch(1);
  map.shape.partitions = 2;
  map.shape.replication_factor = 2;
  map.nodes = {node("n1"), node("n2"), node("n3")};
  map.entries.resize(2);
  map.entries[0].primary = NodeId("n2");
  map.entries[0].in_sync = {member("n1"), member("n2")};
  map.entries[0].learners = {NodeId("n3")};
  return map;
}

TEST(PartitionEntry, ListsItsPrimaryFirstThenTheInSyncSetThenLearners) {
  const ClusterMap map = valid_map();
  EXPECT_THAT(map.entries[0].members(), testing::ElementsAre(NodeId("n2"), NodeId("n1"), NodeId("n3")));
  EXPECT_THAT(map.entries[1].members(), testing::IsEmpty());
  EXPECT_TRUE(map.entries[0].has_member(NodeId("n3")));
  EXPECT_FALSE(map.entries[1].has_member(NodeId("n1")));
}

TEST(PartitionEntry, FindsInSyncMembersAndTheirGeneration) {
  const ClusterMap map = valid_map();
  ASSERT_NE(map.entries[0].find_in_sync(NodeId("n2")), nullptr);
  EXPECT_EQ(map.entries[0].find_in_sync(NodeId("n2"))->generation, Generation(1));
  EXPECT_EQ(map.entries[0].find_in_sync(NodeId("n3")), nullptr);
}

TEST(ClusterMap, FindsNodesById) {
  const ClusterMap map = valid_map();
  ASSERT_NE(map.find_node(NodeId("n2")), nullptr);
  EXPECT_EQ(map.find_node(NodeId("n2"))->id, NodeId("n2"));
  EXPECT_EQ(map.find_node(NodeId("n20")), nullptr);
  EXPECT_EQ(map.find_node(NodeId("a")), nullptr);
}

TEST(Validate, AcceptsAMapInOrder) {
  EXPECT_TRUE(validate(valid_map()).has_value());
  ClusterMap empty;
  empty.entries.resize(empty.shape.partitions);
  EXPECT_TRUE(validate(empty).has_value());
}

TEST(Validate, AcceptsAPartitionThatLostItsPrimary) {
  ClusterMap map = valid_map();
  map.entries[0].primary = NodeId();
  EXPECT_TRUE(validate(map).has_value());
}

TEST(Validate, AcceptsDeposedPrimariesAndThoseWhoLeft) {
  ClusterMap map = valid_map();
  map.shape.min_in_sync = 2;
  PartitionEntry& entry = map.entries[0];
  entry.term = Term(5);
  entry.in_sync = {member("n2")};
  entry.departed = {NodeId("n1"), NodeId("n3")};
  entry.deposed = {{NodeId("n1"), Term(2)}, {NodeId("n3"), Term(3)}, {NodeId("n1"), Term(5)}};
  EXPECT_TRUE(validate(map).has_value());
}

TEST(Validate, AcceptsEveryMembershipAndADeposedPrimaryThatLeftTheCluster) {
  ClusterMap map = valid_map();
  map.nodes[0].membership = Membership::removing;
  map.nodes[1].membership = Membership::away;
  map.nodes[2].membership = Membership::gone;
  map.entries[0].term = Term(5);
  map.entries[0].deposed = {{NodeId("n9"), Term(2)}};
  map.moves = {.moves_per_node = 256, .bytes_per_second = 1, .p99_factor = 0};
  EXPECT_TRUE(validate(map).has_value());
}

TEST(ValidateChanged, LooksAtTheEntriesNamedAndAtAllElse) {
  ClusterMap map = valid_map();
  map.entries[0].learners = {NodeId("n9")};
  EXPECT_TRUE(validate_changed(map, {PartitionId(1)}).has_value());
  EXPECT_FALSE(validate_changed(map, {PartitionId(1), PartitionId(0)}).has_value());
  map.nodes[0].weight = -1;
  EXPECT_FALSE(validate_changed(map, {}).has_value());
}

struct Damage {
  const char* what;
  std::function<void(ClusterMap&)> inflict;
};

TEST(Validate, NamesTheFirstThingWrong) {
  const std::vector<Damage> damages = {
      {"3 partitions", [](ClusterMap& m) { m.shape.partitions = 3; }},
      {"0 partitions", [](ClusterMap& m) { m.shape.partitions = 0; }},
      {"replication factor 0", [](ClusterMap& m) { m.shape.replication_factor = 0; }},
      {"replication factor 8", [](ClusterMap& m) { m.shape.replication_factor = 8; }},
      {"0 members in sync", [](ClusterMap& m) { m.shape.min_in_sync = 0; }},
      {"3 members in sync", [](ClusterMap& m) { m.shape.min_in_sync = 3; }},
      {"do not fit", [](ClusterMap& m) { m.shape.timing.lease = std::chrono::seconds(1); }},
      {"0 virtual nodes", [](ClusterMap& m) { m.shape.vnodes = 0; }},
      {"load slack nan", [](ClusterMap& m) { m.shape.load_slack = std::nan(""); }},
      {"load slack -1", [](ClusterMap& m) { m.shape.load_slack = -1; }},
      {"out of order or there twice", [](ClusterMap& m) { std::swap(m.nodes[0], m.nodes[1]); }},
      {"n1 is out of order or there twice", [](ClusterMap& m) { m.nodes[1] = m.nodes[0]; }},
      {"no id", [](ClusterMap& m) { m.nodes[0].id = NodeId(); }},
      {"n2 has weight 0", [](ClusterMap& m) { m.nodes[1].weight = 0; }},
      {"n2 has weight inf", [](ClusterMap& m) { m.nodes[1].weight = std::numeric_limits<double>::infinity(); }},
      {"n1 has a membership", [](ClusterMap& m) { m.nodes[0].membership = Membership{9}; }},
      {"1001 nodes", [](ClusterMap& m) { m.nodes.resize(1001); }},
      {"1 entries for 2 partitions", [](ClusterMap& m) { m.entries.pop_back(); }},
      {"primary n3 of partition 1 is not in its in-sync set",
       [](ClusterMap& m) { m.entries[1].primary = NodeId("n3"); }},
      {"partition 0 has or had more than 14 members",
       [](ClusterMap& m) { m.entries[0].learners.assign(13, NodeId("n3")); }},
      {"partition 0 remembers who left its in-sync set", [](ClusterMap& m) { m.entries[0].departed = {NodeId("n3")}; }},
      {"partition 1 remembers twice that node n3 left",
       [](ClusterMap& m) { m.entries[1].departed = {NodeId("n3"), NodeId("n3")}; }},
      {"partition 1 names node 'n9'", [](ClusterMap& m) { m.entries[1].departed = {NodeId("n9")}; }},
      {"node n1 left the in-sync set of partition 0 and is in it",
       [](ClusterMap& m) {
         m.shape.min_in_sync = 2;
         m.entries[0].in_sync = {member("n1")};
         m.entries[0].primary = NodeId("n1");
         m.entries[0].departed = {NodeId("n1")};
       }},
      {"partition 1 names node ''", [](ClusterMap& m) { m.entries[1].deposed = {{NodeId(), Term()}}; }},
      {"0 moves of one node", [](ClusterMap& m) { m.moves.moves_per_node = 0; }},
      {"257 moves of one node", [](ClusterMap& m) { m.moves.moves_per_node = 257; }},
      {"p99 factor 0.5", [](ClusterMap& m) { m.moves.p99_factor = 0.5; }},
      {"p99 factor nan", [](ClusterMap& m) { m.moves.p99_factor = std::nan(""); }},
      {"p99 factor inf", [](ClusterMap& m) { m.moves.p99_factor = std::numeric_limits<double>::infinity(); }},
      {"17 deposed primaries", [](ClusterMap& m) { m.entries[1].deposed.resize(17); }},
      {"term 8 of a deposed primary",
       [](ClusterMap& m) {
         m.entries[1].term = Term(7);
         m.entries[1].deposed = {{NodeId("n1"), Term(8)}};
       }},
      {"term 6 of a deposed primary",
       [](ClusterMap& m) {
         m.entries[1].term = Term(7);
         m.entries[1].deposed = {{NodeId("n1"), Term(6)}, {NodeId("n2"), Term(6)}};
       }},
      {"partition 1 names node 'n9'", [](ClusterMap& m) { m.entries[1].in_sync = {member("n9")}; }},
      {"partition 1 names node ''", [](ClusterMap& m) { m.entries[1].learners = {NodeId()}; }},
      {"partition 0 names node n1 twice", [](ClusterMap& m) { m.entries[0].in_sync.push_back(member("n1")); }},
      {"partition 0 names node n2 twice", [](ClusterMap& m) { m.entries[0].learners.push_back(NodeId("n2")); }},
  };
  for (const Damage& damage : damages) {
    ClusterMap map = valid_map();
    damage.inflict(map);
    const auto result = validate(map);
    ASSERT_FALSE(result.has_value()) << damage.what;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(result.error().message, HasSubstr(damage.what));
  }
}

}  // namespace
}  // namespace gyre::ring
