#include "redis/reply.h"

#include <limits>

#include <gtest/gtest.h>

#include "redis/numbers.h"

namespace gyre::redis {
namespace {

std::string words(ErrorCode code, Outcome outcome = Outcome::not_applied) {
  std::string out;
  wire::RespWriter writer(out);
  write(writer, error_reply(Error{code, outcome, "why", {}}));
  return out;
}

TEST(RedisReply, ErrorsOfGyreSayWhatToDo) {
  EXPECT_EQ(words(ErrorCode::unavailable), "-CLUSTERDOWN why\r\n");
  EXPECT_EQ(words(ErrorCode::not_primary), "-TRYAGAIN why\r\n");
  EXPECT_EQ(words(ErrorCode::behind), "-TRYAGAIN why\r\n");
  EXPECT_EQ(words(ErrorCode::timeout), "-TRYAGAIN timeout: why\r\n");
  EXPECT_EQ(words(ErrorCode::no_replicas), "-NOREPLICAS why\r\n");
  EXPECT_EQ(words(ErrorCode::denied), "-NOPERM why\r\n");
  EXPECT_EQ(words(ErrorCode::busy), "-BUSY why\r\n");
  EXPECT_EQ(words(ErrorCode::storage_failed), "-MISCONF why\r\n");
  EXPECT_EQ(words(ErrorCode::too_large), "-ERR why\r\n");
  EXPECT_EQ(words(ErrorCode::not_found), "-ERR no such key\r\n");
  EXPECT_EQ(words(ErrorCode::corrupt), "-ERR corrupt: why\r\n");
}

TEST(RedisReply, UnknownOutcomesSaySo) {
  for (const ErrorCode code : {ErrorCode::timeout, ErrorCode::busy, ErrorCode::unavailable, ErrorCode::not_primary}) {
    EXPECT_EQ(words(code, Outcome::unknown), "-ERR outcome unknown: why\r\n");
  }
  EXPECT_EQ(words(ErrorCode::outcome_unknown), "-ERR outcome unknown: why\r\n");
}

TEST(RedisReply, NestsAsTheVersionHasIt) {
  const Reply reply = Reply::map({Reply::simple("a"), Reply::set({Reply::integer(1), Reply::null()})});
  std::string out;
  wire::RespWriter writer(out);
  write(writer, reply);
  EXPECT_EQ(out, "*2\r\n+a\r\n*2\r\n:1\r\n$-1\r\n");
  out.clear();
  writer.set_version(wire::RespVersion::resp3);
  write(writer, reply);
  EXPECT_EQ(out, "%1\r\n+a\r\n~2\r\n:1\r\n_\r\n");
}

TEST(RedisNumbers, IntegersAreStrict) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  using namespace std::string_view_literals;
  for (const auto text : {"", "-", "+1", "-0", "01", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "a",
                          "9223372036854775808", "-9223372036854775809", "99999999999999999999"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_integer("1\0"sv), std::nullopt);
}

TEST(RedisNumbers, FloatsAreThoseOfStrtold) {
  EXPECT_EQ(parse_float("1.5"), 1.5L);
  EXPECT_EQ(parse_float("-5e-1"), -0.5L);
  EXPECT_EQ(parse_float("+.5"), 0.5L);
  EXPECT_EQ(parse_float("0x10"), 16.0L);
  EXPECT_EQ(parse_float("inf"), std::numeric_limits<long double>::infinity());
  using namespace std::string_view_literals;
  for (const auto text : {"", " 1", "1 ", "nan", "1e5000", "1e-5000", "abc", "1,5", "."}) {
    EXPECT_EQ(parse_float(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_float("1\0"sv), std::nullopt);
  EXPECT_EQ(parse_float(std::string(6000, '1')), std::nullopt);
}

TEST(RedisNumbers, FloatsAreWrittenForPeople) {
  EXPECT_EQ(format_float(0.1L + 10.5L), "10.6");
  EXPECT_EQ(format_float(5200), "5200");
  EXPECT_EQ(format_float(-0.0L), "0");
  EXPECT_EQ(format_float(-1.25L), "-1.25");
  EXPECT_EQ(format_float(1e20L), "100000000000000000000");
  EXPECT_EQ(format_float(1e-20L), "0");
}

}  // namespace
}  // namespace gyre::redis
