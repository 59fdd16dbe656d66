#include "replication/recent_log.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace gyre::replication {
namespace {

using messages::LoggedWrite;
using messages::LoggedWritePtr;

LoggedWritePtr logged(std::uint64_t sequence, std::size_t value_bytes = 0) {
  auto write = std::make_shared<LoggedWrite>();
  write->position = {Term(1), Sequence(sequence)};
  write->mutations.push_back({messages::Mutation::Kind::put,
                              Bytes::copy_of("key"),
                              {Bytes::copy_of(std::string(value_bytes, 'v')), write->position, kNoExpiry}});
  return write;
}

RecentLog log_of(std::uint64_t first, std::uint64_t last) {
  RecentLog log(1 << 20);
  for (std::uint64_t i = first; i <= last; ++i) log.append(logged(i));
  return log;
}

std::vector<std::uint64_t> sequences(const std::vector<LoggedWritePtr>& writes) {
  std::vector<std::uint64_t> sequences;
  for (const LoggedWritePtr& w : writes) sequences.push_back(w->position.sequence.value());
  return sequences;
}

using Sequences = std::vector<std::uint64_t>;

TEST(RecentLog, GivesWhatIsBehindAPosition) {
  const RecentLog log = log_of(5, 9);
  EXPECT_EQ(sequences(log.page(Sequence(6), Sequence(9), 1 << 20)), (Sequences{7, 8, 9}));
  EXPECT_EQ(sequences(log.page(Sequence(4), Sequence(6), 1 << 20)), (Sequences{5, 6}));
  EXPECT_EQ(sequences(log.page(Sequence(9), Sequence(9), 1 << 20)), Sequences{});
}

TEST(RecentLog, ReachesBackToItsFirstWrite) {
  const RecentLog log = log_of(5, 9);
  EXPECT_FALSE(log.reaches(Sequence(3)));
  EXPECT_TRUE(log.reaches(Sequence(4)));
  EXPECT_TRUE(log.reaches(Sequence(9)));
  EXPECT_FALSE(RecentLog(1 << 20).reaches(Sequence(0)));
}

TEST(RecentLog, WhatEverybodyHasNeedsLittleRoom) {
  RecentLog log(1 << 20);
  for (std::uint64_t i = 1; i <= 100; ++i) log.append(logged(i, 1000));
  log.trim(Sequence(10), 0);
  EXPECT_EQ(log.first(), Sequence(11));
  log.trim(Sequence(100), 50'000);
  EXPECT_GT(log.first(), Sequence(50));
  EXPECT_LT(log.first(), Sequence(70));
  log.trim(Sequence(100), 0);
  EXPECT_EQ(log.first(), Sequence(100)) << "the last one stays: it says where the partition stands";
}

TEST(RecentLog, APageHoldsOneWriteHoweverLarge) {
  RecentLog log(1 << 20);
  log.append(logged(1, 5000));
  log.append(logged(2, 10));
  EXPECT_EQ(sequences(log.page(Sequence(0), Sequence(2), 1000)), Sequences{1});
  EXPECT_EQ(sequences(log.page(Sequence(1), Sequence(2), 1000)), Sequences{2});
}

TEST(RecentLog, ForgetsTheOldestBeyondItsBytes) {
  RecentLog log(10'000);
  for (std::uint64_t i = 1; i <= 100; ++i) log.append(logged(i, 1000));
  EXPECT_EQ(log.last(), Sequence(100));
  EXPECT_GT(log.first(), Sequence(85));
  EXPECT_LT(log.first(), Sequence(96));
  log.append(logged(101, 50'000));
  EXPECT_EQ(log.first(), Sequence(101)) << "the newest stays";
}

TEST(RecentLog, ATruncatedTailIsGoneAndMayBeWrittenAnew) {
  RecentLog log = log_of(5, 9);
  log.truncate_after(Sequence(7));
  EXPECT_EQ(log.last(), Sequence(7));
  EXPECT_EQ(log.find(Sequence(8)), nullptr);
  log.append(logged(8));
  ASSERT_NE(log.find(Sequence(8)), nullptr);
  EXPECT_EQ(log.find(Sequence(8))->position.sequence, Sequence(8));
  log.truncate_after(Sequence(2));
  EXPECT_TRUE(log.empty());
  log.append(logged(3));
  EXPECT_EQ(log.first(), Sequence(3));
}

TEST(RecentLog, FindsNothingOutsideOfIt) {
  const RecentLog log = log_of(5, 9);
  EXPECT_EQ(log.find(Sequence(4)), nullptr);
  EXPECT_EQ(log.find(Sequence(10)), nullptr);
  EXPECT_EQ(RecentLog(1 << 20).find(Sequence(1)), nullptr);
}

}  // namespace
}  // namespace gyre::replication
