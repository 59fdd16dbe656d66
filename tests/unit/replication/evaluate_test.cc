#include "replication/evaluate.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::replication {
namespace {

using messages::Condition;
using messages::Expiry;
using messages::Mutation;
using messages::Record;
using messages::WriteKind;
using messages::WriteOperation;

constexpr UnixMillis kNow{1'000'000};
constexpr Position kNext{Term(3), Sequence(10)};
constexpr Position kOld{Term(2), Sequence(7)};

WriteOperation operation(WriteKind kind, std::string_view value = {}) {
  WriteOperation op;
  op.kind = kind;
  op.key = Bytes::literal("key");
  op.value = Bytes::literal(value);
  return op;
}

Record stored(std::string_view value, UnixMillis expires_at = kNoExpiry) {
  return {Bytes::literal(value), kOld, expires_at};
}

TEST(Evaluate, PutStoresTheValueUnderTheNextPosition) {
  const auto result = evaluate(operation(WriteKind::put, "v"), nullptr, kNow, kNext);
  ASSERT_TRUE(result);
  ASSERT_TRUE(result->mutation);
  EXPECT_EQ(result->mutation->kind, Mutation::Kind::put);
  EXPECT_EQ(result->mutation->record.value.view(), "v");
  EXPECT_EQ(result->mutation->record.version, kNext);
  EXPECT_EQ(result->mutation->record.expires_at, kNoExpiry);
  EXPECT_EQ(result->outcome.version, kNext);
}

TEST(Evaluate, PutClearsAnExpiryUnlessToldToKeepIt) {
  const Record current = stored("old", {kNow.value + 500});
  auto op = operation(WriteKind::put, "new");
  EXPECT_EQ(evaluate(op, &current, kNow, kNext)->mutation->record.expires_at, kNoExpiry);
  op.expiry.kind = Expiry::Kind::keep;
  EXPECT_EQ(evaluate(op, &current, kNow, kNext)->mutation->record.expires_at.value, kNow.value + 500);
}

TEST(Evaluate, RelativeExpiryBecomesAbsolute) {
  auto op = operation(WriteKind::put, "v");
  op.expiry = {Expiry::Kind::after, 250};
  EXPECT_EQ(evaluate(op, nullptr, kNow, kNext)->mutation->record.expires_at.value, kNow.value + 250);
}

TEST(Evaluate, RefusesExpiriesOutOfRange) {
  auto op = operation(WriteKind::put, "v");
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
    op.expiry = {Expiry::Kind::after, ms};
    const auto result = evaluate(op, nullptr, kNow, kNext);
    ASSERT_FALSE(result) << ms;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    op.expiry = {Expiry::Kind::at, ms};
    EXPECT_FALSE(evaluate(op, nullptr, kNow, kNext)) << ms;
  }
}

TEST(Evaluate, AnExpiryInThePastDeletes) {
  auto op = operation(WriteKind::put, "v");
  op.expiry = {Expiry::Kind::at, kNow.value};
  const auto result = evaluate(op, nullptr, kNow, kNext);
  ASSERT_TRUE(result && result->mutation);
  EXPECT_EQ(result->mutation->kind, Mutation::Kind::del);
}

TEST(Evaluate, WhatHasExpiredCountsAsAbsent) {
  const Record gone = stored("old", kNow);
  auto op = operation(WriteKind::put, "v");
  op.condition.kind = Condition::Kind::absent;
  EXPECT_TRUE(evaluate(op, &gone, kNow, kNext));
  const Record alive = stored("old", {kNow.value + 1});
  EXPECT_EQ(evaluate(op, &alive, kNow, kNext).error().code, ErrorCode::condition_failed);
}

TEST(Evaluate, ConditionsHoldAgainstWhatIsStored) {
  const Record current = stored("old");
  auto op = operation(WriteKind::put, "v");
  op.condition.kind = Condition::Kind::present;
  EXPECT_TRUE(evaluate(op, &current, kNow, kNext));
  EXPECT_EQ(evaluate(op, nullptr, kNow, kNext).error().code, ErrorCode::condition_failed);
  op.condition = {Condition::Kind::version, kOld};
  EXPECT_TRUE(evaluate(op, &current, kNow, kNext));
  op.condition.version = {Term(1), Sequence(7)};
  EXPECT_EQ(evaluate(op, &current, kNow, kNext).error().code, ErrorCode::condition_failed);
  EXPECT_EQ(evaluate(op, nullptr, kNow, kNext).error().code, ErrorCode::condition_failed);
}

