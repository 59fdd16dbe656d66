// The root of a frame, and the border that Cap'n Proto's exceptions do not cross.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

#include <capnp/serialize.h>
#include <fmt/format.h>
#include <kj/exception.h>

#include "wire/codec_capnp.h"
#include "wire/framing.h"

namespace gyre::wire {

static_assert(std::endian::native == std::endian::little, "frame headers are written as they lie in memory");

static_assert(limits::kValueBytesHardMax < (1u << 29), "a blob's length has 29 bits on the wire");

namespace {

// Frames nest nine levels at most (frame, messages, message, append, writes, write, mutations, mutation, value; or
// frame, messages, message, update, delta, head, nodes, node, id); the rest is room for fields that newer peers add.
constexpr int kNestingMax = 24;

static_assert(kWordBytes == sizeof(capnp::word));

// Builds a message in the buffer that becomes the frame: the first segment lies behind room for the header of a frame
// of one segment, so a message within its expected size is not copied. A larger one is joined from its segments.
class FrameBuilder final : public capnp::MessageBuilder {
 public:
  explicit FrameBuilder(std::size_t words_expected) : words_next_(words_expected + kRootPointerWords) {}
  ~FrameBuilder() override {
    for (Buffer* segment : segments_) segment->release();
  }

  kj::ArrayPtr<capnp::word> allocateSegment(unsigned words_min) override {
    const std::size_t words = std::max<std::size_t>(words_min, words_next_);
    words_next_ = words;  // as much again: segments grow geometrically, so they stay few
    for (const Buffer* segment : segments_) words_next_ += segment->capacity() / kWordBytes;
    Buffer* buffer = Buffer::create(kHeaderBytes + words * kWordBytes);
    segments_.push_back(buffer);
    std::memset(buffer->data(), 0, buffer->capacity());
    return {reinterpret_cast<capnp::word*>(buffer->data() + kHeaderBytes), words};
  }

  Bytes finish() {
    const auto segments = getSegmentsForOutput();
    if (segments.size() > 1) return join(segments);
    Buffer* buffer = std::exchange(segments_.front(), nullptr);
    segments_.clear();
    const auto words = static_cast<std::uint32_t>(segments[0].size());
    std::memcpy(buffer->data() + sizeof(words), &words, sizeof(words));
    return Bytes::adopt(buffer, {buffer->data(), kHeaderBytes + words * kWordBytes});
  }

 private:
  static constexpr std::size_t kHeaderBytes = kWordBytes;
  static constexpr std::size_t kRootPointerWords = 1;

  static Bytes join(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
    const kj::Array<capnp::word> flat = capnp::messageToFlatArray(segments);
    return Bytes::copy_of({flat.asChars().begin(), flat.asChars().size()});
  }

