// What storage/engine.h promises of partitions: their states, drops and snapshots, checked on every engine.
#include <gmock/gmock.h>

#include "tests/contract/engine_contract.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class EnginePartitions : public EngineContract {};

TEST_P(EnginePartitions, RemembersRecordsAndStatesOfAllPartitionsAcrossReopening) {
  const PartitionState one{.position = {Term(3), Sequence(42)},
                           .history = {{Term(1), Sequence(1)}, {Term(3), Sequence(40)}},
                           .served = Term(3),
                           .promised = Term(4),
                           .whole_at = Sequence(50),
                           .time = {1'700'000'000'000}};
  PartitionState two = state_at({}, {{Term(7), Sequence(1)}});
  two.whole_at = messages::kNeverWhole;
  const messages::LoggedWritePtr write = logged(one.position, {put("k", "v")});
  const PartitionBatch batches[] = {{.partition = kOne, .writes = {&write, 1}, .state = one},
                                    {.partition = kTwo, .state = two}};
  ASSERT_TRUE(engine().commit(batches));
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, one), std::pair(kTwo, two)));

  subject_->reopen();
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, one), std::pair(kTwo, two)));
  EXPECT_EQ(value(kOne, "k"), "v");
}

TEST_P(EnginePartitions, KeepsTheNewestOfEachPartOfTheState) {
  PartitionState state = state_at({Term(1), Sequence(1)}, {{Term(1), Sequence(1)}}, Term(1));
  const auto commit_state = [&] { commit({.partition = kOne, .state = state}); };
  commit_state();
  state.position.sequence = Sequence(2);
  commit_state();
  state.time = {5};
  commit_state();
  state.served = Term(2);
  commit_state();
  state.promised = Term(2);
  commit_state();
  state.whole_at = Sequence(7);
  commit_state();
  state.history.push_back({Term(2), Sequence(3)});
  commit_state();
  subject_->reopen();
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, state)));
}

TEST_P(EnginePartitions, KnowsNoPartitionAtFirst) { EXPECT_THAT(states(), IsEmpty()); }

TEST_P(EnginePartitions, CommitsAcrossPartitionsAndRepeatedBatchesOfOne) {
  const Position first{Term(1), Sequence(1)};
  const Position second{Term(1), Sequence(2)};
  const messages::LoggedWritePtr writes[] = {logged(first, {put("a", "1"), put("b", "1")}),
                                             logged(first, {put("a", "2")}), logged(second, {put("a", "3"), del("b")})};
  const PartitionState early = state_at(first);
  PartitionState between = early;
  between.promised = Term(9);
  PartitionState late = early;
  late.position = second;
  const PartitionBatch batches[] = {{.partition = kOne, .writes = {&writes[0], 1}, .state = between},
                                    {.partition = kTwo, .writes = {&writes[1], 1}, .state = early},
                                    {.partition = kOne, .writes = {&writes[2], 1}, .state = late}};
  ASSERT_TRUE(engine().commit(batches));
  const auto check = [&] {
    EXPECT_EQ(value(kOne, "a"), "3");
    EXPECT_EQ(value(kOne, "b"), "(absent)");
    EXPECT_EQ(value(kTwo, "a"), "2");
    EXPECT_THAT(states(), ElementsAre(std::pair(kOne, late), std::pair(kTwo, early)));
    EXPECT_THAT(log(kOne, 0), ElementsAre(1, 2));
  };
  check();
  subject_->reopen();
  check();
}

TEST_P(EnginePartitions, DropsAPartitionWholeAndLeavesItsNeighboursAlone) {
  for (const PartitionId partition : {kOne, kTwo, kThree}) {
    commit(partition, {put(std::string(1, '\0'), "low"), put("k", "v"), put("\xFF\xFF\xFF", "high")});
  }
  ASSERT_TRUE(engine().drop_partition(kTwo));
  const auto check = [&] {
    EXPECT_THAT(keys(kTwo), IsEmpty());
    EXPECT_EQ(value(kTwo, "k"), "(absent)");
    EXPECT_THAT(keys(kOne), SizeIs(3));
    EXPECT_THAT(keys(kThree), SizeIs(3));
    EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne]), std::pair(kThree, states_[kThree])));
  };
  check();
  ASSERT_TRUE(engine().reclaim());
  check();
  subject_->reopen();
  check();
}

TEST_P(EnginePartitions, UsesADroppedPartitionAgainFromNothing) {
  commit(kOne, {put("old", "1"), put("both", "1")});
  subject_->compact(kOne);
  ASSERT_TRUE(engine().drop_partition(kOne));
  states_.erase(kOne);
  commit(kOne, {put("both", "2"), put("new", "2")});
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(scan(kOne), ElementsAre(Item("both", "2"), Item("new", "2")));
  subject_->reopen();
  EXPECT_THAT(scan(kOne), ElementsAre(Item("both", "2"), Item("new", "2")));
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne])));
}

