#include "control/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moving_cluster.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;
using ring::Membership;
using testing::HasSubstr;
using testing::IsEmpty;
using Action = messages::NodeSetRequest::Action;
using Kind = CoordinatorEvent::Kind;

constexpr Duration kReplaceAfter = 3s;

class MembershipTest : public testing::Test {
 protected:
  void replace_after(MovingCluster& c, Duration after) {
    messages::ClusterSetRequest set;
    set.replace_after = after;
    ASSERT_EQ(c.refusal(c.ask(set)), "");
  }
};

// --- Away ---

TEST_F(MembershipTest, ANodeThatIsSilentForTooLongIsReplaced) {
  MovingCluster c(4, 2);
  replace_after(c, kReplaceAfter);
  c.kill("n1");
  c.work(kReplaceAfter - 500ms);
  EXPECT_EQ(c.membership("n1"), Membership::active);
  c.work(1s);
  EXPECT_EQ(c.membership("n1"), Membership::away);
  ASSERT_EQ(c.h.count(Kind::node_away), 1u);
  EXPECT_THAT(c.h.details(Kind::node_away)[0], HasSubstr("n1 was silent for 3 s"));
  c.work(10s);
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_EQ(entry.in_sync.size(), 2u);
  EXPECT_THAT(c.violations, IsEmpty());
}

TEST_F(MembershipTest, WhoHasNotAccountedStaysAMemberUntilItIsBack) {
  MovingCluster c(4, 2);
  replace_after(c, kReplaceAfter);
  const auto served = c.partitions_of("n1");
  c.kill("n1");
  c.work(kReplaceAfter + 10s);
  EXPECT_EQ(c.copies_on("n1"), served.size());
  c.restart("n1");
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.membership("n1"), Membership::active);
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_TRUE(entry.deposed.empty());
  EXPECT_THAT(c.violations, IsEmpty());
}

TEST_F(MembershipTest, AnAwayNodeThatIsHeardTakesPartAgain) {
  MovingCluster c(4, 2);
  replace_after(c, kReplaceAfter);
  c.kill("n1");
  c.work(kReplaceAfter + 10s);
  c.restart("n1");
  c.work(500ms);
  EXPECT_EQ(c.membership("n1"), Membership::active);
  EXPECT_EQ(c.h.count(Kind::node_returned), 1u);
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.copies_on("n1"), 8u);
}

TEST_F(MembershipTest, WhoComesBackEarlyKeepsThePlacesThatNobodyHasFilled) {
  MovingCluster c(4, 2);
  replace_after(c, kReplaceAfter);
  const ring::Placement before = c.state().target;
  c.copies = false;
  c.kill("n1");
  c.work(kReplaceAfter + 1s);
  ASSERT_EQ(c.membership("n1"), Membership::away);
  ASSERT_NE(c.state().target, before);
  c.restart("n1");
  c.work(500ms);
  std::size_t kept = 0;
  std::size_t had = 0;
  const ring::Placement after = c.state().target;
  for (std::size_t p = 0; p < before.partitions.size(); ++p) {
    const auto is_n1 = [](const NodeId& id) { return id == NodeId("n1"); };
    if (std::ranges::none_of(before.partitions[p], is_n1)) continue;
    ++had;
    kept += std::ranges::any_of(after.partitions[p], is_n1);
  }
  EXPECT_EQ(kept, had);
  c.copies = true;
  EXPECT_TRUE(c.converge());
}

TEST_F(MembershipTest, NobodyIsAwayWhereNobodyCouldReplaceIt) {
  MovingCluster c(3, 3);
  replace_after(c, kReplaceAfter);
  c.kill("n1");
  c.work(kReplaceAfter + 5s);
  EXPECT_EQ(c.membership("n1"), Membership::active);
  EXPECT_EQ(c.copies_on("n1"), 16u);

  MovingCluster two(4, 3);
  replace_after(two, kReplaceAfter);
  two.kill("n1");
  two.kill("n2");
  two.work(kReplaceAfter + 5s);
  EXPECT_EQ(two.h.count(Kind::node_away), 1u) << "three others are left for one of them";
}

TEST_F(MembershipTest, NobodyIsReplacedWhenToldSo) {
  MovingCluster c(4, 2);
  replace_after(c, Duration(0));
  c.kill("n1");
  c.work(30s);
  EXPECT_EQ(c.membership("n1"), Membership::active);
}