  std::size_t words_next_;
  std::vector<Buffer*> segments_;
};

// What goes into one frame.
struct FramePart {
  std::span<const messages::Request> requests = {};
  std::span<const messages::Response> responses = {};
  const messages::Sender& sender;
  std::span<const messages::Message> messages = {};
};

Bytes encode_part(const FramePart& part, std::size_t words) {
  FrameBuilder builder(words);
  auto root = builder.initRoot<schema::Frame>();
  root.setProtocol(schema::PROTOCOL_VERSION);
  const auto encode_all = [](const auto& values, auto list) {
    for (unsigned i = 0; i < list.size(); ++i) encode(values[i], list[i]);
  };
  const auto count = [](const auto& values) { return static_cast<unsigned>(values.size()); };
  if (!part.requests.empty()) encode_all(part.requests, root.initRequests(count(part.requests)));
  if (!part.responses.empty()) encode_all(part.responses, root.initResponses(count(part.responses)));
  if (!part.messages.empty()) {
    auto sender = root.initSender();
    sender.setCluster(text_of(part.sender.cluster.str()));
    sender.setNode(text_of(part.sender.node.str()));
    sender.setIncarnation(part.sender.incarnation.value());
    encode_all(part.messages, root.initMessages(count(part.messages)));
  }
  return builder.finish();
}

std::size_t envelope_words(const messages::Sender& sender) {
  return struct_words<schema::Frame>() + 3 * kListTagWords + struct_words<schema::Sender>() +
         words_for_text(sender.cluster.str()) + words_for_text(sender.node.str());
}

template <class Root, class Value>
Bytes encode_document(const Value& value) {
  FrameBuilder builder(words_of(value));
  encode(value, builder.initRoot<Root>());
  return builder.finish();
}

// Runs `decode_root` on the root of the message in `bytes`. All exceptions end here.
template <class Root, class Decode>
auto decode_document(const Bytes& bytes, const Limits& limits, Decode decode_root)
    -> Result<decltype(decode_root(std::declval<Decoding&>(), std::declval<typename Root::Reader>()))> {
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(capnp::word) == 0;
  if (!aligned) return decode_document<Root>(Bytes::copy_of(bytes), limits, std::move(decode_root));
  try {
    const kj::ArrayPtr<const capnp::word> words(reinterpret_cast<const capnp::word*>(bytes.data()),
                                                bytes.size() / kWordBytes);
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words.size();  // an honest message is read once
    options.nestingLimit = kNestingMax;
    capnp::FlatArrayMessageReader reader(words, options);
    if (reader.getEnd() != words.end() || bytes.size() % kWordBytes != 0) {
      return fail(ErrorCode::invalid_argument, "malformed message: it is followed by bytes that are not its own");
    }
    Decoding decoding(bytes, limits);
    return decode_root(decoding, reader.template getRoot<Root>());
  } catch (Refused& refused) {
    return fail(std::move(refused.error));
  } catch (const kj::Exception& exception) {
    return fail(ErrorCode::invalid_argument, fmt::format("malformed message: {}", exception.getDescription().cStr()));
  }
}

messages::Frame decode_frame(Decoding& decoding, schema::Frame::Reader root) {
  if (root.getProtocol() != schema::PROTOCOL_VERSION) {
    refuse(ErrorCode::unsupported,
           fmt::format("the peer speaks version {} of the protocol, this process version {}: upgrade the older one",
                       root.getProtocol(), schema::PROTOCOL_VERSION + 0));
  }
  messages::Frame frame;
  const auto requests = root.getRequests();
  frame.requests.reserve(decoding.count(requests.size(), limits::kFrameRequestsMax, "requests"));
  for (const auto request : requests) frame.requests.push_back(decode_request(decoding, request));
  const auto responses = root.getResponses();
  frame.responses.reserve(decoding.count(responses.size(), limits::kFrameRequestsMax, "responses"));
  for (const auto response : responses) frame.responses.push_back(decode_response(decoding, response));
  const auto messages = root.getMessages();
  if (messages.size() == 0) return frame;
  const auto sender = root.getSender();
  frame.sender = {.cluster = decode_uuid(sender.getCluster()),
                  .node = decode_node_id_or_none(sender.getNode()),
                  .incarnation = Incarnation(sender.getIncarnation())};
  frame.messages.reserve(decoding.count(messages.size(), limits::kMessagesPerFrameMax, "messages"));
  for (const auto message : messages) frame.messages.push_back(decode_message(decoding, message));
  return frame;
}

}  // namespace

void refuse(ErrorCode code, std::string message) {
  throw Refused{{code, Outcome::not_applied, std::move(message), {}}};
}

void refuse_unknown(std::string_view what, unsigned number) {
  refuse(ErrorCode::invalid_argument,
         fmt::format("{} {} is unknown: the peer is newer than this process or is no part of Gyre", what, number));
}

UnixMillis decode_time(std::int64_t ms) {
  constexpr std::int64_t kTimeMsMax = std::int64_t{1} << 53;  // sums with it do not overflow
  if (ms < 0 || ms > kTimeMsMax) {
    refuse(ErrorCode::invalid_argument, fmt::format("a time of {} ms: 0 to 2^53 is wanted", ms));
  }
  return UnixMillis(ms);
}

std::int64_t decode_ms_or_never(std::int64_t ms) {
  if (ms < -1) refuse(ErrorCode::invalid_argument, fmt::format("a time of {} ms: -1 or more is wanted", ms));
  return ms;
}

Decoding::Decoding(const Bytes& bytes, const Limits& limits)
    : bytes_(bytes), limits_(limits), elements_left_(bytes.size() / kElementBytesMin) {}

Bytes Decoding::slice(capnp::Data::Reader data) const {
  if (data.size() == 0) return {};
  return bytes_.slice({reinterpret_cast<const char*>(data.begin()), data.size()});
}

Bytes Decoding::key(capnp::Data::Reader data) const {
  if (data.size() > limits_.key_bytes_max) {
    refuse(ErrorCode::too_large,
           fmt::format("a key of {} bytes: at most {} are allowed", data.size(), limits_.key_bytes_max));
  }
  return slice(data);
}

Bytes Decoding::value(capnp::Data::Reader data) const {
  if (data.size() > limits_.value_bytes_max) {
    refuse(ErrorCode::too_large,
           fmt::format("a value of {} bytes: at most {} are allowed", data.size(), limits_.value_bytes_max));
  }
  return slice(data);
}

std::string Decoding::text(capnp::Text::Reader text, std::size_t bytes_max) const {
  if (text.size() > bytes_max) {
    refuse(ErrorCode::too_large, fmt::format("a text of {} bytes: at most {} are allowed", text.size(), bytes_max));
  }
  return {text.begin(), text.size()};
}

std::size_t Decoding::count(std::size_t announced, std::size_t count_max, std::string_view what) {
  if (announced > count_max) {
    refuse(ErrorCode::too_large, fmt::format("{} {}: at most {} are allowed", announced, what, count_max));
  }
  if (announced > elements_left_) {
    refuse(ErrorCode::invalid_argument, fmt::format("malformed message: it is too short for {} {}", announced, what));
  }
  elements_left_ -= announced;
  return announced;
}

std::size_t Limits::frame_bytes_max() const {
  return std::max(value_bytes_max, limits::kFrameBytesFloor) + limits::kFrameEnvelopeBytes;
}

Result<messages::Frame> decode(const Bytes& frame, const Limits& limits) {
  return decode_document<schema::Frame>(frame, limits, decode_frame);
}

Bytes encode(const messages::Frame& frame) {
  std::size_t words = envelope_words(frame.sender);
  for (const auto& request : frame.requests) words += words_of(request);
  for (const auto& response : frame.responses) words += words_of(response);
  for (const auto& message : frame.messages) words += words_of(message);
  return encode_part({frame.requests, frame.responses, frame.sender, frame.messages}, words);
}

std::vector<Bytes> encode_split(const messages::Frame& frame, const Limits& limits) {
  const std::size_t words_max = limits.frame_bytes_max() / kWordBytes;
  std::vector<Bytes> frames;
  const std::size_t envelope = envelope_words(frame.sender);
  const auto split = [&](const auto& all, std::size_t count_max, auto part_of) {
    for (std::size_t begin = 0; begin < all.size();) {
      std::size_t words = envelope + words_of(all[begin]);
      std::size_t end = begin + 1;
      while (end < all.size() && end - begin < count_max) {
        const std::size_t more = words_of(all[end]);
        if (words + more > words_max) break;
        words += more;
        ++end;
      }
      frames.push_back(encode_part(part_of(std::span(all).subspan(begin, end - begin)), words));
      begin = end;
    }
  };
  split(frame.requests, limits::kFrameRequestsMax,
        [&](auto part) { return FramePart{.requests = part, .sender = frame.sender}; });
  split(frame.responses, limits::kFrameRequestsMax,
        [&](auto part) { return FramePart{.responses = part, .sender = frame.sender}; });
  split(frame.messages, limits::kMessagesPerFrameMax,
        [&](auto part) { return FramePart{.sender = frame.sender, .messages = part}; });
  return frames;
}

Bytes encode_map(const ring::ClusterMap& map) { return encode_document<schema::ClusterMap>(map); }

Result<ring::ClusterMapPtr> decode_map(const Bytes& bytes) {
  return decode_document<schema::ClusterMap>(
      bytes, {}, [](Decoding& decoding, schema::ClusterMap::Reader in) { return decode_map(decoding, in); });
}

Bytes encode_placement(const ring::Placement& placement) { return encode_document<schema::Placement>(placement); }

Result<ring::Placement> decode_placement(const Bytes& bytes) {
  return decode_document<schema::Placement>(
      bytes, {}, [](Decoding& decoding, schema::Placement::Reader in) { return decode_placement(decoding, in); });
}

Bytes encode_settings(const Settings& settings) { return encode_document<schema::Settings>(settings); }

Result<Settings> decode_settings(const Bytes& bytes) {
  return decode_document<schema::Settings>(
      bytes, {}, [](Decoding& decoding, schema::Settings::Reader in) { return decode_settings(decoding, in); });
}

}  // namespace gyre::wire
