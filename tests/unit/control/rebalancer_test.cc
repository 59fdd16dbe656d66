#include "control/rebalancer.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moving_cluster.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using Action = messages::NodeSetRequest::Action;
using Kind = CoordinatorEvent::Kind;
using Stage = messages::MoveStatus::Stage;

messages::MovesResponse moves(MovingCluster& c) {
  return c.h.answer<messages::MovesResponse>(c.ask(messages::MovesRequest{}));
}

CoordinatorConfig broken_config(BrokenRule rule, std::uint32_t nodes, std::uint32_t copies) {
  CoordinatorConfig config = MovingCluster::config_for(nodes, copies);
  config.broken = rule;
  return config;
}

TEST(Rebalancer, GivesAJoiningNodeItsShareAndSaysSo) {
  MovingCluster c(3, 2);
  c.add("n4");
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.copies_on("n4"), 8u) << "16 * 2 / 4";
  EXPECT_THAT(c.violations, IsEmpty());
  ASSERT_EQ(c.h.count(Kind::rebalance_planned), 1u);
  EXPECT_THAT(c.h.details(Kind::rebalance_planned)[0], HasSubstr("8 copies to be made, 8 to be given up"));
  EXPECT_THAT(c.h.details(Kind::rebalance_planned)[0], HasSubstr("because n4 holds data from now on"));
  EXPECT_EQ(c.h.count(Kind::rebalance_done), 1u);
  EXPECT_GE(c.h.count(Kind::member_added), 1u);
  EXPECT_GE(c.h.count(Kind::member_removed), 1u);
  EXPECT_EQ(c.h.count(Kind::promoted), 0u) << "primaries are handed over, not replaced";
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_TRUE(entry.deposed.empty());
}

TEST(Rebalancer, TakesTheStepsOfAMoveInTheirOrder) {
  MovingCluster c(3, 2);
  c.copies = false;
  c.add("n4");
  c.work(1s);
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_EQ(entry.in_sync.size(), 2u) << "nothing left";
  const auto begun = c.copies_on("n4");
  EXPECT_EQ(begun, limits::kMovesPerNodeDefault);
  EXPECT_TRUE(c.orders.empty());
  c.copies = true;
  ASSERT_TRUE(c.converge());
  EXPECT_THAT(c.violations, IsEmpty());
}

TEST(Rebalancer, HandsOverAPrimaryThatTheTargetDoesNotHave) {
  MovingCluster c(3, 2);
  const auto mine = c.partitions_of("n1");
  ASSERT_FALSE(mine.empty());
  ASSERT_EQ(c.refusal(c.set("n1", Action::drain)), "");
  ASSERT_TRUE(c.converge());
  EXPECT_EQ(c.copies_on("n1"), 0u);
  for (const std::uint16_t p : mine) {
    EXPECT_EQ(c.entry(p).primary, c.state().target.partitions[p].front());
  }
  EXPECT_GE(c.h.count(Kind::handed_over), 1u);
  EXPECT_EQ(c.h.count(Kind::promoted), 0u);
  EXPECT_THAT(c.violations, IsEmpty());
}

TEST(Rebalancer, WaitsForTheTargetsMembersBeforeAnythingLeaves) {
  for (const BrokenRule rule : {BrokenRule::none, BrokenRule::target_in_sync_first}) {
    CoordinatorConfig config = broken_config(rule, 4, 2);
    config.shape.min_in_sync = 1;  // with 2, who left as the second one would be kept until there is another
    MovingCluster c(4, config);
    c.copies = false;
    c.set("n1", Action::drain);
    c.work(3s);
    EXPECT_EQ(c.violations.empty(), rule == BrokenRule::none);
  }
}

TEST(Rebalancer, WaitsForTheAccountOfADeposedPrimary) {
  for (const BrokenRule rule : {BrokenRule::none, BrokenRule::move_waits_for_account}) {
    MovingCluster c(4, broken_config(rule, 4, 2));
    c.accounts = false;
    c.kill("n1");
    c.work(500ms);
    c.restart("n1");
    ASSERT_EQ(c.refusal(c.set("n1", Action::drain)), "");
    c.work(10s);
    if (rule == BrokenRule::none) {
      EXPECT_THAT(c.violations, IsEmpty());
      EXPECT_GT(c.copies_on("n1"), 0u) << "it may hold what nobody else does";
      for (const ring::PartitionEntry& entry : c.map().entries) {
        if (entry.has_member(NodeId("n1"))) {
          EXPECT_EQ(entry.deposed.size(), 1u);
        }
      }
      c.accounts = true;
      EXPECT_TRUE(c.converge());
      EXPECT_EQ(c.copies_on("n1"), 0u);
    } else {
      EXPECT_FALSE(c.violations.empty());
    }
  }
}

