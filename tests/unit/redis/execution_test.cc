#include "redis/execution.h"

#include <utility>

#include <gtest/gtest.h>

#include "support.h"

namespace gyre::redis {
namespace {

constexpr UnixMillis kNow{1'700'000'000'000};

Plan plan_of(std::string_view line) { return Store().plan_of(line).value(); }

// What the command replies to a write that failed so.
Reply after(std::string_view line, Error error) {
  Execution execution(plan_of(line));
  execution.start();
  return std::get<Reply>(execution.on_written(fail(std::move(error))));
}

// Runs `line` while `other` gets in between its first reading and writing.
std::string raced(Store& store, std::string_view line, std::string_view other) {
  bool done = false;
  store.in_between = [&] {
    if (!std::exchange(done, true)) store.resp2(other);
  };
  std::string reply = store.resp2(line);
  store.in_between = [] {};
  return reply;
}

TEST(RedisExecution, OneWriteWithoutReadingWhereAPrimaryCanDecide) {
  for (const std::string_view line :
       {"SET k v", "SET k v NX", "SET k v XX KEEPTTL", "SET k v EX 10", "SET k v PXAT 1800000000000", "SETNX k v",
        "SETEX k 10 v", "MSET a 1 b 2", "MSETNX a 1 b 2", "INCR k", "DECRBY k 2", "DEL a b", "EXPIRE k 10",
        "PERSIST k"}) {
    Store store;
    store.resp2(line);
    EXPECT_EQ(store.reads(), 0U) << line;
    EXPECT_EQ(store.requests(), 1U) << line;
  }
}

TEST(RedisExecution, ReadsAskForValuesOnlyWhereTheyShow) {
  for (const std::string_view line : {"EXISTS k l", "TTL k", "TYPE k", "EXPIRETIME k", "OBJECT REFCOUNT k"}) {
    const Plan made = plan_of(line);
    for (const Read& read : std::get<ReadPlan>(made).reads) EXPECT_FALSE(read.value_wanted) << line;
  }
}

TEST(RedisExecution, AnUpdateStartsAgainWhenItsKeyHasChanged) {
  Store store;
  store.resp2("SET k a");
  EXPECT_EQ(raced(store, "APPEND k c", "APPEND k b"), ":3\r\n");
  EXPECT_EQ(store.resp2("GET k"), "$3\r\nabc\r\n");
  EXPECT_EQ(raced(store, "GETDEL k", "SET k x"), "$1\r\nx\r\n");
  EXPECT_EQ(raced(store, "APPEND k a", "SET k b"), ":2\r\n");
  EXPECT_EQ(raced(store, "GETSET k c", "DEL k"), "$-1\r\n");
  store.resp2("SET k 1");
  EXPECT_EQ(raced(store, "INCRBYFLOAT k 1", "SET k 1.5"), "$3\r\n2.5\r\n");
  EXPECT_EQ(raced(store, "SET k z IFEQ 2.5", "SET k 3"), "$-1\r\n");
  EXPECT_EQ(raced(store, "EXPIRE k 10 NX", "EXPIRE k 20"), ":0\r\n");
  EXPECT_EQ(raced(store, "GETEX k PERSIST", "DEL k"), "$-1\r\n");
}

TEST(RedisExecution, AnUpdateOfTwoKeysStandsOrFallsWithBoth) {
  Store store;
  store.resp2("SET a 1");
  EXPECT_EQ(raced(store, "COPY a b", "SET a 2"), ":1\r\n");
  EXPECT_EQ(store.resp2("GET b"), "$1\r\n2\r\n");
  EXPECT_EQ(raced(store, "RENAMENX a c", "SET c 3"), ":0\r\n");
  EXPECT_EQ(raced(store, "RENAME a c", "EXPIRE a 10"), "+OK\r\n");
  EXPECT_EQ(store.resp2("TTL c"), ":10\r\n");
  EXPECT_EQ(raced(store, "COPY c d", "DEL c"), ":0\r\n");
  EXPECT_EQ(store.resp2("EXISTS a c d"), ":0\r\n");
}

TEST(RedisExecution, GivesUpOnAKeyThatChangesEachTime) {
  Store store;
  store.in_between = [&] { EXPECT_TRUE(store.write({{.key = Bytes::literal("k"), .value = Bytes::literal("v")}})); };
  EXPECT_EQ(store.resp2("APPEND k a"), "-TRYAGAIN the key changes too fast: others write it, too\r\n");
  EXPECT_EQ(store.reads(), Execution::kAttemptsMax);
  EXPECT_EQ(store.resp2("GET k"), "$1\r\nv\r\n");
}

TEST(RedisExecution, WhatMayHaveBeenAppliedIsNeverAPlainAnswer) {
  const auto unknown = [](ErrorCode code) { return Error{code, Outcome::unknown, "sent", {}}; };
  const Reply expected = Reply::error("ERR outcome unknown: sent");
  EXPECT_EQ(after("SET k v", unknown(ErrorCode::timeout)), expected);
  EXPECT_EQ(after("SET k v NX", unknown(ErrorCode::condition_failed)), expected);
  EXPECT_EQ(after("SETNX k v", unknown(ErrorCode::condition_failed)), expected);
  EXPECT_EQ(after("INCR k", unknown(ErrorCode::invalid_argument)), expected);
  EXPECT_EQ(after("EXPIRE k 10", unknown(ErrorCode::not_found)), expected);
  EXPECT_EQ(after("PERSIST k", unknown(ErrorCode::outcome_unknown)), expected);
  EXPECT_EQ(after("DEL k", unknown(ErrorCode::outcome_unknown)), expected);

  Execution update(plan_of("APPEND k a"));
  update.start();
  ASSERT_TRUE(std::holds_alternative<DoWrites>(update.on_found(std::vector<Found>(1))));
  EXPECT_EQ(std::get<Reply>(update.on_written(fail(unknown(ErrorCode::condition_failed)))), expected);
}

TEST(RedisExecution, OtherFailuresAreErrors) {
  const Error busy{ErrorCode::busy, Outcome::not_applied, "full", std::chrono::milliseconds(20)};
  for (const std::string_view line : {"SET k v", "SET k v NX", "SETNX k v", "INCR k", "DEL k", "MSETNX k v"}) {
    EXPECT_EQ(after(line, busy), Reply::error("BUSY full, retry after 20 ms")) << line;
  }
  Execution read(plan_of("GET k"));
  read.start();
  EXPECT_EQ(std::get<Reply>(read.on_failed(busy)), Reply::error("BUSY full, retry after 20 ms"));
}

TEST(RedisExecution, OnlyWhatStandsForItselfIsDivisible) {
  const auto divisible = [](std::string_view line) { return std::get<WritePlan>(plan_of(line)).divisible; };
  EXPECT_TRUE(divisible("DEL a b"));
  EXPECT_TRUE(divisible("UNLINK a b"));
  EXPECT_TRUE(divisible("MSET a 1 b 2"));
  EXPECT_FALSE(divisible("MSETNX a 1 b 2"));
}

TEST(RedisExecution, KeepsNothingOfTheArgumentsButTheirBuffer) {
  const std::string_view text = "SETkv";
  Buffer* buffer = Buffer::create(text.size());
  std::ranges::copy(text, buffer->data());
  const std::string_view bytes(buffer->data(), text.size());
  const std::vector<std::string_view> views = {bytes.substr(0, 3), bytes.substr(3, 1), bytes.substr(4, 1)};
  const Arguments arguments(views, buffer);
  const Plan made = plan(**resolve(arguments), arguments, {kNow});
  EXPECT_EQ(std::get<WritePlan>(made).operations[0].value.data(), buffer->data() + 4);
  buffer->release();
  EXPECT_EQ(std::get<WritePlan>(made).operations[0].value.view(), "v");
}

}  // namespace
}  // namespace gyre::redis
