#include "storage/memory_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using testing_support::logged;
using testing_support::state_at;

constexpr PartitionId kPartition{1};

// Commits write `sequence`, which puts the key of its number.
void commit(MemoryEngine& engine, std::uint64_t sequence) {
  const Position position{Term(1), Sequence(sequence)};
  const messages::LoggedWritePtr write =
      logged(position, {{messages::Mutation::Kind::put, Bytes::copy_of(std::to_string(sequence)), {}}}, {},
             {ClientId(1), WriteNumber(sequence)}, WriteNumber(0));
  const PartitionBatch batch{.partition = kPartition, .writes = {&write, 1}, .state = state_at(position)};
  ASSERT_TRUE(engine.commit({&batch, 1}));
}

std::uint64_t position(const MemoryEngine& engine) {
  const auto states = engine.partitions();
  return states->empty() ? 0 : states->front().second.state.position.sequence.value();
}

bool has(const MemoryEngine& engine, std::uint64_t sequence) {
  return engine.get(kPartition, std::to_string(sequence), {0}, Tier::all)->state == Lookup::State::found;
}

TEST(MemoryEngine, LosesNothingWhenOnlyTheProcessDies) {
  MemoryEngine engine;
  commit(engine, 1);
  commit(engine, 2);
  engine.crash(engine.unsynced());
  EXPECT_EQ(position(engine), 2u);
  EXPECT_TRUE(has(engine, 1) && has(engine, 2));
}

TEST(MemoryEngine, KeepsAPrefixOfWhatWasNotSyncedWhenTheMachineDies) {
  MemoryEngine engine;
  commit(engine, 1);
  ASSERT_TRUE(engine.sync());
  commit(engine, 2);
  commit(engine, 3);
  EXPECT_EQ(engine.unsynced(), 2u);
  engine.crash(1);
  EXPECT_EQ(position(engine), 2u);
  EXPECT_TRUE(has(engine, 2));
  EXPECT_FALSE(has(engine, 3));
  engine.crash(0);
  EXPECT_EQ(position(engine), 1u);
}

TEST(MemoryEngine, TakesLogAndWindowBackWithTheWrites) {
  MemoryEngine engine;
  commit(engine, 1);
  ASSERT_TRUE(engine.sync());
  commit(engine, 2);
  const PartitionBatch back{.partition = kPartition, .state = state_at({Term(1), Sequence(1)})};
  ASSERT_TRUE(engine.commit({&back, 1}));
  EXPECT_FALSE(engine.read_log(kPartition, Sequence(0), 1000));
  EXPECT_THAT(engine.partitions()->front().second.window, testing::SizeIs(1));
  engine.crash(1);
  EXPECT_THAT(*engine.read_log(kPartition, Sequence(0), 1000), testing::SizeIs(2));
  EXPECT_THAT(engine.partitions()->front().second.window, testing::SizeIs(2));
  engine.crash(0);
  EXPECT_THAT(*engine.read_log(kPartition, Sequence(0), 1000), testing::SizeIs(1));
  EXPECT_THAT(engine.partitions()->front().second.window, testing::SizeIs(1));
}

TEST(MemoryEngine, KeepsAsMuchLogAsItIsTold) {
  MemoryEngine engine;
  engine.set_log_kept(2);
  for (std::uint64_t i = 1; i <= 5; ++i) commit(engine, i);
  EXPECT_THAT(*engine.read_log(kPartition, Sequence(3), 1000), testing::SizeIs(2));
  const auto too_far_back = engine.read_log(kPartition, Sequence(2), 1000);
  ASSERT_FALSE(too_far_back);
  EXPECT_EQ(too_far_back.error().code, ErrorCode::not_found);
  EXPECT_THAT(engine.partitions()->front().second.window, testing::SizeIs(5));
}

TEST(MemoryEngine, BringsAPartitionBackWhoseDropWasLost) {
  MemoryEngine engine;
  commit(engine, 1);
  ASSERT_TRUE(engine.sync());
  ASSERT_TRUE(engine.drop_partition(kPartition));
  EXPECT_EQ(position(engine), 0u);
  engine.crash(0);
  EXPECT_EQ(position(engine), 1u);
  EXPECT_TRUE(has(engine, 1));
}

TEST(MemoryEngine, WritesTheOldestBackByItself) {
  MemoryEngine engine;
  for (std::uint64_t i = 1; i <= MemoryEngine::kUnsyncedMax + 3; ++i) commit(engine, i);
  EXPECT_EQ(engine.unsynced(), MemoryEngine::kUnsyncedMax);
  engine.crash(0);
  EXPECT_EQ(position(engine), 3u);
}

TEST(MemoryEngine, ForgetsHorizonsWithItsProcess) {
  MemoryEngine engine;
  const Position at{Term(1), Sequence(1)};
  const messages::LoggedWritePtr write =
      logged(at, {{messages::Mutation::Kind::put, Bytes::literal("k"), {{}, {}, UnixMillis{10}}}});
  const PartitionBatch batch{.partition = kPartition, .writes = {&write, 1}, .state = state_at(at)};
  ASSERT_TRUE(engine.commit({&batch, 1}));
  engine.set_expiry_horizon(kPartition, {10});
  engine.crash(engine.unsynced());
  ASSERT_TRUE(engine.sweep(kPartition, "", 10));
  EXPECT_EQ(engine.get(kPartition, "k", {0}, Tier::all)->state, Lookup::State::found);
}

}  // namespace
}  // namespace gyre::storage
