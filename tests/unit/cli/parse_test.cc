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

TEST(ParseAck, KnowsOneNumbersAndAll) {
  EXPECT_EQ(parse_ack("one")->count, 1u);
  EXPECT_EQ(parse_ack("1")->count, 1u);
  EXPECT_EQ(parse_ack("2")->count, 2u);
  EXPECT_EQ(parse_ack("7")->count, 7u);
  EXPECT_EQ(parse_ack("all")->count, Ack::kAll);
}

TEST(ParseAck, RefusesWhatNoReplicaSetCanGive) {
  for (const auto* text : {"", "0", "8", "-1", "+2", "2x", " 2", "ALL", "none", "4294967297"}) {
    const auto refused = parse_ack(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  }
}

TEST(ParseRead, KnowsEveryLevel) {
  EXPECT_EQ(parse_read("linearizable")->level, Read::linearizable().level);
  EXPECT_EQ(parse_read("primary")->level, Read::primary().level);
  EXPECT_EQ(parse_read("session")->level, Read::session().level);
  EXPECT_EQ(parse_read("any")->level, Read::any().level);
  EXPECT_EQ(parse_read("bounded:1.5s")->level, Read::bounded(1500ms).level);
  EXPECT_EQ(parse_read("bounded:1.5s")->bound, 1500ms);
}

TEST(ParseRead, ABoundNeedsATime) {
  for (const auto* text : {"", "bounded", "bounded:", "bounded:5", "bounded:-1s", "Primary", "stale"}) {
    EXPECT_FALSE(parse_read(text)) << text;
  }
}

TEST(SplitList, DropsBlanksAndEmptyParts) {
  EXPECT_EQ(split_list("a:1, b:2,,c:3,"), (std::vector<std::string>{"a:1", "b:2", "c:3"}));
  EXPECT_TRUE(split_list(" , ").empty());
}

}  // namespace
}  // namespace gyre::cli