TEST_F(MembershipTest, ANewCoordinatorCountsSilenceFromItsStart) {
  MovingCluster c(4, 2);
  replace_after(c, kReplaceAfter);
  c.kill("n1");
  c.work(kReplaceAfter - 500ms);
  c.restart_coordinator();
  c.work(kReplaceAfter - 500ms);
  EXPECT_EQ(c.membership("n1"), Membership::active);
  c.work(1s);
  EXPECT_EQ(c.membership("n1"), Membership::away);
}

// --- Drain, remove, forget ---

TEST_F(MembershipTest, ADrainedNodeStaysWithNothingAndCanComeBack) {
  MovingCluster c(4, 2);
  ASSERT_EQ(c.refusal(c.set("n1", Action::drain)), "");
  EXPECT_EQ(c.membership("n1"), Membership::draining);
  EXPECT_EQ(c.h.count(Kind::node_draining), 1u);
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.copies_on("n1"), 0u);
  c.work(5s);
  EXPECT_TRUE(c.in_map("n1"));
  ASSERT_EQ(c.refusal(c.set("n1", Action::resume)), "");
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.copies_on("n1"), 8u);
  EXPECT_THAT(c.violations, IsEmpty());
}

TEST_F(MembershipTest, ARemovedNodeLeavesOnceItHasNothingAndIsTold) {
  MovingCluster c(4, 2);
  c.ask(messages::NodeSetRequest{NodeId("n1"), 2.0, {}, Action::none});
  c.deletes = false;
  ASSERT_EQ(c.refusal(c.set("n1", Action::remove)), "");
  ASSERT_TRUE(c.converge());
  c.work(1s);
  EXPECT_TRUE(c.in_map("n1")) << "it still has to delete its copies";
  EXPECT_EQ(c.state().settings.size(), 1u);
  c.deletes = true;
  c.work(1s);
  EXPECT_FALSE(c.in_map("n1"));
  EXPECT_TRUE(c.state().settings.empty());
  EXPECT_EQ(c.h.count(Kind::node_removed), 1u);
  EXPECT_EQ(c.node["n1"].map->find_node(NodeId("n1")), nullptr) << "the last map it was sent";
  const AnswerToken token = c.h.heartbeat("n1", 1, Epoch(0));
  const auto& told = c.h.answer<messages::HeartbeatResponse>(token);
  EXPECT_TRUE(told.join_again);
  ASSERT_NE(told.update.map, nullptr);
  EXPECT_EQ(told.update.map->find_node(NodeId("n1")), nullptr);
  c.work(2 * kTiming.detection);
  EXPECT_THAT(c.violations, IsEmpty());
}

TEST_F(MembershipTest, ARemovedNodeThatIsDownIsWaitedFor) {
  MovingCluster c(4, 2);
  c.deletes = false;
  c.set("n1", Action::remove);
  ASSERT_TRUE(c.converge());
  c.kill("n1");
  c.work(kDeletionPatience + 5s);
  EXPECT_TRUE(c.in_map("n1")) << "it may hold what nobody else does";
  c.restart("n1");
  c.work(5s);
  EXPECT_TRUE(c.in_map("n1")) << "it still has to delete its copies";
  c.deletes = true;
  c.work(3s);
  EXPECT_FALSE(c.in_map("n1"));
}

TEST_F(MembershipTest, ARemovedNodeThatDeletesNothingIsNotWaitedForEndlessly) {
  MovingCluster c(4, 2);
  c.deletes = false;
  c.set("n1", Action::remove);
  ASSERT_TRUE(c.converge());
  c.work(kDeletionPatience - 5s);
  EXPECT_TRUE(c.in_map("n1"));
  c.work(6s);
  EXPECT_FALSE(c.in_map("n1"));
}

TEST_F(MembershipTest, ARemovedNodeMayJoinAgain) {
  MovingCluster c(4, 2);
  c.set("n1", Action::remove);
  ASSERT_TRUE(c.converge());
  c.work(2s);
  ASSERT_FALSE(c.in_map("n1"));
  c.restart("n1");
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.membership("n1"), Membership::active);
  EXPECT_EQ(c.copies_on("n1"), 8u);
}

TEST_F(MembershipTest, TooFewNodesAreNeverLeft) {
  MovingCluster c(3, 3);
  for (const Action action : {Action::drain, Action::remove}) {
    EXPECT_THAT(c.refusal(c.set("n1", action)), HasSubstr("without n1, 2 nodes would be left for 3 copies"));
  }
  EXPECT_EQ(c.membership("n1"), Membership::active);
  c.add("n4");
  EXPECT_EQ(c.refusal(c.set("n1", Action::drain)), "");
  EXPECT_NE(c.refusal(c.set("n2", Action::drain)), "");
  EXPECT_EQ(c.refusal(c.set("n1", Action::remove)), "") << "it does not count already";
}

