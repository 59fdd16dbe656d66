#include "runtime/pace.h"

#include <gtest/gtest.h>

namespace gyre::runtime {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::size_t kChunk = kMiB;

class PaceTest : public testing::Test {
 protected:
  // Takes chunks for so long, in steps of 20 ms. Returns how many bytes it got.
  std::uint64_t run(Duration time) {
    std::uint64_t taken = 0;
    for (Duration passed{0}; passed < time; passed += 20ms) {
      now += 20ms;
      // Nobody reads more at once than this.
      for (int i = 0; i < 16 && pace.take(now, kChunk); ++i) taken += kChunk;
    }
    return taken;
  }
  void second(Duration p99, bool copies = true) {
    if (copies) run(1s);
    if (!copies) now += 1s;
    pace.on_second(now, p99, 1ms);
  }

  Instant now{1000s};
  Pace pace;
};

TEST_F(PaceTest, WithoutALimitEverythingGoesOn) {
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(pace.take(now, kChunk));
  EXPECT_FALSE(pace.rate());
}

TEST_F(PaceTest, ALimitIsKeptOverTime) {
  pace.set_limits(10 * kMiB, 0);
  const std::uint64_t taken = run(10s);
  EXPECT_GE(taken, 98 * kMiB);
  EXPECT_LE(taken, 103 * kMiB);
}

TEST_F(PaceTest, ALimitBelowAChunkAllowsOneNowAndThen) {
  pace.set_limits(kMiB / 2, 0);
  EXPECT_TRUE(pace.take(now, kChunk));
  EXPECT_FALSE(pace.take(now += 1s, kChunk));
  EXPECT_TRUE(pace.take(now += 1s, kChunk));
}

TEST_F(PaceTest, WhatWasIdleIsNotMadeUpFor) {
  pace.set_limits(10 * kMiB, 0);
  now += 1h;
  EXPECT_LE(run(1s), 12 * kMiB);
}

TEST_F(PaceTest, WhatWasNotReadIsGivenBack) {
  pace.set_limits(kMiB, 0);
  EXPECT_TRUE(pace.take(now, kChunk));
  EXPECT_FALSE(pace.take(now + 20ms, kChunk));
  pace.correct(kChunk, 0);
  EXPECT_TRUE(pace.take(now + 20ms, kChunk));
}

TEST_F(PaceTest, ATakenChunkThatWasLargerIsPaidForLater) {
  pace.set_limits(10 * kMiB, 0);
  EXPECT_TRUE(pace.take(now, kChunk));
  pace.correct(kChunk, 11 * kChunk);
  EXPECT_FALSE(pace.take(now + 900ms, kChunk));
  EXPECT_TRUE(pace.take(now + 1200ms, kChunk));
}

TEST_F(PaceTest, SlowRequestsHalveTheRateAndCalmSecondsRaiseItByATenth) {
  pace.set_limits(64 * kMiB, 2.0);
  second(1900us);
  EXPECT_EQ(pace.rate(), 64.0 * kMiB);
  second(2100us);
  EXPECT_EQ(pace.rate(), 32.0 * kMiB);
  second(9ms);
  EXPECT_EQ(pace.rate(), 16.0 * kMiB);
  second(1ms);
  EXPECT_DOUBLE_EQ(*pace.rate(), 17.6 * kMiB);
  for (int i = 0; i < 20; ++i) second(1ms);
  EXPECT_EQ(pace.rate(), 64.0 * kMiB) << "the limit stays";
}

TEST_F(PaceTest, ACopyAlwaysGoesOn) {
  pace.set_limits(0, 2.0);
  for (int i = 0; i < 40; ++i) second(1s);
  EXPECT_EQ(pace.rate(), Pace::kRateMin);
  EXPECT_GE(run(4s), 3 * kMiB);
}

TEST_F(PaceTest, ALimitBelowTheLeastRateIsKeptAllTheSame) {
  pace.set_limits(kMiB / 4, 2.0);
  for (int i = 0; i < 10; ++i) second(1s);
  EXPECT_EQ(pace.rate(), kMiB / 4.0);
}

TEST_F(PaceTest, WithoutALimitHalfOfWhatWasSentIsTheFirstRateAfterASlowSecond) {
  pace.set_limits(0, 2.0);
  pace.on_second(now, Duration(0), Duration(0));
  const std::uint64_t sent = run(1s);
  pace.on_second(now, 5ms, 1ms);
  ASSERT_TRUE(pace.rate());
  EXPECT_NEAR(*pace.rate(), static_cast<double>(sent) / 2, static_cast<double>(sent) / 50);
  for (int i = 0; i < 3; ++i) second(1ms);
  EXPECT_NEAR(*pace.rate(), static_cast<double>(sent) / 2 * 1.1 * 1.1 * 1.1, static_cast<double>(sent) / 25);
}

TEST_F(PaceTest, WhereRequestsAreWatchedCopiesBeginSlowly) {
  pace.set_limits(0, 2.0);
  second(1ms, false);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst);
  EXPECT_LE(run(1s), 6 * kMiB);
  pace.on_second(now, 1ms, 1ms);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst * 1.25);
  second(1ms, false);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst) << "what comes next begins anew";
  now += 1s;
  pace.on_second(now, Duration(0), Duration(0));
  EXPECT_FALSE(pace.rate()) << "there are no requests";
  pace.set_limits(2 * kMiB, 2.0);
  second(1ms, false);
  EXPECT_EQ(pace.rate(), 2.0 * kMiB) << "within the limit";
}

