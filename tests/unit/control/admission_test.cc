#include "control/admission.h"

#include <cmath>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::control {
namespace {

using testing::HasSubstr;

ClusterState empty_state(std::uint32_t replication_factor = 1) {
  ClusterState state;
  state.map.cluster = kCluster;
  state.map.epoch = Epoch(1);
  state.map.shape = config_of(1, replication_factor).shape;
  state.map.entries.resize(state.map.shape.partitions);
  return state;
}

class AdmissionTest : public testing::Test {
 protected:
  Result<Admission> admit_node(const ring::NodeInfo& node) { return admit(state, join_of(node), liveness, kStart); }
  // Expects a refusal that leaves the state as it was.
  void expect_refused(const messages::JoinRequest& join, ErrorCode code, const std::string& because) {
    const ClusterState before = state;
    const auto result = admit(state, join, liveness, kStart);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr(because));
    EXPECT_EQ(state, before);
  }

  ClusterState state = empty_state();
  Liveness liveness{kTiming, kStart};
};

TEST_F(AdmissionTest, NodesAreKeptInOrderOfTheirIds) {
  for (const char* id : {"n2", "n3", "n1"}) EXPECT_EQ(admit_node(node_info(id)), Admission::admitted);
  ASSERT_EQ(state.map.nodes.size(), 3u);
  EXPECT_EQ(state.map.nodes[0].id, NodeId("n1"));
  EXPECT_EQ(state.map.nodes[2].id, NodeId("n3"));
  EXPECT_TRUE(ring::validate(state.map));
}

TEST_F(AdmissionTest, TheSameJoinAgainChangesNothing) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  EXPECT_EQ(admit_node(node_info("n1")), Admission::none);
}

TEST_F(AdmissionTest, ARestartedNodeBringsNewZoneWeightAndAddresses) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  ring::NodeInfo again = node_info("n1", 2);
  again.zone = "b";
  again.weight = 2;
  again.addresses.native = "other.test:1";
  EXPECT_EQ(admit_node(again), Admission::rejoined);
  EXPECT_EQ(state.map.nodes[0], again);
}

TEST_F(AdmissionTest, ARestartedPrimaryGetsANewTermForEachOfItsPartitionsAndForNoOther) {
  for (const char* id : {"n1", "n2"}) ASSERT_TRUE(admit_node(node_info(id)));
  ASSERT_TRUE(place_first(state, 2));
  const ClusterState before = state;
  ASSERT_EQ(admit_node(node_info("n1", 2)), Admission::rejoined);
  std::size_t renewed = 0;
  for (std::size_t i = 0; i < state.map.entries.size(); ++i) {
    ring::PartitionEntry expected = before.map.entries[i];
    if (expected.primary == NodeId("n1")) {
      ++renewed;
      expected.term = expected.term.next();
      expected.primary_incarnation = Incarnation(2);
      ++expected.version;
    }
    EXPECT_EQ(state.map.entries[i], expected);
  }
  EXPECT_GT(renewed, 0u);
  EXPECT_LT(renewed, state.map.entries.size());
}

TEST_F(AdmissionTest, DataOfAnotherClusterIsRefused) {
  messages::JoinRequest join = join_of(node_info("n1"));
  join.cluster = Uuid::from_words(2, 2);
  expect_refused(join, ErrorCode::wrong_cluster, "belongs to cluster");
}

TEST_F(AdmissionTest, ADirectoryThatIsNotTheNodesOwnIsRefused) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  ring::NodeInfo wiped = node_info("n1", 2);
  wiped.data_id = Uuid::from_words(9, 9);
  expect_refused(join_of(wiped), ErrorCode::denied, "is known with data directory");
  ring::NodeInfo copied = node_info("n2");
  copied.data_id = node_info("n1").data_id;
  expect_refused(join_of(copied), ErrorCode::denied, "this data directory belongs to node n1");
}

