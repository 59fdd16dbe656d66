#include "control/in_sync.h"

#include <gtest/gtest.h>

#include "scripted_cluster.h"

namespace gyre::control {
namespace {

using Kind = CoordinatorEvent::Kind;
using Names = std::vector<std::string>;

ring::ClusterShape shape_of(std::uint32_t min_in_sync) {
  ring::ClusterShape shape;
  shape.replication_factor = 3;
  shape.min_in_sync = min_in_sync;
  return shape;
}

ring::InSyncMember member(const std::string& id) { return {NodeId(id), Generation(1)}; }

// n1 is primary, n2 and n3 are in sync.
ring::PartitionEntry entry_of_three() {
  ring::PartitionEntry entry;
  entry.term = Term(4);
  entry.primary = NodeId("n1");
  entry.primary_incarnation = Incarnation(1);
  entry.in_sync = {member("n1"), member("n2"), member("n3")};
  entry.version = 9;
  return entry;
}

TEST(InSync, WhoLeavesBecomesALearnerAndIsRememberedOnlyWhileTooFewStay) {
  ring::PartitionEntry entry = entry_of_three();
  set_in_sync(shape_of(2), entry, {member("n1"), member("n2")});
  EXPECT_EQ(entry.learners, std::vector{NodeId("n3")});
  EXPECT_TRUE(entry.departed.empty());
  EXPECT_EQ(entry.version, 10u);
  set_in_sync(shape_of(2), entry, {member("n1")});
  EXPECT_EQ(entry.departed, std::vector{NodeId("n2")});
  set_in_sync(shape_of(2), entry, {member("n1"), member("n3")});
  EXPECT_TRUE(entry.departed.empty());
  EXPECT_EQ(entry.learners, std::vector{NodeId("n2")});
  EXPECT_EQ(entry.term, Term(4));
}

TEST(InSync, APromotionRemembersTheDeposedPrimaryUntilItHasAccounted) {
  ring::PartitionEntry entry = entry_of_three();
  appoint(shape_of(2), entry, {NodeId("n2"), Incarnation(7), Term(6), {member("n2"), member("n3")}});
  EXPECT_EQ(entry.primary, NodeId("n2"));
  EXPECT_EQ(entry.primary_incarnation, Incarnation(7));
  EXPECT_EQ(entry.deposed, (std::vector<ring::DeposedPrimary>{{NodeId("n1"), Term(4)}}));
  EXPECT_FALSE(account(entry, NodeId("n1"), Term(3))) << "that was an earlier term of its";
  EXPECT_FALSE(account(entry, NodeId("n3"), Term(9)));
  EXPECT_TRUE(account(entry, NodeId("n1"), Term(4)));
  EXPECT_TRUE(entry.deposed.empty());
  EXPECT_EQ(entry.version, 11u);
}

TEST(InSync, APrimaryThatHandedOverOrIsAppointedAgainIsNotDeposed) {
  ring::PartitionEntry entry = entry_of_three();
  appoint(shape_of(2), entry, {NodeId("n2"), Incarnation(7), Term(5), entry.in_sync, true});
  EXPECT_TRUE(entry.deposed.empty());
  EXPECT_EQ(entry.in_sync.size(), 3u);
  appoint(shape_of(2), entry, {NodeId("n2"), Incarnation(8), Term(6), entry.in_sync});
  EXPECT_TRUE(entry.deposed.empty());
}

// Its data may be older than what it served then.
TEST(InSync, WhoeverBecomesPrimaryAgainStillHasToAccount) {
  ring::PartitionEntry entry = entry_of_three();
  appoint(shape_of(2), entry, {NodeId("n2"), Incarnation(7), Term(5), entry.in_sync});
  appoint(shape_of(2), entry, {NodeId("n1"), Incarnation(1), Term(6), entry.in_sync});
  EXPECT_EQ(entry.deposed, (std::vector<ring::DeposedPrimary>{{NodeId("n1"), Term(4)}, {NodeId("n2"), Term(5)}}));
}

TEST(SetInSync, IsGrantedToThePrimaryAndTold) {
  ScriptedCluster c;
  const std::uint64_t version = c.entry().version;
  c.set_in_sync(0, {c.primary(), c.other(0, 0)});
  EXPECT_EQ(c.in_sync().size(), 2u);
  EXPECT_EQ(c.entry().version, version + 1);
  EXPECT_EQ(c.entry().term, Term(1));
  ASSERT_EQ(c.h.count(Kind::in_sync_changed), 1u);
}

TEST(SetInSync, RequestsOfOneRoundShareOneSwapAndOneEvent) {
  ScriptedCluster c;
  const std::string primary = c.primary();
  const Epoch epoch = c.map().epoch;
  const auto mine = c.partitions_of(primary);
  ASSERT_GT(mine.size(), 1u);
  const std::string leaves = c.other(0, 0);
  const std::string stays = c.other(0, 1);
  std::vector<messages::SetInSync> requests;
  for (const std::uint16_t p : mine) requests.push_back(c.in_sync_request(p, {primary, stays}));
  // While the first is being swapped, the others collect.
  for (const auto& request : requests) c.h.send(primary, request);
  c.deliver();
  EXPECT_EQ(c.map().epoch.value(), epoch.value() + (mine.size() > 1 ? 2 : 1));
  for (const std::uint16_t p : mine) EXPECT_EQ(c.entry(p).learners, std::vector{NodeId(leaves)});
}

TEST(SetInSync, IsRefusedWhereTermVersionOrSenderHaveMoved) {
  ScriptedCluster c;
  const std::string primary = c.primary();
  const ring::PartitionEntry before = c.entry();
  messages::SetInSync good = c.in_sync_request(0, {primary, c.other(0, 0)});
  messages::SetInSync stale = good;
  stale.version -= 1;
  c.send(primary, stale);
  stale = good;
  stale.term = Term(9);
  c.send(primary, stale);
  c.send(c.other(0, 0), good);
  c.h.send(primary, good, 99);
  c.deliver();
  messages::SetInSync elsewhere = good;
  elsewhere.partition = PartitionId(4000);
  c.send(primary, elsewhere);
  EXPECT_EQ(c.entry(), before);
}

TEST(SetInSync, IsRefusedWithoutThePrimaryWithStrangersTwiceOrOtherData) {
  ScriptedCluster c;
  const std::string primary = c.primary();
  const ring::PartitionEntry before = c.entry();
  c.set_in_sync(0, {c.other(0, 0), c.other(0, 1)});
  c.set_in_sync(0, {primary, "n9"});
  c.set_in_sync(0, {primary, primary});
  messages::SetInSync other_data = c.in_sync_request(0, {primary, c.other(0, 0)});
  other_data.in_sync[1].generation = Generation(5);
  c.send(primary, other_data);
  EXPECT_EQ(c.entry(), before);
}

TEST(SetInSync, BrokenRequestNamesVersionAcceptsAnOldOne) {
  CoordinatorConfig config = ScriptedCluster::config_for(3);
  config.broken = BrokenRule::request_names_version;
  ScriptedCluster c(3, config);
  messages::SetInSync stale = c.in_sync_request(0, {c.primary(), c.other(0, 0)});
  stale.version -= 1;
  c.send(c.primary(), stale);
  EXPECT_EQ(c.in_sync().size(), 2u);
}

TEST(SetInSync, SilentMembersMayBeDroppedEvenIfTooFewStay) {
  ScriptedCluster c;
  c.silence(c.other(0, 0));
  c.silence(c.other(0, 1));
  c.run(kTiming.detection / 2);
  c.set_in_sync(0, {c.primary()});
  EXPECT_EQ(c.in_sync(), Names{c.primary()});
  EXPECT_EQ(c.entry().departed.size(), 2u);
}

TEST(SetInSync, APrimaryThatWouldDropTheLivingBelowTheMinimumIsReplaced) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string cut_off = c.primary();
  c.node[cut_off].position = {Term(1), Sequence(50)};
  c.set_in_sync(0, {cut_off});
  EXPECT_NE(c.primary(), cut_off) << "though it has most";
  EXPECT_EQ(c.in_sync().size(), 2u);
  EXPECT_EQ(c.entry().learners, std::vector{NodeId(cut_off)});
}

TEST(SetInSync, APlannedReleaseMayLeaveTooFew) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string primary = c.primary();
  messages::SetInSync release = c.in_sync_request(0, {primary});
  release.release = true;
  c.send(primary, release);
  EXPECT_EQ(c.primary(), primary);
  EXPECT_EQ(c.in_sync(), Names{primary});
}

