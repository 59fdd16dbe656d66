#include "runtime/record_cache.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include "base/limits.h"

namespace gyre::runtime {
namespace {

using messages::Mutation;
using messages::Record;
using storage::Lookup;

constexpr PartitionId kOne{1};
constexpr PartitionId kTwo{2};

Record record(std::string_view value, std::uint64_t sequence = 1) {
  return {.value = Bytes::copy_of(value), .version = {Term(1), Sequence(sequence)}, .expires_at = {}};
}
Lookup found(std::string_view value) { return {Lookup::State::found, record(value)}; }

Mutation put(std::string_view key, std::string_view value) {
  return {Mutation::Kind::put, Bytes::copy_of(key), record(value)};
}
Mutation del(std::string_view key) { return {Mutation::Kind::del, Bytes::copy_of(key), {}}; }

// "?": not known; "-": absent.
std::string shown(RecordCache& cache, PartitionId partition, std::string_view key) {
  const auto lookup = cache.find(partition, key);
  if (!lookup) return "?";
  return lookup->state == Lookup::State::found ? lookup->record.value.str() : "-";
}

void commit(RecordCache& cache, PartitionId partition, std::vector<Mutation> mutations, bool drop_first = false,
            std::vector<Mutation> repairs = {}) {
  auto write = std::make_shared<messages::LoggedWrite>();
  write->mutations = std::move(mutations);
  const std::vector<messages::LoggedWritePtr> writes{write};
  const storage::PartitionBatch batch{
      .partition = partition, .drop_first = drop_first, .writes = writes, .repairs = repairs};
  cache.on_committed({&batch, 1});
}

TEST(RecordCache, FollowsWhatIsWritten) {
  RecordCache cache(1 << 20);
  EXPECT_EQ(shown(cache, kOne, "a"), "?");
  cache.put(kOne, "a", found("read"));
  cache.put(kOne, "none", {});
  cache.put(kOne, "b", {});
  EXPECT_EQ(shown(cache, kOne, "a"), "read");
  EXPECT_EQ(shown(cache, kOne, "none"), "-");
  EXPECT_EQ(shown(cache, kTwo, "a"), "?");
  commit(cache, kOne, {put("a", "written"), put("none", "now"), put("a", "again"), put("b", "")});
  EXPECT_EQ(shown(cache, kOne, "a"), "again");
  EXPECT_EQ(shown(cache, kOne, "none"), "now");
  EXPECT_EQ(shown(cache, kOne, "b"), "");
  commit(cache, kOne, {del("a"), put("only written", "v")});
  EXPECT_EQ(shown(cache, kOne, "a"), "-");
  EXPECT_EQ(shown(cache, kOne, "only written"), "v");
  commit(cache, kOne, {del("only deleted")});
  EXPECT_EQ(shown(cache, kOne, "only deleted"), "?");
  EXPECT_EQ(cache.entries(), 4u);
}

TEST(RecordCache, KeepsVersionAndExpiry) {
  RecordCache cache(1 << 20);
  Lookup lookup = found("v");
  lookup.record.version = {Term(3), Sequence(9)};
  lookup.record.expires_at = {77};
  cache.put(kOne, "k", lookup);
  const auto kept = cache.find(kOne, "k");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->record, lookup.record);
}

TEST(RecordCache, WhatNeedsTheDiskIsNotKnown) {
  RecordCache cache(1 << 20);
  cache.put(kOne, "k", {Lookup::State::needs_disk, {}});
  EXPECT_EQ(shown(cache, kOne, "k"), "?");
}

TEST(RecordCache, ForgetsAPartitionThatIsDropped) {
  RecordCache cache(1 << 20);
  for (const std::string_view key : {"a", "b", "c"}) cache.put(kOne, key, found("1"));
  cache.put(kTwo, "a", found("2"));
  commit(cache, kOne, {put("b", "new")}, true, {put("c", "repaired")});
  EXPECT_EQ(shown(cache, kOne, "a"), "?");
  EXPECT_EQ(shown(cache, kOne, "b"), "new");
  EXPECT_EQ(shown(cache, kOne, "c"), "repaired");
  EXPECT_EQ(shown(cache, kTwo, "a"), "2");
  commit(cache, kOne, {}, false, {put("c", "again")});
  EXPECT_EQ(shown(cache, kOne, "c"), "again");
}

TEST(RecordCache, ALargeValueIsNotKeptAndEndsTheOneBefore) {
  RecordCache cache(1 << 20);
  cache.put(kOne, "k", found("small"));
  commit(cache, kOne, {put("k", std::string(RecordCache::kValueBytesMax + 1, 'x'))});
  EXPECT_EQ(shown(cache, kOne, "k"), "?");
}

TEST(RecordCache, StaysWithinItsMemoryAndKeepsWhatIsAskedFor) {
  constexpr std::size_t kBytes = 64 * 1024;
  RecordCache cache(kBytes);
  cache.put(kOne, "hot", found("value"));
  for (int i = 0; i < 10'000; ++i) {
    cache.put(kOne, std::to_string(i), found(std::string(static_cast<std::size_t>(i % 100), 'x')));
    EXPECT_EQ(shown(cache, kOne, "hot"), "value");
    EXPECT_LE(cache.bytes(), kBytes);
  }
  EXPECT_GT(cache.entries(), 100u);
  EXPECT_EQ(shown(cache, kOne, "0"), "?");
  EXPECT_NE(shown(cache, kOne, "9999"), "?");
}

TEST(RecordCache, WhatIsOnlyWrittenDisplacesNothing) {
  RecordCache cache(64 * 1024);
  std::size_t read = 0;
  const std::string value(200, 'v');
  for (; read < 1000; ++read) cache.put(kOne, "read" + std::to_string(read), found(value));
  const std::size_t entries = cache.entries();
  for (int i = 0; i < 1000; ++i) commit(cache, kOne, {put("written" + std::to_string(i), std::string(100, 'x'))});
  EXPECT_GE(cache.entries(), entries);
  std::size_t there = 0;
  for (std::size_t i = 0; i < read; ++i) there += shown(cache, kOne, "read" + std::to_string(i)) == value ? 1 : 0;
  EXPECT_EQ(there, entries);
  EXPECT_GT(cache.bytes(), 60u * 1024) << "memory, and not only slots, has run out";
}

TEST(RecordCache, WhatIsReadStaysAsItWasRead) {
  RecordCache cache(1 << 20);
  cache.put(kOne, "k", found("old"));
  const auto read = cache.find(kOne, "k");
  commit(cache, kOne, {put("k", "new")});
  EXPECT_EQ(read->record.value.view(), "old");
  commit(cache, kOne, {put("k", "now")});
  EXPECT_EQ(shown(cache, kOne, "k"), "now");
}

TEST(RecordCache, OneCommitTellsOfMany) {
  RecordCache cache(1 << 20);
  std::vector<Mutation> mutations;
  for (int i = 0; i < 100; ++i) mutations.push_back(put(std::to_string(i % 40), std::to_string(i)));
  commit(cache, kOne, std::move(mutations));
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(shown(cache, kOne, std::to_string(i)), std::to_string(i < 20 ? i + 80 : i + 40));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < limits::kKeysAhead; ++i) names.push_back(std::to_string(3 * i));  // some are not there
  std::vector<RecordCache::Key> keys;
  for (const std::string& name : names) keys.push_back({kOne, name});
  cache.prefetch(keys);  // changes nothing
  EXPECT_EQ(cache.entries(), 40u);
}

