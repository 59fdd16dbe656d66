#include "wire/codec.h"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/wire/generators.h"

namespace gyre::wire {
namespace {

using messages::Frame;
using messages::Request;
using messages::Response;
using testing::any_map;
using testing::any_placement;
using testing::any_request;
using testing::any_response;
using testing::describe;

Frame frame_of(messages::RequestBody body) {
  Frame frame;
  frame.requests.push_back({.id = RequestId(1), .budget = {}, .epoch = Epoch(), .body = std::move(body)});
  return frame;
}

Frame frame_of_response(messages::ResponseBody body) {
  Frame frame;
  frame.responses.push_back({.id = RequestId(1), .epoch = Epoch(), .body = std::move(body)});
  return frame;
}

messages::WriteOperation put_of(std::string_view key, std::string_view value) {
  return {.kind = messages::WriteKind::put,
          .key = Bytes::copy_of(key),
          .value = Bytes::copy_of(value),
          .delta = 0,
          .expiry = {},
          .condition = {}};
}

ErrorCode refusal_of(const Frame& frame, const Limits& limits = {}) {
  const auto decoded = decode(encode(frame), limits);
  return decoded ? ErrorCode() : decoded.error().code;
}

RC_GTEST_PROP(Codec, RequestsSurviveTheTrip, ()) {
  Frame frame;
  frame.requests = *rc::gen::container<std::vector<Request>>(any_request());
  const auto decoded = decode(encode(frame), {});
  if (!decoded) RC_FAIL(decoded.error().message + " in " + describe(frame));
  RC_ASSERT(describe(*decoded) == describe(frame));
}

RC_GTEST_PROP(Codec, ResponsesSurviveTheTrip, ()) {
  Frame frame;
  frame.responses = *rc::gen::container<std::vector<Response>>(any_response());
  const auto decoded = decode(encode(frame), {});
  if (!decoded) RC_FAIL(decoded.error().message + " in " + describe(frame));
  RC_ASSERT(describe(*decoded) == describe(frame));
}

RC_GTEST_PROP(Codec, MapsSurviveTheTrip, ()) {
  const ring::ClusterMap map = *any_map();
  const auto decoded = decode_map(encode_map(map));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(**decoded == map);
}

RC_GTEST_PROP(Codec, PlacementsSurviveTheTrip, ()) {
  const ring::Placement placement = *any_placement();
  const auto decoded = decode_placement(encode_placement(placement));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == placement);
}

RC_GTEST_PROP(Codec, EncodingIsTheSameEachTime, ()) {
  Frame frame;
  frame.requests.push_back(*any_request());
  frame.responses.push_back(*any_response());
  const Bytes once = encode(frame);
  RC_ASSERT(encode(frame) == once);
  RC_ASSERT(once.size() % 8 == 0u);
}

TEST(Codec, AnEmptyFrameIsLegal) {
  const auto decoded = decode(encode(Frame()), {});
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->requests.empty());
  EXPECT_TRUE(decoded->responses.empty());
}

TEST(Codec, KeysAndValuesShareTheFramesMemory) {
  const Bytes bytes = encode(frame_of(messages::WriteRequest{{put_of("key", std::string(1000, 'v'))}}));
  const auto decoded = decode(bytes, {});
  ASSERT_TRUE(decoded);
  const auto& operation = std::get<messages::WriteRequest>(decoded->requests[0].body).operations[0];
  EXPECT_GE(operation.value.data(), bytes.data());
  EXPECT_LE(operation.value.data() + operation.value.size(), bytes.data() + bytes.size());
}

TEST(Codec, DecodesWhatLiesUnalignedInMemory) {
  const Frame frame = frame_of(messages::GetRequest{Bytes::copy_of("some key")});
  const Bytes shifted = Bytes::copy_of("x" + encode(frame).str());
  const auto decoded = decode(shifted.slice(shifted.view().substr(1)), {});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(describe(*decoded), describe(frame));
}

