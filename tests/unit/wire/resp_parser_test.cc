#include "wire/resp_parser.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/resp_writer.h"

namespace gyre::wire {
namespace {

using namespace std::string_literals;

using Command = std::vector<std::string>;

constexpr std::size_t kLineMax = 64 * 1024;
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

struct RequestReading {
  std::vector<Command> commands;
  RespOutcome end = RespOutcome::incomplete;
  std::string error;
  std::size_t consumed = 0;

  bool operator==(const RequestReading&) const = default;
};

struct Feeder {
  RespParser parser;
  std::string pending;  // what a connection would hold
  RequestReading reading;

  explicit Feeder(RespLimits limits = {}, bool authenticated = true) : parser(limits) {
    parser.set_authenticated(authenticated);
  }

  // Each piece moves the bytes to another place.
  void feed(std::string_view piece) {
    std::string moved;
    moved.reserve(pending.size() + piece.size());
    moved.append(pending).append(piece);
    pending = std::move(moved);
    for (;;) {
      const auto [outcome, consumed] = parser.next(pending);
      if (outcome == RespOutcome::command) {
        reading.commands.emplace_back(parser.arguments().begin(), parser.arguments().end());
      }
      pending.erase(0, consumed);
      reading.consumed += consumed;
      reading.end = outcome;
      if (outcome != RespOutcome::command) break;
    }
    reading.error = parser.error();
  }
};

RequestReading read_in_pieces(std::string_view stream, std::size_t piece_bytes) {
  Feeder feeder;
  for (; !stream.empty(); stream.remove_prefix(std::min(piece_bytes, stream.size()))) {
    feeder.feed(stream.substr(0, piece_bytes));
  }
  return feeder.reading;
}

RequestReading read_whole(std::string_view stream) { return read_in_pieces(stream, stream.size()); }

// However the stream is cut: byte by byte, unless it is long.
std::string error_of(std::string_view stream) {
  const RequestReading whole = read_whole(stream);
  EXPECT_EQ(read_in_pieces(stream, 1 + stream.size() / 1000), whole) << stream;
  EXPECT_EQ(whole.end == RespOutcome::protocol_error, !whole.error.empty()) << stream;
  return whole.error;
}

std::vector<Command> commands_of(std::string_view stream) {
  EXPECT_EQ(error_of(stream), "");
  return read_whole(stream).commands;
}

std::string written(const Command& command) {
  std::string out;
  RespWriter writer(out);
  writer.array(command.size());
  for (const std::string& argument : command) writer.bulk(argument);
  return out;
}

TEST(RespParser, GivesTheArgumentsOfACommandWhereTheyWereReceived) {
  const std::string received = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\na\r\n\0b\r\n*1\r\n"s;
  RespParser parser;
  const auto [outcome, consumed] = parser.next(received);
  ASSERT_EQ(outcome, RespOutcome::command);
  EXPECT_EQ(consumed, received.size() - 4);
  ASSERT_EQ(parser.arguments().size(), 3u);
  EXPECT_TRUE(parser.arguments_in_place());
  EXPECT_EQ(parser.arguments()[0].data(), received.data() + 8);
  EXPECT_EQ(parser.arguments()[1], "key");
  EXPECT_EQ(parser.arguments()[2], "a\r\n\0b"s);
}

TEST(RespParser, GivesThePipelinedCommandsOneAfterTheOther) {
  const std::string pipeline = written({"SET", "key", "value"}) + "GET key\r\n" + written({"", ""}) + "PING\n";
  EXPECT_EQ(commands_of(pipeline), (std::vector<Command>{{"SET", "key", "value"}, {"GET", "key"}, {"", ""}, {"PING"}}));
  EXPECT_EQ(read_whole(pipeline).consumed, pipeline.size());
}

TEST(RespParser, FindsTheSameCommandsWhereverThePipelineIsCutInTwo) {
  const std::string pipeline = written({"SET", "key", std::string(300, 'v')}) + "\r\n*0\r\n*-1\r\n" +
                               "ECHO \"a\\x00b\" 'c'\r\n \r\n" + written({"MGET", "", "\r\n", "$1"}) +
                               "get  key\n*1\rX$4\rXPINGXX" + std::string(kPing) + "*2\r\n$4\r\nECHO\r\nx\r\n";
  const RequestReading whole = read_whole(pipeline);
  EXPECT_EQ(whole.commands.size(), 6u);
  EXPECT_EQ(whole.error, "Protocol error: expected '$', got 'x'");
  EXPECT_EQ(read_in_pieces(pipeline, 1), whole);
  for (std::size_t cut = 1; cut < pipeline.size(); ++cut) {
    Feeder feeder;
    feeder.feed(std::string_view(pipeline).substr(0, cut));
    feeder.feed(std::string_view(pipeline).substr(cut));
    ASSERT_EQ(feeder.reading, whole) << cut;
  }
}

RC_GTEST_PROP(RespParser, FindsEveryCommandHoweverTheStreamIsCut, ()) {
  const auto commands = *rc::gen::container<std::vector<Command>>(
      rc::gen::nonEmpty(rc::gen::container<Command>(rc::gen::string<std::string>())));
  std::string stream;
  for (const Command& command : commands) stream += written(command);
  Feeder feeder;
  for (std::string_view rest = stream; !rest.empty();) {
    const std::string_view piece = rest.substr(0, *rc::gen::inRange<std::size_t>(1, 40));
    feeder.feed(piece);
    rest.remove_prefix(piece.size());
    const RespOutcome end = feeder.reading.end;
    RC_ASSERT(end == RespOutcome::incomplete || end == RespOutcome::http);
  }
  if (feeder.reading.end == RespOutcome::incomplete) RC_ASSERT(feeder.reading.commands == commands);
}

TEST(RespParser, SkipsEmptyRequests) {
  EXPECT_EQ(commands_of("\r\n\n \t\r\n*0\r\n*-1\r\n*-9223372036854775808\r\nPING\r\n"),
            (std::vector<Command>{{"PING"}}));
  EXPECT_EQ(commands_of("*0\r\nA\n*-1\r\nB\n\nC\n"), (std::vector<Command>{{"A"}, {"B"}, {"C"}}));
  EXPECT_EQ(read_whole("\r\n*0\r\n*1").consumed, 6u);  // no request has begun there: these bytes need not be kept
}

TEST(RespParser, RefusesLengthsThatRedisRefuses) {
  const std::string invalid_count = "Protocol error: invalid multibulk length";
  const std::string invalid_length = "Protocol error: invalid bulk length";
  for (const std::string number :
       {"", "-", "+1", "-0", "00", "01", " 1", "1 ", "x", "1x", "1.0", "--1", "0x1", "9223372036854775807",
        "9223372036854775808", "18446744073709551617", "99999999999999999999999999999999999999999999"}) {
    EXPECT_EQ(error_of("*" + number + "\r\n"), invalid_count) << number;
    EXPECT_EQ(error_of("*1\r\n$" + number + "\r\n"), invalid_length) << number;
  }
  EXPECT_EQ(error_of("*-9223372036854775809\r\n"), invalid_count);
  EXPECT_EQ(error_of("*2147483648\r\n"), invalid_count);
  EXPECT_EQ(error_of("*1\r\n$-1\r\n"), invalid_length);
  EXPECT_EQ(error_of("*1\r\n$536870913\r\n"), invalid_length);
  EXPECT_EQ(error_of("*1048576\r\n$536870912\r\n"), "");
}

TEST(RespParser, SaysWhichByteStandsWhereALengthMustBegin) {
  EXPECT_EQ(error_of("*1\r\nxPING\r\n"), "Protocol error: expected '$', got 'x'");
  EXPECT_EQ(error_of("*1\r\n*1\r\n$4\r\nPING\r\n"), "Protocol error: expected '$', got '*'");
  EXPECT_EQ(error_of("*1\r\n\xff\r\n"), "Protocol error: expected '$', got '\xff'");
  EXPECT_EQ(error_of("*1\r\n\r\n"), "Protocol error: expected '$', got ' '");
  EXPECT_EQ(error_of("*1\r\n\n\r\n"), "Protocol error: expected '$', got ' '");
  EXPECT_EQ(error_of("*2\r\n$4\r\nECHO\r\nPING\r\n"), "Protocol error: expected '$', got 'P'");
  EXPECT_EQ(error_of("*1\r\nx"), "");  // not before the line is whole
}

// Redis looks for '\r' alone and skips the bytes that should end a line or an argument.
TEST(RespParser, SkipsWhatStandsInThePlaceOfLineEnds) {
  EXPECT_EQ(commands_of("*1\rX$4\rXPINGXX"), (std::vector<Command>{{"PING"}}));
  EXPECT_EQ(commands_of("*1\r\n$4\r\nPINGPING\r\n"), (std::vector<Command>{{"PING"}, {"NG"}}));
  EXPECT_EQ(commands_of("*1\n$4\nPING\n"), std::vector<Command>());
}

TEST(RespParser, TakesWhatOtherProtocolsBeginWithForInlineRequests) {
  EXPECT_EQ(commands_of("$4\r\nPING\r\n"), (std::vector<Command>{{"$4"}, {"PING"}}));
  EXPECT_EQ(commands_of("+OK\r\n"), (std::vector<Command>{{"+OK"}}));
  EXPECT_EQ(commands_of("GET / HTTP/1.1\r\n"), (std::vector<Command>{{"GET", "/", "HTTP/1.1"}}));
}

TEST(RespParser, SplitsInlineRequestsAtSpaces) {
  EXPECT_EQ(commands_of("  SET\tkey   value \r\n"), (std::vector<Command>{{"SET", "key", "value"}}));
  EXPECT_EQ(commands_of("\v\fECHO a\vb\r\n"), (std::vector<Command>{{"ECHO", "a\vb"}}));  // separate only before
  EXPECT_EQ(commands_of("ECHO a\rb \xe9\r\r\n"), (std::vector<Command>{{"ECHO", "a", "b", "\xe9"}}));
  EXPECT_EQ(commands_of("ECHO a\\b\n"), (std::vector<Command>{{"ECHO", "a\\b"}}));
  const std::string received = "GET key\r\n";
  RespParser parser;
  parser.next(received);
  EXPECT_TRUE(parser.arguments_in_place());
  EXPECT_EQ(parser.arguments()[1].data(), received.data() + 4);
}

TEST(RespParser, UnquotesInlineArguments) {
  EXPECT_EQ(commands_of(R"(ECHO "a b" 'c d' "" '')"s + "\r\n"), (std::vector<Command>{{"ECHO", "a b", "c d", "", ""}}));
  EXPECT_EQ(commands_of(R"(ECHO "\x41\x0a\xfF\n\r\t\b\a\q\"\\")"s + "\r\n"),
            (std::vector<Command>{{"ECHO", "A\n\xff\n\r\t\b\aq\"\\"}}));
  EXPECT_EQ(commands_of(R"(ECHO "\x4" "\xzz" "\x00" "\x)"s + "4\"\n"),
            (std::vector<Command>{{"ECHO", "x4", "xzz", "\0"s, "x4"}}));
  EXPECT_EQ(commands_of(R"(ECHO 'a\'b\n"')"s + "\r\n"), (std::vector<Command>{{"ECHO", "a'b\\n\""}}));
  EXPECT_EQ(commands_of(R"(EC"HO" a"b c")"s + "\r\n"), (std::vector<Command>{{"ECHO", "ab c"}}));
  EXPECT_EQ(commands_of("ECHO \"a\"\vb\r\n"), (std::vector<Command>{{"ECHO", "a", "b"}}));
  RespParser parser;
  parser.next("GET \"key\"\r\n");
  EXPECT_FALSE(parser.arguments_in_place());
}