// A bulk load has taken all room; what is asked for again and again gets some of it.
TEST(RecordCache, WhatIsReadOftenFindsAPlaceAmongWhatWasOnlyWritten) {
  RecordCache cache(16 * 1024);
  for (int i = 0; i < 2000; ++i) commit(cache, kOne, {put("written" + std::to_string(i), "v")});
  int missed = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string key = "read" + std::to_string(i);
      if (shown(cache, kOne, key) != "?") continue;
      cache.put(kOne, key, found("v"));
      missed += round > 5 ? 1 : 0;
    }
  }
  EXPECT_EQ(missed, 0);
}

TEST(RecordCache, CountsCommitsByPartition) {
  RecordCache cache(1 << 20);
  EXPECT_EQ(cache.commits(kTwo), 0u);
  commit(cache, kTwo, {put("k", "v")});
  commit(cache, kOne, {});
  EXPECT_EQ(cache.commits(kOne), 1u);
  EXPECT_EQ(cache.commits(kTwo), 1u);
}

TEST(RecordCache, WithoutMemoryItKnowsNothing) {
  for (const std::size_t bytes : {0, 100}) {
    RecordCache cache(bytes);
    cache.put(kOne, "k", found("v"));
    commit(cache, kOne, {put("k", "v")});
    EXPECT_EQ(shown(cache, kOne, "k"), "?");
    EXPECT_EQ(cache.entries(), 0u);
  }
}

// Whatever it knows is what a store would say, however small it is.
RC_GTEST_PROP(RecordCacheProperty, KnowsNothingButTheTruth, ()) {
  RecordCache cache(*rc::gen::inRange<std::size_t>(0, 4000));
  std::map<std::pair<PartitionId, std::string>, std::string> truth;
  const int steps = *rc::gen::inRange(1, 300);
  for (int step = 0; step < steps; ++step) {
    const PartitionId partition(*rc::gen::inRange<std::uint16_t>(0, 3));
    const std::string key = std::to_string(*rc::gen::inRange(0, 20));
    const auto held = truth.find({partition, key});
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        truth[{partition, key}] = std::to_string(step);
        commit(cache, partition, {put(key, std::to_string(step))});
        break;
      case 1:
        truth.erase({partition, key});
        commit(cache, partition, {del(key)});
        break;
      case 2:
        if (step % 5 != 0) break;
        std::erase_if(truth, [&](const auto& item) { return item.first.first == partition; });
        commit(cache, partition, {}, true);
        break;
      default: {
        const std::string known = shown(cache, partition, key);
        const std::string expected = held == truth.end() ? "-" : held->second;
        if (known != "?") RC_ASSERT(known == expected);
        cache.put(partition, key, held == truth.end() ? Lookup{} : found(held->second));
      }
    }
  }
}

}  // namespace
}  // namespace gyre::runtime
