#include "wire/resp_writer.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::wire {
namespace {

using namespace std::string_literals;

std::string written(RespVersion version, auto write) {
  std::string out;
  RespWriter writer(out, version);
  write(writer);
  return out;
}

std::string resp2(auto write) { return written(RespVersion::resp2, write); }
std::string resp3(auto write) { return written(RespVersion::resp3, write); }

// What both versions have in common.
std::string both(auto write) {
  const std::string out = resp2(write);
  EXPECT_EQ(resp3(write), out);
  return out;
}

std::string number2(double value) {
  return resp2([&](RespWriter& to) { to.number(value); });
}
std::string number3(double value) {
  return resp3([&](RespWriter& to) { to.number(value); });
}

TEST(RespWriter, WritesLines) {
  EXPECT_EQ(both([](RespWriter& to) { to.ok(); }), "+OK\r\n");
  EXPECT_EQ(both([](RespWriter& to) { to.simple("PONG"); }), "+PONG\r\n");
  EXPECT_EQ(both([](RespWriter& to) { to.simple(""); }), "+\r\n");
  EXPECT_EQ(both([](RespWriter& to) { to.error("ERR syntax error"); }), "-ERR syntax error\r\n");
}

TEST(RespWriter, NoTextOfALineForgesAReply) {
  EXPECT_EQ(both([](RespWriter& to) { to.error("ERR a\r\n+OK\r\nb\n\n"); }), "-ERR a  +OK  b\r\n");
  EXPECT_EQ(both([](RespWriter& to) { to.simple("a\nb\rc\r\n"); }), "+a b c\r\n");
  EXPECT_EQ(both([](RespWriter& to) { to.error("\r\n\r"); }), "-\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.big_number("1\r\n2"); }), "(1  2\r\n");
}

TEST(RespWriter, WritesIntegers) {
  const auto integer = [](std::int64_t value) { return both([&](RespWriter& to) { to.integer(value); }); };
  EXPECT_EQ(integer(0), ":0\r\n");
  EXPECT_EQ(integer(-1), ":-1\r\n");
  EXPECT_EQ(integer(std::numeric_limits<std::int64_t>::max()), ":9223372036854775807\r\n");
  EXPECT_EQ(integer(std::numeric_limits<std::int64_t>::min()), ":-9223372036854775808\r\n");
}

TEST(RespWriter, WritesBulkStrings) {
  EXPECT_EQ(both([](RespWriter& to) { to.bulk("key"); }), "$3\r\nkey\r\n");
  EXPECT_EQ(both([](RespWriter& to) { to.bulk(""); }), "$0\r\n\r\n");
  EXPECT_EQ(both([](RespWriter& to) { to.bulk("a\r\n\0b"s); }), "$5\r\na\r\n\0b\r\n"s);
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(both([&](RespWriter& to) { to.bulk(large); }), "$1000000\r\n" + large + "\r\n");
}

TEST(RespWriter, WritesNullsAsTheVersionHasThem) {
  EXPECT_EQ(resp2([](RespWriter& to) { to.null(); }), "$-1\r\n");
  EXPECT_EQ(resp2([](RespWriter& to) { to.null_array(); }), "*-1\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.null(); }), "_\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.null_array(); }), "_\r\n");
}

TEST(RespWriter, WritesHeadersAsTheVersionHasThem) {
  EXPECT_EQ(both([](RespWriter& to) { to.array(3); }), "*3\r\n");
  EXPECT_EQ(resp2([](RespWriter& to) { to.map(3); }), "*6\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.map(3); }), "%3\r\n");
  EXPECT_EQ(resp2([](RespWriter& to) { to.set(2); }), "*2\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.set(2); }), "~2\r\n");
  EXPECT_EQ(resp2([](RespWriter& to) { to.push(2); }), "*2\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.push(2); }), ">2\r\n");
}

TEST(RespWriter, WritesBooleansBigNumbersAndVerbatimTexts) {
  EXPECT_EQ(resp2([](RespWriter& to) { to.boolean(true), to.boolean(false); }), ":1\r\n:0\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.boolean(true), to.boolean(false); }), "#t\r\n#f\r\n");
  EXPECT_EQ(resp2([](RespWriter& to) { to.big_number("-123"); }), "$4\r\n-123\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.big_number("-123"); }), "(-123\r\n");
  EXPECT_EQ(resp2([](RespWriter& to) { to.verbatim("a\r\nb"); }), "$4\r\na\r\nb\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.verbatim("a\r\nb"); }), "=8\r\ntxt:a\r\nb\r\n");
  EXPECT_EQ(resp3([](RespWriter& to) { to.verbatim("# a", "mkd"); }), "=7\r\nmkd:# a\r\n");
}

TEST(RespWriter, WritesDoublesAsRedis7Does) {
  EXPECT_EQ(number3(5), ",5\r\n");
  EXPECT_EQ(number3(0.1), ",0.10000000000000001\r\n");
  EXPECT_EQ(number3(1.0 / 3), ",0.33333333333333331\r\n");
  EXPECT_EQ(number3(1e22), ",1e+22\r\n");
  EXPECT_EQ(number3(-0.0), ",-0\r\n");
  EXPECT_EQ(number2(3.141), "$5\r\n3.141\r\n");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(number3(infinity), ",inf\r\n");
  EXPECT_EQ(number3(-infinity), ",-inf\r\n");
  EXPECT_EQ(number2(-infinity), "$4\r\n-inf\r\n");
  EXPECT_EQ(number3(std::nan("")), ",nan\r\n");
  EXPECT_EQ(number3(-std::nan("")), ",nan\r\n");
  EXPECT_EQ(number2(std::nan("")), "$3\r\nnan\r\n");
}

RC_GTEST_PROP(RespWriter, WritesEveryDoubleAsPrintfDoes, (std::uint64_t bits)) {
  const double value = std::bit_cast<double>(bits);
  RC_PRE(!std::isnan(value));
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.17g", value);
  RC_ASSERT(number3(value) == std::string(",") + text.data() + "\r\n");
}

TEST(RespWriter, AppendsToWhatTheStringHolds) {
  std::string out = "+OK\r\n";
  RespWriter writer(out);
  writer.bulk("a");
  out += ":1\r\n";
  writer.null();
  EXPECT_EQ(out, "+OK\r\n$1\r\na\r\n:1\r\n$-1\r\n");
}

TEST(RespWriter, TheVersionCountsFromTheNextReplyOn) {
  std::string out;
  RespWriter writer(out);
  EXPECT_EQ(writer.version(), RespVersion::resp2);
  writer.null();
  writer.set_version(RespVersion::resp3);
  writer.null();
  writer.set_version(RespVersion::resp2);
  writer.map(1);
  EXPECT_EQ(out, "$-1\r\n_\r\n*2\r\n");
}

}  // namespace
}  // namespace gyre::wire
