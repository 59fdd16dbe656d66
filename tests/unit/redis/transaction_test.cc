#include "redis/transaction.h"

#include <array>
#include <utility>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "support.h"

namespace gyre::redis {
namespace {

class TransactionTest : public testing::Test {
 protected:
  Reply exec(const std::vector<std::string>& lines) {
    std::vector<Queued> commands;
    for (const std::string& line : lines) {
      const auto words = words_of(line);
      const std::vector<std::string_view> views(words.begin(), words.end());
      const Arguments arguments(views);
      Queued& command = commands.emplace_back(store_.plan_of(line).value());
      for (const std::string_view key : keys_of(**resolve(arguments), arguments)) {
        command.keys.push_back(Bytes::copy_of(key));
      }
    }
    return store_.run(plan_exec(std::move(commands), watch_, {store_.now}));
  }
  void watch(std::string_view key) { store_.run(plan_watch({Bytes::copy_of(key)}, watch_)); }

  static Reply bulk(std::string_view text) { return Reply::bulk(Bytes::copy_of(text)); }
  static Reply all(std::vector<Reply> replies) { return Reply::array(std::move(replies)); }

  Store store_;
  std::shared_ptr<Watch> watch_ = std::make_shared<Watch>();
};

TEST_F(TransactionTest, EachCommandFindsWhatThoseBeforeItLeft) {
  EXPECT_EQ(exec({"SET k 1", "INCR k", "APPEND k 0", "GET k", "DEL k", "GET k", "SETNX k last"}),
            all({Reply::ok(), Reply::integer(2), Reply::integer(2), bulk("20"), Reply::integer(1), Reply::null(),
                 Reply::integer(1)}));
  EXPECT_EQ(store_.run({"GET", "k"}), bulk("last"));
}

TEST_F(TransactionTest, AllIsWrittenAtOnce) {
  exec({"SET a 1", "SET b 2", "INCR a", "DEL c"});
  EXPECT_EQ(store_.requests(), 1U);
  EXPECT_EQ(store_.run({"MGET", "a", "b"}), all({bulk("2"), bulk("2")}));
}

TEST_F(TransactionTest, WhatOnlyReadsOneKeyWritesNothing) {
  exec({"GET a", "STRLEN a", "TTL a"});
  EXPECT_EQ(store_.requests(), 0U);
}

TEST_F(TransactionTest, SeveralKeysAreReadAsTheyAreAtOneMoment) {
  store_.run({"MSET", "a", "1", "b", "1"});
  int changes = 0;
  store_.in_between = [&] {
    if (changes++ == 0) store_.run({"MSET", "a", "2", "b", "2"});
  };
  EXPECT_EQ(exec({"GET a", "GET b"}), all({bulk("2"), bulk("2")}));
  EXPECT_EQ(changes, 2);
}

TEST_F(TransactionTest, ACommandThatFailsStopsNoOther) {
  store_.run({"SET", "k", "no number"});
  EXPECT_EQ(exec({"INCR k", "EXPIRE k never", "SET k 1"}),
            all({Reply::error(words::kNoInteger), Reply::error(words::kNoInteger), Reply::ok()}));
  EXPECT_EQ(store_.run({"GET", "k"}), bulk("1"));
}

TEST_F(TransactionTest, OfAWriteOfSeveralKeysThatFailsNothingIsLeft) {
  EXPECT_EQ(exec({"SET b 1", "MSETNX a 1 b 2", "EXISTS a b"}),
            all({Reply::ok(), Reply::integer(0), Reply::integer(1)}));
}

TEST_F(TransactionTest, StartsAgainWhenAKeyHasChangedMeanwhile) {
  store_.run({"SET", "k", "1"});
  int changes = 0;
  store_.in_between = [&] {
    if (changes++ == 0) store_.run({"SET", "k", "10"});
  };
  EXPECT_EQ(exec({"INCR k"}), all({Reply::integer(11)}));
}

TEST_F(TransactionTest, DoesNothingWhereAWatchedKeyHasChanged) {
  for (const char* change : {"SET w 2", "DEL w", "EXPIRE w 100", "SET absent 1"}) {
    store_ = {};
    watch_ = std::make_shared<Watch>();
    store_.run({"SET", "w", "1"});
    watch("w");
    watch("absent");
    store_.resp2(change);
    EXPECT_EQ(exec({"SET k v"}), Reply::null_array()) << change;
    EXPECT_EQ(store_.run({"EXISTS", "k"}), Reply::integer(0)) << change;
  }
}

TEST_F(TransactionTest, RunsWhereTheWatchedKeysAreAsTheyWere) {
  store_.run({"SET", "w", "1"});
  watch("w");
  watch("absent");
  store_.run({"GET", "w"});
  EXPECT_EQ(exec({"GET w"}), all({bulk("1")}));
}

TEST_F(TransactionTest, TheFirstWatchOfAKeyCounts) {
  watch("w");
  store_.run({"SET", "w", "1"});
  watch("w");
  EXPECT_EQ(exec({}), Reply::null_array());
}

TEST_F(TransactionTest, AKeyOfWhichWatchLearntNothingCountsAsChanged) {
  watch_->push_back({Bytes::literal("w"), std::nullopt});
  EXPECT_EQ(exec({}), Reply::null_array());
}

TEST_F(TransactionTest, AWatchedKeyIsGuardedUntilTheWrite) {
  watch("w");
  store_.in_between = [&] { store_.run({"SET", "w", "1"}); };
  EXPECT_EQ(exec({"SET k v"}), Reply::null_array());
}

TEST_F(TransactionTest, WithoutKeysNothingIsRead) {
  EXPECT_EQ(exec({}), all({}));
  EXPECT_EQ(store_.reads(), 0U);
}

TEST_F(TransactionTest, TimesToLiveGoWithTheValue) {
  EXPECT_EQ(exec({"SET k v EX 100", "APPEND k w", "TTL k"}),
            all({Reply::ok(), Reply::integer(2), Reply::integer(100)}));
  store_.now.value += 1000;
  EXPECT_EQ(store_.run({"TTL", "k"}), Reply::integer(99));
  EXPECT_EQ(exec({"SET k v KEEPTTL", "TTL k"}), all({Reply::ok(), Reply::integer(99)}));
  EXPECT_EQ(store_.run({"TTL", "k"}), Reply::integer(99));
  EXPECT_EQ(exec({"PERSIST k", "TTL k"}), all({Reply::integer(1), Reply::integer(-1)}));
  EXPECT_EQ(store_.run({"TTL", "k"}), Reply::integer(-1));
}

TEST_F(TransactionTest, WhatLooksThroughAllKeysIsNoPartOfIt) {
  EXPECT_TRUE(unfit_for_transaction(store_.plan_of("KEYS *").value()));
  EXPECT_FALSE(unfit_for_transaction(store_.plan_of("GET k").value()));
}

TEST_F(TransactionTest, WhatReadsOrMakesTooMuchWritesNothing) {
  store_.run({"SET", "k", std::string(1000, 'v')});
  std::string mget = "MGET";
  for (int i = 0; i < 10'000; ++i) mget += " k";
  std::vector<std::string> lines = {"SET other 1"};
  for (int i = 0; i < 30; ++i) lines.push_back(mget);
  EXPECT_EQ(exec(lines), Reply::error("ERR this transaction reads or makes too much: nothing is written"));
  EXPECT_EQ(store_.run({"EXISTS", "other"}), Reply::integer(0));
}

TEST_F(TransactionTest, AGuardedKeyStaysAsItIs) {
  store_.run({"SET", "w", "1", "EX", "100"});
  watch("w");
  auto others = std::make_shared<Watch>();
  store_.run(plan_watch({Bytes::literal("w")}, others));
  exec({"SET k v"});
  std::swap(watch_, others);
  EXPECT_EQ(exec({"SET k v"}), all({Reply::ok()}));
}

TEST_F(TransactionTest, AWatchThatLearntNothingCanBeRepeated) {
  watch_->push_back({Bytes::literal("w"), std::nullopt});
  watch("w");
  EXPECT_EQ(exec({"GET w"}), all({Reply::null()}));
}

// Whatever the commands are: as if they had been run one after the other.
TEST_F(TransactionTest, RepliesAndLeavesWhatTheCommandsWouldByThemselves) {
  constexpr std::array kLines = {"SET a 5",
                                 "SET b x EX 50",
                                 "SET c 7 NX",
                                 "SET a v GET",
                                 "GET a",
                                 "INCR a",
                                 "APPEND b y",
                                 "DEL a c",
                                 "RENAME a b",
                                 "COPY b c",
                                 "MSETNX a 1 d 2",
                                 "GETDEL b",
                                 "EXPIRE a 10",
                                 "PERSIST b",
                                 "TTL b",
                                 "SETRANGE c 3 z",
                                 "MGET a b c d",
                                 "EXISTS a b a",
                                 "RENAME d d",
                                 "EXPIREAT a 1",
                                 "INCRBYFLOAT a 2.5",
                                 "GETEX b EX 9",
                                 "SET c 1 KEEPTTL",
                                 "MSET a 1 a 2",
                                 "DECRBY c 4",
                                 "EXPIRE a 10 NX",
                                 "EXPIRE b 5 LT",
                                 "PEXPIRE c 90000 GT",
                                 "EXPIRE a 20 XX",
                                 "STRLEN a"};
  Rng rng(20261127);
  for (int round = 0; round < 2000; ++round) {
    store_ = {};
    Store plain;
    std::vector<std::string> lines;
    for (int i = 0; i < 4; ++i) {
      const std::string line = kLines[rng.below(kLines.size())];
      store_.resp2(line);
      plain.resp2(line);
    }
    for (int i = 0; i < 6; ++i) lines.emplace_back(kLines[rng.below(kLines.size())]);
    std::vector<Reply> expected;
    for (const std::string& line : lines) expected.push_back(plain.run(words_of(line)));
    std::string text;
    for (const std::string& line : lines) text += line + "; ";
    ASSERT_EQ(exec(lines), all(expected)) << text;
    for (const char* key : {"a", "b", "c", "d"}) {
      ASSERT_EQ(store_.run({"GET", key}), plain.run({"GET", key})) << key << ": " << text;
      ASSERT_EQ(store_.run({"PTTL", key}), plain.run({"PTTL", key})) << key << ": " << text;
    }
  }
}

}  // namespace
}  // namespace gyre::redis
