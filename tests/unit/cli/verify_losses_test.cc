#include "tools/gyre/verify_losses.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr VerifyClock::time_point kStart{1h};

AcknowledgedWrite write(const std::string& key) { return {key, {3, 17}, 5, kStart}; }

TEST(ToldLosses, CoverAWriteThatWasNamed) {
  ToldLosses told;
  EXPECT_FALSE(told.covers(write("k")));
  told.note({.partition = 5, .count = 1, .writes = {{"k", {3, 17}}, {"old", {2, 17}}}}, kStart + 1s);
  EXPECT_TRUE(told.covers(write("k")));
  EXPECT_FALSE(told.covers(write("old"))) << "another version of it";
  EXPECT_FALSE(told.covers(write("other")));
}

TEST(ToldLosses, CoverAnOldWriteByMoreButNotOneThatIsStillRemembered) {
  ToldLosses told;
  told.note({.partition = 6, .more = true}, kStart + 1h);
  EXPECT_FALSE(told.covers(write("k"))) << "another partition";
  told.note({.partition = 5, .more = true}, kStart + kSurelyRemembered - 1ms);
  EXPECT_FALSE(told.covers(write("k")));
  told.note({.partition = 5, .more = true}, kStart + kSurelyRemembered);
  EXPECT_TRUE(told.covers(write("k")));
}

TEST(ToldLosses, CountHowOftenEachWasNamed) {
  ToldLosses told;
  told.note({.partition = 5, .count = 2, .writes = {{"a", {3, 1}}, {"b", {3, 2}}}}, kStart);
  told.note({.partition = 5, .count = 1, .writes = {{"a", {3, 1}}}}, kStart);
  const auto writes = told.writes();
  EXPECT_EQ(writes.at({"a", {3, 1}}), 2u);
  EXPECT_EQ(writes.at({"b", {3, 2}}), 1u);
}

}  // namespace
}  // namespace gyre::cli
