#include "wire/framing.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::wire {

namespace {

// A read into less than this is not worth its system call, when a fresh chunk can be had instead.
constexpr std::size_t kReadBytesMin = limits::kReceiveChunkBytes / 8;

std::uint32_t read_u32(const char* from) {
  std::uint32_t value;  // the wire is little endian, as are the machines Gyre is built for (frame_capnp.cc asserts it)
  std::memcpy(&value, from, sizeof(value));
  return value;
}

}  // namespace

FrameReader::FrameReader(std::size_t frame_bytes_max)
    : frame_bytes_max_(frame_bytes_max), buffer_(Buffer::create(limits::kReceiveChunkBytes)) {}

FrameReader::~FrameReader() { buffer_->release(); }

std::span<char> FrameReader::prepare() {
  make_room();
  return {buffer_->data() + end_, buffer_->capacity() - end_};
}

void FrameReader::commit(std::size_t bytes) {
  GYRE_ASSERT(bytes <= buffer_->capacity() - end_);
  end_ += bytes;
}

Result<std::optional<Bytes>> FrameReader::next() {
  if (needed_ == 0) {
    GYRE_TRY_SET(needed_, frame_bytes());
  }
  if (needed_ == 0 || end_ - begin_ < needed_) return std::nullopt;
  const std::size_t bytes = std::exchange(needed_, 0);
  Bytes frame = Bytes::share(buffer_, {buffer_->data() + begin_, bytes});
  begin_ += bytes;
  return frame;
}

Result<std::size_t> FrameReader::frame_bytes() const {
  const char* header = buffer_->data() + begin_;
  const std::size_t received = end_ - begin_;
  if (received < sizeof(std::uint32_t)) return 0;
  const std::uint64_t segments = std::uint64_t{read_u32(header)} + 1;
  if (segments > limits::kFrameSegmentsMax) {
    return fail(ErrorCode::invalid_argument,
                "these bytes begin no Cap'n Proto frame: the peer speaks another protocol on this port");
  }
  const std::size_t header_bytes = (sizeof(std::uint32_t) * (1 + segments) + kWordBytes - 1) / kWordBytes * kWordBytes;
  if (received < header_bytes) return 0;
  std::uint64_t bytes = header_bytes;
  for (std::size_t i = 1; i <= segments; ++i) {
    bytes += std::uint64_t{read_u32(header + i * sizeof(std::uint32_t))} * kWordBytes;
  }
  if (bytes > frame_bytes_max_) {
    return fail(ErrorCode::too_large,
                fmt::format("a frame of {} bytes: at most {} are allowed", bytes, frame_bytes_max_));
  }
  return static_cast<std::size_t>(bytes);
}

// Leaves an unfinished frame where it is while there is room. Otherwise it moves to the front: of this buffer where no
// slice shares it, else of a new one, at most twice as large as what was received of the frame (or one chunk).
void FrameReader::make_room() {
  const std::size_t received = end_ - begin_;
  const std::size_t free = buffer_->capacity() - end_;
  const bool oversized = buffer_->capacity() > limits::kReceiveChunkBytes;
  if (received == 0 && !oversized && buffer_->unique()) {
    begin_ = end_ = 0;
    return;
  }
  const bool rest_fits = needed_ != 0 && needed_ <= buffer_->capacity() - begin_;
  if (free >= (rest_fits ? 1 : kReadBytesMin) && !(received == 0 && oversized)) return;
  const std::size_t capacity =
      std::max({limits::kReceiveChunkBytes, std::min(needed_, received * 2), received + kReadBytesMin});
  if (buffer_->capacity() == capacity && buffer_->unique()) {
    std::memmove(buffer_->data(), buffer_->data() + begin_, received);
  } else {
    Buffer* buffer = Buffer::create(capacity);
    std::memcpy(buffer->data(), buffer_->data() + begin_, received);
    std::exchange(buffer_, buffer)->release();
  }
  begin_ = 0;
  end_ = received;
}

}  // namespace gyre::wire