TEST_F(AdmissionTest, AnOlderIncarnationIsRefused) {
  ASSERT_TRUE(admit_node(node_info("n1", 5)));
  expect_refused(join_of(node_info("n1", 4)), ErrorCode::denied, "was started again after this process");
}

TEST_F(AdmissionTest, ASecondProcessUnderALivingNodesIdMustWaitUntilThatOneIsSilent) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  liveness.heard(NodeId("n1"), kStart);
  ring::NodeInfo copy = node_info("n1", 2);
  copy.addresses.native = "elsewhere.test:7400";
  expect_refused(join_of(copy), ErrorCode::busy, "is alive at n1.test:7400");
  liveness.expire(kStart + kTiming.detection);
  EXPECT_EQ(admit_node(copy), Admission::rejoined);
}

TEST_F(AdmissionTest, ARestartAtTheSameAddressNeedsNoWaiting) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  liveness.heard(NodeId("n1"), kStart);
  EXPECT_EQ(admit_node(node_info("n1", 2)), Admission::rejoined);
}

TEST_F(AdmissionTest, OneIncarnationCannotBeAtTwoAddresses) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  ring::NodeInfo copy = node_info("n1");
  copy.addresses.native = "elsewhere.test:7400";
  expect_refused(join_of(copy), ErrorCode::denied, "was admitted at n1.test:7400");
}

TEST_F(AdmissionTest, TheAddressOfALivingNodeIsRefused) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  liveness.heard(NodeId("n1"), kStart);
  ring::NodeInfo other = node_info("n2");
  other.addresses.native = "n1.test:7400";
  expect_refused(join_of(other), ErrorCode::busy, "where node n1 was heard");
  liveness.expire(kStart + kTiming.detection);
  EXPECT_EQ(admit_node(other), Admission::admitted);
}

TEST_F(AdmissionTest, UnusableValuesAreRefusedWithASentence) {
  struct Case {
    std::function<void(ring::NodeInfo&)> spoil;
    const char* because;
  };
  const Case cases[] = {
      {[](auto& n) { n.id = NodeId(); }, "without an id"},
      {[](auto& n) { n.data_id = Uuid(); }, "no data directory"},
      {[](auto& n) { n.incarnation = Incarnation(); }, "no incarnation"},
      {[](auto& n) { n.weight = 0; }, "weight 0"},
      {[](auto& n) { n.weight = -1; }, "weight -1"},
      {[](auto& n) { n.weight = std::nan(""); }, "weight nan"},
      {[](auto& n) { n.weight = 1e9; }, "at most 1000"},
      {[](auto& n) { n.zone = "a b"; }, "zone 'a b'"},
      {[](auto& n) { n.zone = std::string(64, 'z'); }, "zone"},
      {[](auto& n) { n.addresses.native = ""; }, "advertises ''"},
      {[](auto& n) { n.addresses.native = "host"; }, "HOST:PORT"},
      {[](auto& n) { n.addresses.native = ":7400"; }, "HOST:PORT"},
      {[](auto& n) { n.addresses.native = "host:0"; }, "HOST:PORT"},
      {[](auto& n) { n.addresses.native = "host:70000"; }, "HOST:PORT"},
      {[](auto& n) { n.addresses.native = "0.0.0.0:7400"; }, "others can reach"},
      {[](auto& n) { n.addresses.http = "nonsense"; }, "advertises 'nonsense'"},
      {[](auto& n) { n.addresses.resp = "host:1x"; }, "advertises 'host:1x'"},
  };
  for (const Case& c : cases) {
    ring::NodeInfo node = node_info("n1");
    c.spoil(node);
    expect_refused(join_of(node), ErrorCode::invalid_argument, c.because);
  }
}

