#include "wire/resp_reader.h"

#include <array>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/resp_writer.h"

namespace gyre::wire {
namespace {

using namespace std::string_literals;
using Kind = RespValue::Kind;

struct ReplyReading {
  std::vector<RespValue> values;
  std::optional<ErrorCode> error;
  std::size_t consumed = 0;

  bool operator==(const ReplyReading&) const = default;
};

ReplyReading read_replies_in_pieces(std::string_view stream, std::size_t piece_bytes, RespReaderLimits limits = {}) {
  RespReader reader(limits);
  ReplyReading reading;
  std::string pending;
  for (; !stream.empty(); stream.remove_prefix(std::min(piece_bytes, stream.size()))) {
    pending += stream.substr(0, piece_bytes);
    for (;;) {
      auto reply = reader.next(pending);
      if (!reply) {
        reading.error = reply.error().code;
        return reading;
      }
      pending.erase(0, reply->consumed);
      reading.consumed += reply->consumed;
      if (!reply->value) break;
      reading.values.push_back(std::move(*reply->value));
    }
  }
  return reading;
}

// However the stream is cut.
ReplyReading read(std::string_view stream, RespReaderLimits limits = {}) {
  const ReplyReading whole = read_replies_in_pieces(stream, stream.size(), limits);
  const ReplyReading bytewise = read_replies_in_pieces(stream, 1, limits);
  EXPECT_EQ(bytewise.values, whole.values) << stream;
  EXPECT_EQ(bytewise.error, whole.error) << stream;
  return whole;
}

RespValue value_of(std::string_view stream) {
  const ReplyReading reading = read(stream);
  EXPECT_EQ(reading.error, std::nullopt) << stream;
  EXPECT_EQ(reading.consumed, stream.size()) << stream;
  EXPECT_EQ(reading.values.size(), 1u) << stream;
  return reading.values.empty() ? RespValue() : reading.values.front();
}

RespValue text(Kind kind, std::string text) { return {.kind = kind, .text = std::move(text)}; }
RespValue integer(std::int64_t value) { return {.kind = Kind::integer, .integer = value}; }
RespValue aggregate(Kind kind, std::vector<RespValue> items) { return {.kind = kind, .items = std::move(items)}; }

TEST(RespReader, ReadsTheRepliesOfBothVersions) {
  EXPECT_EQ(value_of("+OK\r\n"), text(Kind::simple, "OK"));
  EXPECT_EQ(value_of("-ERR no\r\n"), text(Kind::error, "ERR no"));
  EXPECT_EQ(value_of("$5\r\na\r\n\0b\r\n"s), text(Kind::bulk, "a\r\n\0b"s));
  EXPECT_EQ(value_of("$0\r\n\r\n"), text(Kind::bulk, ""));
  EXPECT_EQ(value_of(":42\r\n"), integer(42));
  EXPECT_EQ(value_of(":+42\r\n"), integer(42));
  EXPECT_EQ(value_of(":-9223372036854775808\r\n"), integer(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(value_of("*2\r\n:1\r\n*1\r\n+a\r\n"),
            aggregate(Kind::array, {integer(1), aggregate(Kind::array, {text(Kind::simple, "a")})}));
  EXPECT_EQ(value_of("*0\r\n"), aggregate(Kind::array, {}));
  for (const char* null : {"$-1\r\n", "*-1\r\n", "_\r\n"}) EXPECT_EQ(value_of(null), RespValue());
}

TEST(RespReader, ReadsTheRepliesOfVersion3) {
  EXPECT_EQ(value_of("#t\r\n"), (RespValue{.kind = Kind::boolean, .integer = 1}));
  EXPECT_EQ(value_of("#f\r\n"), (RespValue{.kind = Kind::boolean, .integer = 0}));
  EXPECT_EQ(value_of(",-1.5e3\r\n"), (RespValue{.kind = Kind::number, .number = -1500}));
  EXPECT_EQ(value_of(",-inf\r\n").number, -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(RespReader().next(",-nan\r\n")->value->number));
  EXPECT_EQ(value_of("(-12345678901234567890\r\n"), text(Kind::big_number, "-12345678901234567890"));
  EXPECT_EQ(value_of("!5\r\nERR a\r\n"), text(Kind::error, "ERR a"));
  EXPECT_EQ(value_of("=6\r\nmkd:\r\n\r\n"),
            (RespValue{.kind = Kind::verbatim, .text = "\r\n", .format = {'m', 'k', 'd'}}));
  EXPECT_EQ(value_of("%1\r\n+a\r\n:1\r\n"), aggregate(Kind::map, {text(Kind::simple, "a"), integer(1)}));
  EXPECT_EQ(value_of("~1\r\n:1\r\n"), aggregate(Kind::set, {integer(1)}));
  EXPECT_EQ(value_of(">1\r\n:1\r\n"), aggregate(Kind::push, {integer(1)}));
}

TEST(RespReader, DropsAttributes) {
  EXPECT_EQ(value_of("|1\r\n+ttl\r\n*1\r\n:5\r\n:1\r\n"), integer(1));
  EXPECT_EQ(value_of("*2\r\n|0\r\n:1\r\n|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n+d\r\n:2\r\n"),
            aggregate(Kind::array, {integer(1), integer(2)}));
}

TEST(RespReader, GivesPipelinedRepliesOneAfterTheOther) {
  const ReplyReading reading = read("+OK\r\n$1\r\na\r\n*1\r\n:1\r\n:2\r\n$3\r\nab");
  EXPECT_EQ(reading.values, (std::vector{text(Kind::simple, "OK"), text(Kind::bulk, "a"),
                                         aggregate(Kind::array, {integer(1)}), integer(2)}));
  EXPECT_EQ(reading.consumed, 24u);
}

TEST(RespReader, RefusesWhatIsNoReply) {
  for (const std::string& stream : {"\r\n"s,
                                    "PONG\r\n"s,
                                    "+OK\rx"s,
                                    ":\r\n"s,
                                    ":x\r\n"s,
                                    ":1.5\r\n"s,
                                    ":++1\r\n"s,
                                    ":+-1\r\n"s,
                                    ":9223372036854775808\r\n"s,
                                    "$\r\n"s,
                                    "$-2\r\n"s,
                                    "$x\r\n"s,
                                    "$?\r\n"s,
                                    "$1\r\nabc"s,
                                    "$1\r\na\r\r"s,
                                    "!-1\r\n"s,
                                    "=-1\r\n"s,
                                    "=3\r\ntxt\r\n"s,
                                    "=5\r\ntxta:\r\n"s,
                                    "*-2\r\n"s,
                                    "*?\r\n"s,
                                    "*\r\n"s,
                                    "%-1\r\n"s,
                                    "~-1\r\n"s,
                                    "#\r\n"s,
                                    "#x\r\n"s,
                                    "#tt\r\n"s,
                                    ",\r\n"s,
                                    ",x\r\n"s,
                                    ",1x\r\n"s,
                                    "(\r\n"s,
                                    "(-\r\n"s,
                                    "(1a\r\n"s,
                                    "_x\r\n"s,
                                    "*1\r\nx\r\n"s,
                                    "\0\r\n"s}) {
    EXPECT_EQ(read(stream).error, ErrorCode::invalid_argument) << stream;
  }
}

TEST(RespReader, RefusesWhatIsTooLarge) {
  const auto error_of = [](std::string_view stream) {
    return read(stream, {.depth_max = 2, .values_max = 3, .bytes_max = 100}).error;
  };
  EXPECT_EQ(error_of("*1\r\n*1\r\n:1\r\n"), std::nullopt);
  EXPECT_EQ(error_of("*1\r\n*1\r\n*1\r\n"), ErrorCode::too_large);
  EXPECT_EQ(error_of("*1\r\n*1\r\n*0\r\n"), std::nullopt);
  EXPECT_EQ(error_of("|1\r\n|1\r\n|1\r\n"), ErrorCode::too_large);
  EXPECT_EQ(error_of("*3\r\n:1\r\n"), std::nullopt);
  EXPECT_EQ(error_of("*4\r\n:1\r\n"), ErrorCode::too_large);
  EXPECT_EQ(error_of("*2\r\n*1\r\n:1\r\n:1\r\n"), ErrorCode::too_large);
  EXPECT_EQ(error_of("|0\r\n|0\r\n|0\r\n|0\r\n"), ErrorCode::too_large);  // a reply that never comes
  EXPECT_EQ(error_of(":1\r\n:1\r\n:1\r\n:1\r\n"), std::nullopt);
  EXPECT_EQ(error_of("$100\r\n"), std::nullopt);
  EXPECT_EQ(error_of("$101\r\n"), ErrorCode::too_large);
  EXPECT_EQ(error_of("*2\r\n$60\r\n" + std::string(60, 'x') + "\r\n$60\r\n"), ErrorCode::too_large);
  EXPECT_EQ(error_of("$9223372036854775807\r\n"), ErrorCode::too_large);
  EXPECT_EQ(error_of("+" + std::string(100'000, 'x')), ErrorCode::too_large);
}

TEST(RespReader, ConsumesWhatItHasReadOfAnUnfinishedReply) {
  RespReader reader;
  const auto reply = reader.next("*1000\r\n$1\r\na\r\n:5\r\n$3\r\n");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->value, std::nullopt);
  EXPECT_EQ(reply->consumed, 18u);
}

RespValue leaf(std::uint32_t number, std::string content) {
  const std::int64_t magnitude = number / 7;
  switch (number % 7) {
    case 0: return RespValue();
    case 1: return text(Kind::bulk, std::move(content));
    case 2: return integer(-magnitude);
    case 3: return {.kind = Kind::number, .number = static_cast<double>(magnitude) / 3};
    case 4: return {.kind = Kind::boolean, .integer = magnitude % 2};
    case 5: return text(Kind::big_number, std::to_string(magnitude) + "00000000000000000000");
    default: return {.kind = Kind::verbatim, .text = std::move(content), .format = {'t', 'x', 't'}};
  }
}

RespValue any_value(int depth) {
  const auto number = *rc::gen::arbitrary<std::uint32_t>();
  if (depth == 0 || number % 3 == 0) return leaf(number / 3, *rc::gen::string<std::string>());
  constexpr std::array kKinds = {Kind::array, Kind::map, Kind::set, Kind::push};
  RespValue value{.kind = kKinds[number / 3 % kKinds.size()]};
  for (std::uint32_t items = number / 16 % 3 * 2; items > 0; --items) value.items.push_back(any_value(depth - 1));
  return value;
}

RC_GTEST_PROP(RespReader, ReadsWhatTheWriterWroteHoweverItIsCut, ()) {
  std::vector<RespValue> values;
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) values.push_back(any_value(3));
  std::string stream;
  RespWriter writer(stream, RespVersion::resp3);
  for (const RespValue& value : values) write(writer, value);
  const ReplyReading reading = read_replies_in_pieces(stream, *rc::gen::inRange<std::size_t>(1, 50));
  RC_ASSERT(reading.error == std::nullopt);
  RC_ASSERT(reading.values == values);
}

TEST(RespReader, WritesAReplyInTheOtherVersion) {
  const RespValue map = value_of("%1\r\n+a\r\n*2\r\n#t\r\n_\r\n");
  std::string out;
  RespWriter writer(out, RespVersion::resp2);
  write(writer, map);
  EXPECT_EQ(out, "*2\r\n+a\r\n*2\r\n:1\r\n$-1\r\n");
}

// What was consumed is gone, so only the reply's last line or text can be looked at again: it comes in many pieces
// here, and is spoilt as soon as it was seen.
TEST(RespReader, LooksAtNoByteTwiceHoweverSmallThePieces) {
  std::string line = "+" + std::string(60'000, 'x');
  RespReader reader;
  for (std::size_t received = 1; received <= line.size(); ++received) {
    const auto reply = reader.next(std::string_view(line).substr(0, received));
    ASSERT_TRUE(reply && !reply->value && reply->consumed == 0);
    line[received - 1] = '\r';
  }
  std::string bulk = "$60000\r\n" + std::string(60'000, 'x') + "\r\n";
  RespReader bulk_reader;
  for (std::size_t received = 1; received < bulk.size(); ++received) {
    const auto reply = bulk_reader.next(std::string_view(bulk).substr(0, received));
    ASSERT_TRUE(reply && !reply->value && reply->consumed == 0);
    if (received == 8) bulk[0] = 'x';
  }
  bulk[0] = '$';
  EXPECT_EQ(bulk_reader.next(bulk)->value->text.size(), 60'000u);
}

}  // namespace
}  // namespace gyre::wire
