#include "runtime/latency_windows.h"

#include <gtest/gtest.h>

namespace gyre::runtime {
namespace {

using namespace std::chrono_literals;

void requests(LatencyWindows& windows, int number, Duration each) {
  for (int i = 0; i < number; ++i) windows.record(each);
}

bool about(Duration value, Duration expected) { return value >= expected && value <= expected * 21 / 20; }

TEST(LatencyWindows, KnowsTheSlowestHundredthOfTheLastSecond) {
  LatencyWindows windows;
  requests(windows, 980, 1ms);
  requests(windows, 20, 9ms);
  EXPECT_EQ(windows.p99(), 0ms);
  windows.end_second(false);
  EXPECT_TRUE(about(windows.p99(), 9ms));
  EXPECT_EQ(windows.p99(), windows.telling_p99());
  windows.end_second(false);
  EXPECT_EQ(windows.p99(), 0ms) << "there was no request";
}

TEST(LatencyWindows, AFewRequestsTellNothing) {
  LatencyWindows windows;
  requests(windows, 5, 9ms);
  windows.end_second(true);
  EXPECT_TRUE(about(windows.p99(), 9ms));
  EXPECT_EQ(windows.telling_p99(), 0ms);
  EXPECT_EQ(windows.rest_p99(), 0ms);
}

TEST(LatencyWindows, AtRestIsWhatTwoThirdsOfTheSecondsAtRestKeep) {
  LatencyWindows windows;
  for (const Duration each : {3ms, 1ms, 2ms, 90ms, 2ms}) {
    requests(windows, 200, each);
    windows.end_second(true);
  }
  EXPECT_TRUE(about(windows.rest_p99(), 3ms));
  for (int i = 0; i < 100; ++i) {
    requests(windows, 200, 50ms);
    windows.end_second(false);
  }
  EXPECT_TRUE(about(windows.rest_p99(), 3ms)) << "however long copies are sent";
}

TEST(LatencyWindows, OneColdSecondOfThreeIsNotWhatAtRestMeans) {
  LatencyWindows windows;
  for (const Duration each : {90ms, 2ms, 3ms}) {
    requests(windows, 200, each);
    windows.end_second(true);
  }
  EXPECT_TRUE(about(windows.rest_p99(), 3ms));
}

TEST(LatencyWindows, WhatWasLongAgoIsForgotten) {
  LatencyWindows windows;
  for (int i = 0; i < 100; ++i) {
    requests(windows, 200, 1ms);
    windows.end_second(true);
  }
  for (int i = 0; i < 20; ++i) {
    requests(windows, 200, 7ms);
    windows.end_second(true);
  }
  EXPECT_TRUE(about(windows.rest_p99(), 7ms));
}

}  // namespace
}  // namespace gyre::runtime
