#include "replication/tail.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::LoggedWrite;
using messages::LoggedWritePtr;
using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;

LoggedWritePtr write(std::uint64_t sequence, const std::string& key) {
  auto write = std::make_shared<LoggedWrite>();
  write->position = {Term(2), Sequence(sequence)};
  write->id = {ClientId(1), WriteNumber(sequence)};
  write->mutations.push_back(
      {Mutation::Kind::put, Bytes::copy_of(key), {Bytes::copy_of("value"), write->position, kNoExpiry}});
  return write;
}

// At 10 of term 2, which began with 5; the surviving history has 7 of that.
class TailTest : public testing::Test {
 protected:
  TailTest() {
    start_.partition = PartitionId(3);
    start_.state.position = {Term(2), Sequence(10)};
    start_.state.history = {{Term(1), Sequence(1)}, {Term(2), Sequence(5)}};
    start_.common = Sequence(7);
    start_.keys_wanted = true;
    for (std::uint64_t i = 1; i <= 10; ++i) log_.push_back(write(i, "k" + std::to_string(i)));
  }

  void begin() { tail_.emplace(now_, start_, recent_, tasks_, broken_); }
  template <class Kind>
  Kind only() {
    auto effects = tail_->take_effects();
    EXPECT_EQ(effects.size(), 1u);
    if (effects.size() != 1 || !std::holds_alternative<Kind>(effects[0])) {
      ADD_FAILURE() << "another effect";
      return Kind{};
    }
    return std::get<Kind>(std::move(effects[0]));
  }
  std::vector<LoggedWritePtr> page(std::size_t first, std::size_t last) {
    return {log_.begin() + static_cast<std::ptrdiff_t>(first - 1), log_.begin() + static_cast<std::ptrdiff_t>(last)};
  }

  Instant now_{1000s};
  TailStart start_;
  RecentLog recent_{1 << 20};
  std::vector<LoggedWritePtr> log_;  // from 1
  TaskIds tasks_;
  BrokenRule broken_ = BrokenRule::none;
  std::optional<Tail> tail_;
};

TEST_F(TailTest, WhereNothingIsBehindTheCommonPartItIsSafeAtOnce) {
  start_.common = Sequence(10);
  begin();
  EXPECT_TRUE(tail_->safe());
  EXPECT_TRUE(tail_->take_effects().empty());
  EXPECT_EQ(tail_->take_keys(), Tail::Keys());
}

TEST_F(TailTest, ReadsAndExportsPageByPage) {
  begin();
  auto read = only<ReadLog>();
  EXPECT_EQ(read.after, Sequence(7));
  EXPECT_FALSE(read.paced) << "its own log, and others wait for it";
  tail_->on_log(now_, read.task, page(8, 9));
  auto losses = only<ExportLosses>();
  ASSERT_EQ(losses.losses.size(), 2u);
  EXPECT_EQ(std::get<LostWrite>(losses.losses[0]).position, (Position{Term(2), Sequence(8)}));
  EXPECT_FALSE(tail_->safe());
  tail_->on_exported(now_, losses.task, {});
  read = only<ReadLog>();
  EXPECT_EQ(read.after, Sequence(9));
  tail_->on_log(now_, read.task, page(10, 10));
  tail_->on_exported(now_, only<ExportLosses>().task, {});
  EXPECT_TRUE(tail_->safe());
  EXPECT_EQ(tail_->exported_writes(), 3u);
  EXPECT_EQ(tail_->exported_ids().size(), 3u);
  const auto keys = tail_->take_keys();
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 3u);
  EXPECT_EQ(keys->at(Bytes::copy_of("k8")), 5u);
}

TEST_F(TailTest, TakesItFromMemoryWhereThatReaches) {
  for (const auto& each : log_) recent_.append(each);
  begin();
  EXPECT_EQ(only<ExportLosses>().losses.size(), 3u);
}

TEST_F(TailTest, WhatTheLogDoesNotHaveIsARangeOfEachTermAndLeavesNoKeys) {
  start_.common = Sequence(2);
  begin();
  tail_->on_log(now_, only<ReadLog>().task, fail(ErrorCode::not_found, "gone"));
  const auto losses = only<ExportLosses>();
  ASSERT_EQ(losses.losses.size(), 2u);
  EXPECT_EQ(std::get<LostRange>(losses.losses[0]).last, Sequence(4));
  EXPECT_EQ(std::get<LostRange>(losses.losses[1]).last, Sequence(10));
  tail_->on_exported(now_, losses.task, {});
  EXPECT_TRUE(tail_->safe());
  EXPECT_FALSE(tail_->take_keys());
  EXPECT_EQ(tail_->exported_writes(), 8u);
}

TEST_F(TailTest, KeysAreNotCollectedForWhoDoesNotWantThem) {
  start_.keys_wanted = false;
  for (const auto& each : log_) recent_.append(each);
  begin();
  tail_->on_exported(now_, only<ExportLosses>().task, {});
  EXPECT_TRUE(tail_->safe());
  EXPECT_FALSE(tail_->take_keys());
}

TEST_F(TailTest, WhatFailsIsTriedAgainByTicksAloneAndLessAndLessOften) {
  begin();
  std::vector<Duration> waits;
  for (int i = 0; i < 5; ++i) {
    tail_->on_log(now_, only<ReadLog>().task, fail(ErrorCode::busy, "later"));
    EXPECT_TRUE(tail_->take_effects().empty());
    const Instant failed_at = now_;
    for (tail_->on_tick(now_);; tail_->on_tick(now_ += 20ms)) {
      auto effects = tail_->take_effects();
      if (effects.empty()) continue;
      tail_->on_log(now_, std::get<ReadLog>(effects[0]).task, fail(ErrorCode::busy, "later"));
      break;
    }
    waits.push_back(now_ - failed_at);
    now_ += 2s;
    tail_->on_tick(now_);
  }
  EXPECT_EQ(waits.front(), 200ms);
  EXPECT_TRUE(std::ranges::is_sorted(waits));
  EXPECT_LE(waits.back(), 2s);
}

TEST_F(TailTest, ResultsOfOthersAreIgnored) {
  begin();
  const TaskId task = only<ReadLog>().task;
  tail_->on_exported(now_, task, {});
  tail_->on_log(now_, TaskId(task.value() + 1), page(8, 10));
  EXPECT_FALSE(tail_->safe());
  EXPECT_TRUE(tail_->take_effects().empty());
}

TEST_F(TailTest, WithoutTheRuleNothingIsExported) {
  broken_ = BrokenRule::export_before_rewind;
  for (const auto& each : log_) recent_.append(each);
  begin();
  EXPECT_TRUE(tail_->safe());
  EXPECT_TRUE(tail_->take_effects().empty());
}

}  // namespace
}  // namespace gyre::replication
