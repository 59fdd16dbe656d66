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
  std::vector<std::string> run(const std::vector<LostRecord>& records, ReplayOptions options = {}) {
    client.term = 2;
    Replay replay(client, options);
    std::vector<std::string> results;
    for (const LostRecord& record : records) {
      const auto done = replay.run(record, kNow);
      EXPECT_TRUE(done);
      if (!done) continue;
      std::string result = done->why.empty() ? std::string(to_string(done->result)) : done->why;
      results.push_back(done->absent ? result + " as absent" : result);
    }
    return results;
  }
  std::string run(const LostRecord& record, ReplayOptions options = {}) {
    return run(std::vector{record}, options).at(0);
  }

  MemoryClient client;
};

TEST_F(ReplayTest, AKeyThatIsNotThereIsWrittenAndThatIsSaid) {
  EXPECT_EQ(run(lost_write({Term(1), Sequence(9)}, {put_of("k", "lost")})), "replayed as absent");
  EXPECT_EQ(client.keys.at("k").data, "lost");
}

TEST_F(ReplayTest, AKeyThatIsNotThereStaysSoIfWanted) {
  has("b", "older", {1, 3});
  const auto lost = lost_write({Term(1), Sequence(9)}, {put_of("a", "lost"), put_of("b", "lost")});
  EXPECT_EQ(run(lost, {.skip_absent = true}), "the key is absent: it was never there otherwise, or was deleted since");
  EXPECT_FALSE(client.keys.contains("a"));
  EXPECT_EQ(client.keys.at("b").data, "older");
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
    EXPECT_EQ(run(lost), "the key was changed since, by " + to_string(version));
    EXPECT_EQ(client.keys.at("k").data, "newer");
    EXPECT_EQ(run(lost, {.overwrite = true}), "replayed");
    EXPECT_EQ(client.keys.at("k").data, "lost");
  }
}

TEST_F(ReplayTest, WhatIsThereByANewerWriteIsNotWrittenAgain) {
  const auto lost = lost_write({Term(1), Sequence(9)}, {put_of("k", "lost")});
  EXPECT_EQ(run(lost), "replayed as absent");
  const Version version = client.keys.at("k").version;
  for (const bool overwrite : {false, true}) EXPECT_EQ(run(lost, {.overwrite = overwrite}), "already_there");
  EXPECT_EQ(client.keys.at("k").version, version);
}

TEST_F(ReplayTest, OfABatchOnlyWhatIsMissingIsWritten) {
  has("a", "lost", {2, 1});
  const Version version = client.keys.at("a").version;
  EXPECT_EQ(run(lost_write({Term(1), Sequence(9)}, {put_of("a", "lost"), put_of("b", "lost")})), "replayed as absent");
  EXPECT_EQ(client.keys.at("a").version, version);
  EXPECT_EQ(client.keys.at("b").data, "lost");
}

TEST_F(ReplayTest, ASecondReplayOfEverythingChangesNothing) {
  has("changed", "older", {1, 1});
  const std::vector<LostRecord> all{lost_write({Term(1), Sequence(5)}, {put_of("made", "1")}),
                                    lost_write({Term(1), Sequence(6)}, {put_of("changed", "1")}),
                                    lost_write({Term(1), Sequence(7)}, {put_of("changed", "2")})};
  EXPECT_EQ(run(all), (std::vector<std::string>{"replayed as absent", "replayed", "replayed"}));
  const auto version = to_string(client.keys.at("changed").version);
  client.keys["made"] = Value{"newer", {2, 100}, std::nullopt};
  EXPECT_EQ(run(all), (std::vector<std::string>{"the key was changed since, by 2:100",
                                                "the key was changed since, by " + version, "already_there"}));
  EXPECT_EQ(client.keys.at("made").data, "newer");
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
            "replayed as absent");
  EXPECT_EQ(client.keys.at("k").data, "2");
  EXPECT_EQ(client.keys.at("other").data, "x");
}

TEST_F(ReplayTest, AWriteIsReplayedWholeOrNotAtAll) {
  has("b", "newer", {2, 1});
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("a", "lost"), put_of("b", "lost")})),
            "the key was changed since, by 2:1");
  EXPECT_FALSE(client.keys.contains("a"));
}

TEST_F(ReplayTest, ADeletionNeedsAKeyThatIsThere) {
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {del_of("k")})), "already_there");
  has("k", "older", {1, 3});
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {del_of("k")})), "replayed");
  EXPECT_FALSE(client.keys.contains("k"));
}

TEST_F(ReplayTest, WhatHasExpiredStaysGoneAndTheRestKeepsItsTime) {
  const auto at = [](std::int64_t ms) { return UnixMillis{kNow.value + ms}; };
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("k", "v", at(0))})), "the value has expired");
  EXPECT_EQ(run(lost_write({Term(1), Sequence(5)}, {put_of("k", "v", at(5000))})), "replayed as absent");
  EXPECT_EQ(client.keys.at("k").ttl, std::chrono::seconds(5));
}

TEST_F(ReplayTest, WhatCannotOrNeedNotComeBackIsSkipped) {
  EXPECT_EQ(run(lost_range(Term(1), 4, 6)), "the contents are gone");
  LostRecord reapplied = lost_write({Term(1), Sequence(5)}, {put_of("k", "v")});
  std::get<messages::LostWrite>(reapplied.item.loss).reapplied = true;
  EXPECT_EQ(run(reapplied), "its client has sent it again");
  EXPECT_TRUE(client.keys.empty());
}

TEST_F(ReplayTest, ADryRunWritesNothingAndCountsAsItWould) {
  const std::vector<LostRecord> all{lost_write({Term(1), Sequence(5)}, {put_of("k", "1")}),
                                    lost_write({Term(1), Sequence(6)}, {put_of("k", "2")})};
  EXPECT_EQ(run(all, {.dry_run = true}), (std::vector<std::string>{"would_replay as absent", "would_replay"}));
  EXPECT_TRUE(client.keys.empty());
  EXPECT_EQ(run(all), (std::vector<std::string>{"replayed as absent", "replayed"}));
}

}  // namespace
}  // namespace gyre::cli
