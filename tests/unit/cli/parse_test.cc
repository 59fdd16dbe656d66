#include "tools/gyre/parse.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, KnowsItsUnits) {
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("2s"), 2s);
  EXPECT_EQ(*parse_duration("1.5m"), 90s);
  EXPECT_EQ(*parse_duration("1h"), 1h);
  EXPECT_EQ(*parse_duration("7d"), 24h * 7);
  EXPECT_EQ(*parse_duration("0"), 0ms);
}

TEST(ParseDuration, RefusesWhatIsNotOne) {
  for (const auto* text : {"", "5", "s", "-1s", "1 s", "1e3s", "nan", "inf", "99999999999d", "1sec"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ParseDuration, NeverOverflowsAClock) {
  EXPECT_TRUE(parse_duration("36500d"));
  EXPECT_FALSE(parse_duration("36501d"));
}

TEST(ParseSize, KnowsBothFamiliesOfUnits) {
  EXPECT_EQ(*parse_size("100"), 100u);
  EXPECT_EQ(*parse_size("4k"), 4096u);
  EXPECT_EQ(*parse_size("4KiB"), 4096u);
  EXPECT_EQ(*parse_size("4kB"), 4000u);
  EXPECT_EQ(*parse_size("1.5MiB"), 1572864u);
  EXPECT_FALSE(parse_size("4 k"));
  EXPECT_FALSE(parse_size("-1"));
  EXPECT_FALSE(parse_size("many"));
}

TEST(SplitList, DropsBlanksAndEmptyParts) {
  EXPECT_EQ(split_list("a:1, b:2,,c:3,"), (std::vector<std::string>{"a:1", "b:2", "c:3"}));
  EXPECT_TRUE(split_list(" , ").empty());
}

}  // namespace
}  // namespace gyre::cli
