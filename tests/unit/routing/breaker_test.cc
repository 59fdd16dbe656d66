#include "routing/breaker.h"

#include <gtest/gtest.h>

#include "routing/options.h"
#include "scripted_client.h"

namespace gyre::routing {
namespace {

using testing::kStart;

TEST(Breaker, OpensAfterFailuresInARowAndLetsOneTryAfterAWhile) {
  Rng rng(1);
  Breaker breaker;
  for (std::uint32_t i = 0; i < kBreakerFailuresMax; ++i) {
    EXPECT_TRUE(breaker.allow(kStart));
    breaker.on_failure(kStart, rng);
  }
  EXPECT_EQ(breaker.state(), Breaker::State::open);
  EXPECT_FALSE(breaker.allow(kStart));
  const Instant later = breaker.open_until();
  EXPECT_LE(later, kStart + kBreakerOpenFirst);
  EXPECT_TRUE(breaker.allow(later));
  EXPECT_EQ(breaker.state(), Breaker::State::half_open);
  EXPECT_FALSE(breaker.allow(later)) << "only one tries";
  breaker.on_success();
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
  EXPECT_TRUE(breaker.allow(later));
}

TEST(Breaker, StaysOpenLongerEachTimeUpToABound) {
  Rng rng(1);
  Breaker breaker;
  Instant now = kStart;
  for (std::uint32_t i = 0; i < kBreakerFailuresMax; ++i) breaker.on_failure(now, rng);
  for (int i = 0; i < 20; ++i) {
    now = breaker.open_until();
    ASSERT_TRUE(breaker.allow(now));
    breaker.on_failure(now, rng);
    EXPECT_EQ(breaker.state(), Breaker::State::open);
    EXPECT_LE(breaker.open_until() - now, kBreakerOpenMax);
  }
  EXPECT_GE(breaker.open_until() - now, kBreakerOpenMax / 2);
}

TEST(Breaker, ASuccessForgetsEarlierFailures) {
  Rng rng(1);
  Breaker breaker;
  for (int i = 0; i < 20; ++i) {
    breaker.on_failure(kStart, rng);
    breaker.on_failure(kStart, rng);
    breaker.on_success();
  }
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
}

}  // namespace
}  // namespace gyre::routing