TEST_F(MembershipTest, AForgottenNodeIsReplacedAtOnceAndLeaves) {
  MovingCluster c(4, 2);
  EXPECT_THAT(c.refusal(c.set("n1", Action::forget)), HasSubstr("n1 is up"));
  c.kill("n1");
  c.work(2s);
  const auto owed = std::ranges::count_if(c.map().entries, [](const auto& entry) { return !entry.deposed.empty(); });
  ASSERT_GT(owed, 0);
  ASSERT_EQ(c.refusal(c.set("n1", Action::forget)), "");
  c.work(kTiming.heartbeat);
  EXPECT_EQ(c.copies_on("n1"), 0u) << "what does not exist is not kept";
  c.work(500ms);
  EXPECT_FALSE(c.in_map("n1"));
  EXPECT_TRUE(c.converge());
  EXPECT_EQ(std::ranges::count_if(c.map().entries, [](const auto& entry) { return !entry.deposed.empty(); }), owed)
      << "what it may have lost stays told";
  EXPECT_TRUE(ring::validate(c.map()));
}

TEST_F(MembershipTest, AForgottenNodeMayLeaveFewerNodesThanCopies) {
  MovingCluster c(3, 3);
  c.kill("n1");
  c.work(3s);
  ASSERT_EQ(c.refusal(c.set("n1", Action::forget)), "");
  ASSERT_TRUE(c.converge());
  EXPECT_FALSE(c.in_map("n1"));
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_EQ(entry.in_sync.size(), 2u);
}

TEST_F(MembershipTest, WhoMayAloneHoldAcknowledgedWritesIsNotForgotten) {
  MovingCluster c(3, 1);
  c.kill("n1");
  c.work(3s);
  EXPECT_THAT(c.refusal(c.set("n1", Action::forget)), HasSubstr("gyre promote --unclean --stopped n1"));
  EXPECT_EQ(c.membership("n1"), Membership::active);
}

TEST_F(MembershipTest, ANamesakeInANewDirectoryOwesNothing) {
  MovingCluster c(4, 2);
  c.kill("n1");
  c.work(2s);
  c.set("n1", Action::forget);
  c.work(1s);
  ASSERT_FALSE(c.in_map("n1"));
  c.restart("n1");
  ASSERT_TRUE(c.converge());
  std::size_t owed = 0;
  for (const ring::PartitionEntry& entry : c.map().entries) {
    for (const ring::DeposedPrimary& deposed : entry.deposed) {
      ++owed;
      EXPECT_EQ(deposed.node, NodeId("n1.gone"));
    }
  }
  EXPECT_GT(owed, 0u);
}

TEST_F(MembershipTest, AForgottenNodeThatIsBackWithItsDataMayAccount) {
  MovingCluster c(4, 2);
  c.kill("n1");
  c.work(2s);
  c.set("n1", Action::forget);
  c.work(1s);
  ring::NodeInfo back = node_info("n1", 2);
  back.generation = c.node["n1"].generation;
  c.node["n1"].incarnation = 2;
  c.node["n1"].up = true;
  c.h.join({kCluster, back, Epoch(3)});
  c.deliver();
  ASSERT_TRUE(c.converge());
  c.work(1s);
  for (std::uint16_t p = 0; p < c.map().entries.size(); ++p) {
    const ring::PartitionEntry& entry = c.entry(p);
    for (const ring::DeposedPrimary& deposed : std::vector(entry.deposed)) {
      EXPECT_EQ(deposed.node, NodeId("n1"));
      c.send("n1", messages::Accounted{PartitionId(p), deposed.term});
    }
    EXPECT_TRUE(c.entry(p).deposed.empty());
  }
}

TEST_F(MembershipTest, BeforeAnythingIsPlacedANodeSimplyLeaves) {
  Harness h(config_of(3, 2));
  h.join(join_of(node_info("n1")));
  h.settle();
  const AnswerToken token = h.request(messages::NodeSetRequest{NodeId("n1"), {}, {}, Action::remove});
  h.settle();
  EXPECT_TRUE(std::holds_alternative<messages::SetResponse>(h.answers.at(token)));
  h.advance(kTiming.heartbeat);
  h.settle();
  EXPECT_FALSE(h.machine->map()->nodes.empty()) << "it has not said yet that it has nothing";
  h.send("n1", messages::LoadReport{});
  h.advance(kTiming.heartbeat);
  h.settle();
  EXPECT_TRUE(h.machine->map()->nodes.empty());
}

}  // namespace
}  // namespace gyre::control