TEST(Evaluate, DeletingWhatIsNotThereChangesNothing) {
  const auto result = evaluate(operation(WriteKind::del), nullptr, kNow, kNext);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->mutation);
  EXPECT_FALSE(result->outcome.existed);
  const Record current = stored("old");
  const auto deleted = evaluate(operation(WriteKind::del), &current, kNow, kNext);
  EXPECT_EQ(deleted->mutation->kind, Mutation::Kind::del);
  EXPECT_TRUE(deleted->outcome.existed);
}

TEST(Evaluate, IncrementCountsAndKeepsTheExpiry) {
  auto op = operation(WriteKind::incr);
  op.delta = -3;
  EXPECT_EQ(evaluate(op, nullptr, kNow, kNext)->outcome.number, -3);
  const Record current = stored("40", {kNow.value + 9});
  op.delta = 2;
  const auto result = evaluate(op, &current, kNow, kNext);
  EXPECT_EQ(result->outcome.number, 42);
  EXPECT_EQ(result->mutation->record.value.view(), "42");
  EXPECT_EQ(result->mutation->record.expires_at.value, kNow.value + 9);
}

TEST(Evaluate, IncrementRefusesOverflowAndWhatIsNoNumber) {
  auto op = operation(WriteKind::incr);
  op.delta = 1;
  for (const char* text :
       {"9223372036854775807", "", " 1", "1 ", "1.0", "abc", "99999999999999999999", "+1", "007", "-0", "-", "00"}) {
    const Record current = stored(text);
    const auto result = evaluate(op, &current, kNow, kNext);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(result.error().outcome, Outcome::not_applied);
  }
  op.delta = std::numeric_limits<std::int64_t>::min();
  const Record minus = stored("-1");
  EXPECT_FALSE(evaluate(op, &minus, kNow, kNext));
}

TEST(Evaluate, ExpireAndPersistNeedAKeyThatExists) {
  auto expire = operation(WriteKind::expire);
  expire.expiry = {Expiry::Kind::after, 10};
  EXPECT_EQ(evaluate(expire, nullptr, kNow, kNext).error().code, ErrorCode::not_found);
  EXPECT_EQ(evaluate(operation(WriteKind::persist), nullptr, kNow, kNext).error().code, ErrorCode::not_found);
  const Record current = stored("v");
  const auto result = evaluate(expire, &current, kNow, kNext);
  EXPECT_EQ(result->mutation->record.value.view(), "v");
  EXPECT_EQ(result->mutation->record.expires_at.value, kNow.value + 10);
}

// So that a guard of a key that expires writes nothing.
TEST(Evaluate, AnExpiryThatIsThereAlreadyChangesNothing) {
  auto expire = operation(WriteKind::expire);
  const Record current = stored("v", {kNow.value + 500});
  expire.expiry = {Expiry::Kind::at, kNow.value + 500};
  const auto same = evaluate(expire, &current, kNow, kNext);
  ASSERT_TRUE(same);
  EXPECT_FALSE(same->mutation);
  EXPECT_EQ(same->outcome.version, kOld);
  expire.expiry.ms += 1;
  EXPECT_TRUE(evaluate(expire, &current, kNow, kNext)->mutation);
}

TEST(Evaluate, PersistWithoutAnExpiryChangesNothing) {
  const Record current = stored("v");
  const auto result = evaluate(operation(WriteKind::persist), &current, kNow, kNext);
  EXPECT_FALSE(result->mutation);
  EXPECT_EQ(result->outcome.version, kOld);
}

TEST(Evaluate, OnlyPlainPutsNeedNotKnowWhatIsStored) {
  auto put = operation(WriteKind::put, "v");
  EXPECT_FALSE(needs_current(put));
  put.expiry.kind = Expiry::Kind::keep;
  EXPECT_TRUE(needs_current(put));
  EXPECT_TRUE(needs_current(operation(WriteKind::del)));
  EXPECT_TRUE(needs_current(operation(WriteKind::incr)));
}

TEST(Evaluate, TimeToLiveIsNeverNegative) {
  EXPECT_EQ(ttl_ms(stored("v"), kNow), -1);
  EXPECT_EQ(ttl_ms(stored("v", {kNow.value + 7}), kNow), 7);
  EXPECT_EQ(ttl_ms(stored("v", {kNow.value - 7}), kNow), 0);
}

}  // namespace
}  // namespace gyre::replication