TEST(Codec, ADeadlineNeverTurnsIntoNone) {
  using namespace std::chrono_literals;
  const auto travelled = [](Duration budget) {
    Frame frame = frame_of(messages::StatusRequest{});
    frame.requests[0].budget = budget;
    return decode(encode(frame), {})->requests[0].budget;
  };
  EXPECT_EQ(travelled(0ms), 0ms);
  EXPECT_EQ(travelled(250ms), 250ms);
  EXPECT_EQ(travelled(300us), 1ms);
  EXPECT_EQ(travelled(-5s), 1ms);
  EXPECT_EQ(travelled(24h * 365 * 50), std::chrono::milliseconds(std::numeric_limits<std::uint32_t>::max()));
}

TEST(Codec, RefusesKeysAndValuesBeyondTheirLimits) {
  const Limits small{.key_bytes_max = 10, .value_bytes_max = 20};
  EXPECT_EQ(refusal_of(frame_of(messages::GetRequest{Bytes::copy_of(std::string(10, 'k'))}), small), ErrorCode());
  EXPECT_EQ(refusal_of(frame_of(messages::GetRequest{Bytes::copy_of(std::string(11, 'k'))}), small),
            ErrorCode::too_large);
  EXPECT_EQ(refusal_of(frame_of(messages::WriteRequest{{put_of("k", std::string(20, 'v'))}}), small), ErrorCode());
  EXPECT_EQ(refusal_of(frame_of(messages::WriteRequest{{put_of("k", std::string(21, 'v'))}}), small),
            ErrorCode::too_large);
}

TEST(Codec, RefusesListsBeyondTheirLimits) {
  messages::WriteRequest write;
  EXPECT_EQ(refusal_of(frame_of(write)), ErrorCode::invalid_argument);
  write.operations.assign(limits::kBatchOperationsMax, put_of("k", "v"));
  EXPECT_EQ(refusal_of(frame_of(write)), ErrorCode());
  write.operations.push_back(put_of("k", "v"));
  EXPECT_EQ(refusal_of(frame_of(write)), ErrorCode::too_large);

  Frame frame;
  frame.requests.assign(limits::kFrameRequestsMax + 1, frame_of(messages::StatusRequest{}).requests[0]);
  EXPECT_EQ(refusal_of(frame), ErrorCode::too_large);

  messages::ScanResponse page;
  page.items.assign(limits::kScanItemsMax + 1, {Bytes::copy_of("k"), {}, -1});
  EXPECT_EQ(refusal_of(frame_of_response(page)), ErrorCode::too_large);
}

