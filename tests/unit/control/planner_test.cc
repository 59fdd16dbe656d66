#include "control/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moving_cluster.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;
using messages::ApplyRequest;
using messages::ApplyResponse;
using messages::ClusterSetRequest;
using messages::NodeSetRequest;
using messages::PlanRequest;
using messages::PlanResponse;
using testing::HasSubstr;
using Action = NodeSetRequest::Action;
using Kind = CoordinatorEvent::Kind;

class PlannerTest : public testing::Test {
 protected:
  PlannerTest() {
    ClusterSetRequest off;
    off.automatic = false;
    c.ask(off);
  }
  ring::Plan plan() { return c.h.answer<PlanResponse>(c.ask(PlanRequest{})).plan; }

  MovingCluster c{3, 2};
};

TEST_F(PlannerTest, NothingMovesByItselfWhenThatIsSwitchedOff) {
  c.add("n4");
  c.work(3s);
  EXPECT_EQ(c.copies_on("n4"), 0u);
  EXPECT_EQ(c.h.count(Kind::rebalance_planned), 0u);
}

TEST_F(PlannerTest, WhatIsAppliedIsWhatWasShown) {
  EXPECT_EQ(plan().id, 0u);
  c.add("n4");
  const ring::Plan shown = plan();
  EXPECT_NE(shown.id, 0u);
  EXPECT_EQ(shown.moves.size(), 8u);
  EXPECT_EQ(plan().id, shown.id) << "looking changes nothing";
  const Epoch before = c.map().epoch;
  const AnswerToken token = c.ask(ApplyRequest{shown.id});
  EXPECT_EQ(c.h.answer<ApplyResponse>(token).epoch, before.next()) << "the first moves may have begun since";
  EXPECT_EQ(c.state().target, shown.target);
  EXPECT_EQ(c.h.count(Kind::rebalance_planned), 1u);
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(plan().id, 0u);
  for (const ring::PlannedMove& move : shown.moves) {
    const ring::PartitionEntry& entry = c.entry(move.partition.value());
    EXPECT_TRUE(entry.has_member(move.to));
    EXPECT_FALSE(entry.has_member(move.from));
  }
}

TEST_F(PlannerTest, APlanThatWouldBeAnotherByNowIsRefused) {
  c.add("n4");
  const ring::Plan shown = plan();
  c.add("n5");
  EXPECT_THAT(c.refusal(c.ask(ApplyRequest{shown.id})), HasSubstr("the cluster has changed since this plan was made"));
  EXPECT_THAT(c.refusal(c.ask(ApplyRequest{12345})), HasSubstr("look at the new one"));
  EXPECT_EQ(c.refusal(c.ask(ApplyRequest{plan().id})), "");
  EXPECT_THAT(c.refusal(c.ask(ApplyRequest{shown.id})), HasSubstr("changed")) << "it is done";
}

TEST_F(PlannerTest, AnAppliedPlanOfNothingIsNoChange) {
  const Epoch epoch = c.map().epoch;
  EXPECT_EQ(c.h.answer<ApplyResponse>(c.ask(ApplyRequest{0})).epoch, epoch);
  EXPECT_EQ(c.map().epoch, epoch);
}

TEST_F(PlannerTest, SwitchingItOnMakesUpForWhatWasMissed) {
  c.add("n4");
  c.set("n1", Action::drain);
  ClusterSetRequest on;
  on.automatic = true;
  c.ask(on);
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.copies_on("n1"), 0u);
  EXPECT_GT(c.copies_on("n4"), 8u);
}

TEST_F(PlannerTest, ManyPlansOfOneChangeShareOneTarget) {
  ClusterSetRequest on;
  on.automatic = true;
  c.ask(on);
  const auto planned = c.h.count(Kind::rebalance_planned);
  for (const char* id : {"n4", "n5"}) {
    ring::NodeInfo info = node_info(id);
    info.generation = c.node[id].generation;
    c.h.join(join_of(info));  // the second waits for the first one's swap
  }
  c.deliver();
  EXPECT_LE(c.h.count(Kind::rebalance_planned), planned + 2);
  ASSERT_TRUE(c.converge());
}

