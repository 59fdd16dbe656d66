// The root of a frame, and the border that Cap'n Proto's exceptions do not cross.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

#include <capnp/serialize.h>
#include <fmt/format.h>
#include <kj/exception.h>

#include "wire/codec_capnp.h"

namespace gyre::wire {

static_assert(std::endian::native == std::endian::little, "frame headers are written as they lie in memory");

static_assert(limits::kValueBytesHardMax < (1u << 29), "a blob's length has 29 bits on the wire");

namespace {

// Frames nest nine levels at most (frame, list, response, status, map, entries, entry, indices); the rest is room
// for fields that newer peers add.
constexpr int kNestingMax = 24;

constexpr std::size_t kWordBytes = sizeof(capnp::word);

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

Bytes encode_frame(std::span<const messages::Request> requests, std::span<const messages::Response> responses,
                   std::size_t words) {
  FrameBuilder builder(words);
  auto root = builder.initRoot<schema::Frame>();
  root.setProtocol(schema::PROTOCOL_VERSION);
  if (!requests.empty()) {
    auto list = root.initRequests(static_cast<unsigned>(requests.size()));
    for (unsigned i = 0; i < list.size(); ++i) encode(requests[i], list[i]);
  }
  if (!responses.empty()) {
    auto list = root.initResponses(static_cast<unsigned>(responses.size()));
    for (unsigned i = 0; i < list.size(); ++i) encode(responses[i], list[i]);
  }
  return builder.finish();
}

constexpr std::size_t kFrameWords = struct_words<schema::Frame>() + 2 * kListTagWords;

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
  std::size_t words = kFrameWords;
  for (const auto& request : frame.requests) words += words_of(request);
  for (const auto& response : frame.responses) words += words_of(response);
  return encode_frame(frame.requests, frame.responses, words);
}

std::vector<Bytes> encode_split(const messages::Frame& frame, const Limits& limits) {
  const std::size_t words_max = limits.frame_bytes_max() / kWordBytes;
  std::vector<Bytes> frames;
  const auto split = [&](const auto& all, auto encode_part) {
    for (std::size_t begin = 0; begin < all.size();) {
      std::size_t words = kFrameWords + words_of(all[begin]);
      std::size_t end = begin + 1;
      while (end < all.size() && end - begin < limits::kFrameRequestsMax) {
        const std::size_t more = words_of(all[end]);
        if (words + more > words_max) break;
        words += more;
        ++end;
      }
      frames.push_back(encode_part(std::span(all).subspan(begin, end - begin), words));
      begin = end;
    }
  };
  split(frame.requests, [](auto part, std::size_t words) { return encode_frame(part, {}, words); });
  split(frame.responses, [](auto part, std::size_t words) { return encode_frame({}, part, words); });
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

}  // namespace gyre::wire
