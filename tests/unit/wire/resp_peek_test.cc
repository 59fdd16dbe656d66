#include "wire/resp_peek.h"

#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/resp_parser.h"

namespace gyre::wire {
namespace {

using namespace std::string_literals;

std::string get(std::string_view key, std::string_view name = "GET") {
  return fmt::format("*2\r\n$3\r\n{}\r\n${}\r\n{}\r\n", name, key.size(), key);
}

std::vector<std::string_view> peeked(std::string_view received, std::size_t most = 16) {
  std::vector<std::string_view> keys(most);
  const PeekedGets found = peek_gets(received, keys);
  EXPECT_LE(found.bytes, received.size());
  keys.resize(found.count);
  return keys;
}

TEST(RespPeek, FindsTheKeysOfAPipelineOfGets) {
  const std::string received = get("a") + get("", "get") + get("a\r\nb\0c"s, "Get");
  EXPECT_EQ(peeked(received), (std::vector<std::string_view>{"a", "", std::string_view("a\r\nb\0c", 6)}));
  std::array<std::string_view, 16> keys;
  EXPECT_EQ(peek_gets(received, keys).bytes, received.size());
}

TEST(RespPeek, FindsNoMoreThanThereIsRoomFor) {
  const std::string received = get("a") + get("b") + get("c");
  EXPECT_EQ(peeked(received, 2), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(peeked(received, 0).size(), 0u);
}

TEST(RespPeek, StopsAtAnythingElse) {
  for (const std::string& other :
       {"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"s, "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"s, "get k\r\n"s,
        "*2\r\n$3\r\nGET\r\n:1\r\n"s, "*2\r\n$3\r\nGET\r\n$-1\r\n"s, "*2\r\n$3\r\nGET\r\n$x\r\n"s,
        "*2\r\n$3\r\nGET\r\n$99999999999999999999999\r\nk\r\n"s,
        "*2\r\n$3\r\nGET\r\n$18446744073709551615\r\nk\r\n"s}) {
    EXPECT_EQ(peeked(get("a") + other + get("b")), (std::vector<std::string_view>{"a"})) << other;
  }
}

TEST(RespPeek, StopsAtWhatIsCutShort) {
  const std::string whole = get("key");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string received = get("a") + whole.substr(0, size);
    EXPECT_EQ(peeked(received), (std::vector<std::string_view>{"a"})) << size;
  }
}

// What it says is what the parser will say, whatever is mixed in.
RC_GTEST_PROP(RespPeekProperty, SaysWhatTheParserWillSay, ()) {
  std::string received;
  for (int i = *rc::gen::inRange(0, 8); i > 0; --i)
    received += get(*rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
  if (!received.empty() && *rc::gen::arbitrary<bool>()) {
    received[*rc::gen::inRange<std::size_t>(0, received.size())] = *rc::gen::arbitrary<char>();
  }
  RespParser parser;
  std::size_t consumed = 0;
  for (const std::string_view key : peeked(received)) {
    const RespStep step = parser.next(std::string_view(received).substr(consumed));
    consumed += step.consumed;
    if (step.outcome != RespOutcome::command) return;  // a broken line end, which the parser looks at more closely
    RC_ASSERT(parser.arguments().size() == 2u);
    RC_ASSERT(parser.arguments()[1] == key);
  }
}

}  // namespace
}  // namespace gyre::wire