TEST(Rebalancer, CopiesToAndFromANodeAreBounded) {
  for (const std::uint32_t bound : {1u, 2u, 5u}) {
    MovingCluster c(3, MovingCluster::config_for(3, 2, 64));
    messages::ClusterSetRequest set;
    set.moves_per_node = bound;
    ASSERT_EQ(c.refusal(c.ask(set)), "");
    c.most_learners_to_one = c.most_learners_from_one = 0;
    c.add("n4");
    c.add("n5");
    ASSERT_TRUE(c.converge());
    EXPECT_LE(c.most_learners_to_one, bound);
    EXPECT_LE(c.most_learners_from_one, bound);
    EXPECT_GE(c.most_learners_to_one, 1u);
  }
}

TEST(Rebalancer, PausedItBeginsNothingAndFinishesWhatHasBegun) {
  MovingCluster c(3, MovingCluster::config_for(3, 2, 64));
  c.copies = false;
  c.add("n4");
  c.work(500ms);
  const auto begun = c.copies_on("n4");
  ASSERT_GT(begun, 0u);
  messages::ClusterSetRequest pause;
  pause.paused = true;
  ASSERT_EQ(c.refusal(c.ask(pause)), "");
  c.copies = true;
  c.work(5s);
  EXPECT_EQ(c.copies_on("n4"), begun);
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_EQ(entry.in_sync.size(), 2u);
  EXPECT_TRUE(moves(c).policy.paused);
  pause.paused = false;
  c.ask(pause);
  EXPECT_TRUE(c.converge());
  EXPECT_EQ(c.copies_on("n4"), 32u);
}

TEST(Rebalancer, ANodeThatIsDownHoldsUpNoOther) {
  MovingCluster c(3, MovingCluster::config_for(3, 2, 64));
  c.add("n4");
  c.work(300ms);
  c.kill("n4");
  c.add("n5");
  c.work(20s);
  EXPECT_GT(c.copies_on("n5"), limits::kMovesPerNodeDefault);
  EXPECT_THAT(c.violations, IsEmpty());
}

TEST(Rebalancer, PartitionsWithTheFewestCopiesComeFirst) {
  MovingCluster c(5, MovingCluster::config_for(5, 3, 64));
  messages::ClusterSetRequest set;
  set.automatic = false;
  set.moves_per_node = 1;
  c.ask(set);
  c.add("n6");
  c.kill("n1");
  c.work(3s);  // the primaries drop it
  c.ask(messages::NodeSetRequest{NodeId("n1"), {}, {}, Action::remove});
  set.automatic = true;
  c.copies = false;
  c.ask(set);
  c.work(300ms);
  for (const ring::PartitionEntry& entry : c.map().entries) {
    const bool copying = std::ranges::any_of(entry.learners, [&](const NodeId& id) { return id != NodeId("n1"); });
    if (copying) {
      EXPECT_EQ(entry.in_sync.size(), 2u);
    }
  }
}

TEST(Rebalancer, ReleasesOfOnePrimaryAreBounded) {
  MovingCluster c(3, MovingCluster::config_for(3, 3, 128));
  messages::ClusterSetRequest fewer;
  fewer.replication_factor = 2;
  ASSERT_EQ(c.refusal(c.ask(fewer)), "");
  std::map<std::string, std::set<PartitionId>> asked;
  for (const auto& [id, order] : c.orders) asked[id].insert(order.partition);
  for (const auto& [id, partitions] : asked) EXPECT_LE(partitions.size(), kReleasesPerPrimary);
  ASSERT_TRUE(c.converge());
  EXPECT_THAT(c.violations, IsEmpty());
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_EQ(entry.members().size(), 2u);
}

TEST(Rebalancer, TheReplicationFactorIsRaisedByMoreCopies) {
  MovingCluster c(4, 2);
  messages::ClusterSetRequest more;
  more.replication_factor = 3;
  more.min_in_sync = 2;
  ASSERT_EQ(c.refusal(c.ask(more)), "");
  ASSERT_TRUE(c.converge());
  for (const ring::PartitionEntry& entry : c.map().entries) EXPECT_EQ(entry.in_sync.size(), 3u);
  EXPECT_EQ(c.h.count(Kind::settings_changed), 1u);
}

TEST(Rebalancer, GoesOnWhereACoordinatorStoppedWhereverThatWas) {
  for (int every = 1; every <= 12; ++every) {
    MovingCluster c(3, 2);
    c.add("n4");
    c.set("n2", Action::remove);
    for (int i = 0; i < 40; ++i) {
      c.work(kTiming.heartbeat);
      if (i % every == 0) c.restart_coordinator();
    }
    ASSERT_TRUE(c.converge(90s)) << "a restart every " << every << " heartbeats";
    EXPECT_EQ(c.copies_on("n4"), 10u + (c.copies_on("n4") == 11u)) << "of 32 copies on three nodes";
    EXPECT_THAT(c.violations, IsEmpty());
    c.work(2 * kTiming.detection);
    EXPECT_FALSE(c.in_map("n2"));
  }
}

TEST(Rebalancer, DoesNotTouchAPartitionWhoseElectionIsOpen) {
  MovingCluster c(3, 2);
  c.copies = false;
  const std::string gone = c.primary(0);
  for (auto& [id, script] : c.node) script.seals = false;
  c.kill(gone);
  c.add("n4");
  c.node["n4"].seals = false;
  c.work(500ms);
  EXPECT_FALSE(c.entry(0).has_member(NodeId("n4")));
}

