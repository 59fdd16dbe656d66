#include "wire/codec.h"

#include <limits>
#include <memory>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/wire/frames.h"
#include "tests/unit/wire/generators.h"

namespace gyre::wire {
namespace {

using messages::Frame;
using messages::Request;
using messages::Response;
using testing::any_frame;
using testing::any_map;
using testing::any_message;
using testing::any_placement;
using testing::any_request;
using testing::any_response;
using testing::any_sender;
using testing::any_settings;
using testing::describe;
using testing::frame_of;
using testing::frame_of_message;
using testing::frame_of_response;
using testing::refusal_of;

// An append of consecutive writes behind {1, 0}, of one put of `value` each.
messages::Append append_of(std::size_t writes, std::string_view value) {
  messages::Append append;
  append.previous.term = Term(1);
  for (std::uint64_t i = 1; i <= writes; ++i) {
    messages::LoggedWrite write;
    write.position = {Term(1), Sequence(i)};
    write.mutations.push_back({.kind = messages::Mutation::Kind::put,
                               .key = Bytes::literal("key"),
                               .record = {.value = Bytes::copy_of(value), .version = write.position}});
    append.writes.push_back(std::make_shared<const messages::LoggedWrite>(std::move(write)));
  }
  return append;
}

// The same with its writes changed.
messages::Append with(messages::Append append, std::size_t index, auto change) {
  auto write = *append.writes[index];
  change(write);
  append.writes[index] = std::make_shared<const messages::LoggedWrite>(std::move(write));
  return append;
}

messages::WriteOperation put_of(std::string_view key, std::string_view value) {
  return {.kind = messages::WriteKind::put,
          .key = Bytes::copy_of(key),
          .value = Bytes::copy_of(value),
          .delta = 0,
          .expiry = {},
          .condition = {}};
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

RC_GTEST_PROP(Codec, MessagesAndTheirSenderSurviveTheTrip, ()) {
  Frame frame;
  frame.sender = *any_sender();
  frame.messages = *rc::gen::nonEmpty(rc::gen::container<std::vector<messages::Message>>(any_message()));
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

RC_GTEST_PROP(Codec, SettingsSurviveTheTrip, ()) {
  const Settings settings = *any_settings();
  const auto decoded = decode_settings(encode_settings(settings));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == settings);
}

RC_GTEST_PROP(Codec, EncodingIsTheSameEachTime, ()) {
  const Frame frame = any_frame();
  const Bytes once = encode(frame);
  RC_ASSERT(encode(frame) == once);
  RC_ASSERT(once.size() % 8 == 0u);
}

// The size of a frame is foretold, so that it is built in one piece and never copied.
RC_GTEST_PROP(Codec, FramesHaveOneSegment, ()) {
  const Bytes bytes = encode(any_frame());
  RC_ASSERT(bytes.view().starts_with(std::string_view("\0\0\0\0", 4)));
}

TEST(Codec, AnEmptyFrameIsLegal) {
  const auto decoded = decode(encode(Frame()), {});
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->requests.empty());
  EXPECT_TRUE(decoded->responses.empty());
  EXPECT_TRUE(decoded->messages.empty());
}

TEST(Codec, KeysAndValuesShareTheFramesMemory) {
  const Bytes bytes = encode(frame_of(messages::WriteRequest{{put_of("key", std::string(1000, 'v'))}}));
  const auto decoded = decode(bytes, {});
  ASSERT_TRUE(decoded);
  const auto& operation = std::get<messages::WriteRequest>(decoded->requests[0].body).operations[0];
  EXPECT_GE(operation.value.data(), bytes.data());
  EXPECT_LE(operation.value.data() + operation.value.size(), bytes.data() + bytes.size());
}

TEST(Codec, ReplicatedWritesShareTheFramesMemory) {
  const Bytes bytes = encode(frame_of_message(append_of(3, std::string(1000, 'v'))));
  const auto decoded = decode(bytes, {});
  ASSERT_TRUE(decoded);
  for (const auto& write : std::get<messages::Append>(decoded->messages[0]).writes) {
    const Bytes& value = write->mutations[0].record.value;
    EXPECT_EQ(value.size(), 1000u);
    EXPECT_GE(value.data(), bytes.data());
    EXPECT_LE(value.data() + value.size(), bytes.data() + bytes.size());
  }
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

TEST(Codec, RoundsTimesToTheSafeSide) {
  using namespace std::chrono_literals;
  messages::WriteRequest write{{put_of("k", "v")}};
  write.age = 1500us;
  const auto retry = decode(encode(frame_of(write)), {});
  EXPECT_EQ(std::get<messages::WriteRequest>(retry->requests[0].body).age, 2ms);

  messages::GetRequest get{Bytes::literal("k")};
  get.read = {messages::ReadLevel::bounded, 1999us, {}};
  const auto read = decode(encode(frame_of(get)), {});
  EXPECT_EQ(std::get<messages::GetRequest>(read->requests[0].body).read.bound, 1ms);

  messages::SealAnswer answer;
  answer.items.push_back({PartitionId(1), Term(2), {}, true, 1s + 1ns});
  answer.items.push_back({PartitionId(2), Term(2), {}, true, -1s});
  const auto sealed = decode(encode(frame_of_message(answer)), {});
  const auto& items = std::get<messages::SealAnswer>(sealed->messages[0]).items;
  EXPECT_EQ(items[0].lease_left, 1001ms);
  EXPECT_EQ(items[1].lease_left, 0ms);
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

  messages::GetResponse get;
  for (std::uint64_t i = 1; i <= limits::kTermHistoryMax + 1; ++i) get.standing.history.push_back({Term(i), {}});
  EXPECT_EQ(refusal_of(frame_of_response(get)), ErrorCode::too_large);
  EXPECT_EQ(refusal_of(frame_of_response(
                messages::EventsResponse{std::vector<messages::ClusterEvent>(limits::kEventsPageItemsMax + 1)})),
            ErrorCode::too_large);
  const messages::LostItem lost{.id = 1, .recorded = {}, .loss = messages::LostRange{}};
  EXPECT_EQ(refusal_of(frame_of_response(
                messages::LostResponse{std::vector<messages::LostItem>(limits::kLostPageItemsMax + 1, lost)})),
            ErrorCode::too_large);
}

TEST(Codec, RefusesMessagesBeyondTheirLimits) {
  Frame many;
  many.messages.assign(limits::kMessagesPerFrameMax, messages::Leaving{});
  EXPECT_EQ(refusal_of(many), ErrorCode());
  many.messages.push_back(messages::Leaving{});
  EXPECT_EQ(refusal_of(many), ErrorCode::too_large);

  const auto refusal_of_message = [](messages::Message message) {
    return refusal_of(frame_of_message(std::move(message)));
  };
  EXPECT_EQ(refusal_of_message(messages::Seal{std::vector<messages::PartitionTerm>(limits::kSlots)}), ErrorCode());
  EXPECT_EQ(refusal_of_message(messages::Seal{std::vector<messages::PartitionTerm>(limits::kSlots + 1)}),
            ErrorCode::too_large);
  messages::FetchKeys fetch;
  fetch.keys.assign(limits::kFetchKeysMax + 1, Bytes::literal("k"));
  EXPECT_EQ(refusal_of_message(fetch), ErrorCode::too_large);
  messages::SetInSync set;
  set.in_sync.assign(limits::kMembersMax + 1, {NodeId("n1"), Generation(1)});
  EXPECT_EQ(refusal_of_message(set), ErrorCode::too_large);
}

TEST(Codec, AnAppendEndsWithTheWriteThatFillsIt) {
  const std::string half(limits::kAppendBytesMax / 2, 'v');
  EXPECT_EQ(refusal_of(frame_of_message(append_of(2, half))), ErrorCode());
  EXPECT_EQ(refusal_of(frame_of_message(append_of(3, half))), ErrorCode::too_large);
  EXPECT_EQ(refusal_of(frame_of_message(append_of(1, std::string(3 * limits::kAppendBytesMax, 'v')))), ErrorCode());
  EXPECT_EQ(refusal_of(frame_of_message(append_of(10'000, ""))), ErrorCode::too_large);
}

TEST(Codec, AFullAppendThatEndsWithTheLargestValueFitsInAFrame) {
  const std::string value(60, 'v');
  const messages::Append small = append_of(limits::kAppendBytesMax / append_of(1, value).writes[0]->bytes(), value);
  messages::Append append = with(small, small.writes.size() - 1, [](messages::LoggedWrite& write) {
    write.mutations[0].key = Bytes::copy_of(std::string(limits::kKeyBytesMax, 'k'));
    write.mutations[0].record.value = Bytes::copy_of(std::string(limits::kValueBytesDefaultMax, 'v'));
  });
  for (std::uint64_t i = 1; i <= limits::kTermHistoryMax; ++i) append.history.push_back({Term(i), Sequence(i)});
  const Bytes bytes = encode(frame_of_message(append));
  EXPECT_LT(bytes.size(), Limits().frame_bytes_max());
  EXPECT_TRUE(decode(bytes, {}));
}

TEST(Codec, RefusesWritesThatAreNotConsecutive) {
  const messages::Append append = append_of(3, "v");
  const auto refusal_of_position = [&](std::size_t index, Position position) {
    return refusal_of(frame_of_message(with(append, index, [&](auto& write) { write.position = position; })));
  };
  EXPECT_EQ(refusal_of_position(2, {Term(2), Sequence(3)}), ErrorCode());
  EXPECT_EQ(refusal_of_position(0, {Term(1), Sequence(2)}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_position(1, {Term(1), Sequence(3)}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_position(1, {Term(0), Sequence(2)}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_message(with(append, 0, [](auto& write) { write.mutations.clear(); }))),
            ErrorCode::invalid_argument);
}

TEST(Codec, RefusesHistoriesThatGoBack) {
  const auto refusal_of_history = [](messages::TermHistory history) {
    messages::Append append;
    append.history = std::move(history);
    return refusal_of(frame_of_message(append));
  };
  EXPECT_EQ(refusal_of_history({{Term(1), Sequence(1)}, {Term(4), Sequence(9)}, {Term(5), Sequence(9)}}), ErrorCode());
  EXPECT_EQ(refusal_of_history({{Term(1), Sequence(1)}, {Term(1), Sequence(9)}}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_history({{Term(1), Sequence(9)}, {Term(2), Sequence(8)}}), ErrorCode::invalid_argument);
}

TEST(Codec, RefusesASnapshotOfAKeyWithoutARecord) {
  messages::SnapshotChunk chunk;
  chunk.records.push_back({Bytes::literal("k"), messages::Record{}});
  EXPECT_EQ(refusal_of(frame_of_message(chunk)), ErrorCode());
  chunk.records.push_back({Bytes::literal("l"), std::nullopt});
  EXPECT_EQ(refusal_of(frame_of_message(chunk)), ErrorCode::invalid_argument);
}

TEST(Codec, RefusesAcknowledgementsOfMoreMembersThanThereAre) {
  const auto refusal_of_ack = [](messages::AckCount ack) {
    return refusal_of(frame_of(messages::WriteRequest{{put_of("k", "v")}, ack}));
  };
  EXPECT_EQ(refusal_of_ack(limits::kReplicationFactorMax), ErrorCode());
  EXPECT_EQ(refusal_of_ack(messages::kAckAll), ErrorCode());
  EXPECT_EQ(refusal_of_ack(0), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_ack(limits::kReplicationFactorMax + 1), ErrorCode::invalid_argument);
}

TEST(Codec, RefusesPartitionsThatNoClusterHas) {
  const PartitionId none(limits::kSlots);
  EXPECT_EQ(refusal_of(frame_of(messages::ScanRequest{.partition = none})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of(messages::PromoteRequest{.node = NodeId("n1"), .partitions = {none}})),
            ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_message(messages::GivenUp{none, Term(1)})), ErrorCode::invalid_argument);
}

TEST(Codec, RefusesTimesThatNoOneMeans) {
  const auto refusal_of_expiry = [](messages::Expiry expiry) {
    auto put = put_of("k", "v");
    put.expiry = expiry;
    return refusal_of(frame_of(messages::WriteRequest{{put}}));
  };
  using ExpiryKind = messages::Expiry::Kind;
  EXPECT_EQ(refusal_of_expiry({ExpiryKind::after, limits::kTtlMsMax}), ErrorCode());
  EXPECT_EQ(refusal_of_expiry({ExpiryKind::after, limits::kTtlMsMax + 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_expiry({ExpiryKind::after, -1}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_expiry({ExpiryKind::at, std::numeric_limits<std::int64_t>::min()}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of_expiry({ExpiryKind::at, std::numeric_limits<std::int64_t>::max()}), ErrorCode::invalid_argument);

  EXPECT_EQ(refusal_of(frame_of_response(messages::GetResponse{{}, -2})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_response(messages::GetResponse{messages::Record{{}, {}, UnixMillis(-1)}, -1})),
            ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_message(messages::Append{.time = UnixMillis(-1)})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_message(messages::Append{.time = UnixMillis(INT64_MAX)})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_message(messages::Append{.echo = Instant::max()})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of_message(messages::AppendAck{.echo = Instant(Duration(-1))})),
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

TEST(Codec, CutsTextsForPeople) {
  const std::string text(100'000, 't');
  const auto event = decode(encode(frame_of_message(messages::NodeEvent{.detail = text})), {});
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<messages::NodeEvent>(event->messages[0]).detail.size(), limits::kTextBytesMax);
  const messages::ClusterEvent cluster_event{.kind = text, .detail = text};
  EXPECT_TRUE(decode(encode(frame_of_response(messages::EventsResponse{{cluster_event}})), {}));
  EXPECT_TRUE(decode(encode(frame_of_response(messages::PartitionsResponse{{{.why = text}}})), {}));
  const messages::LostItem lost{.loss = messages::LostRange{.why = text}};
  EXPECT_TRUE(decode(encode(frame_of_response(messages::LostResponse{{lost}})), {}));
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

TEST(Codec, SplitsMessagesAndNamesTheSenderInEachFrame) {
  Frame frame;
  frame.sender = {Uuid::from_words(1, 2), NodeId("n1"), Incarnation(3)};
  frame.messages.assign(limits::kMessagesPerFrameMax + 1, messages::SnapshotAsk{.chunk = 5});
  for (int i = 0; i < 3; ++i) frame.messages.emplace_back(append_of(1, std::string(8 << 20, 'v')));

  Frame joined;
  std::size_t frames = 0;
  for (const Bytes& bytes : encode_split(frame, {})) {
    ++frames;
    EXPECT_LE(bytes.size(), Limits().frame_bytes_max());
    auto part = decode(bytes, {});
    ASSERT_TRUE(part) << part.error().message;
    EXPECT_EQ(part->sender, frame.sender);
    joined.sender = part->sender;
    std::ranges::move(part->messages, std::back_inserter(joined.messages));
  }
  EXPECT_EQ(frames, 3u);  // 4096 questions; one and two values of 8 MiB; the third
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
  entry.term = Term(limits::kDeposedMax);
  for (std::size_t i = 0; i < limits::kDeposedMax; ++i) entry.deposed.push_back({map.nodes[i].id, Term(i)});
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
