#include "tools/gyre/lost_replay.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/losses.h"
#include "tests/unit/cli/memory_client.h"

namespace gyre::cli {
namespace {

constexpr UnixMillis kNow{1'000'000};

// What was lost was written in term 1; since then the cluster is in term 2.
class ReplayTest : public testing::Test {
 protected:
  void has(const std::string& key, const std::string& value, Version version) {
    client.keys[key] = Value{value, version, std::nullopt};
  }
  // One after the other, by the same replay.
  std::vector<std::string> run(const std::vector<LostRecord>& records, ReplayOptions options = {.if_unchanged = true}) {
    client.term = 2;
    Replay replay(client, options);
    std::vector<std::string> results;
    for (const LostRecord& record : records) {
      const auto done = replay.run(record, kNow);
      EXPECT_TRUE(done);
      if (!done) continue;
      results.push_back(done->why.empty() ? std::string(to_string(done->result)) : done->why);
    }
    return results;
  }
  std::string run(const LostRecord& record, ReplayOptions options = {.if_unchanged = true}) {
    return run(std::vector{record}, options).at(0);
  }

  MemoryClient client;
};

TEST_F(ReplayTest, AKeyThatIsNotThereIsWritten) {
  EXPECT_EQ(run(lost_write({Term(1), Sequence(9)}, {put_of("k", "lost")})), "replayed");
  EXPECT_EQ(client.keys.at("k").data, "lost");
}

TEST_F(ReplayTest, AnOlderValueIsReplaced) {
  has("k", "older", {1, 8});
  EXPECT_EQ(run(lost_write({Term(1), Sequence(9)}, {put_of("k", "lost")})), "replayed");
  EXPECT_EQ(client.keys.at("k").data, "lost");
}

TEST_F(ReplayTest, ANewerValueStaysUnlessToldOtherwise) {
  // A later term may have a lower sequence: it is newer all the same.
  for (const Version version : {Version{1, 10}, Version{2, 3}, Version{2, 10}}) {
    has("k", "newer", version);
    const auto lost = lost_write({Term(1), Sequence(9)}, {put_of("k", "lost")});
    EXPECT_EQ(run(lost), "the key was changed since") << to_string(version);
    EXPECT_EQ(client.keys.at("k").data, "newer");
    EXPECT_EQ(run(lost, {.if_unchanged = false}), "replayed");
    EXPECT_EQ(client.keys.at("k").data, "lost");
  }
}

TEST_F(ReplayTest, OfSeveralLostWritesOfAKeyTheNewestStays) {
  has("k", "older", {1, 3});
  const auto results = run({lost_write({Term(1), Sequence(5)}, {put_of("k", "first")}),
                            lost_write({Term(1), Sequence(6)}, {put_of("k", "second")}),
                            lost_write({Term(1), Sequence(7)}, {del_of("k")}),
                            lost_write({Term(1), Sequence(8)}, {put_of("k", "last")})});
  EXPECT_EQ(results, std::vector<std::string>(4, "replayed"));
  EXPECT_EQ(client.keys.at("k").data, "last");
}

TEST_F(ReplayTest, OfOneWriteTheLastMutationOfAKeyCounts) {
  has("k", "older", {1, 3});
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("k", "1"), put_of("other", "x"), put_of("k", "2")})),
            "replayed");
  EXPECT_EQ(client.keys.at("k").data, "2");
  EXPECT_EQ(client.keys.at("other").data, "x");
}

TEST_F(ReplayTest, AWriteIsReplayedWholeOrNotAtAll) {
  has("b", "newer", {2, 1});
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("a", "lost"), put_of("b", "lost")})),
            "the key was changed since");
  EXPECT_FALSE(client.keys.contains("a"));
}

TEST_F(ReplayTest, ADeletionNeedsAKeyThatIsThere) {
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {del_of("k")})), "the key is not there any more");
  has("k", "older", {1, 3});
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {del_of("k")})), "replayed");
  EXPECT_FALSE(client.keys.contains("k"));
}

TEST_F(ReplayTest, WhatHasExpiredStaysGoneAndTheRestKeepsItsTime) {
  const auto at = [](std::int64_t ms) { return UnixMillis{kNow.value + ms}; };
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("k", "v", at(0))})), "the value has expired");
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("k", "v", at(5000))})), "replayed");
  EXPECT_EQ(client.keys.at("k").ttl, std::chrono::seconds(5));
}

TEST_F(ReplayTest, WhatCannotOrNeedNotComeBackIsSkipped) {
  EXPECT_EQ(run(lost_range(Term(1), 4, 6)), "the contents are gone");
  LostRecord reapplied = lost_write({Term(1), Sequence(5)}, {put_of("k", "v")});
  std::get<messages::LostWrite>(reapplied.item.loss).reapplied = true;
  EXPECT_EQ(run(reapplied), "its client has sent it again");
  EXPECT_TRUE(client.keys.empty());
}

TEST_F(ReplayTest, ADryRunWritesNothing) {
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("k", "v")}), {.if_unchanged = true, .dry_run = true}),
            "would_replay");
  EXPECT_TRUE(client.keys.empty());
}

}  // namespace
}  // namespace gyre::cli