TEST(SetInSync, ANewGenerationLeavesTheSetWhenItsNodeJoins) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string lossy = c.other(0, 0);
  c.node[lossy].generation = Generation(2);
  c.restart(lossy);
  EXPECT_EQ(c.entry().find_in_sync(NodeId(lossy)), nullptr);
  c.set_in_sync(0, {c.primary(), c.other(0, 0), c.other(0, 1)});
  EXPECT_EQ(c.in_sync().size(), 3u) << "it has caught up";
  EXPECT_EQ(c.entry().find_in_sync(NodeId(lossy))->generation, Generation(2));
}

TEST(SetInSync, WhoTheTargetDoesNotHaveMayBeDroppedWhereItsCopiesStay) {
  ClusterState state;
  state.map.shape = shape_of(2);
  state.map.shape.partitions = 1;
  state.map.entries = {entry_of_three()};
  for (const char* id : {"n1", "n2", "n3"}) {
    state.map.nodes.push_back(node_info(id));
    state.map.nodes.back().generation = Generation(1);
  }
  state.target.partitions = {{NodeId("n1")}};
  Liveness nodes(kTiming, kStart);
  for (const char* id : {"n1", "n2", "n3"}) nodes.heard(NodeId(id), kStart);
  const View view{kStart, state, nodes};
  const messages::Sender primary{kCluster, NodeId("n1"), Incarnation(1)};
  const messages::SetInSync alone{PartitionId(0), Term(4), 9, {member("n1")}, false};
  EXPECT_EQ(judge(view, primary, alone), Verdict::granted);
  state.target.partitions = {{NodeId("n1"), NodeId("n2")}};
  EXPECT_EQ(judge(view, primary, alone), Verdict::promote_instead) << "n2 lives, and is wanted";
}

TEST(Learners, ComeAndGoWithoutATrace) {
  ring::PartitionEntry entry = entry_of_three();
  add_learner(entry, NodeId("n4"));
  EXPECT_EQ(entry.learners, std::vector{NodeId("n4")});
  EXPECT_EQ(entry.version, 10u);
  entry.departed = {NodeId("n4")};
  entry.deposed = {{NodeId("n4"), Term(2)}};
  remove_learner(entry, NodeId("n4"));
  EXPECT_TRUE(entry.learners.empty());
  EXPECT_TRUE(entry.departed.empty());
  EXPECT_EQ(entry.deposed.size(), 1u) << "what it has to account for stays named";
  EXPECT_EQ(entry.version, 11u);
}

TEST(Accounted, RemovesTheDeposedPrimary) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  c.kill(gone);
  ASSERT_EQ(c.entry().deposed.size(), 1u);
  c.restart(gone);
  c.send(gone, messages::Accounted{PartitionId(0), Term(1)});
  EXPECT_TRUE(c.entry().deposed.empty());
}

}  // namespace
}  // namespace gyre::control
