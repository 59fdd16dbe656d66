#include "storage/memory_engine.h"

#include <gtest/gtest.h>

namespace gyre::storage {
namespace {

constexpr PartitionId kPartition{1};

// Commits write `sequence`, which puts the key of its number.
void commit(MemoryEngine& engine, std::uint64_t sequence) {
  const Position position{Term(1), Sequence(sequence)};
  const std::vector<messages::Mutation> mutations = {
      {messages::Mutation::Kind::put, Bytes::copy_of(std::to_string(sequence)), {{}, position, kNoExpiry}}};
  const PartitionBatch batch{kPartition, mutations, {position, {}, Term(1)}};
  ASSERT_TRUE(engine.commit({&batch, 1}));
}

std::uint64_t position(const MemoryEngine& engine) {
  const auto states = engine.partitions();
  return states->empty() ? 0 : states->front().second.position.sequence.value();
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
  const std::vector<messages::Mutation> mutations = {
      {messages::Mutation::Kind::put, Bytes::literal("k"), {{}, at, UnixMillis{10}}}};
  const PartitionBatch batch{kPartition, mutations, {at, {}, Term(1)}};
  ASSERT_TRUE(engine.commit({&batch, 1}));
  engine.set_expiry_horizon(kPartition, {10});
  engine.crash(engine.unsynced());
  ASSERT_TRUE(engine.sweep(kPartition, "", 10));
  EXPECT_EQ(engine.get(kPartition, "k", {0}, Tier::all)->state, Lookup::State::found);
}

}  // namespace
}  // namespace gyre::storage
