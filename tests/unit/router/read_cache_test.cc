#include "router/read_cache.h"

#include <gtest/gtest.h>

namespace gyre::router {
namespace {

using namespace std::chrono_literals;
using messages::GetRequest;
using messages::GetResponse;
using messages::ReadLevel;

constexpr Instant kStart{1h};

Position at(std::uint64_t term, std::uint64_t sequence) { return {Term(term), Sequence(sequence)}; }

GetRequest read(std::string_view key, ReadLevel level, Duration bound = Duration(0), Position seen = {}) {
  return {Bytes::copy_of(key), true, {level, bound, seen}};
}

GetResponse answer(std::string_view value, Position position = at(1, 1), std::int64_t ttl_ms = -1) {
  return {.record = messages::Record{Bytes::copy_of(value), position, kNoExpiry},
          .ttl_ms = ttl_ms,
          .standing = {position, {}}};
}

class ReadCacheTest : public testing::Test {
 protected:
  void keep(const GetRequest& request, const GetResponse& response, Instant when = kStart) {
    cache_.keep(when, cache_.begin(request.key), request, response);
  }
  std::string found(const GetRequest& request, Instant when) {
    const auto hit = cache_.find(when, request);
    if (!hit) return "nothing";
    return hit->record ? hit->record->value.str() : "absent";
  }

  ReadCache cache_{{.ttl = 100ms}};
};

TEST_F(ReadCacheTest, IsOffWithoutATime) {
  EXPECT_FALSE(ReadCache({}).enabled());
  EXPECT_TRUE(cache_.enabled());
}

TEST_F(ReadCacheTest, GivesWhatWasReadForSoLong) {
  keep(read("k", ReadLevel::any), answer("v"));
  EXPECT_EQ(found(read("k", ReadLevel::any), kStart + 99ms), "v");
  EXPECT_EQ(found(read("k", ReadLevel::any), kStart + 100ms), "nothing");
  EXPECT_EQ(found(read("other", ReadLevel::any), kStart), "nothing");
  EXPECT_EQ(cache_.counters().hits.value(), 1U);
  EXPECT_EQ(cache_.counters().misses.value(), 2U);
}

TEST_F(ReadCacheTest, AbsenceIsKeptToo) {
  keep(read("k", ReadLevel::any), GetResponse{});
  EXPECT_EQ(found(read("k", ReadLevel::any), kStart), "absent");
}

TEST_F(ReadCacheTest, ReadsOfThePrimaryAreNeverServed) {
  keep(read("k", ReadLevel::primary), answer("v"));
  EXPECT_EQ(found(read("k", ReadLevel::primary), kStart), "nothing");
  EXPECT_EQ(found(read("k", ReadLevel::linearizable), kStart), "nothing");
  EXPECT_EQ(found(read("k", ReadLevel::any), kStart), "v");
}

TEST_F(ReadCacheTest, ABoundHoldsWithTheAgeOfTheAnswer) {
  keep(read("a", ReadLevel::bounded, 50ms), answer("v"));
  EXPECT_EQ(found(read("a", ReadLevel::bounded, 80ms), kStart + 30ms), "v");
  EXPECT_EQ(found(read("a", ReadLevel::bounded, 80ms), kStart + 31ms), "nothing");
  keep(read("p", ReadLevel::primary), answer("v"));
  EXPECT_EQ(found(read("p", ReadLevel::bounded, 30ms), kStart + 30ms), "v");
  keep(read("any", ReadLevel::any), answer("v"));
  EXPECT_EQ(found(read("any", ReadLevel::bounded, 1h), kStart), "nothing") << "nobody knows how old it was";
}

TEST_F(ReadCacheTest, MembersAreAskedForLessThanTheBoundSoThatTheAnswerServesOthers) {
  EXPECT_EQ(cache_.asked_for({ReadLevel::bounded, 150ms, {}}).bound, 50ms);
  EXPECT_EQ(cache_.asked_for({ReadLevel::bounded, 80ms, {}}).bound, 80ms);
  EXPECT_EQ(cache_.asked_for({ReadLevel::any, {}, {}}).level, ReadLevel::any);
}

// What a failover took back is told by members, not by what was kept.
TEST_F(ReadCacheTest, SessionsAreNeverServed) {
  keep(read("k", ReadLevel::session, {}, at(2, 10)), answer("v", at(2, 10)));
  EXPECT_EQ(found(read("k", ReadLevel::session, {}, at(2, 10)), kStart), "nothing");
  EXPECT_EQ(cache_.counters().misses.value(), 0U) << "of reads that it could serve";
}

TEST_F(ReadCacheTest, WhatIsWrittenHereIsDropped) {
  keep(read("k", ReadLevel::any), answer("old"));
  cache_.drop("k");
  EXPECT_EQ(found(read("k", ReadLevel::any), kStart), "nothing");
}

TEST_F(ReadCacheTest, AReadThatWasUnderWayDuringAWriteIsNotKept) {
  const auto request = read("k", ReadLevel::any);
  const ReadCache::Stamp before = cache_.begin("k");
  cache_.drop("k");
  cache_.keep(kStart, before, request, answer("old"));
  EXPECT_EQ(found(request, kStart), "nothing");
  const ReadCache::Stamp between = cache_.begin("k");  // the write is on its way
  cache_.drop("k");                                    // and is answered
  cache_.keep(kStart, between, request, answer("old"));
  EXPECT_EQ(found(request, kStart), "nothing");
}

TEST_F(ReadCacheTest, NothingOutlivesItsOwnTime) {
  keep(read("k", ReadLevel::any), answer("v", at(1, 1), 40));
  const auto hit = cache_.find(kStart + 30ms, read("k", ReadLevel::any));
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->ttl_ms, 10);
  EXPECT_EQ(found(read("k", ReadLevel::any), kStart + 40ms), "nothing");
}

TEST_F(ReadCacheTest, ItsMemoryIsBounded) {
  ReadCache cache({.ttl = 1h, .bytes_max = 1 << 20});
  const std::string value(1000, 'v');
  for (int i = 0; i < 5000; ++i) {
    const auto request = read("key" + std::to_string(i), ReadLevel::any);
    cache.keep(kStart, cache.begin(request.key), request, answer(value));
    ASSERT_LE(cache.bytes(), std::size_t{1} << 20);
  }
  EXPECT_GT(cache.bytes(), std::size_t{1} << 19);
  EXPECT_GT(cache.counters().evicted.value(), 3000U);
  EXPECT_TRUE(cache.find(kStart, read("key4999", ReadLevel::any)));
  const auto large = read("large", ReadLevel::any);
  cache.keep(kStart, cache.begin("large"), large, answer(std::string(1 << 19, 'v')));
  EXPECT_FALSE(cache.find(kStart, large)) << "it would cost too many others";
}

}  // namespace
}  // namespace gyre::router
