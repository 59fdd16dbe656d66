#include "routing/map_cache.h"

#include <set>

#include <gtest/gtest.h>

#include "routing/options.h"
#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

const Error kFailure{ErrorCode::unavailable, Outcome::not_applied, "refused", {}};

TEST(MapCache, KeepsTheNewestEpoch) {
  MapCache cache({"s:1"}, Rng(1));
  EXPECT_TRUE(*cache.offer(make_map(5, {"a"})));
  EXPECT_FALSE(*cache.offer(make_map(4, {"a"})));
  EXPECT_FALSE(*cache.offer(make_map(5, {"a"})));
  EXPECT_TRUE(*cache.offer(make_map(6, {"a"})));
  EXPECT_EQ(cache.epoch(), Epoch(6));
}

TEST(MapCache, RefusesTheMapOfAnotherCluster) {
  MapCache cache({"s:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(5, {"a"}, 1, 7)));
  const auto taken = cache.offer(make_map(6, {"a"}, 1, 8));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::wrong_cluster);
}

// What those who know the map of epoch `from` are told when node `a` serves alone in `to`.
ring::MapUpdate change_of(std::uint64_t from, std::uint64_t to) {
  ring::MapHistory history;
  history.adopt(make_map(from, {"a", "b"}));
  auto next = *history.map();
  next.epoch = Epoch(to);
  next.entries[1] = next.entries[0];
  history.adopt(std::make_shared<const ring::ClusterMap>(std::move(next)));
  return history.since(Epoch(from));
}

TEST(MapCache, AppliesWhatChanged) {
  MapCache cache({"s:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(5, {"a", "b"})));
  ASSERT_TRUE(*cache.offer(change_of(5, 7)));
  EXPECT_EQ(cache.epoch(), Epoch(7));
  EXPECT_EQ(cache.current()->entries[1].primary, NodeId("a"));
  EXPECT_EQ(cache.current()->entries[3].primary, NodeId("b"));
  EXPECT_FALSE(*cache.offer(change_of(5, 6))) << "older than what is known";
  EXPECT_FALSE(*cache.offer(ring::MapUpdate{}));
}

TEST(MapCache, AChangeThatDoesNotFitIsFollowedByAQuestionForAWholeMap) {
  MapCache cache({"s:1", "t:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(5, {"a", "b"})));
  cache.want(kStart, {});
  const auto asked = cache.take_due(kStart);
  ASSERT_TRUE(asked);
  EXPECT_EQ(cache.known(), Epoch(5));
  const auto taken = cache.offer(change_of(6, 7));
  ASSERT_FALSE(taken);
  cache.on_misfit(kStart, taken.error());
  EXPECT_EQ(cache.take_due(kStart), asked) << "the same, at once";
  EXPECT_EQ(cache.known(), Epoch(0));
  ASSERT_TRUE(*cache.offer(make_map(7, {"a", "b"})));
  cache.on_answered(kStart);
  EXPECT_EQ(cache.known(), Epoch(7));
  EXPECT_EQ(cache.next_deadline(), kNever);
}

TEST(MapCache, WhoGivesAMisfitAgainHasFailed) {
  MapCache cache({"s:1", "t:1"}, Rng(1));
  cache.want(kStart, {});
  const auto asked = cache.take_due(kStart);
  cache.on_misfit(kStart, cache.offer(change_of(6, 7)).error());
  EXPECT_EQ(cache.take_due(kStart), asked);
  cache.on_misfit(kStart, cache.offer(change_of(6, 7)).error());
  const auto next = cache.take_due(kStart);
  ASSERT_TRUE(next);
  EXPECT_NE(next, asked);
  EXPECT_EQ(cache.known(), Epoch(0));
}

TEST(MapCache, AsksEachAddressOnceBeforeItPauses) {
  MapCache cache({"r:1", "s:1", "t:1"}, Rng(1));
  cache.want(kStart, {});
  std::set<std::string> asked;
  for (int i = 0; i < 3; ++i) {
    const auto address = cache.take_due(kStart);
    ASSERT_TRUE(address);
    asked.insert(*address);
    cache.on_failed(kStart, kFailure);
  }
  EXPECT_EQ(asked.size(), 3U);
  EXPECT_FALSE(cache.take_due(kStart));
  EXPECT_GT(cache.next_deadline(), kStart);
  EXPECT_TRUE(cache.take_due(kStart + kMapAskGap));
}

TEST(MapCache, OrderOfSeedsDependsOnTheRandomSeed) {
  std::set<std::string> first;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    MapCache cache({"r:1", "s:1", "t:1"}, Rng(seed));
    cache.want(kStart, {});
    first.insert(*cache.take_due(kStart));
  }
  EXPECT_EQ(first.size(), 3U);
}

TEST(MapCache, AQuestionThatStaysUnansweredIsFollowedByTheNext) {
  MapCache cache({"r:1", "s:1"}, Rng(1));
  cache.want(kStart, {});
  const auto first = cache.take_due(kStart);
  EXPECT_FALSE(cache.take_due(kStart + kUnansweredMax - 1ms));
  EXPECT_EQ(cache.next_deadline(), kStart + kUnansweredMax);
  const auto second = cache.take_due(kStart + kUnansweredMax);
  ASSERT_TRUE(second);
  EXPECT_NE(*first, *second);
}

TEST(MapCache, AsksWhoeverShowedANewerEpochAtOnceAndOnlyOnce) {
  MapCache cache({"s:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(1, {"a", "b"})));
  cache.on_newer_seen(kStart, Epoch(2), "b:1", true);
  EXPECT_EQ(cache.take_due(kStart), "b:1");
  for (int i = 0; i < 100; ++i) cache.on_newer_seen(kStart, Epoch(2), "a:1", true);
  EXPECT_FALSE(cache.take_due(kStart));
  ASSERT_TRUE(cache.offer(make_map(2, {"a", "b"})));
  cache.on_answered(kStart);
  EXPECT_EQ(cache.next_deadline(), kNever);
}

TEST(MapCache, ALiarCannotMakeItAskWithoutPause) {
  MapCache cache({"s:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(1, {"a"})));
  int questions = 0;
  for (Instant now = kStart; now < kStart + 1s; now += 1ms) {
    cache.on_newer_seen(now, Epoch(99), "a:1", true);
    if (cache.take_due(now)) {
      ++questions;
      cache.on_answered(now);
    }
  }
  EXPECT_LE(questions, 22);
}

TEST(MapCache, KeepsAskingWhileAMapIsMissedAndStopsWhenOneComes) {
  MapCache cache({"s:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(1, {"a", "b", "c"})));
  cache.want(kStart, "a:1");
  Instant last = kStart - kMapAskGapFirst;
  int questions = 0;
  for (Instant now = kStart; now < kStart + 2s; now += 1ms) {
    if (const auto address = cache.take_due(now)) {
      ++questions;
      EXPECT_LE(now - last, kMapAskGapFirst);
      last = now;
      cache.on_answered(now);
    }
  }
  EXPECT_GE(questions, 20);
  EXPECT_GE(last, kStart + kMapMissedMax - kMapAskGapFirst);
  EXPECT_LE(last, kStart + kMapMissedMax + kMapAskGapFirst);

  cache.want(kStart + 3s, "a:1");
  ASSERT_TRUE(cache.take_due(kStart + 3s));
  ASSERT_TRUE(cache.offer(make_map(2, {"a", "b", "c"})));
  cache.on_answered(kStart + 3s);
  EXPECT_EQ(cache.next_deadline(), kNever);
}

TEST(MapCache, AsksLessOftenWhenAMapIsMissedForLong) {
  MapCache cache({"s:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(1, {"a", "b"})));
  int late_questions = 0;
  for (Instant now = kStart; now < kStart + 5s; now += 1ms) {
    cache.want(now, "a:1");
    if (!cache.take_due(now)) continue;
    if (now >= kStart + 3s) ++late_questions;
    cache.on_answered(now);
  }
  EXPECT_LE(late_questions, 41);
  EXPECT_GE(late_questions, 15);
}

TEST(MapCache, PassesOverWhoFailedForAWhile) {
  MapCache cache({"a:1"}, Rng(1));
  ASSERT_TRUE(cache.offer(make_map(1, {"a", "b", "c"})));
  cache.want(kStart, {});
  const auto failed = cache.take_due(kStart);
  ASSERT_TRUE(failed);
  cache.on_failed(kStart, kFailure);
  for (Instant now = kStart; now < kStart + kMapAvoid; now += 1ms) {
    const auto address = cache.take_due(now);
    if (!address) continue;
    EXPECT_NE(*address, *failed);
    cache.on_answered(now);
    cache.want(now, {});
  }
  std::set<std::string> later;
  for (Instant now = kStart + kMapAvoid; now < kStart + kMapAvoid + 1s; now += 1ms) {
    cache.want(now, {});
    if (const auto address = cache.take_due(now)) {
      later.insert(*address);
      cache.on_answered(now);
    }
  }
  EXPECT_TRUE(later.contains(*failed));
}

TEST(MapCache, DoesNotAskTheSuspect) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    MapCache cache({"a:1"}, Rng(seed));
    ASSERT_TRUE(cache.offer(make_map(1, {"a", "b"})));
    cache.want(kStart, "a:1");
    EXPECT_EQ(cache.take_due(kStart), "b:1");
  }
}

}  // namespace
}  // namespace gyre::routing::testing