TEST_F(AdmissionTest, WhatAnOperatorHasSetGoesBeforeWhatTheNodeSays) {
  state.settings = {{NodeId("n1"), 3.0, {}}, {NodeId("n2"), {}, "b"}};
  ring::NodeInfo node = node_info("n1");
  node.zone = "a";
  ASSERT_TRUE(admit_node(node));
  EXPECT_EQ(state.map.nodes[0].weight, 3.0);
  EXPECT_EQ(state.map.nodes[0].zone, "a");
  EXPECT_EQ(admit_node(node), Admission::none) << "the same again";
  node.weight = 7;
  node.incarnation = Incarnation(2);
  ASSERT_EQ(admit_node(node), Admission::rejoined);
  EXPECT_EQ(state.map.nodes[0].weight, 3.0);
  ASSERT_TRUE(admit_node(node_info("n2")));
  EXPECT_EQ(state.map.nodes[1].zone, "b");
}

TEST_F(AdmissionTest, AKnownNodeKeepsItsMembership) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  for (const ring::Membership membership :
       {ring::Membership::draining, ring::Membership::removing, ring::Membership::away, ring::Membership::gone}) {
    state.map.nodes[0].membership = membership;
    ring::NodeInfo again = state.map.nodes[0];
    again.incarnation = again.incarnation.next();
    ASSERT_TRUE(admit_node(again));
    EXPECT_EQ(state.map.nodes[0].membership, membership);
  }
}

TEST_F(AdmissionTest, TheFirstPlacementIsForNodesThatMayHoldData) {
  for (const char* id : {"n1", "n2"}) ASSERT_TRUE(admit_node(node_info(id)));
  state.map.nodes[1].membership = ring::Membership::draining;
  EXPECT_FALSE(place_first(state, 2));
  ASSERT_TRUE(place_first(state, 1));
  for (const ring::PartitionEntry& entry : state.map.entries) EXPECT_EQ(entry.primary, NodeId("n1"));
}

TEST_F(AdmissionTest, AFullClusterAdmitsNobodyElse) {
  for (std::uint32_t i = 0; i < limits::kNodesMax; ++i) {
    ASSERT_TRUE(admit_node(node_info("n" + std::to_string(i))));
  }
  expect_refused(join_of(node_info("one-more")), ErrorCode::too_large, "1000 nodes");
  EXPECT_EQ(admit_node(node_info("n0", 2)), Admission::rejoined) << "a member comes back nevertheless";
}

TEST_F(AdmissionTest, TheFirstPlacementWaitsForTheInitialNodesAndHappensOnce) {
  ASSERT_TRUE(admit_node(node_info("n1")));
  EXPECT_FALSE(place_first(state, 2));
  EXPECT_TRUE(state.map.entries[0].primary.empty());
  ASSERT_TRUE(admit_node(node_info("n2")));
  EXPECT_TRUE(place_first(state, 2));
  const ClusterState placed = state;
  EXPECT_FALSE(place_first(state, 2));
  ASSERT_TRUE(admit_node(node_info("n3")));
  EXPECT_FALSE(place_first(state, 2));
  EXPECT_EQ(state.target, placed.target);
  EXPECT_EQ(state.map.entries, placed.map.entries) << "a node that joins later holds nothing";
}

TEST_F(AdmissionTest, OnlyThePrimaryOfAFreshPartitionIsInSync) {
  state = empty_state(3);
  for (const char* id : {"n1", "n2", "n3"}) {
    ring::NodeInfo node = node_info(id, 4);
    node.generation = Generation(7);
    ASSERT_TRUE(admit_node(node));
  }
  ASSERT_TRUE(place_first(state, 3));
  ASSERT_TRUE(ring::validate(state.map));
  for (std::size_t i = 0; i < state.map.entries.size(); ++i) {
    const ring::PartitionEntry& entry = state.map.entries[i];
    EXPECT_EQ(entry.term, Term(1));
    EXPECT_EQ(entry.version, 1u);
    EXPECT_EQ(entry.primary_incarnation, Incarnation(4));
    EXPECT_EQ(entry.in_sync, (std::vector<ring::InSyncMember>{{entry.primary, Generation(7)}}));
    EXPECT_EQ(entry.learners.size(), 2u);
    EXPECT_EQ(entry.members(), state.target.partitions[i]);
  }
}

}  // namespace
}  // namespace gyre::control
