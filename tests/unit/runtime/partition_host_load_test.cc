// What a host says of itself: load, hot keys; and the space it gives back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::runtime {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class PartitionHostLoadTest : public PartitionHostTest {
 protected:
  void second() {
    pass(1s);
    host->on_second();
    settle();
  }
  messages::LoadReport last_report() {
    auto reports = take_told<messages::LoadReport>();
    EXPECT_FALSE(reports.empty());
    return reports.empty() ? messages::LoadReport() : reports.back();
  }
};

TEST_F(PartitionHostLoadTest, TellsTheCoordinatorEachSecondOnceItKnowsTheCluster) {
  host->on_second();
  EXPECT_THAT(take_told<messages::LoadReport>(), IsEmpty());
  serve();
  second();
  EXPECT_THAT(take_told<messages::LoadReport>(), SizeIs(1));
}

TEST_F(PartitionHostLoadTest, CountsWhatItAnsweredAndMeasuresWhatItHolds) {
  serve();
  pass(kTick);
  for (int i = 0; i < 20; ++i) {
    for (int n = 0; n < 30; ++n) get(key_in(1));
    for (int n = 0; n < 10; ++n) write({put(key_in(2), "value")});
    scan(3);
    second();
  }
  const auto report = last_report();
  ASSERT_THAT(report.items, SizeIs(3));
  EXPECT_NEAR(report.items[0].reads_per_second, 30, 2);
  EXPECT_EQ(report.items[0].bytes, 0u);
  EXPECT_NEAR(report.items[1].writes_per_second, 10, 1);
  EXPECT_EQ(report.items[1].bytes, key_in(2).size() + 5);
  EXPECT_NEAR(report.items[2].reads_per_second, 1, 1);
  EXPECT_THAT(report.transfers, IsEmpty());
}

TEST_F(PartitionHostLoadTest, WhatItRefusedIsNoLoad) {
  adopt_map(1, {2});
  settle();
  pass(kTick);
  for (int i = 0; i < 20; ++i) {
    for (int n = 0; n < 30; ++n) {
      get(key_in(2));
      write({put(key_in(2), "value")});
    }
    second();
  }
  EXPECT_THAT(last_report().items, IsEmpty());
  EXPECT_THAT(host->hot(10).keys, IsEmpty());
}

TEST_F(PartitionHostLoadTest, NamesTheBusiestKeysAndPartitions) {
  serve();
  pass(kTick);
  for (int i = 0; i < 10; ++i) {
    for (int n = 0; n < 30; ++n) get(key_in(1));
    for (int n = 0; n < 10; ++n) write({put(key_in(2), "value")});
    get(key_in(3));
    second();
  }
  const auto hot = host->hot(2);
  ASSERT_THAT(hot.keys, SizeIs(2));
  EXPECT_EQ(hot.keys[0].key.view(), key_in(1));
  EXPECT_EQ(hot.keys[0].partition, PartitionId(1));
  EXPECT_NEAR(hot.keys[0].per_second, 30, 6);
  EXPECT_EQ(hot.keys[1].key.view(), key_in(2));
  ASSERT_THAT(hot.partitions, SizeIs(3));
  EXPECT_EQ(hot.partitions[0].partition, PartitionId(1));
}

TEST_F(PartitionHostLoadTest, AHostThatKnowsNoMapHasNothingHot) { EXPECT_THAT(host->hot(10).keys, IsEmpty()); }

TEST_F(PartitionHostLoadTest, TellsHowLongRequestsTakeFromComingToLeaving) {
  serve();
  pass(kTick);
  for (int i = 0; i < 200; ++i) {
    write({put("k", "v")});
    if (i % 20 == 0) {
      environment.advance(7ms);
      settle();
    }
  }
  settle();
  host->on_second();
  EXPECT_NEAR(last_report().p99_us, 7000, 200);
}

TEST_F(PartitionHostLoadTest, WhatWaitedForALoopThatWasHeldUpTookLonger) {
  serve();
  pass(kTick);
  environment.was_held_up = 40ms;
  for (int i = 0; i < 200; ++i) write({put("k", "v")});
  settle();
  host->on_second();
  const auto of_writes = last_report();
  EXPECT_GT(of_writes.p99_us, 35'000u);
  EXPECT_LT(of_writes.p99_us, 42'000u);
  environment.was_held_up = 80ms;
  const PartitionId partition = host->map()->partitioning().of("k");
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(host->get_at_once(partition, "k", {}));
  environment.was_held_up = 0ms;
  host->on_second();
  const auto of_reads = last_report();
  EXPECT_GT(of_reads.p99_us, 70'000u);
  EXPECT_LT(of_reads.p99_us, 84'000u);
}

TEST_F(PartitionHostLoadTest, TheStoreIsAskedForItsSpaceOnceAfterTheStart) {
  adopt_map();
  settle();
  host->on_second();
  const std::size_t first = environment.jobs.size();
  settle();
  environment.advance(1s);
  host->on_second();
  EXPECT_LT(environment.jobs.size(), first);
}

}  // namespace
}  // namespace gyre::runtime
