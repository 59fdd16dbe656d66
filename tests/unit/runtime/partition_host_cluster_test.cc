// Three hosts wired together in memory, with a coordinator driven by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "hosted_cluster.h"

namespace gyre::runtime {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class PartitionHostClusterTest : public HostedCluster, public testing::WithParamInterface<Durability> {
 protected:
  PartitionHostClusterTest() : HostedCluster(GetParam()) {}
};

using messages::ReadLevel;

TEST_P(PartitionHostClusterTest, WhatOneNodeWritesIsReadOnTheOthers) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const Position written = write(n1, "v", messages::kAckAll);
  for (HostedNode* node : {&n1, &n2, &n3}) {
    const auto session = read(*node, {.level = ReadLevel::session, .seen = written});
    EXPECT_EQ(node->value(session), "v");
    EXPECT_EQ(node->got(session).standing.position, written);
    EXPECT_EQ(node->value(read(*node, {.level = ReadLevel::any})), "v");
  }
  EXPECT_EQ(n2.error(read(n2, {.level = ReadLevel::primary})).code, ErrorCode::not_primary);
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::linearizable})), "v");
}

TEST_P(PartitionHostClusterTest, AMemberThatLacksWhatASessionHasSeenSaysSo) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  cut_off = &n2;
  const Position written = write(n1, "v");
  EXPECT_EQ(n2.error(read(n2, {.level = ReadLevel::session, .seen = written})).code, ErrorCode::behind);
  EXPECT_EQ(n3.error(read(n3, {.level = ReadLevel::session, .seen = written})).code, ErrorCode::behind);
  EXPECT_EQ(n3.value(read(n3, {.level = ReadLevel::session, .seen = written})), "v") << "now it is stored";
}

TEST_P(PartitionHostClusterTest, AMemberThatWasAwayIsFedFromTheLogAndGetsInSync) {
  appoint({1, {&n1, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  write(n1, "first", messages::kAckAll, 100);
  cut_off = &n3;
  ASSERT_TRUE(comes_true([&] { return !in_sync(n3); }));
  for (int i = 0; i < 10; ++i) write(n1, std::string(limits::kRecentLogBytesMax / 4, 'x'), messages::kAckOne, i);
  cut_off = nullptr;
  publish();
  n1.environment.pool_full = true;
  pass(500ms);
  EXPECT_FALSE(in_sync(n3));
  n1.environment.pool_full = false;
  ASSERT_TRUE(comes_true([&] { return in_sync(n3); }));
  EXPECT_GE(n1.metrics.log_reads.value(), 1u);
  EXPECT_EQ(n1.metrics.snapshots_sent.value(), 0u);
  expect_same_content(n1, n3);
}

TEST_P(PartitionHostClusterTest, AnEmptyMemberReceivesASnapshotAndGetsInSync) {
  appoint({1, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  for (int i = 0; i < 10; ++i) write(n1, std::string(limits::kRecentLogBytesMax / 4, 'x'), messages::kAckOne, i);
  for (auto& entry : map.entries) entry.learners = {n3.self};
  publish();
  ASSERT_TRUE(comes_true([&] { return in_sync(n3); }));
  EXPECT_EQ(n1.metrics.log_reads.value(), 0u);
  EXPECT_GE(n1.metrics.snapshots_sent.value(), 1u);
  EXPECT_GE(n3.metrics.snapshots_received.value(), 1u);
  write(n1, "later", messages::kAckAll, 11);
  expect_same_content(n1, n3);
}

TEST_P(PartitionHostClusterTest, ASealedMemberIsAppointedAndGoesOn) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const Position written = write(n1, "v", messages::kAckAll);
  cut_off = &n1;
  for (HostedNode* node : {&n2, &n3}) {
    const auto answers = seal(*node, 2);
    ASSERT_THAT(answers, SizeIs(1));
    ASSERT_THAT(answers[0].items, SizeIs(kPartitions));
    EXPECT_EQ(answers[0].items[0].position, written);
    EXPECT_GT(answers[0].items[0].lease_left, 0ms);
  }
  appoint({2, {&n2, &n3}, {&n1}});
  pass(kTick);
  EXPECT_FALSE(serves(n2)) << "n1 may serve by the lease of n2 yet";
  EXPECT_TRUE(comes_true([&] { return serves(n2); }, map.shape.timing.lease));
  EXPECT_FALSE(serves(n1));
  const Position next = write(n2, "w", messages::kAckAll);
  EXPECT_EQ(next, (Position{Term(2), written.sequence.next()}));
  EXPECT_EQ(n2.value(read(n2, {.level = ReadLevel::session, .seen = written})), "w");
}

TEST_P(PartitionHostClusterTest, ADeposedPrimaryExportsWhatOnlyItHasAndFollowsOn) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const Position kept = write(n1, "kept", messages::kAckAll);
  cut_off = &n1;
  const Position lost = write(n1, "lost");
  write(n1, "lost too", messages::kAckOne, 1);
  for (HostedNode* node : {&n2, &n3}) seal(*node, 2);
  appoint({2, {&n2, &n3}, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n2); }));
  write(n2, "new", messages::kAckAll, 2);
  EXPECT_EQ(n2.error(read(n2, {.level = ReadLevel::session, .seen = lost})).code, ErrorCode::session_lost);

  cut_off = nullptr;
  publish();
  ASSERT_TRUE(comes_true([&] { return in_sync(n1); }));
  const auto page = n1.ledger->page(0, 100);
  ASSERT_TRUE(page);
  ASSERT_THAT(page->items, SizeIs(2));
  const auto& first = std::get<messages::LostWrite>(page->items[0].loss);
  EXPECT_EQ(first.position, lost);
  EXPECT_EQ(first.mutations.at(0).record.value.view(), "lost");
  EXPECT_EQ(n1.metrics.lost_writes.value(), 2u);
  EXPECT_FALSE(n1.take_told<messages::Accounted>().empty());
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::session, .seen = kept})), "kept");
  expect_same_content(n1, n2);
  expect_same_content(n2, n3);
}

