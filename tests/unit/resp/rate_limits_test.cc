#include "resp/rate_limits.h"

#include <gtest/gtest.h>

namespace gyre::resp {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};
const User kAnybody{.name = "default"};

int taken_at_once(RateLimits& limits, Instant now, const std::string& address, int tries = 1000,
                  const User& user = kAnybody) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += limits.take(now, address, user) == Duration(0) ? 1 : 0;
  return taken;
}

TEST(RateLimits, AreOffUntilSet) {
  RateLimits limits;
  EXPECT_FALSE(limits.concern(kAnybody));
  EXPECT_EQ(taken_at_once(limits, kStart, "a"), 1000);
}

TEST(RateLimits, GiveABurstAndThenTheRate) {
  RateLimits limits;
  limits.set({.per_second = 10, .burst = 50}, {});
  EXPECT_TRUE(limits.concern(kAnybody));
  EXPECT_EQ(taken_at_once(limits, kStart, "a"), 50);
  EXPECT_EQ(limits.take(kStart, "a", kAnybody), 100ms) << "until the next token";
  EXPECT_EQ(taken_at_once(limits, kStart + 1s, "a"), 10);
  EXPECT_EQ(taken_at_once(limits, kStart + 1h, "a"), 50) << "no more than the burst is saved up";
  EXPECT_EQ(limits.refused().by_address.value(), 3000U - 110 + 1);
}

TEST(RateLimits, ABurstIsASecondsWorthUnlessToldAndAtLeastOne) {
  RateLimits limits;
  limits.set({.per_second = 20}, {});
  EXPECT_EQ(taken_at_once(limits, kStart, "a"), 20);
  RateLimits slow;
  slow.set({.per_second = 0.5}, {});
  EXPECT_EQ(taken_at_once(slow, kStart, "a"), 1);
  EXPECT_EQ(slow.take(kStart, "a", kAnybody), 2s);
}

TEST(RateLimits, EachAddressHasItsOwn) {
  RateLimits limits;
  limits.set({.per_second = 10}, {});
  EXPECT_EQ(taken_at_once(limits, kStart, "a"), 10);
  EXPECT_EQ(taken_at_once(limits, kStart, "b"), 10);
}

TEST(RateLimits, AllTogetherHaveOneMore) {
  RateLimits limits;
  limits.set({.per_second = 10}, {.per_second = 15});
  EXPECT_EQ(taken_at_once(limits, kStart, "a"), 10);
  EXPECT_EQ(taken_at_once(limits, kStart, "b"), 5);
  EXPECT_GT(limits.refused().by_all.value(), 0U);
  EXPECT_EQ(taken_at_once(limits, kStart + 200ms, "b"), 3) << "what all together refused did not cost the address";
}

TEST(RateLimits, AUserHasOneWhereverItComesFrom) {
  RateLimits limits;
  limits.set({.per_second = 10}, {.per_second = 100});
  const User user{.name = "u", .rate = {.per_second = 15}};
  EXPECT_EQ(taken_at_once(limits, kStart, "a", 1000, user), 10);
  EXPECT_EQ(taken_at_once(limits, kStart, "b", 1000, user), 5);
  EXPECT_EQ(taken_at_once(limits, kStart, "b"), 5) << "what a user was refused did not cost the address";
  EXPECT_EQ(limits.refused().by_user.value(), 995U);
}

TEST(RateLimits, UsersAloneMayHaveLimits) {
  RateLimits limits;
  const User user{.name = "u", .rate = {.per_second = 3}};
  EXPECT_TRUE(limits.concern(user));
  EXPECT_FALSE(limits.concern(kAnybody));
  EXPECT_EQ(taken_at_once(limits, kStart, "a"), 1000);
  EXPECT_EQ(taken_at_once(limits, kStart, "a", 1000, user), 3);
}

TEST(RateLimits, MoreAddressesThanAreRememberedShareOne) {
  RateLimits limits;
  limits.set({.per_second = 1, .burst = 2}, {});
  for (std::size_t i = 0; i < RateLimits::kAddressesMax; ++i) {
    EXPECT_EQ(limits.take(kStart, std::to_string(i), kAnybody), Duration(0));
  }
  EXPECT_EQ(taken_at_once(limits, kStart, "x"), 2);
  EXPECT_EQ(taken_at_once(limits, kStart, "y"), 0);
  for (const char* address : {"y", "z"}) {
    EXPECT_EQ(taken_at_once(limits, kStart + 10s, address), 2) << "those that have all their tokens are forgotten";
  }
}

}  // namespace
}  // namespace gyre::resp
