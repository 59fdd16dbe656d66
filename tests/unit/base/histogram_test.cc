#include "base/histogram.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre {
namespace {

using namespace std::chrono_literals;

constexpr double kRelativeWidth = 1.0 / (1 << LatencyHistogram::kSubBits);

TEST(Histogram, AnEmptyOneSaysZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.mean(), 0ns);
  EXPECT_EQ(histogram.quantile(0.5), 0ns);
  EXPECT_EQ(histogram.count_up_to(1h), 0u);
}

TEST(Histogram, OneValueIsEveryQuantile) {
  LatencyHistogram histogram;
  histogram.record(1234567ns);
  for (const double q : {0.0, 0.5, 0.99, 1.0}) EXPECT_EQ(histogram.quantile(q), 1234567ns);
}

TEST(Histogram, HoldsTheExtremes) {
  LatencyHistogram histogram;
  histogram.record(Duration::max());
  EXPECT_EQ(histogram.max(), Duration::max());
  EXPECT_EQ(histogram.quantile(1), Duration::max());
  histogram.record(-5ns);  // a clock that was read in the wrong order counts as no time at all
  EXPECT_EQ(histogram.quantile(0), 0ns);
  EXPECT_EQ(histogram.count(), 2u);
}

// A quantile is the upper edge of the bucket of the true one: never below it, at most a bucket's width above.
RC_GTEST_PROP(Histogram, QuantilesAreTrueToABucketsWidth, ()) {
  const auto values = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000)));
  LatencyHistogram histogram;
  for (const std::int64_t value : values) histogram.record(Duration(value));
  std::vector<std::int64_t> sorted = values;
  std::ranges::sort(sorted);
  for (const double q : {0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max<double>(1, std::ceil(q * static_cast<double>(sorted.size())));
    const std::int64_t exact = sorted[static_cast<std::size_t>(rank) - 1];
    const std::int64_t given = histogram.quantile(q).count();
    RC_ASSERT(given >= exact);
    RC_ASSERT(static_cast<double>(given) <= static_cast<double>(exact) * (1 + kRelativeWidth));
  }
}

TEST(Histogram, CountsUpToABound) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.record(std::chrono::microseconds(i));
  EXPECT_NEAR(static_cast<double>(histogram.count_up_to(500us)), 500, 500 * kRelativeWidth);
  EXPECT_EQ(histogram.count_up_to(2ms), 1000u);
  EXPECT_EQ(histogram.count_up_to(-1ns), 0u);
}

TEST(Histogram, MergesAndResets) {
  LatencyHistogram a;
  LatencyHistogram b;
  a.record(10us);
  b.record(30us);
  b.record(50us);
  a.merge(b);
  EXPECT_EQ(a.count(), 3u);
  EXPECT_EQ(a.sum(), 90us);
  EXPECT_EQ(a.mean(), 30us);
  EXPECT_EQ(a.max(), 50us);
  a.reset();
  EXPECT_EQ(a.count(), 0u);
  EXPECT_EQ(a.max(), 0ns);
}

TEST(Histogram, ManyThreadsLoseNoValue) {
  const auto histogram = std::make_unique<LatencyHistogram>();
  std::vector<std::jthread> threads;
  for (int t = 1; t <= 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10'000; ++i) histogram->record(std::chrono::microseconds(t));
    });
  }
  threads.clear();
  EXPECT_EQ(histogram->count(), 40'000u);
  EXPECT_EQ(histogram->count_up_to(1s), 40'000u);
  EXPECT_EQ(histogram->max(), 4us);
}

}  // namespace
}  // namespace gyre