TEST(RespParser, RefusesUnbalancedQuotes) {
  for (const char* line : {"\"", "'", "ECHO \"abc", "ECHO 'abc", "ECHO \"a\"b", "ECHO 'a'b", "ECHO a\"b\"c",
                           "ECHO \"a\\", "ECHO \"a\\\"", "ECHO 'a\\'", "ECHO \"\\x4", "ECHO \"a\"'b'"}) {
    EXPECT_EQ(error_of(line + "\r\n"s), "Protocol error: unbalanced quotes in request") << line;
    EXPECT_EQ(error_of(line), "") << line;  // not before the line is whole
  }
}

TEST(RespParser, RefusesLinesThatAreTooLong) {
  const std::string full(kLineMax, '1');
  const std::string almost = full.substr(1);
  EXPECT_EQ(error_of(full), "");
  EXPECT_EQ(commands_of(full + "\n").size(), 1u);
  EXPECT_EQ(error_of(full + "1"), "Protocol error: too big inline request");
  EXPECT_EQ(error_of(full + "1\n"), "Protocol error: too big inline request");
  EXPECT_EQ(error_of("\"" + full), "Protocol error: too big inline request");
  EXPECT_EQ(error_of("*" + almost), "");
  EXPECT_EQ(error_of("*" + almost + "\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*" + full), "Protocol error: too big mbulk count string");
  EXPECT_EQ(error_of("*" + full + "\r\n"), "Protocol error: too big mbulk count string");
  EXPECT_EQ(error_of("*1\r\n$" + almost), "");
  EXPECT_EQ(error_of("*1\r\n$" + almost + "\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("*1\r\n$" + full), "Protocol error: too big bulk count string");
  EXPECT_EQ(error_of("*1\r\nx" + full), "Protocol error: too big bulk count string");
}

TEST(RespParser, ANulHidesTheEndOfItsLine) {
  for (const std::string& line :
       {"PING\0\r\n"s, "\0"s, "*1\0\r\n"s, "*\0\r\n"s, "*1\r\n$4\0\r\n"s, "*1\r\n\0$4\r\n"s}) {
    EXPECT_EQ(commands_of(line + "PING\r\n"), std::vector<Command>());
    EXPECT_TRUE(error_of(line + std::string(kLineMax, '\n')).starts_with("Protocol error: too big "));
  }
}

TEST(RespParser, TellsRequestsOfBrowsers) {
  for (const std::string& request :
       {"POST / HTTP/1.1\r\n"s, "post\n"s, " \"PoSt\" /\r\n"s, "Host: localhost\r\n"s, "hOST: x\r\n"s,
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"s, "*1\r\n$4\r\nPOST\r\n"s, "*2\r\n$5\r\nHost:\r\n$1\r\nx\r\n"s,
        "*1\r\n$6\r\nPOST\0x\r\n"s}) {
    const RequestReading whole = read_whole(request + std::string(kPing));
    EXPECT_EQ(whole.end, RespOutcome::http) << request;
    EXPECT_LE(whole.commands.size(), 1u) << request;
    EXPECT_EQ(read_in_pieces(request + std::string(kPing), 1), whole) << request;
  }
  EXPECT_EQ(commands_of("POSTS\r\nHost:x\r\nHost\r\nPOS\r\nPING POST\r\n").size(), 5u);
}

TEST(RespParser, NothingFollowsAnError) {
  Feeder feeder;
  feeder.feed("*x\r\n");
  feeder.feed(kPing);
  EXPECT_EQ(feeder.reading.end, RespOutcome::protocol_error);
  EXPECT_EQ(feeder.reading.error, "Protocol error: invalid multibulk length");
  EXPECT_TRUE(feeder.reading.commands.empty());
}

TEST(RespParser, ObeysTheLimitsItIsGiven) {
  const auto error_with = [](RespLimits limits, std::string_view stream) {
    Feeder feeder(limits);
    feeder.feed(stream);
    return feeder.reading.error;
  };
  EXPECT_EQ(error_with({.arguments_max = 3}, "*3\r\n"), "");
  EXPECT_EQ(error_with({.arguments_max = 3}, "*4\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(error_with({.argument_bytes_max = 99}, "*1\r\n$99\r\n"), "");
  EXPECT_EQ(error_with({.argument_bytes_max = 99}, "*1\r\n$100\r\n"), "Protocol error: invalid bulk length");
}

TEST(RespParser, AllowsLittleBeforeAuthentication) {
  const auto error_without = [](std::string_view stream) {
    Feeder feeder({}, false);
    feeder.feed(stream);
    return feeder.reading.error;
  };
  EXPECT_EQ(error_without("*10\r\n"), "");
  EXPECT_EQ(error_without("*11\r\n"), "Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(error_without("*1048577\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(error_without("*-11\r\n"), "");
  EXPECT_EQ(error_without("*1\r\n$16384\r\n"), "");
  EXPECT_EQ(error_without("*1\r\n$16385\r\n"), "Protocol error: unauthenticated bulk length");
  EXPECT_EQ(error_without("*1\r\n$536870913\r\n"), "Protocol error: invalid bulk length");
}

TEST(RespParser, AuthenticationCountsForTheCommandsBehindItInThePipeline) {
  const std::string pipeline = written({"AUTH", "secret"}) + written(Command(11, "x"));
  RespParser parser;
  const RespStep first = parser.next(pipeline);
  ASSERT_EQ(first.outcome, RespOutcome::command);
  parser.set_authenticated(true);
  EXPECT_EQ(parser.next(std::string_view(pipeline).substr(first.consumed)).outcome, RespOutcome::command);
  parser.set_authenticated(false);
  EXPECT_EQ(parser.next(std::string_view(pipeline).substr(first.consumed)).outcome, RespOutcome::protocol_error);
}

TEST(RespParser, MemoryFollowsWhatWasReceivedNotWhatIsAnnounced) {
  Feeder feeder;
  feeder.feed("*1048576\r\n$4\r\nMSET\r\n$536870912\r\nx");
  EXPECT_EQ(feeder.reading.end, RespOutcome::incomplete);
  EXPECT_LE(feeder.parser.memory_bytes(), 256u);
}

TEST(RespParser, GivesTheMemoryOfALargeCommandBack) {
  Feeder feeder;
  const std::string large = written(Command(100'000, "x"));
  feeder.feed(large.substr(0, large.size() / 2));
  EXPECT_GT(feeder.parser.memory_bytes(), 100'000u);
  feeder.feed(large.substr(large.size() / 2));
  EXPECT_EQ(feeder.reading.commands.size(), 1u);
  feeder.feed("ECHO \"" + std::string(60'000, 'x') + "\"\r\n");
  EXPECT_EQ(feeder.reading.commands.size(), 2u);
  EXPECT_LE(feeder.parser.memory_bytes(), 256u);
}

TEST(RespParser, TellsHowManyBytesALargeArgumentNeeds) {
  RespParser parser;
  parser.set_authenticated(true);
  EXPECT_EQ(parser.next("*2\r\n$4\r\nECHO\r\n$100000\r\n").outcome, RespOutcome::incomplete);
  EXPECT_EQ(parser.bytes_needed(), 14u + 9 + 100'002);
  Feeder feeder;
  feeder.feed("*1\r\n$4\r\nPI");
  EXPECT_EQ(feeder.parser.bytes_needed(), kPing.size());
  feeder.feed("NG\r\n");
  EXPECT_EQ(feeder.parser.bytes_needed(), 1u);
}

// A header that is not whole is looked at again, as far as so many bytes of it.
constexpr std::size_t kHeaderMax = 12;

// Every byte but the last few is spoilt as soon as it was seen: who looks again, sees an end of a line.
TEST(RespParser, LooksAtNoByteTwiceHoweverSmallThePieces) {
  const Command command = {"MSET", "key", std::string(5'000, 'v'), "k2", std::string(1'000, 'w'), "", "x"};
  const std::string stream = written(command);
  std::string buffer = stream;
  RespParser parser;
  parser.set_authenticated(true);
  for (std::size_t received = 1; received < stream.size(); ++received) {
    ASSERT_EQ(parser.next(std::string_view(buffer).substr(0, received)).outcome, RespOutcome::incomplete);
    if (received > kHeaderMax) buffer[received - kHeaderMax - 1] = '\r';
  }
  ASSERT_EQ(parser.next(buffer).outcome, RespOutcome::command);
  ASSERT_EQ(parser.arguments().size(), command.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    at = stream.find("\r\n" + command[i] + "\r\n", at) + 2;
    EXPECT_EQ(parser.arguments()[i].size(), command[i].size());
    EXPECT_EQ(parser.arguments()[i].data(), buffer.data() + at);
  }
}

TEST(RespParser, LooksForTheEndOfALineOnlyInWhatIsNew) {
  for (const std::string begin : {"", "*", "*1\r\n$"}) {
    std::string buffer = begin + std::string(kLineMax, '1');
    const char spoilt = begin.empty() ? '\n' : '\r';
    RespParser parser;
    for (std::size_t received = begin.size() + 1; received <= kLineMax; ++received) {
      ASSERT_EQ(parser.next(std::string_view(buffer).substr(0, received)).outcome, RespOutcome::incomplete);
      if (received > begin.size() + kHeaderMax) buffer[received - 1] = spoilt;
    }
  }
}

}  // namespace
}  // namespace gyre::wire
