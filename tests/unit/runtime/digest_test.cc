#include "runtime/digest.h"

#include <gtest/gtest.h>

#include "storage/memory_engine.h"

namespace gyre::runtime {
namespace {

constexpr PartitionId kDigestPartition(3);
constexpr UnixMillis kTime{1000};

struct Stored {
  std::string key;
  std::string value;
  Position version{Term(1), Sequence(1)};
  UnixMillis expires_at = kNoExpiry;
};

messages::DigestResponse digest_of(const std::vector<Stored>& records, UnixMillis time = kTime) {
  storage::MemoryEngine engine;
  std::vector<messages::Mutation> repairs;
  for (const Stored& s : records) {
    repairs.push_back(
        {messages::Mutation::Kind::put, Bytes::copy_of(s.key), {Bytes::copy_of(s.value), s.version, s.expires_at}});
  }
  messages::PartitionState state;
  state.position = {Term(2), Sequence(9)};
  const storage::PartitionBatch batch{.partition = kDigestPartition, .repairs = repairs, .state = state};
  EXPECT_TRUE(engine.commit({&batch, 1}));
  auto snapshot = engine.snapshot(kDigestPartition);
  auto response = digest(**snapshot, time);
  EXPECT_TRUE(response);
  return *response;
}

TEST(DigestTest, IsOfAPositionAndCountsTheRecords) {
  const auto response = digest_of({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(response.records, 2u);
  EXPECT_EQ(response.position, (Position{Term(2), Sequence(9)}));
  EXPECT_TRUE(response.whole);
}

TEST(DigestTest, SameRecordsGiveTheSame) {
  EXPECT_EQ(digest_of({{"a", "1"}, {"b", "2"}}).digest, digest_of({{"b", "2"}, {"a", "1"}}).digest);
}

TEST(DigestTest, EveryPartOfARecordCounts) {
  const auto whole = digest_of({{"a", "1"}, {"b", "2"}}).digest;
  EXPECT_NE(whole, digest_of({{"a", "1"}}).digest);
  EXPECT_NE(whole, digest_of({{"a", "1"}, {"c", "2"}}).digest);
  EXPECT_NE(whole, digest_of({{"a", "1"}, {"b", "3"}}).digest);
  EXPECT_NE(whole, digest_of({{"a", "1"}, {"b", "2", {Term(2), Sequence(1)}}}).digest);
  EXPECT_NE(whole, digest_of({{"a", "1"}, {"b", "2", {Term(1), Sequence(2)}}}).digest);
  EXPECT_NE(whole, digest_of({{"a", "1"}, {"b", "2", {Term(1), Sequence(1)}, UnixMillis{5000}}}).digest);
  EXPECT_NE(digest_of({{"ab", "c"}}).digest, digest_of({{"a", "bc"}}).digest);
}

TEST(DigestTest, WhatHasExpiredIsLeftOut) {
  const Stored expired{"b", "2", {Term(1), Sequence(1)}, kTime};
  EXPECT_EQ(digest_of({{"a", "1"}, expired}).digest, digest_of({{"a", "1"}}).digest);
  EXPECT_NE(digest_of({{"a", "1"}, expired}, UnixMillis{999}).digest, digest_of({{"a", "1"}}).digest);
}

TEST(DigestTest, AnEmptyPartitionHasOneToo) { EXPECT_EQ(digest_of({}).digest, 0u); }

}  // namespace
}  // namespace gyre::runtime