TEST_P(EnginePartitions, ABatchMayEmptyAPartitionAndKeepItsState) {
  for (const PartitionId partition : {kOne, kTwo}) commit(partition, {put("k", std::string(100'000, 'x'))});
  commit_named(kOne, 1, 1, {5});
  PartitionState left;
  left.served = Term(3);
  left.promised = Term(4);
  left.time = {6};
  commit({.partition = kOne, .drop_first = true, .state = left});
  const auto check = [&] {
    EXPECT_THAT(keys(kOne), IsEmpty());
    EXPECT_THAT(keys(kTwo), SizeIs(1));
    EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne]), std::pair(kTwo, states_[kTwo])));
    EXPECT_THAT(log(kOne, 0), IsEmpty());
  };
  check();
  left.promised = Term(5);
  commit({.partition = kOne, .state = left});
  ASSERT_TRUE(engine().reclaim());
  check();
  subject_->reopen();
  check();
  EXPECT_THAT(window(kOne), IsEmpty());
  const messages::LoggedWritePtr write = logged({Term(6), Sequence(1)}, {put("again", "1")});
  left.position = write->position;
  left.history = {{Term(6), Sequence(1)}};
  commit({.partition = kOne, .writes = {&write, 1}, .state = left});
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(scan(kOne), ElementsAre(Item("again", "1")));
  EXPECT_THAT(log(kOne, 0), ElementsAre(1));
}

TEST_P(EnginePartitions, WhatFollowsADropInTheSameCommitStays) {
  commit(kOne, {put("old", "1")});
  const messages::LoggedWritePtr write = logged({Term(2), Sequence(1)}, {put("new", "2")});
  const PartitionBatch batches[] = {{.partition = kOne, .drop_first = true, .state = {}},
                                    {.partition = kOne, .writes = {&write, 1}, .state = state_at(write->position)}};
  ASSERT_TRUE(engine().commit(batches));
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(scan(kOne), ElementsAre(Item("new", "2")));
}

TEST_P(EnginePartitions, DropsAPartitionItDoesNotHave) {
  EXPECT_TRUE(engine().drop_partition(kOne));
  EXPECT_TRUE(engine().reclaim());
}

TEST_P(EnginePartitions, ReclaimsFilesOfADroppedPartition) {
  for (const PartitionId partition : {kOne, kTwo, kThree}) {
    commit(partition, {put("k", std::string(1000, 'x'))});
    subject_->compact(partition);
  }
  ASSERT_TRUE(engine().drop_partition(kTwo));
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(keys(kTwo), IsEmpty());
  EXPECT_THAT(keys(kOne), SizeIs(1));
  EXPECT_THAT(keys(kThree), SizeIs(1));
  commit(kTwo, {put("again", "")});
  EXPECT_THAT(keys(kTwo), ElementsAre("again"));
}

TEST_P(EnginePartitions, ShowsASnapshotAsItWasAtItsPosition) {
  commit(kOne, {put("a", "1"), put("b", "1"), put("expired", "1", {5})});
  const PartitionState then = states_[kOne];
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  commit(kOne, {put("a", "2"), del("b"), put("c", "2")});
  subject_->compact(kOne);
  EXPECT_EQ((*snapshot)->state(), then);
  EXPECT_THAT(drain(**snapshot, 1 << 20), ElementsAre(Item("a", "1"), Item("b", "1"), Item("expired", "1")));
}

TEST_P(EnginePartitions, KeepsASnapshotWhenItsPartitionIsDroppedAndReclaimed) {
  commit(kOne, {put("a", "1"), put("b", "2")});
  subject_->compact(kOne);
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE(engine().drop_partition(kOne));
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(drain(**snapshot, 1), ElementsAre(Item("a", "1"), Item("b", "2")));
}

TEST_P(EnginePartitions, CutsASnapshotIntoPagesOfAboutTheBytesAsked) {
  commit(kOne, {put("a", std::string(50, 'x')), put("b", std::string(50, 'x')), put("c", std::string(500, 'x'))});
  commit(kTwo, {put("other", "")});
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  auto page = (*snapshot)->next(100);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, SizeIs(2));
  page = (*snapshot)->next(100);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, SizeIs(1));
  page = (*snapshot)->next(100);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, IsEmpty());
}

TEST_P(EnginePartitions, TakesAnEmptySnapshotOfAPartitionItDoesNotHave) {
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->state(), PartitionState{});
  EXPECT_THAT(drain(**snapshot, 100), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Engines, EnginePartitions, every_engine(), name_of);

}  // namespace
}  // namespace gyre::storage
