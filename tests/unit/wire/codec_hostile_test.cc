// The codec against bytes that no honest peer sends.
#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/rng.h"
#include "tests/unit/wire/generators.h"
#include "wire/codec.h"

namespace gyre::wire {
namespace {

using messages::Frame;

// A message of one segment, word by word, as encoding.html of capnproto.org describes it.
class RawMessage {
 public:
  // A struct pointer to what follows `offset` words behind it.
  static std::uint64_t struct_pointer(std::uint32_t offset, std::uint64_t data_words, std::uint64_t pointers) {
    return std::uint64_t{offset} << 2 | data_words << 32 | pointers << 48;
  }
  // A pointer to a list of structs that takes `words`, its tag not counted.
  static std::uint64_t list_pointer(std::uint32_t offset, std::uint64_t words) {
    return 1 | std::uint64_t{offset} << 2 | 7ull << 32 | words << 35;
  }
  static std::uint64_t list_tag(std::uint64_t elements, std::uint64_t data_words, std::uint64_t pointers) {
    return elements << 2 | data_words << 32 | pointers << 48;
  }

  RawMessage& add(std::uint64_t word) {
    words_.push_back(word);
    return *this;
  }
  // The root: a Frame of the present protocol without `sender` and `messages`, whose two list pointers come next.
  RawMessage& add_frame() { return add(struct_pointer(0, 1, 2)).add(3); }

  Bytes bytes() const {
    std::string text(8 + words_.size() * 8, '\0');
    const auto count = static_cast<std::uint32_t>(words_.size());
    std::memcpy(text.data() + 4, &count, 4);
    std::memcpy(text.data() + 8, words_.data(), words_.size() * 8);
    return Bytes::copy_of(text);
  }