TEST_F(PlannerTest, WeightsAndZonesSetAtRunTimeMoveData) {
  ClusterSetRequest on;
  on.automatic = true;
  c.ask(on);
  c.add("n4");
  ASSERT_TRUE(c.converge());
  const std::size_t before = c.copies_on("n4");
  ASSERT_EQ(c.refusal(c.ask(NodeSetRequest{NodeId("n4"), 2.0, {}, Action::none})), "");
  ASSERT_TRUE(c.converge());
  EXPECT_GT(c.copies_on("n4"), before);
  for (const auto& [id, zone] : {std::pair{"n1", "a"}, {"n2", "a"}, {"n3", "b"}, {"n4", "b"}}) {
    c.ask(NodeSetRequest{NodeId(id), {}, zone, Action::none});
  }
  ASSERT_TRUE(c.converge());
  for (const ring::PartitionEntry& entry : c.map().entries) {
    EXPECT_NE(c.map().find_node(entry.in_sync[0].node)->zone, c.map().find_node(entry.in_sync[1].node)->zone);
  }
  EXPECT_TRUE(c.violations.empty());
}

TEST_F(PlannerTest, HotPrimariesAreSpreadByTheLoadsThatThePlanWasShownWith) {
  ClusterSetRequest spread;
  spread.spread_hot = true;
  c.ask(spread);
  const auto report = [&](std::uint32_t reads) {
    messages::LoadReport busy;
    for (const std::uint16_t p : c.partitions_of("n1")) busy.items.push_back({PartitionId(p), reads, 10, 1000});
    c.send("n1", busy);
  };
  ASSERT_GT(c.partitions_of("n1").size(), 3u);
  report(1000);
  const ring::Plan shown = plan();
  EXPECT_TRUE(shown.spreads_hot_primaries);
  report(0);
  EXPECT_NE(plan().id, shown.id) << "by now there is nothing to spread";
  EXPECT_EQ(c.refusal(c.ask(ApplyRequest{shown.id})), "");
  EXPECT_EQ(c.state().target, shown.target);
}

TEST(Planner, BeforeAnythingIsPlacedThereIsNoPlan) {
  Harness h(config_of(3, 2));
  EXPECT_EQ(h.error(h.request(PlanRequest{})).code, ErrorCode::unavailable);
  h.settle();
  EXPECT_THAT(h.error(h.request(PlanRequest{})).message, HasSubstr("3 nodes are waited for, 0 joined"));
  const AnswerToken token = h.request(ApplyRequest{7});
  h.settle();
  EXPECT_EQ(h.error(token).code, ErrorCode::unavailable);
}

TEST(Estimate, IsSetByTheBusiestNodeTheRateAndTheLimit) {
  ring::ClusterMap map;
  map.entries.resize(4);
  for (ring::PartitionEntry& entry : map.entries) entry.primary = NodeId("n1");
  ring::Plan plan;
  EXPECT_EQ(estimate(plan, map, 0), Duration(0));
  for (std::uint16_t p = 0; p < 4; ++p) plan.moves.push_back({PartitionId(p), NodeId("n2"), NodeId("n3"), 1'000'000});
  plan.moves.push_back({PartitionId(0), NodeId("n2"), NodeId(), 0});
  const Duration fast = estimate(plan, map, 1'000'000);
  EXPECT_GE(fast, 4s);
  EXPECT_LT(fast, 5s);
  map.moves.bytes_per_second = 100'000;
  EXPECT_GE(estimate(plan, map, 1'000'000), 40s);
  EXPECT_GE(estimate(plan, map, 0), 40s);
}

}  // namespace
}  // namespace gyre::control
