#include "wire/framing.h"

#include <cstring>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/limits.h"

namespace gyre::wire {
namespace {

constexpr std::size_t kFrameMax = 1024 * 1024;

// A frame of segments of these sizes in words, filled with `fill`.
std::string frame_of(const std::vector<std::uint32_t>& segment_words, char fill = 'x') {
  std::string header(4 * (1 + segment_words.size()), '\0');
  const auto count = static_cast<std::uint32_t>(segment_words.size() - 1);
  std::memcpy(header.data(), &count, 4);
  std::size_t words = 0;
  for (std::size_t i = 0; i < segment_words.size(); ++i) {
    std::memcpy(header.data() + 4 * (i + 1), &segment_words[i], 4);
    words += segment_words[i];
  }
  header.resize((header.size() + 7) / 8 * 8);
  return header + std::string(words * 8, fill);
}

// Feeds as much of `stream` as there is room for, at most `bytes_max`; gives how much.
std::size_t feed(FrameReader& reader, std::string_view stream, std::size_t bytes_max) {
  const auto space = reader.prepare();
  EXPECT_FALSE(space.empty());
  const std::size_t bytes = std::min({space.size(), stream.size(), bytes_max});
  std::memcpy(space.data(), stream.data(), bytes);
  reader.commit(bytes);
  return bytes;
}

// The frames of `stream`, which arrives in pieces of at most `bytes_max`.
std::vector<Bytes> read_all(FrameReader& reader, std::string_view stream, std::size_t bytes_max) {
  std::vector<Bytes> frames;
  while (!stream.empty()) {
    stream.remove_prefix(feed(reader, stream, bytes_max));
    for (auto frame = reader.next(); frame.has_value() && frame->has_value(); frame = reader.next()) {
      frames.push_back(**frame);
    }
  }
  return frames;
}

ErrorCode refusal_of(std::string_view stream) {
  FrameReader reader(kFrameMax);
  feed(reader, stream, stream.size());
  const auto frame = reader.next();
  return frame ? ErrorCode() : frame.error().code;
}

TEST(Framing, FindsFramesThatArriveByteByByte) {
  const std::string first = frame_of({3}, 'a');
  const std::string second = frame_of({1, 0, 2}, 'b');
  FrameReader reader(kFrameMax);
  const auto frames = read_all(reader, first + second, 1);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].view(), first);
  EXPECT_EQ(frames[1].view(), second);
}

RC_GTEST_PROP(Framing, FindsEveryFrameHoweverTheStreamIsCut, ()) {
  const auto sizes = *rc::gen::container<std::vector<std::vector<std::uint32_t>>>(rc::gen::nonEmpty(
      rc::gen::resize(4, rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 9000)))));
  std::string stream;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    expected.push_back(frame_of(sizes[i], static_cast<char>('a' + i % 26)));
    stream += expected.back();
  }
  FrameReader reader(kFrameMax);
  const auto frames = read_all(reader, stream, *rc::gen::inRange<std::size_t>(1, 100'000));
  RC_ASSERT(frames.size() == expected.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    RC_ASSERT(frames[i].view() == expected[i]);
    RC_ASSERT(reinterpret_cast<std::uintptr_t>(frames[i].data()) % 8 == 0u);
  }
}

TEST(Framing, SmallFramesShareOneBuffer) {
  FrameReader reader(kFrameMax);
  const std::string frame = frame_of({10});
  const auto frames = read_all(reader, frame + frame + frame, kFrameMax);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[1].data(), frames[0].data() + frame.size());
  EXPECT_EQ(frames[2].data(), frames[1].data() + frame.size());
}

TEST(Framing, ABufferWhoseFramesAreGoneIsUsedAgain) {
  FrameReader reader(kFrameMax);
  const std::string frame = frame_of({10});
  const char* const first = read_all(reader, frame, kFrameMax).front().data();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(read_all(reader, frame, kFrameMax).front().data(), first);
  }
}

TEST(Framing, FramesOutliveTheirReader) {
  std::vector<Bytes> frames;
  const std::string frame = frame_of({9000}, 'y');
  {
    FrameReader reader(kFrameMax);
    frames = read_all(reader, frame + frame + frame, 10'000);
  }
  ASSERT_EQ(frames.size(), 3u);
  for (const Bytes& each : frames) EXPECT_EQ(each.view(), frame);
}

TEST(Framing, MemoryFollowsWhatWasReceivedNotWhatIsAnnounced) {
  FrameReader reader(kFrameMax);
  const std::string frame = frame_of({kFrameMax / 8 - 1});
  std::string_view rest = frame;
  rest.remove_prefix(feed(reader, rest, 8));
  ASSERT_TRUE(reader.next());
  EXPECT_LE(reader.prepare().size(), limits::kReceiveChunkBytes);
  std::size_t received = 8;
  while (rest.size() > 1) {
    const std::size_t bytes = feed(reader, rest.substr(0, rest.size() - 1), kFrameMax);
    EXPECT_LE(bytes, std::max(limits::kReceiveChunkBytes, received));
    received += bytes;
    rest.remove_prefix(bytes);
    ASSERT_FALSE(reader.next()->has_value());
  }
  feed(reader, rest, 1);
  EXPECT_EQ(reader.next()->value().view(), frame);
  EXPECT_LE(reader.prepare().size(), limits::kReceiveChunkBytes);  // the large buffer is not kept
}

TEST(Framing, RefusesOtherProtocols) {
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n"), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of("*1\r\n$4\r\nPING\r\n"), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(std::string("\x16\x03\x01\x02\x00\x01", 6)), ErrorCode::invalid_argument);
}

TEST(Framing, RefusesTooManySegmentsAndTooManyBytes) {
  EXPECT_EQ(refusal_of(frame_of(std::vector<std::uint32_t>(limits::kFrameSegmentsMax, 1))), ErrorCode());
  EXPECT_EQ(refusal_of(frame_of(std::vector<std::uint32_t>(limits::kFrameSegmentsMax + 1, 1))),
            ErrorCode::invalid_argument);
  EXPECT_EQ(refusal_of(frame_of({kFrameMax / 8 - 1}).substr(0, 8)), ErrorCode());
  EXPECT_EQ(refusal_of(frame_of({kFrameMax / 8}).substr(0, 8)), ErrorCode::too_large);
  const std::string huge(std::string("\x01\0\0\0", 4) + std::string(12, '\xff'));  // 64 GiB in two segments
  EXPECT_EQ(refusal_of(huge), ErrorCode::too_large);
}

}  // namespace
}  // namespace gyre::wire
