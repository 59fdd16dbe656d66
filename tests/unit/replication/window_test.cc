#include "replication/window.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/limits.h"

namespace gyre::replication {
namespace {

using messages::WindowWrite;
using messages::WriteId;
using messages::WriteOperation;

using namespace std::chrono_literals;

constexpr Duration kLife = 60s;

WriteId id(std::uint64_t client, std::uint64_t number) { return {ClientId(client), WriteNumber(number)}; }

WindowWrite write(WriteId id, std::uint64_t sequence, std::uint64_t lowest_open = 0, std::int64_t ms = 0) {
  return {id, WriteNumber(lowest_open), {Term(1), Sequence(sequence)}, UnixMillis{ms}, sequence, {}};
}

WriteOperation put(const char* key, const char* value) {
  WriteOperation operation;
  operation.key = Bytes::copy_of(key);
  operation.value = Bytes::copy_of(value);
  return operation;
}

TEST(Window, FindsAWriteByItsId) {
  Window window;
  window.add(write(id(1, 7), 1));
  window.add(write(id(2, 7), 2));
  ASSERT_NE(window.find(id(1, 7)), nullptr);
  EXPECT_EQ(window.find(id(1, 7))->position.sequence, Sequence(1));
  EXPECT_EQ(window.find(id(1, 8)), nullptr);
  EXPECT_EQ(window.find(id(3, 7)), nullptr);
}

TEST(Window, DropsWhatTheClientNeverAsksForAgain) {
  Window window;
  window.add(write(id(1, 1), 1));
  window.add(write(id(1, 3), 2));
  window.add(write(id(1, 2), 3));  // sent earlier, arrived later
  window.add(write(id(1, 4), 4, 3));
  EXPECT_EQ(window.size(), 2u);
  EXPECT_EQ(window.find(id(1, 2)), nullptr);
  EXPECT_TRUE(window.closed(id(1, 2)));
  EXPECT_FALSE(window.closed(id(1, 3)));
  EXPECT_FALSE(window.closed(id(2, 1)));
}

TEST(Window, AWriteNeverClosesItself) {
  Window window;
  window.add(write(id(1, 5), 1, 99));
  EXPECT_NE(window.find(id(1, 5)), nullptr);
  EXPECT_FALSE(window.closed(id(1, 5)));
}

TEST(Window, ForgetsIdsWhenTheirLifeIsOver) {
  Window window;
  window.add(write(id(1, 1), 1));
  window.expire(10s);
  window.add(write(id(2, 1), 2));
  window.expire(11s);
  window.expire(10s + kLife - 1ns);
  EXPECT_EQ(window.size(), 2u);
  window.expire(10s + kLife);
  EXPECT_EQ(window.find(id(1, 1)), nullptr);
  EXPECT_NE(window.find(id(2, 1)), nullptr);
  window.expire(11s + kLife);
  EXPECT_EQ(window.size(), 0u);
}

// What this member has heard of the partition's time may be ahead of the primary that writes now.
TEST(Window, TheTimesOfWritesSayNothingOfTheirAge) {
  Window window;
  window.add(write(id(1, 1), 1, 0, 1'000'000));
  window.expire(0s);
  window.add(write(id(2, 1), 2, 0, 5));
  window.add(write(id(3, 1), 3, 0, 900'000'000));
  window.expire(1s);
  EXPECT_EQ(window.size(), 3u);
  window.expire(kLife);
  EXPECT_EQ(window.size(), 2u);
}

TEST(Window, WhatTakesItsPlaceLivesFromThenOn) {
  Window window;
  window.add(write(id(1, 1), 1));
  window.expire(0s);
  window.expire(50s);
  window.replace(window.all());
  window.expire(51s);
  window.expire(kLife);
  EXPECT_NE(window.find(id(1, 1)), nullptr);
  window.expire(51s + kLife);
  EXPECT_EQ(window.find(id(1, 1)), nullptr);
}

TEST(Window, WritesThatWereNeverAppliedAreForgottenButWhatTheyClosedStaysClosed) {
  Window window;
  window.add(write(id(1, 1), 1));
  window.add(write(id(1, 2), 2, 2));
  window.truncate_after(Sequence(1));
  EXPECT_EQ(window.size(), 0u);
  EXPECT_TRUE(window.closed(id(1, 1)));
  window.add(write(id(1, 2), 2, 2));
  EXPECT_NE(window.find(id(1, 2)), nullptr);
}

TEST(Window, AClientIsForgottenWithItsLastWrite) {
  Window window;
  window.add(write(id(1, 2), 1, 2));
  window.truncate_after(Sequence(0));
  window.expire(1s);
  EXPECT_TRUE(window.closed(id(1, 1)));
  window.expire(kLife);
  EXPECT_TRUE(window.closed(id(1, 1)));
  window.expire(1s + kLife);
  EXPECT_FALSE(window.closed(id(1, 1)));
}

TEST(Window, IsFullByNumber) {
  Window window;
  for (std::uint64_t i = 1; i < limits::kWindowWritesMax; ++i) window.add(write(id(i, 1), i));
  EXPECT_FALSE(window.full());
  window.add(write(id(limits::kWindowWritesMax, 1), limits::kWindowWritesMax));
  EXPECT_TRUE(window.full());
  EXPECT_NE(window.find(id(1, 1)), nullptr) << "it never evicts";
}

TEST(Window, IsFullByBytes) {
  Window window;
  std::uint64_t sequence = 0;
  while (!window.full()) {
    ++sequence;
    WindowWrite large = write(id(1, sequence), sequence);
    large.outcomes.resize(limits::kBatchOperationsMax);
    window.add(std::move(large));
  }
  EXPECT_LT(sequence, 1000u);
  EXPECT_GE(sequence * limits::kBatchOperationsMax * sizeof(messages::WriteOutcome), limits::kWindowBytesMax / 2);
}

TEST(Window, ReplacingForgetsWhatWasThere) {
  Window window;
  window.add(write(id(1, 1), 9));
  window.replace({write(id(2, 1), 3), write(id(2, 2), 5)});
  EXPECT_EQ(window.size(), 2u);
  EXPECT_EQ(window.find(id(1, 1)), nullptr);
  EXPECT_NE(window.find(id(2, 2)), nullptr);
}

TEST(Window, ReplacingLeavesOutWhatIsNotInOrder) {
  Window window;
  window.replace({write(id(1, 1), 3), write(id(1, 1), 4), write(id(1, 2), 2), write(WriteId{}, 5), write(id(1, 3), 6)});
  EXPECT_EQ(window.all(), (std::vector<WindowWrite>{write(id(1, 1), 3), write(id(1, 3), 6)}));
}

TEST(Window, WithoutTheRuleItForgetsTheOldest) {
  Window window(BrokenRule::window_never_evicts);
  for (std::uint64_t i = 1; i <= 20; ++i) window.add(write(id(i, 1), i));
  EXPECT_FALSE(window.full());
  EXPECT_EQ(window.find(id(1, 1)), nullptr);
  EXPECT_NE(window.find(id(20, 1)), nullptr);
}

TEST(Window, SaysWhenItsNextWriteExpires) {
  Window window;
  EXPECT_FALSE(window.next_expiry());
  window.add(write(id(1, 1), 1));
  EXPECT_EQ(window.next_expiry(), Duration(0)) << "it has not been seen yet";
  window.expire(5s);
  EXPECT_EQ(window.next_expiry(), 5s + limits::kWriteIdLife);
  window.add(write(id(2, 1), 2));
  EXPECT_EQ(window.next_expiry(), Duration(0));
  window.expire(7s);
  EXPECT_EQ(window.next_expiry(), 5s + limits::kWriteIdLife) << "the first of all";
  window.expire(5s + limits::kWriteIdLife);
  EXPECT_EQ(window.next_expiry(), 7s + limits::kWriteIdLife);
  window.expire(7s + limits::kWriteIdLife);
  EXPECT_FALSE(window.next_expiry());
}

TEST(Window, KeepsOfALoggedWriteWhatARetryIsAnsweredBy) {
  messages::LoggedWrite logged;
  logged.position = {Term(2), Sequence(9)};
  logged.time = UnixMillis{77};
  logged.id = id(4, 5);
  logged.lowest_open = WriteNumber(3);
  logged.fingerprint = 123;
  logged.may_repeat = true;
  logged.outcomes.resize(2);
  EXPECT_EQ(window_write(logged), (WindowWrite{id(4, 5), WriteNumber(3), logged.position, UnixMillis{77}, 123, true,
                                               false, logged.outcomes}));
}

WindowWrite retry(WriteId id, std::uint64_t sequence, std::uint64_t lowest_open = 0) {
  WindowWrite retry = write(id, sequence, lowest_open);
  retry.may_repeat = true;
  retry.outcomes.resize(3);
  return retry;
}

// What is left of it.
WindowWrite closed(WriteId id, std::uint64_t sequence) {
  WindowWrite closed;
  closed.id = id;
  closed.position = {Term(1), Sequence(sequence)};
  closed.may_repeat = closed.closed = true;
  return closed;
}

TEST(WindowRetries, StayWhenTheirClientClosesThem) {
  Window window;
  const WindowWrite newest = write(id(1, 3), 3, 3);
  window.add(retry(id(1, 1), 1));
  window.add(write(id(1, 2), 2));
  EXPECT_TRUE(window.retries().empty()) << "it may be asked for";
  window.add(newest);
  EXPECT_TRUE(window.closed(id(1, 1)));
  EXPECT_EQ(window.find(id(1, 1)), nullptr);
  EXPECT_EQ(window.size(), 1u);
  EXPECT_EQ(window.all(), (std::vector<WindowWrite>{closed(id(1, 1), 1), newest}));
  window.forget_retries();
  EXPECT_EQ(window.all(), (std::vector<WindowWrite>{newest}));
}

TEST(WindowRetries, StayWhenTheirLifeIsOver) {
  Window window;
  window.add(retry(id(1, 1), 1));
  window.add(write(id(1, 2), 2));
  window.expire(Duration(0));
  window.expire(kLife);
  EXPECT_EQ(window.size(), 0u);
  EXPECT_EQ(window.all(), (std::vector<WindowWrite>{closed(id(1, 1), 1)}));
}

TEST(WindowRetries, GoWithTheTailThatHoldsThem) {
  Window window;
  for (std::uint64_t i = 1; i <= 4; ++i) window.add(retry(id(1, i), i, i));
  window.truncate_after(Sequence(2));
  EXPECT_EQ(window.all(), (std::vector<WindowWrite>{closed(id(1, 1), 1), closed(id(1, 2), 2)}));
}

TEST(WindowRetries, AreReplacedWithTheRest) {
  Window window;
  for (std::uint64_t i = 1; i <= 4; ++i) window.add(retry(id(1 + i % 2, i), i, i));
  Window other;
  other.add(retry(id(9, 1), 1));
  other.add(retry(id(9, 2), 2, 2));
  other.replace(window.all());
  EXPECT_EQ(other.all(), window.all());
  EXPECT_EQ(other.retries(), window.retries());
  EXPECT_EQ(other.retries().size(), 2u);
}

// Its client fell silent, so nothing in the window closes it.
TEST(WindowRetries, DoNotComeBackToLife) {
  Window window;
  window.add(retry(id(1, 1), 1));
  window.expire(Duration(0));
  window.expire(kLife);
  window.add(write(id(1, 1), 5));  // used again
  Window other;
  other.replace(window.all());
  ASSERT_NE(other.find(id(1, 1)), nullptr);
  EXPECT_EQ(other.find(id(1, 1))->position.sequence, Sequence(5));
  EXPECT_EQ(other.retries().size(), 1u);
}

TEST(WindowRetries, TheOldestGoFirst) {
  Window window;
  window.add(retry(id(2, 1), 1));
  for (std::uint64_t i = 2; i <= limits::kRetriesKeptMax + 10; ++i) window.add(retry(id(1, i), i, i));
  EXPECT_EQ(window.retries().size(), limits::kRetriesKeptMax);
  EXPECT_EQ(window.retries().begin()->first, Sequence(10));
  window.add(write(id(2, 2), limits::kRetriesKeptMax + 11, 2));  // closes what is older than all
  EXPECT_EQ(window.retries().size(), limits::kRetriesKeptMax);
  EXPECT_EQ(window.retries().begin()->first, Sequence(10));
}

TEST(WindowRetries, WithoutTheRuleTheyGoWithTheRest) {
  Window window(BrokenRule::retries_outlive_windows);
  window.add(retry(id(1, 1), 1));
  window.add(write(id(1, 2), 2, 2));
  EXPECT_TRUE(window.retries().empty());
}

TEST(Fingerprint, IsTheSameForTheSameOperationsOnly) {
  const std::vector<WriteOperation> base = {put("a", "1"), put("b", "2")};
  EXPECT_EQ(fingerprint(base), fingerprint({put("a", "1"), put("b", "2")}));
  EXPECT_NE(fingerprint(base), fingerprint({put("b", "2"), put("a", "1")}));
  EXPECT_NE(fingerprint({put("ab", "")}), fingerprint({put("a", "b")}));
  EXPECT_NE(fingerprint({put("a", "1")}), fingerprint(base));

  WriteOperation with_condition = put("a", "1");
  with_condition.condition.kind = messages::Condition::Kind::absent;
  WriteOperation with_expiry = put("a", "1");
  with_expiry.expiry = {messages::Expiry::Kind::after, 5};
  EXPECT_NE(fingerprint({with_condition}), fingerprint({put("a", "1")}));
  EXPECT_NE(fingerprint({with_expiry}), fingerprint({put("a", "1")}));
}

TEST(Fingerprint, IsFixedForEver) { EXPECT_EQ(fingerprint({put("key", "value")}), 706838417209036066u); }

// Against a plain list.
RC_GTEST_PROP(Window, AgreesWithAListThatIsSearched, ()) {
  Window window;
  std::vector<WindowWrite> model;
  std::map<Sequence, Duration> seen;
  std::map<std::uint64_t, std::uint64_t> lowest;  // by client, ever said
  std::uint64_t sequence = 0;
  Duration now{0};
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    const auto client = *rc::gen::inRange<std::uint64_t>(1, 4);
    const auto number = *rc::gen::inRange<std::uint64_t>(0, 12);
    const WriteId wanted = id(client, number);
    switch (*rc::gen::inRange(0, 8)) {
      case 0: {
        const auto last = *rc::gen::inRange<std::uint64_t>(0, sequence + 1);
        window.truncate_after(Sequence(last));
        std::erase_if(model, [&](const auto& w) { return w.position.sequence > Sequence(last); });
        break;
      }
      case 1:
        now += *rc::gen::inRange(0, 50) * 1s;
        window.expire(now);
        for (const auto& w : model) seen.try_emplace(w.position.sequence, now);
        std::erase_if(model, [&](const auto& w) { return now - seen.at(w.position.sequence) >= kLife; });
        break;
      case 2:
        window.replace(window.all());
        seen.clear();
        break;
      default: {
        if (window.find(wanted) || window.closed(wanted)) break;
        const auto lowest_open = *rc::gen::inRange<std::uint64_t>(0, number + 1);
        lowest[client] = std::max(lowest[client], lowest_open);
        window.add(write(wanted, ++sequence, lowest_open));
        model.push_back(write(wanted, sequence, lowest_open));
        std::erase_if(model, [&](const auto& w) {
          return w.id.client == ClientId(client) && w.id.number < WriteNumber(lowest_open);
        });
      }
    }
    RC_ASSERT(window.all() == model);
    for (std::uint64_t n = 0; n < 12; ++n) {
      const auto expected = std::ranges::find(model, id(client, n), &WindowWrite::id);
      const WindowWrite* found = window.find(id(client, n));
      RC_ASSERT((found != nullptr) == (expected != model.end()));
      if (found) RC_ASSERT(*found == *expected);
      if (window.closed(id(client, n))) RC_ASSERT(n < lowest[client]);
    }
  }
}

}  // namespace
}  // namespace gyre::replication
