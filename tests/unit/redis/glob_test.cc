#include "redis/glob.h"

#include <gtest/gtest.h>

namespace gyre::redis {
namespace {

TEST(Glob, MatchesAsRedisDoes) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("user:*:name", "user:17:name"));
  EXPECT_FALSE(glob_matches("user:*:name", "user:17:names"));
  EXPECT_TRUE(glob_matches("h?llo", "hello"));
  EXPECT_FALSE(glob_matches("h?llo", "hllo"));
  EXPECT_TRUE(glob_matches("h[ae]llo", "hallo"));
  EXPECT_FALSE(glob_matches("h[ae]llo", "hillo"));
  EXPECT_TRUE(glob_matches("h[^e]llo", "hallo"));
  EXPECT_FALSE(glob_matches("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_matches("h[a-c]llo", "hbllo"));
  EXPECT_TRUE(glob_matches("h[c-a]llo", "hbllo"));
  EXPECT_TRUE(glob_matches("\\*", "*"));
  EXPECT_FALSE(glob_matches("\\*", "a"));
  EXPECT_TRUE(glob_matches("[\\]]", "]"));
  EXPECT_TRUE(glob_matches("[abc", "b"));
  EXPECT_TRUE(glob_matches("a**b", "axxb"));
  EXPECT_FALSE(glob_matches("a", ""));
  EXPECT_FALSE(glob_matches("", "a"));
}

// As many stars as that make a matcher that tries all of them never end.
TEST(Glob, ManyStarsTakeNoLonger) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(5000, 'a')));
}

TEST(Glob, KnowsWhatAllMatchesBeginWith) {
  EXPECT_EQ(glob_prefix("user:*"), "user:");
  EXPECT_EQ(glob_prefix("user:[12]"), "user:");
  EXPECT_EQ(glob_prefix("\\*x?"), "*x");
  EXPECT_EQ(glob_prefix("whole"), "whole");
  EXPECT_EQ(glob_prefix("*"), "");
}

}  // namespace
}  // namespace gyre::redis