TEST_F(PaceTest, WhatRequestsBearIsKeptInMindBetweenCopiesForAWhile) {
  pace.set_limits(0, 2.0);
  second(1ms, false);
  second(9ms);
  const double learned = Pace::kRateFirst / 2;
  EXPECT_EQ(pace.rate(), learned);
  for (int i = 0; i < 29; ++i) second(1ms, false);
  EXPECT_EQ(pace.rate(), learned);
  second(1ms);
  EXPECT_DOUBLE_EQ(*pace.rate(), learned * 1.1);
  for (int i = 0; i < 30; ++i) second(1ms, false);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst);
  second(1ms);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst * 1.25);
}

TEST_F(PaceTest, WithoutAFactorNothingHoldsItFromThenOn) {
  pace.set_limits(0, 2.0);
  second(1ms, false);
  for (int i = 0; i < 10; ++i) second(9ms);
  ASSERT_EQ(pace.rate(), Pace::kRateMin);
  pace.set_limits(0, 0);
  EXPECT_FALSE(pace.rate());
}

TEST_F(PaceTest, WithAnotherFactorOrLimitItLearnsAnew) {
  pace.set_limits(0, 2.0);
  second(1ms, false);
  second(9ms);
  pace.set_limits(0, 2.0);
  second(1ms, false);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst / 2) << "nothing has changed";
  pace.set_limits(0, 3.0);
  second(1ms, false);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst);
  pace.set_limits(kMiB, 3.0);
  second(9ms);
  second(1ms);
  pace.set_limits(0, 3.0);
  second(1ms, false);
  EXPECT_EQ(pace.rate(), Pace::kRateFirst) << "nothing but the limit held it";
}

TEST_F(PaceTest, WhatIsNotMadeUseOfDoesNotGrow) {
  pace.set_limits(0, 2.0);
  second(1ms, false);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(pace.take(now, kChunk));
    now += 1s;
    pace.on_second(now, 1ms, 1ms);
  }
  EXPECT_EQ(pace.rate(), Pace::kRateFirst);
}

TEST_F(PaceTest, WhereNoCopyIsSentSlowRequestsAreNotItsFault) {
  pace.set_limits(4 * kMiB, 2.0);
  second(1s, false);
  EXPECT_EQ(pace.rate(), 4.0 * kMiB);
}

TEST_F(PaceTest, WithoutAFactorOrAnythingToCompareWithNothingSlowsIt) {
  pace.set_limits(64 * kMiB, 0);
  second(1s);
  EXPECT_EQ(pace.rate(), 64.0 * kMiB);
  pace.set_limits(64 * kMiB, 2.0);
  run(1s);
  pace.on_second(now, 1s, Duration(0));
  EXPECT_EQ(pace.rate(), 64.0 * kMiB);
}

TEST_F(PaceTest, LimitsChangeWhileItRuns) {
  pace.set_limits(64 * kMiB, 2.0);
  pace.set_limits(8 * kMiB, 2.0);
  EXPECT_EQ(pace.rate(), 8.0 * kMiB);
  pace.set_limits(0, 2.0);
  EXPECT_FALSE(pace.rate()) << "nothing but the limit held it";
  pace.set_limits(64 * kMiB, 2.0);
  second(1s);
  ASSERT_EQ(pace.rate(), 32.0 * kMiB);
  pace.set_limits(128 * kMiB, 2.0);
  EXPECT_EQ(pace.rate(), 32.0 * kMiB) << "requests were slow";
  pace.set_limits(16 * kMiB, 2.0);
  EXPECT_EQ(pace.rate(), 16.0 * kMiB);
}

TEST_F(PaceTest, KnowsWhetherCopiesAreSent) {
  EXPECT_FALSE(pace.busy());
  EXPECT_TRUE(pace.take(now, kChunk));
  EXPECT_TRUE(pace.busy());
  pace.on_second(now += 1s, 1ms, 1ms);
  EXPECT_TRUE(pace.busy()) << "in the second that just ended";
  pace.on_second(now += 1s, 1ms, 1ms);
  EXPECT_FALSE(pace.busy());
}

}  // namespace
}  // namespace gyre::runtime