TEST(Moves, AreShownWithTheirStagesAndProgress) {
  MovingCluster c(3, 2);
  c.copies = false;
  c.deletes = false;
  c.copy_bytes = 9000;
  c.add("n4");
  c.work(500ms);
  messages::MovesResponse open = moves(c);
  ASSERT_EQ(open.moves.size(), 8u);
  EXPECT_EQ(open.moves_total, 8u);
  EXPECT_EQ(open.moves_done, 0u);
  std::map<Stage, std::size_t> stages;
  for (const messages::MoveStatus& move : open.moves) {
    ++stages[move.stage];
    EXPECT_EQ(move.to, NodeId("n4"));
    EXPECT_FALSE(move.from.empty());
  }
  EXPECT_EQ(stages[Stage::copying], limits::kMovesPerNodeDefault);
  EXPECT_EQ(stages[Stage::waiting], 8 - limits::kMovesPerNodeDefault);

  const messages::MoveStatus copying = *std::ranges::find(open.moves, Stage::copying, &messages::MoveStatus::stage);
  messages::LoadReport report;
  report.items = {{copying.partition, 5, 6, 9000}};
  report.transfers = {{copying.partition, NodeId("n4"), 2500, 10'000}};
  c.send(c.primary(copying.partition.value()), report);
  open = moves(c);
  const messages::MoveStatus later =
      *std::ranges::find(open.moves, copying.partition, &messages::MoveStatus::partition);
  EXPECT_EQ(later.bytes_done, 2500u);
  EXPECT_EQ(later.bytes_total, 10'000u);
  EXPECT_EQ(open.bytes_done, 2500u);

  c.copies = true;
  c.work(10s);
  open = moves(c);
  for (const messages::MoveStatus& move : open.moves) EXPECT_EQ(move.stage, Stage::deleting);
  EXPECT_EQ(open.moves_done, 0u);
  EXPECT_EQ(c.h.count(Kind::rebalance_done), 0u);
  report.transfers.clear();
  report.items[0].bytes = 0;  // of a new primary, say, that has not measured what it has
  c.send(c.primary(copying.partition.value()), report);
  c.deletes = true;
  c.work(1s);
  EXPECT_THAT(moves(c).moves, IsEmpty());
  EXPECT_EQ(moves(c).moves_done, 8u);
  EXPECT_EQ(moves(c).moves_total, 8u);
  EXPECT_EQ(moves(c).bytes_done, 7 * 9000u + 10'000u);
  EXPECT_EQ(c.h.count(Kind::rebalance_done), 1u);
}

TEST(Moves, ADeletionIsNotWaitedForEndlessly) {
  MovingCluster c(3, 2);
  c.deletes = false;
  c.add("n4");
  ASSERT_TRUE(c.converge());
  EXPECT_FALSE(moves(c).moves.empty());
  c.work(kDeletionPatience + 1s);
  EXPECT_THAT(moves(c).moves, IsEmpty());
}

TEST(Moves, AreHeldUpByANodeThatIsDownAndSayBy) {
  MovingCluster c(4, 2);
  c.accounts = false;
  c.kill("n1");
  c.work(1s);
  ASSERT_EQ(c.refusal(c.set("n1", Action::drain)), "");
  c.work(10s);
  const messages::MovesResponse open = moves(c);
  ASSERT_FALSE(open.moves.empty());
  for (const messages::MoveStatus& move : open.moves) {
    EXPECT_TRUE(move.node_down);
    EXPECT_EQ(move.acting_node(), NodeId("n1"));
  }
}

TEST(Moves, OfARebalanceThatBeganBeforeThisProcessAreFound) {
  MovingCluster c(3, 2);
  c.copies = false;
  c.add("n4");
  c.work(500ms);
  c.restart_coordinator();
  c.work(500ms);
  const messages::MovesResponse open = moves(c);
  EXPECT_EQ(open.moves.size(), 8u);
  EXPECT_EQ(std::ranges::count(open.moves, Stage::copying, &messages::MoveStatus::stage), limits::kMovesPerNodeDefault);
  c.copies = true;
  ASSERT_TRUE(c.converge());
  c.work(1s);
  EXPECT_EQ(moves(c).moves_done, 8u);
}

TEST(Moves, ANewTargetTakesOverWhatItStillWants) {
  MovingCluster c(3, 2);
  c.copies = false;
  c.add("n4");
  c.work(300ms);
  c.add("n5");
  c.work(300ms);
  std::set<std::pair<PartitionId, NodeId>> seen;
  for (const messages::MoveStatus& move : moves(c).moves) {
    if (move.to.empty()) continue;
    EXPECT_TRUE(seen.emplace(move.partition, move.to).second) << "none is there twice";
  }
  c.copies = true;
  ASSERT_TRUE(c.converge());
  c.work(1s);
  EXPECT_THAT(moves(c).moves, IsEmpty());
}

}  // namespace
}  // namespace gyre::control
