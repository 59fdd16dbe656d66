// Frames to bytes and back. The schema is gyre.capnp; no Cap'n Proto type leaves this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::wire {

// What a receiver accepts; checked before anything is allocated for it.
struct Limits {
  std::size_t key_bytes_max = limits::kKeyBytesMax;
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  // Of one frame, framing included.
  std::size_t frame_bytes_max() const;
};

// Decodes one whole frame (as FrameReader gives it: 8-byte aligned, framing included). Keys and values of the result
// share the frame's memory. Never crashes on any input, never takes more than a small multiple of the frame's size,
// and bounds the traversal work by it.
// ERRORS: invalid_argument (malformed or an unknown kind of message), too_large (a key, value or list beyond its
// limit).
Result<messages::Frame> decode(const Bytes& frame, const Limits& limits);

// Encodes a frame, framing included. REQUIRES: the frame is within the limits of the receiver.
Bytes encode(const messages::Frame& frame);

// The cluster map as bytes, for stores and deltas. decode_map validates (ring::validate).
Bytes encode_map(const ring::ClusterMap& map);
Result<ring::ClusterMapPtr> decode_map(const Bytes& bytes);

}  // namespace gyre::wire
