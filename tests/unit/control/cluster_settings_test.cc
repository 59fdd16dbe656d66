#include "control/cluster_settings.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/admission.h"
#include "support.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;
using messages::ClusterSetRequest;
using messages::NodeSetRequest;
using ring::Membership;
using testing::HasSubstr;
using Action = NodeSetRequest::Action;
using Kind = CoordinatorEvent::Kind;

class ClusterSettingsTest : public testing::Test {
 protected:
  // n1, n2, n3 hold two copies of each partition; all are up.
  ClusterSettingsTest() {
    state.map.cluster = kCluster;
    state.map.epoch = Epoch(1);
    state.map.shape = config_of(3, 2).shape;
    state.map.entries.resize(state.map.shape.partitions);
    for (const char* id : {"n1", "n2", "n3"}) {
      EXPECT_TRUE(admit(state, join_of(node_info(id)), nodes, kStart));
      nodes.heard(NodeId(id), kStart);
    }
    EXPECT_TRUE(place_first(state, 3));
  }

  void expect_refused(const ClusterSetRequest& request, const std::string& because) {
    const ClusterState before = state;
    const Changed changed = change_cluster(state, request);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(changed.error().message, HasSubstr(because));
    EXPECT_EQ(state, before);
  }
  void expect_refused(const NodeSetRequest& request, ErrorCode code, const std::string& because) {
    const ClusterState before = state;
    const Changed changed = change_node(state, nodes, request);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, code);
    EXPECT_THAT(changed.error().message, HasSubstr(because));
    EXPECT_EQ(state, before);
  }
  std::string change(const ClusterSetRequest& request) {
    const Changed changed = change_cluster(state, request);
    EXPECT_TRUE(changed) << changed.error().message;
    EXPECT_TRUE(ring::validate(state.map));
    return *changed ? (*changed)->detail : "";
  }
  std::string change(const NodeSetRequest& request) {
    const Changed changed = change_node(state, nodes, request);
    EXPECT_TRUE(changed) << changed.error().message;
    EXPECT_TRUE(ring::validate(state.map));
    return *changed ? (*changed)->detail : "";
  }
  const ring::NodeInfo& node(const char* id) { return *state.map.find_node(NodeId(id)); }

  ClusterState state;
  Liveness nodes{kTiming, kStart};
};

TEST_F(ClusterSettingsTest, WhatIsGivenChangesAndNothingElse) {
  ClusterSetRequest request;
  request.automatic = false;
  request.paused = true;
  request.spread_hot = true;
  request.moves_per_node = 7;
  request.bytes_per_second = 1000;
  request.p99_factor = 1.5;
  request.replace_after = 1h;
  EXPECT_EQ(change(request),
            "7 moves per node, moves at 1000 bytes per second and node, p99 factor 1.5, automatic rebalancing off, "
            "moves are paused, spreading of hot primaries on, silent nodes are replaced after 3600 s");
  EXPECT_EQ(state.policy, (messages::MovePolicy{false, true, true, 1h}));
  EXPECT_EQ(state.map.moves, (ring::MoveLimits{7, 1000, 1.5}));
  EXPECT_EQ(change(request), "") << "all is so already";
  request = {};
  request.replace_after = Duration(0);
  request.bytes_per_second = 0;
  EXPECT_EQ(change(request), "moves as fast as they can, silent nodes are never replaced");
  EXPECT_EQ(state.map.moves.moves_per_node, 7u);
}

TEST_F(ClusterSettingsTest, NumbersBeyondTheirLimitsAreRefusedWithASentence) {
  ClusterSetRequest request;
  for (const std::uint32_t moves : {0u, 257u}) {
    request.moves_per_node = moves;
    expect_refused(request, "choose 1 to 256");
  }
  request = {};
  for (const double factor : {0.5, -1.0, std::nan(""), HUGE_VAL}) {
    request.p99_factor = factor;
    expect_refused(request, "p99 factor");
  }
  request = {};
  request.replace_after = 1s;
  expect_refused(request, "choose at least 2000 ms");
}

TEST_F(ClusterSettingsTest, CopiesNeedNodesAndMinInSyncNeedsCopies) {
  ClusterSetRequest request;
  request.replication_factor = 0;
  expect_refused(request, "choose 1 to 7");
  request.replication_factor = 4;
  expect_refused(request, "4 copies need 4 nodes that hold data, and the cluster has 3");
  request.replication_factor = 1;
  expect_refused(request, "cannot wait for 2 of 1 copies");
  request.min_in_sync = 1;
  EXPECT_EQ(change(request), "1 copies, 1 in sync for `all`");
  request.replication_factor = 3;
  request.min_in_sync = 4;
  expect_refused(request, "choose a min-in-sync from 1 to 3");
  request.min_in_sync = 0;
  expect_refused(request, "cannot wait for 0 of 3 copies");
  request.min_in_sync = 3;
  EXPECT_EQ(change(request), "3 copies, 3 in sync for `all`");
}