TEST(Codec, RefusesTimesThatNoOneMeans) {
  const auto refusal_of_expiry = [](messages::Expiry expiry) {
    auto put = put_of("k", "v");
    put.expiry = expiry;
    return refusal_of(frame_of(messages::WriteRequest{{put}}));
  };
  using Kind = messages::Expiry::Kind;
  EXPECT_EQ(refusal_of_expiry({Kind::after, limits::kTtlMsMax}), ErrorCode());
  EXPECT_EQ(refusal_of_expiry({Kind::after, limits::kTtlMsMax + 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_expiry({Kind::after, -1}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_expiry({Kind::at, std::numeric_limits<std::int64_t>::min()}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_expiry({Kind::at, std::numeric_limits<std::int64_t>::max()}), ErrorCode::invalid_argument);

  EXPECT_EQ(refusal_of(frame_of_response(messages::GetResponse{{}, -2})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_response(messages::GetResponse{{{}, {}, UnixMillis(-1)}, -1})),
            ErrorCode::invalid_argument);
}

TEST(Codec, TakesTheSizeOfAPageAsTheNearestPossible) {
  const auto travelled = [](std::uint32_t items_max) {
    messages::ScanRequest scan;
    scan.items_max = items_max;
    const auto decoded = decode(encode(frame_of(scan)), {});
    return std::get<messages::ScanRequest>(decoded->requests[0].body).items_max;
  };
  EXPECT_EQ(travelled(0), 1u);
  EXPECT_EQ(travelled(77), 77u);
  EXPECT_EQ(travelled(4'000'000'000), limits::kScanItemsMax);
}

TEST(Codec, CutsLongErrorMessages) {
  const auto decoded = decode(encode(frame_of_response(Error{.message = std::string(1'000'000, 'm')})), {});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<Error>(decoded->responses[0].body).message.size(), limits::kErrorMessageBytesMax);
}

TEST(Codec, TakesAnErrorCodeOfANewerPeerAsInternal) {
  const auto decoded = decode(encode(frame_of_response(Error{.code = ErrorCode(999), .message = "new"})), {});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<Error>(decoded->responses[0].body).code, ErrorCode::internal);
  EXPECT_EQ(std::get<Error>(decoded->responses[0].body).message, "new");
}

TEST(Codec, SplitsWhatDoesNotFitIntoOneFrame) {
  const Limits limits{.value_bytes_max = 8 * 1024 * 1024};
  Frame frame;
  for (std::uint64_t i = 0; i < 5; ++i) {
    frame.requests.push_back(frame_of(messages::WriteRequest{{put_of("k", std::string(4 << 20, 'v'))}}).requests[0]);
    frame.requests.back().id = RequestId(i);
  }
  frame.responses.assign(limits::kFrameRequestsMax + 1, frame_of_response(Error()).responses[0]);

  Frame joined;
  std::size_t frames = 0;
  for (const Bytes& bytes : encode_split(frame, limits)) {
    ++frames;
    EXPECT_LE(bytes.size(), limits.frame_bytes_max());
    auto part = decode(bytes, limits);
    ASSERT_TRUE(part) << part.error().message;
    std::ranges::move(part->requests, std::back_inserter(joined.requests));
    std::ranges::move(part->responses, std::back_inserter(joined.responses));
  }
  EXPECT_EQ(frames, 5u);  // two, two and one value of 4 MiB; 4096 responses, then one
  EXPECT_EQ(describe(joined), describe(frame));
}

TEST(Codec, SplitsNothingOutOfNothing) { EXPECT_TRUE(encode_split({}, {}).empty()); }

TEST(Codec, TheLargestMapFitsInTheSmallestFrame) {
  ring::ClusterMap map;
  map.cluster = Uuid::from_words(1, 2);
  map.shape = {.partitions = limits::kSlots, .replication_factor = limits::kReplicationFactorMax};
  for (std::uint32_t i = 0; i < limits::kNodesMax; ++i) {
    const std::string name = std::to_string(100'000 + i) + std::string(57, 'n');
    ring::NodeInfo& node = map.nodes.emplace_back();
    node.id = NodeId(name);
    node.data_id = map.cluster;
    node.zone = std::string(63, 'z');
    node.addresses = {std::string(260, 'a'), std::string(260, 'b'), std::string(260, 'c')};
  }
  ring::PartitionEntry entry;
  for (std::size_t i = 0; i < limits::kReplicationFactorMax; ++i) {
    entry.in_sync.push_back({map.nodes[i].id, Generation(1)});
    entry.learners.push_back(map.nodes[100 + i].id);
  }
  map.entries.assign(limits::kSlots, entry);
  const Bytes bytes = encode_map(map);
  EXPECT_LT(bytes.size(), Limits{.value_bytes_max = 1}.frame_bytes_max() - limits::kFrameEnvelopeBytes);
  const auto decoded = decode_map(bytes);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_TRUE(**decoded == map);
}

TEST(Codec, RefusesAMapThatDoesNotHold) {
  ring::ClusterMap map;
  map.shape.partitions = 4;
  map.entries.resize(3);
  const auto decoded = decode_map(encode_map(map));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gyre::wire