TEST_P(PartitionHostClusterTest, ARewindOfManyLargeValuesFetchesThemPieceByPiece) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const std::string large(limits::kFetchBytesPerMessage / 8, 'x');
  for (int i = 0; i < 40; ++i) write(n1, large, messages::kAckAll, i);
  cut_off = &n1;
  for (int i = 0; i < 40; i += 2) write(n1, "lost", messages::kAckOne, i);
  for (HostedNode* node : {&n2, &n3}) seal(*node, 2);
  appoint({2, {&n2, &n3}, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n2); }));
  cut_off = nullptr;
  publish();
  ASSERT_TRUE(comes_true([&] { return in_sync(n1); }));
  EXPECT_EQ(n1.metrics.lost_writes.value(), 20u);
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::any}, 4)), large);
  expect_same_content(n1, n2);
}

TEST_P(PartitionHostClusterTest, ANodeThatIsNoMemberAnyMoreDeletesItsCopy) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  write(n1, "v", messages::kAckAll);
  remove(n3);
  publish();
  ASSERT_TRUE(comes_true([&] { return n3.memory.size_of(kPartition).bytes == 0; }));
  const auto retired = n3.take_told<messages::Retired>();
  EXPECT_THAT(retired, SizeIs(kPartitions));
  EXPECT_EQ(n3.metrics.retired.value(), 1u) << "the others held nothing";
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::any})), "v");
  EXPECT_EQ(n3.error(read(n3, {.level = ReadLevel::any})).code, ErrorCode::not_primary);
}

TEST_P(PartitionHostClusterTest, AStartFindsWhatAnEarlierProcessLeftAndRetiresIt) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  write(n1, "v", messages::kAckAll);
  remove(n3);
  map.nodes[2].incarnation = Incarnation(2);
  n3.open({.incarnation = Incarnation(2), .durability = GetParam()});
  publish();
  EXPECT_TRUE(comes_true([&] { return n3.memory.size_of(kPartition).bytes == 0; }, 15s));
}

TEST_P(PartitionHostClusterTest, ACopyIsSentNoFasterThanItMay) {
  appoint({1, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const std::string value(limits::kSnapshotChunkBytes / 4, 'x');
  for (int i = 0; i < 20; ++i) write(n1, value, messages::kAckOne, i);
  n1.engine.set_plan({.log_forgets = 1});
  map.moves.bytes_per_second = limits::kSnapshotChunkBytes;
  for (auto& entry : map.entries) entry.learners = {n3.self};
  publish();
  pass(2s);
  EXPECT_FALSE(in_sync(n3));
  EXPECT_GT(n1.metrics.copied_bytes.value(), 0u);
  n1.host->on_second();
  const auto reports = n1.take_told<messages::LoadReport>();
  ASSERT_THAT(reports, SizeIs(1));
  ASSERT_FALSE(reports[0].transfers.empty());
  EXPECT_EQ(reports[0].transfers[0].to, n3.self);
  EXPECT_GT(reports[0].transfers[0].bytes_sent, 0u);
  EXPECT_GE(reports[0].transfers[0].bytes_total, reports[0].transfers[0].bytes_sent);
  map.moves.bytes_per_second = 0;
  publish();
  EXPECT_TRUE(comes_true([&] { return in_sync(n3); }, 3s)) << "the limit is gone, for what is on its way too";
  expect_same_content(n1, n3);
}

TEST_P(PartitionHostClusterTest, TheReplicationFactorAndMinInSyncChangeWhileItRuns) {
  appoint({1, {&n1, &n2}, {&n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  remove(n3);
  map.shape.min_in_sync = 3;
  publish();
  const RequestId refused =
      n1.ask(messages::WriteRequest{.operations = {put(key_in(0), "v")}, .ack = messages::kAckAll});
  settle();
  EXPECT_EQ(n1.error(refused).code, ErrorCode::no_replicas);
  map.shape.min_in_sync = 2;
  map.shape.replication_factor = 2;
  publish();
  write(n1, "v", messages::kAckAll);
}

INSTANTIATE_TEST_SUITE_P(Durabilities, PartitionHostClusterTest,
                         testing::Values(Durability::os, Durability::everysec, Durability::always));

}  // namespace
}  // namespace gyre::runtime