TEST_F(ClusterSettingsTest, ASmallerMinInSyncForgetsWhoDepartedWhereEnoughStay) {
  ring::PartitionEntry& entry = state.map.entries[0];
  const NodeId left = entry.learners[0];
  entry.departed = {left};
  const std::uint64_t version = entry.version;
  ClusterSetRequest request;
  request.min_in_sync = 1;
  change(request);
  EXPECT_TRUE(entry.departed.empty());
  EXPECT_EQ(entry.version, version + 1);
}

TEST_F(ClusterSettingsTest, WeightAndZoneAreKeptForTheNextJoin) {
  EXPECT_EQ(change(NodeSetRequest{NodeId("n2"), 2.5, "b", Action::none}), "n2 has weight 2.5, zone b now");
  EXPECT_EQ(node("n2").weight, 2.5);
  EXPECT_EQ(state.settings, (std::vector<NodeSettings>{{NodeId("n2"), 2.5, "b"}}));
  change(NodeSetRequest{NodeId("n1"), {}, "", Action::none});
  EXPECT_EQ(state.settings.size(), 2u);
  EXPECT_EQ(state.settings[0].node, NodeId("n1"));
  EXPECT_EQ(change(NodeSetRequest{NodeId("n2"), {}, "", Action::none}), "n2 has no zone now");
  EXPECT_EQ(state.settings[1], (NodeSettings{NodeId("n2"), 2.5, ""}));
  ASSERT_TRUE(admit(state, join_of(node_info("n2", 2)), nodes, kStart));
  EXPECT_EQ(node("n2").weight, 2.5);
}

TEST_F(ClusterSettingsTest, NonsenseAboutANodeIsRefused) {
  expect_refused(NodeSetRequest{NodeId("n9"), {}, {}, Action::drain}, ErrorCode::invalid_argument, "no node n9");
  for (const double weight : {0.0, -1.0, 1001.0, std::nan("")}) {
    expect_refused(NodeSetRequest{NodeId("n1"), weight, {}, Action::none}, ErrorCode::invalid_argument, "weight");
  }
  expect_refused(NodeSetRequest{NodeId("n1"), {}, "a b", Action::none}, ErrorCode::invalid_argument, "zone");
}

TEST_F(ClusterSettingsTest, MembershipFollowsTheAction) {
  EXPECT_EQ(change(NodeSetRequest{NodeId("n1"), {}, {}, Action::drain}), "n1 gives away what it has");
  EXPECT_EQ(node("n1").membership, Membership::draining);
  EXPECT_EQ(change(NodeSetRequest{NodeId("n1"), {}, {}, Action::drain}), "");
  EXPECT_EQ(change(NodeSetRequest{NodeId("n1"), {}, {}, Action::remove}),
            "n1 gives away what it has, and leaves the cluster then");
  EXPECT_EQ(node("n1").membership, Membership::removing);
  EXPECT_EQ(change(NodeSetRequest{NodeId("n1"), {}, {}, Action::resume}), "n1 takes part again");
  EXPECT_EQ(node("n1").membership, Membership::active);
}

TEST_F(ClusterSettingsTest, TheLastNodesThatAreNeededStay) {
  change(NodeSetRequest{NodeId("n1"), {}, {}, Action::drain});
  expect_refused(NodeSetRequest{NodeId("n2"), {}, {}, Action::drain}, ErrorCode::condition_failed,
                 "without n2, 1 node would be left for 2 copies of each partition");
  expect_refused(NodeSetRequest{NodeId("n2"), {}, {}, Action::remove}, ErrorCode::condition_failed, "--rf 1");
}

TEST_F(ClusterSettingsTest, AnAwayNodeResumesByItself) {
  state.map.nodes[0].membership = Membership::away;
  expect_refused(NodeSetRequest{NodeId("n1"), {}, {}, Action::resume}, ErrorCode::condition_failed, "n1 is away");
}

TEST_F(ClusterSettingsTest, OnlyADispensableNodeThatIsDownIsForgotten) {
  expect_refused(NodeSetRequest{NodeId("n1"), {}, {}, Action::forget}, ErrorCode::condition_failed, "n1 is up");
  nodes.expire(kStart + kTiming.detection);
  nodes.heard(NodeId("n2"), kStart + kTiming.detection);
  nodes.heard(NodeId("n3"), kStart + kTiming.detection);
  expect_refused(NodeSetRequest{NodeId("n1"), {}, {}, Action::forget}, ErrorCode::condition_failed,
                 "may be on n1 alone");
  for (ring::PartitionEntry& entry : state.map.entries) {
    for (const NodeId& learner : entry.learners) entry.in_sync.push_back({learner, Generation(0)});
    entry.learners.clear();
  }
  EXPECT_THAT(change(NodeSetRequest{NodeId("n1"), {}, {}, Action::forget}), HasSubstr("n1 is gone for good"));
  EXPECT_EQ(node("n1").membership, Membership::gone);
  EXPECT_EQ(change(NodeSetRequest{NodeId("n1"), {}, {}, Action::forget}), "");
}

}  // namespace
}  // namespace gyre::control
