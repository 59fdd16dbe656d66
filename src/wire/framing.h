// Cap'n Proto's standard stream framing, without I/O: bytes in, whole frames out.
//
// A frame is: segment count - 1 (u32, little endian), the size of each segment in 8-byte words (u32 each), padding to
// a word, the segments. Every frame is a whole number of words, so frames that follow each other in an aligned
// buffer stay aligned and need no copy.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "gyre/result.h"

namespace gyre::wire {

inline constexpr std::size_t kWordBytes = 8;  // of Cap'n Proto

// Usage: prepare() a place to read into, commit() what was read, next() until it gives nothing.
// Memory grows with the bytes received, never with what a header announces.
class FrameReader {
 public:
  explicit FrameReader(std::size_t frame_bytes_max);
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  // Free space for at least one byte; valid until the next call of anything.
  std::span<char> prepare();
  void commit(std::size_t bytes);

  // The next whole frame; none: more bytes are needed. The slice keeps its memory alive by itself.
  // ERRORS: invalid_argument (no frame begins so), too_large. After an error the stream is lost: close it.
  Result<std::optional<Bytes>> next();

 private:
  // Of the frame at begin_; 0: its header is not complete yet. ERRORS: as next().
  Result<std::size_t> frame_bytes() const;
  void make_room();

  std::size_t frame_bytes_max_;
  Buffer* buffer_;
  std::size_t begin_ = 0;   // of what next() has not given out; always a multiple of 8
  std::size_t end_ = 0;     // of what was received
  std::size_t needed_ = 0;  // bytes of the frame at begin_, once its header is known; else 0
};

}  // namespace gyre::wire