 private:
  std::vector<std::uint64_t> words_;
};

ErrorCode refusal_of(const Bytes& bytes) {
  const auto decoded = decode(bytes, {});
  return decoded ? ErrorCode() : decoded.error().code;
}

// The errors that come of setting each aligned 16-bit field of `bytes` in turn to 65535.
std::vector<std::string> refusals_of_spoilt_fields(const Bytes& bytes) {
  std::vector<std::string> refusals;
  for (std::size_t at = 8; at + 2 <= bytes.size(); at += 2) {
    std::string spoilt = bytes.str();
    spoilt[at] = spoilt[at + 1] = '\xff';
    const auto decoded = decode(Bytes::copy_of(spoilt), {});
    if (!decoded) refusals.push_back(decoded.error().message);
  }
  return refusals;
}

bool some_begin_with(const std::vector<std::string>& texts, std::string_view start) {
  return std::ranges::any_of(texts, [&](const std::string& text) { return text.starts_with(start); });
}

TEST(CodecHostile, RefusesAnotherProtocolVersion) {
  std::string bytes = encode(Frame()).str();
  bytes[16] = 4;
  const auto decoded = decode(Bytes::copy_of(bytes), {});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::unsupported);
  EXPECT_NE(decoded.error().message.find("version 4"), std::string::npos) << decoded.error().message;
}

TEST(CodecHostile, RefusesUnknownTagsOfRequests) {
  Frame frame;
  messages::WriteOperation put{.kind = messages::WriteKind::put,
                               .key = Bytes::literal("k"),
                               .value = Bytes::literal("v"),
                               .delta = 0,
                               .expiry = {messages::Expiry::Kind::after, 5},
                               .condition = {messages::Condition::Kind::version, {}}};
  frame.requests.push_back({RequestId(1), {}, {}, messages::WriteRequest{{put}}});
  const auto refusals = refusals_of_spoilt_fields(encode(frame));
  EXPECT_TRUE(some_begin_with(refusals, "request 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "write operation 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "expiry 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "condition 65535 is unknown"));
}

TEST(CodecHostile, RefusesUnknownTagsOfResponses) {
  Frame frame;
  frame.responses.push_back({RequestId(1), {}, Error{.message = "m"}});
  const auto refusals = refusals_of_spoilt_fields(encode(frame));
  EXPECT_TRUE(some_begin_with(refusals, "response 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "outcome 65535 is unknown"));
}

TEST(CodecHostile, RefusesUnknownTagsOfMessages) {
  Frame frame;
  frame.messages = {messages::AppendAck{}, messages::Order{.node = NodeId("n1")}, messages::NodeEvent{}};
  const auto refusals = refusals_of_spoilt_fields(encode(frame));
  EXPECT_TRUE(some_begin_with(refusals, "message 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "state of a member 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "order 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "event 65535 is unknown"));
}

TEST(CodecHostile, RefusesUnknownTagsOfReadsAndReports) {
  Frame frame;
  frame.requests.push_back({RequestId(1), {}, {}, messages::GetRequest{.key = Bytes::literal("k")}});
  frame.responses.push_back({RequestId(1), {}, messages::PartitionsResponse{{{.role = {}}}}});
  frame.responses.push_back({RequestId(2), {}, messages::LostResponse{{{.loss = messages::LostRange{}}}}});
  const auto refusals = refusals_of_spoilt_fields(encode(frame));
  EXPECT_TRUE(some_begin_with(refusals, "read level 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "role 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "loss 65535 is unknown"));
}

TEST(CodecHostile, RefusesUnknownTagsOfWhatOperatorsAskFor) {
  Frame frame;
  frame.requests.push_back({RequestId(1), {}, {}, messages::ClusterSetRequest{.paused = true}});
  frame.requests.push_back({RequestId(2), {}, {}, messages::NodeSetRequest{.node = NodeId("n1")}});
  frame.requests.push_back({RequestId(3), {}, {}, messages::FaultsRequest{.rules = {{.peer = "n1"}}}});
  frame.responses.push_back({RequestId(4), {}, messages::MovesResponse{.moves = {{.from = NodeId("n1")}}}});
  const auto refusals = refusals_of_spoilt_fields(encode(frame));
  EXPECT_TRUE(some_begin_with(refusals, "setting 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "action 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "direction 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "stage of a move 65535 is unknown"));
}

TEST(CodecHostile, RefusesUnknownNodesAndMemberships) {
  ring::ClusterMap map;
  map.shape.partitions = 1;
  map.nodes.emplace_back().id = NodeId("n1");
  map.entries.resize(1);
  map.entries[0].primary = NodeId("n1");
  map.entries[0].in_sync = {{NodeId("n1"), Generation(1)}};
  Frame frame;
  const auto shared = std::make_shared<const ring::ClusterMap>(map);
  frame.responses.push_back({RequestId(1), {}, messages::MapResponse{{shared, nullptr}}});
  const auto refusals = refusals_of_spoilt_fields(encode(frame));
  EXPECT_TRUE(some_begin_with(refusals, "update of the map 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "membership 65535 is unknown"));
  EXPECT_TRUE(some_begin_with(refusals, "node index 65535 in a list of 1 nodes"));
}

TEST(CodecHostile, RefusesTextAndNothing) {
  EXPECT_NE(refusal_of(Bytes::literal("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")), ErrorCode());
  EXPECT_NE(refusal_of(Bytes()), ErrorCode());
  EXPECT_NE(refusal_of(Bytes::copy_of(std::string(8, '\0'))), ErrorCode());
}

TEST(CodecHostile, RefusesBytesBehindTheMessage) {
  EXPECT_EQ(refusal_of(Bytes::copy_of(encode(Frame()).str() + std::string(8, '\0'))), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(Bytes::copy_of(encode(Frame()).str() + "x")), ErrorCode::invalid_argument);
}

TEST(CodecHostile, RefusesHugeListsOfNothing) {
  RawMessage message;
  message.add_frame().add(RawMessage::list_pointer(1, 0)).add(0).add(RawMessage::list_tag((1u << 29) - 1, 0, 0));
  EXPECT_NE(refusal_of(message.bytes()), ErrorCode());
}

TEST(CodecHostile, RefusesListsThatTheFrameDoesNotPayFor) {
  // 100 requests of size zero in a frame of 6 words: within every count, yet no honest peer sends them.
  RawMessage message;
  message.add_frame().add(RawMessage::list_pointer(1, 0)).add(0).add(RawMessage::list_tag(100, 0, 0));
  EXPECT_EQ(refusal_of(message.bytes()), ErrorCode::invalid_argument);
}

TEST(CodecHostile, RefusesManyPointersToOneList) {
  // Responses of 3 data words and one pointer, each about partitions, all pointing to one list of 50 statuses.
  constexpr std::uint64_t kResponses = 50;
  constexpr std::uint64_t kPartitionsTag = 10;
  constexpr std::uint64_t kStatusWords = 7;
  constexpr std::uint64_t kStatuses = 50;
  RawMessage message;
  message.add_frame().add(0).add(RawMessage::list_pointer(0, kResponses * 4));
  message.add(RawMessage::list_tag(kResponses, 3, 1));
  for (std::uint32_t i = 0; i < kResponses; ++i) {
    message.add(i).add(0).add(kPartitionsTag);
    message.add(RawMessage::list_pointer((kResponses - 1 - i) * 4, kStatuses * kStatusWords));
  }
  message.add(RawMessage::list_tag(kStatuses, 5, 2));
  for (std::uint64_t i = 0; i < kStatuses * kStatusWords; ++i) message.add(0);
  EXPECT_EQ(refusal_of(message.bytes()), ErrorCode::invalid_argument);
}

TEST(CodecHostile, RefusesPointersInCircles) {
  RawMessage far;
  far.add(2);  // a far pointer to itself
  EXPECT_NE(refusal_of(far.bytes()), ErrorCode());
  RawMessage outside;
  outside.add_frame().add(RawMessage::list_pointer(1'000'000, 5)).add(0);
  EXPECT_EQ(refusal_of(outside.bytes()), ErrorCode::invalid_argument);
}

RC_GTEST_PROP(CodecHostile, RefusesEveryTruncation, ()) {
  const std::string bytes = encode(testing::any_frame()).str();
  const auto kept = *rc::gen::inRange<std::size_t>(0, bytes.size());
  RC_ASSERT(!decode(Bytes::copy_of(bytes.substr(0, kept)), {}));
}

// What was decoded in spite of the damage is within all limits: it can be encoded and decoded again.
RC_GTEST_PROP(CodecHostile, SurvivesDamage, (std::uint64_t seed)) {
  const std::string whole = encode(testing::any_frame()).str();
  Rng rng(seed);
  for (int i = 0; i < 50; ++i) {
    std::string bytes = whole;
    for (std::uint64_t flips = 1 + rng.below(4); flips > 0; --flips) {
      bytes[rng.below(bytes.size())] ^= static_cast<char>(1u << rng.below(8));
    }
    const auto decoded = decode(Bytes::copy_of(bytes), {});
    if (!decoded) continue;
    const auto again = decode(encode(*decoded), {});
    RC_ASSERT(again.has_value());
    RC_ASSERT(testing::describe(*again) == testing::describe(*decoded));
  }
}

}  // namespace
}  // namespace gyre::wire
