#include "storage/faulty_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/memory_engine.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

class FaultyEngineTest : public testing::Test {
 protected:
  static constexpr PartitionId kPartition{1};

  Result<void> put(std::string_view key) {
    const Position position{Term(1), Sequence(++sequence_)};
    const messages::LoggedWritePtr write = testing_support::logged(
        position, {{messages::Mutation::Kind::put, Bytes::copy_of(key), {Bytes::literal("v"), {}, kNoExpiry}}});
    const PartitionBatch batch{
        .partition = kPartition, .writes = {&write, 1}, .state = testing_support::state_at(position)};
    return engine_.commit({&batch, 1});
  }

  ErrorCode code_of(const Result<void>& result) { return result ? ErrorCode{} : result.error().code; }
  bool stored(std::string_view key) {
    return below_.get(kPartition, key, {0}, Tier::all)->state == Lookup::State::found;
  }

  MemoryEngine below_;
  FaultyEngine engine_{below_, FaultPlan{}};
  std::uint64_t sequence_ = 0;
};

TEST_F(FaultyEngineTest, AppliesNothingWhenItIsBusy) {
  engine_.set_plan({.seed = 1, .busy = 1});
  const auto refused = put("k");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_EQ(refused.error().outcome, Outcome::not_applied);
  EXPECT_FALSE(stored("k"));
  engine_.set_plan({});
  EXPECT_TRUE(put("k"));
}

TEST_F(FaultyEngineTest, SaysItIsStalledWhileItIs) {
  engine_.set_stalled(true);
  EXPECT_TRUE(engine_.stalled());
  EXPECT_EQ(code_of(put("k")), ErrorCode::busy);
  EXPECT_EQ(code_of(engine_.drop_partition(kPartition)), ErrorCode::busy);
  engine_.set_stalled(false);
  EXPECT_FALSE(engine_.stalled());
  EXPECT_TRUE(put("k"));
}

TEST_F(FaultyEngineTest, FailsEveryChangeAfterAFailedCommitButReadsOn) {
  ASSERT_TRUE(put("before"));
  engine_.set_plan({.seed = 1, .commit_fails = 1});
  const auto failed = put("k");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::storage_failed);
  EXPECT_EQ(failed.error().outcome, Outcome::unknown);
  EXPECT_TRUE(engine_.broken());
  engine_.set_plan({});
  EXPECT_EQ(code_of(put("k2")), ErrorCode::storage_failed);
  EXPECT_EQ(code_of(engine_.sync()), ErrorCode::storage_failed);
  EXPECT_EQ(engine_.get(kPartition, "before", {0}, Tier::all)->state, Lookup::State::found);
  EXPECT_TRUE(FaultyEngine(below_, {}).sync());
}

TEST_F(FaultyEngineTest, AppliesAFailedCommitSometimes) {
  int applied = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    FaultyEngine engine(below_, {.seed = seed, .commit_fails = 1});
    const messages::Mutation mutation{messages::Mutation::Kind::put, Bytes::copy_of(std::to_string(seed)), {}};
    const PartitionBatch batch{.partition = kPartition, .repairs = {&mutation, 1}, .state = {}};
    ASSERT_FALSE(engine.commit({&batch, 1}));
    applied += stored(std::to_string(seed));
  }
  EXPECT_GT(applied, 20);
  EXPECT_LT(applied, 80);
}

TEST_F(FaultyEngineTest, BreaksWhenASyncFails) {
  engine_.set_plan({.seed = 1, .sync_fails = 1});
  EXPECT_EQ(code_of(engine_.sync()), ErrorCode::storage_failed);
  EXPECT_EQ(code_of(put("k")), ErrorCode::storage_failed);
}

TEST_F(FaultyEngineTest, RecoversFromAFullDisk) {
  engine_.set_disk_full(true);
  const auto refused = put("k");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
  EXPECT_EQ(refused.error().outcome, Outcome::not_applied);
  engine_.set_disk_full(false);
  EXPECT_TRUE(put("k"));
}

TEST_F(FaultyEngineTest, FailsEveryReadThatMeetsACorruptRecordUntilItIsWrittenAnew) {
  ASSERT_TRUE(put("a"));
  ASSERT_TRUE(put("k"));
  engine_.corrupt(kPartition, "k");
  const std::string_view asked[] = {"a", "k"};
  const auto check = [&](bool whole) {
    EXPECT_EQ(engine_.get(kPartition, "k", {0}, Tier::memory).has_value(), whole);
    EXPECT_EQ(engine_.multi_get(kPartition, asked, {0}).has_value(), whole);
    EXPECT_EQ(engine_.scan(kPartition, {}, {0}).has_value(), whole);
    EXPECT_EQ((*engine_.snapshot(kPartition))->next(1 << 20).has_value(), whole);
    EXPECT_TRUE(engine_.get(kPartition, "a", {0}, Tier::memory));
  };
  check(false);
  EXPECT_EQ(engine_.get(kPartition, "k", {0}, Tier::all).error().code, ErrorCode::corrupt);
  ASSERT_TRUE(put("k"));
  check(true);
  engine_.corrupt(kPartition, "k");
  const messages::Mutation repair{messages::Mutation::Kind::put, Bytes::literal("k"), {}};
  const PartitionBatch batch{.partition = kPartition, .repairs = {&repair, 1}, .state = {}};
  ASSERT_TRUE(engine_.commit({&batch, 1}));
  check(true);
}

TEST_F(FaultyEngineTest, FailsReadsOfTheLogByPlan) {
  ASSERT_TRUE(put("k"));
  engine_.set_plan({.seed = 1, .log_fails = 1});
  EXPECT_EQ(engine_.read_log(kPartition, Sequence(0), 100).error().code, ErrorCode::storage_failed);
  engine_.set_plan({.seed = 1, .log_forgets = 1});
  EXPECT_EQ(engine_.read_log(kPartition, Sequence(0), 100).error().code, ErrorCode::not_found);
  engine_.set_plan({});
  EXPECT_EQ(engine_.read_log(kPartition, Sequence(0), 100)->size(), 1u);
}

TEST_F(FaultyEngineTest, SendsReadsToTheDiskByPlan) {
  ASSERT_TRUE(put("k"));
  engine_.set_plan({.seed = 1, .needs_disk = 1});
  EXPECT_EQ(engine_.get(kPartition, "k", {0}, Tier::memory)->state, Lookup::State::needs_disk);
  EXPECT_EQ(engine_.get(kPartition, "k", {0}, Tier::all)->state, Lookup::State::found);
}

TEST_F(FaultyEngineTest, FailsTheSameCallsForTheSameSeed) {
  const auto run = [&](std::uint64_t seed) {
    engine_.set_plan({.seed = seed, .busy = 0.5});
    std::string calls;
    for (int i = 0; i < 64; ++i) calls += put("k") ? '.' : 'b';
    return calls;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

}  // namespace
}  // namespace gyre::storage
