// What storage/engine.h promises of ingestions, checked on every engine.
#include <gmock/gmock.h>

#include "tests/contract/engine_contract.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A partition that is being filled: what it held is dropped, the first record of the snapshot is committed.
class EngineIngestion : public EngineContract {
 protected:
  void begin_snapshot() {
    PartitionState state;
    state.whole_at = messages::kNeverWhole;
    const messages::Mutation first[] = {put("a", "copied")};
    commit({.partition = kOne, .drop_first = true, .repairs = first, .state = state});
  }
  std::unique_ptr<Ingestion> ingest() {
    auto ingestion = engine().ingest(kOne);
    EXPECT_TRUE(ingestion.has_value());
    return *std::move(ingestion);
  }
  Result<void> add(Ingestion& ingestion, std::vector<messages::Mutation> records) { return ingestion.add(records); }
  void end_snapshot() { commit({.partition = kOne, .state = state_at({Term(1), Sequence(9)})}); }
};

TEST_P(EngineIngestion, PutsRecordsInPlace) {
  commit(kTwo, {put("c", "other")});
  begin_snapshot();
  const auto ingestion = ingest();
  ASSERT_TRUE(add(*ingestion, {put("b", "1"), put("c", std::string(300'000, 'c'), {5'000})}));
  ASSERT_TRUE(add(*ingestion, {put("d", "3")}));
  ASSERT_TRUE(ingestion->finish());
  end_snapshot();
  EXPECT_THAT(keys(kOne), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(value(kOne, "c", {4'999}), std::string(300'000, 'c'));
  EXPECT_EQ(value(kOne, "c", {5'000}), "(absent)");
  commit(kOne, {put("b", "later"), del("d")});
  subject_->reopen();
  EXPECT_EQ(value(kOne, "b"), "later");
  EXPECT_EQ(value(kOne, "d"), "(absent)");
  EXPECT_EQ(value(kOne, "a"), "copied");
  EXPECT_EQ(value(kTwo, "c"), "other");
}

// The first into a partition that held nothing, the second into one that did.
TEST_P(EngineIngestion, LeavesTheLogReadable) {
  for (std::uint64_t times = 1; times <= 2; ++times) {
    commit(kTwo, {put("k", "before")});
    begin_snapshot();
    const auto ingestion = ingest();
    ASSERT_TRUE(add(*ingestion, {put("b", "1")}));
    ASSERT_TRUE(ingestion->finish());
    end_snapshot();
    commit(kTwo, {put("k", "after")});
    commit(kOne, {put("k", "2")});
    EXPECT_THAT(log(kTwo, 0), SizeIs(2 * times));
    EXPECT_THAT(log(kOne, 9), ElementsAre(10));
    subject_->reopen();
    EXPECT_THAT(log(kTwo, 0), SizeIs(2 * times));
    EXPECT_THAT(log(kOne, 9), ElementsAre(10));
  }
}

// What was dropped hides what is beneath it; nothing of it may come back, nor hide what is new.
TEST_P(EngineIngestion, GoesWhereThePartitionHeldOtherRecordsBefore) {
  commit(kOne, {put("b", "old"), put("x", "old")});
  subject_->compact(kOne);
  commit(kOne, {put("c", "old")});
  begin_snapshot();
  const auto ingestion = ingest();
  ASSERT_TRUE(add(*ingestion, {put("b", "new"), put("d", "new")}));
  ASSERT_TRUE(ingestion->finish());
  end_snapshot();
  commit(kTwo, {put("k", "1")});
  for (int times = 0; times < 2; ++times) {
    EXPECT_THAT(scan(kOne), ElementsAre(Item("a", "copied"), Item("b", "new"), Item("d", "new")));
    EXPECT_THAT(log(kTwo, 0), ElementsAre(1));
    subject_->reopen();
  }
  commit(kTwo, {put("k", "2")});
  EXPECT_THAT(log(kTwo, 0), ElementsAre(1, 2));
}

TEST_P(EngineIngestion, NothingIsLeftOfOneThatIsNotFinishedOnceAnotherBegins) {
  for (const char* const key : {"b", "c"}) {
    begin_snapshot();
    ASSERT_TRUE(add(*ingest(), {put(key, "1")}));
  }
  begin_snapshot();
  const auto last = ingest();
  ASSERT_TRUE(add(*last, {put("d", "1")}));
  ASSERT_TRUE(last->finish());
  EXPECT_THAT(keys(kOne), ElementsAre("a", "d"));
}

// The first record of a snapshot may be so large that it is ingested, too.
TEST_P(EngineIngestion, AllThatAnUnfinishedOneHasPutInPlaceIsDropped) {
  PartitionState state;
  state.whole_at = messages::kNeverWhole;
  for (const char* const key : {"b", "c", "d"}) {
    commit({.partition = kOne, .drop_first = true, .state = state});
    const auto ingestion = ingest();
    ASSERT_TRUE(add(*ingestion, {put(key, "1")}));
    ASSERT_TRUE(ingestion->finish());
    EXPECT_THAT(keys(kOne), ElementsAre(key));
  }
}

TEST_P(EngineIngestion, AddsNothingToAPartitionThatWasDropped) {
  commit(kOne, {put("x", "old")});
  begin_snapshot();
  const auto ingestion = ingest();
  ASSERT_TRUE(engine().drop_partition(kOne));
  static_cast<void>(add(*ingestion, {put("b", "1")}));
  EXPECT_EQ(ingestion->finish().error().code, ErrorCode::not_found);
  EXPECT_THAT(keys(kOne), IsEmpty());
}

TEST_P(EngineIngestion, OneOfAPartitionThatWasDroppedComesToNothing) {
  begin_snapshot();
  const auto first = ingest();
  ASSERT_TRUE(add(*first, {put("b", "1")}));
  begin_snapshot();
  EXPECT_EQ(first->finish().error().code, ErrorCode::not_found);
  const auto second = ingest();
  ASSERT_TRUE(add(*second, {put("c", "1")}));
  ASSERT_TRUE(engine().drop_partition(kOne));
  EXPECT_EQ(second->finish().error().code, ErrorCode::not_found);
  EXPECT_THAT(keys(kOne), IsEmpty());
  EXPECT_THAT(states(), IsEmpty());
  subject_->reopen();
  EXPECT_THAT(keys(kOne), IsEmpty());
}

TEST_P(EngineIngestion, AnOlderOneComesToNothing) {
  begin_snapshot();
  const auto first = ingest();
  ASSERT_TRUE(add(*first, {put("b", "1")}));
  const auto second = ingest();
  ASSERT_TRUE(add(*second, {put("c", "1")}));
  EXPECT_EQ(first->finish().error().code, ErrorCode::not_found);
  ASSERT_TRUE(second->finish());
  EXPECT_THAT(keys(kOne), ElementsAre("a", "c"));
}

TEST_P(EngineIngestion, RefusesWhatIsNotInOrder) {
  begin_snapshot();
  const auto ingestion = ingest();
  ASSERT_TRUE(add(*ingestion, {put("c", "1")}));
  EXPECT_EQ(add(*ingestion, {put("b", "1")}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(add(*ingestion, {put("c", "1")}).error().code, ErrorCode::invalid_argument);
}

TEST_P(EngineIngestion, IsReclaimedLikeAllElse) {
  begin_snapshot();
  const auto ingestion = ingest();
  for (char c = 'b'; c <= 'z'; ++c) {
    ASSERT_TRUE(add(*ingestion, {put(std::string(1, c), std::string(100'000, c))}));
  }
  ASSERT_TRUE(ingestion->finish());
  end_snapshot();
  EXPECT_GT(engine().size_of(kOne).bytes, 0u);
  ASSERT_TRUE(engine().drop_partition(kOne));
  ASSERT_TRUE(engine().reclaim());
  EXPECT_LT(engine().size_of(kOne).bytes, 100'000u);
  begin_snapshot();
  EXPECT_THAT(keys(kOne), ElementsAre("a"));
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineIngestion, every_engine(), name_of);

}  // namespace
}  // namespace gyre::storage
