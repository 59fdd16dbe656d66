#include "runtime/load_meter.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "support.h"

namespace gyre::runtime {
namespace {

class LoadMeterTest : public testing::Test {
 protected:
  LoadMeterTest() {
    auto map = std::make_shared<ring::ClusterMap>();
    map->epoch = Epoch(1);
    map->shape.partitions = kPartitions;
    map->entries.resize(kPartitions);
    for (std::uint16_t p = 0; p < 3; ++p) map->entries[p].learners = {NodeId("n1")};
    machines.adopt(std::move(map));
    meter.on_second(now, machines.all(), true);
  }

  Machine& machine(std::uint16_t partition) { return *machines.find(PartitionId(partition)); }
  void second() { meter.on_second(now += 1s, machines.all(), true); }
  void read(std::uint16_t partition, std::string_view key, int times = 1) {
    for (int i = 0; i < times; ++i) meter.on_read(machine(partition), key);
  }
  void write(std::uint16_t partition, std::vector<messages::WriteOperation> operations) {
    meter.on_write(machine(partition), messages::WriteRequest{.operations = std::move(operations)});
  }
  // As a host does that is asked for so much a second.
  void seen(int requests) {
    for (int i = 0; i < requests; ++i) meter.samples_next();
  }

  Instant now{100s};
  Machines machines{{.self = NodeId("n1"), .incarnation = Incarnation(1)}, {}, {}};
  LoadMeter meter;
};

TEST_F(LoadMeterTest, RatesApproachWhatIsAskedFor) {
  for (int i = 0; i < 30; ++i) {
    read(0, "k", 100);
    for (int w = 0; w < 10; ++w) write(1, {put("a", "1"), put("b", "1")});
    second();
  }
  auto report = meter.report(machines);
  ASSERT_EQ(report.items.size(), 2u);
  EXPECT_NEAR(report.items[0].reads_per_second, 100, 1);
  EXPECT_EQ(report.items[0].writes_per_second, 0u);
  EXPECT_NEAR(report.items[1].writes_per_second, 10, 1) << "a batch is one write";
  for (int i = 0; i < 5; ++i) second();
  report = meter.report(machines);
  EXPECT_NEAR(report.items[0].reads_per_second, 37, 2) << "a third is left after five seconds";
  for (int i = 0; i < 60; ++i) second();
  EXPECT_TRUE(meter.report(machines).items.empty()) << "what is all zero is not told";
}

TEST_F(LoadMeterTest, TellsOnlyOfPartitionsThatItIsAMemberOf) {
  machine(1).load.bytes = 77;
  machine(3).load.bytes = 99;
  const auto report = meter.report(machines);
  ASSERT_EQ(report.items.size(), 1u);
  EXPECT_EQ(report.items[0].partition, PartitionId(1));
  EXPECT_EQ(report.items[0].bytes, 77u);
}

TEST_F(LoadMeterTest, TellsHowLongRequestsTake) {
  for (int i = 0; i < 200; ++i) meter.on_latency(3ms);
  second();
  const auto report = meter.report(machines);
  EXPECT_NEAR(report.p99_us, 3000, 100);
  EXPECT_NEAR(report.rest_p99_us, 3000, 100);
}

TEST_F(LoadMeterTest, ARequestCameAtAnyMomentOfAHoldUp) {
  EXPECT_EQ(meter.arrival({now, 0ms}), now);
  Duration least = 1h;
  Duration most{0};
  Duration all{0};
  for (int i = 0; i < 1000; ++i) {
    const Duration waited = now - meter.arrival({now, 10ms});
    least = std::min(least, waited);
    most = std::max(most, waited);
    all += waited;
  }
  EXPECT_LT(least, 1ms);
  EXPECT_GE(least, Duration(0));
  EXPECT_GT(most, 9ms);
  EXPECT_LT(most, 10ms);
  EXPECT_GT(all / 1000, 4500us);
  EXPECT_LT(all / 1000, 5500us);
}

TEST_F(LoadMeterTest, EverythingIsASampleWhileThereIsLittle) {
  seen(1000);
  second();
  int sampled = 0;
  for (int i = 0; i < 100; ++i) sampled += meter.samples_next() ? 1 : 0;
  EXPECT_EQ(sampled, 100);
  for (int i = 0; i < 10; ++i) read(0, "k");
  const auto hot = meter.hot(now, machines, 10);
  ASSERT_EQ(hot.keys.size(), 1u);
  EXPECT_EQ(hot.keys[0].key.view(), "k");
  EXPECT_EQ(hot.keys[0].partition, machines.map()->partitioning().of("k"));
}

TEST_F(LoadMeterTest, OneInEightIsWhenThereIsMuchAndCountsForEight) {
  seen(50'000);
  second();
  int sampled = 0;
  for (int i = 0; i < 80'000; ++i) sampled += meter.samples_next() ? 1 : 0;
  EXPECT_NEAR(sampled, 10'000, 500);
  for (int i = 0; i < 30; ++i) {
    seen(50'000);
    // In a rhythm of eight: each is as hot as the other.
    for (int k = 0; k < 40'000; ++k) read(0, "key-" + std::to_string(k % 8));
    second();
  }
  const auto hot = meter.hot(now, machines, 20);
  ASSERT_EQ(hot.keys.size(), 8u);
  for (const auto& key : hot.keys) EXPECT_NEAR(key.per_second, 5000, 1000) << key.key.view();
}

TEST_F(LoadMeterTest, TheHottestComeFirst) {
  for (int i = 0; i < 20; ++i) {
    read(0, "warm", 20);
    read(1, "hot", 100);
    read(2, "cold", 1);
    second();
  }
  const auto hot = meter.hot(now, machines, 2);
  ASSERT_EQ(hot.keys.size(), 2u);
  EXPECT_EQ(hot.keys[0].key.view(), "hot");
  EXPECT_NEAR(hot.keys[0].per_second, 100, 15);
  EXPECT_EQ(hot.keys[1].key.view(), "warm");
  ASSERT_EQ(hot.partitions.size(), 3u);
  EXPECT_EQ(hot.partitions[0].partition, PartitionId(1));
  EXPECT_EQ(hot.partitions[2].partition, PartitionId(2));
}

TEST_F(LoadMeterTest, WhatIsNoMoreAskedForCoolsDown) {
  for (int i = 0; i < 10; ++i) {
    read(0, "k", 100);
    second();
  }
  const double before = meter.hot(now, machines, 1).keys.at(0).per_second;
  for (int i = 0; i < 11; ++i) second();
  const auto after = meter.hot(now, machines, 1).keys;
  ASSERT_EQ(after.size(), 1u);
  EXPECT_LT(after[0].per_second, before / 2);
  for (int i = 0; i < 120; ++i) second();
  EXPECT_TRUE(meter.hot(now, machines, 1).keys.empty());
}

TEST_F(LoadMeterTest, ADeletedKeyOfABatchIsAKeyToo) {
  messages::WriteOperation remove;
  remove.kind = messages::WriteKind::del;
  remove.key = Bytes::copy_of("gone");
  write(0, {put("a", "1"), remove});
  EXPECT_EQ(meter.hot(now, machines, 10).keys.size(), 2u);
}

}  // namespace
}  // namespace gyre::runtime
