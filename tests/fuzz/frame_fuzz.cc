// Any bytes as a stream of frames. However the stream is cut, the same frames come out: they are aligned, follow each
// other without a gap, and the same error ends them. The first byte of the input is the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "wire/framing.h"

namespace {

using gyre::Bytes;

constexpr std::size_t kFrameBytesMax = 256 * 1024;

struct Reading {
  std::vector<Bytes> frames;
  gyre::ErrorCode refusal{};

  bool operator==(const Reading&) const = default;
};

// Takes out what is complete. False: the stream is refused.
bool take_frames(gyre::wire::FrameReader& reader, Reading& reading) {
  for (;;) {
    auto frame = reader.next();
    if (!frame) {
      reading.refusal = frame.error().code;
      return false;
    }
    if (!frame->has_value()) return true;
    reading.frames.push_back(std::move(**frame));
  }
}

Reading read(std::string_view stream, std::size_t piece_bytes) {
  Reading reading;
  gyre::wire::FrameReader reader(kFrameBytesMax);
  while (!stream.empty()) {
    const auto space = reader.prepare();
    GYRE_ASSERT(!space.empty());
    const std::size_t bytes = std::min({space.size(), stream.size(), piece_bytes});
    std::memcpy(space.data(), stream.data(), bytes);
    reader.commit(bytes);
    stream.remove_prefix(bytes);
    if (!take_frames(reader, reading)) break;
  }
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading whole = read(stream, stream.size());
  GYRE_ASSERT(read(stream, std::size_t{1} + data[0]) == whole);
  std::size_t at = 0;
  for (const Bytes& frame : whole.frames) {
    GYRE_ASSERT(reinterpret_cast<std::uintptr_t>(frame.data()) % 8 == 0);
    GYRE_ASSERT(frame.size() <= kFrameBytesMax);
    GYRE_ASSERT(frame.view() == stream.substr(at, frame.size()));
    at += frame.size();
  }
  return 0;
}
