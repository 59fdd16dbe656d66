// Frames to bytes and back. The schema is gyre.capnp; no Cap'n Proto type leaves this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "gyre/result.h"
#include "messages/request.h"
#include "messages/settings.h"
#include "ring/placement.h"

namespace gyre::wire {

// What a receiver accepts; checked before anything is allocated for it.
struct Limits {
  std::size_t key_bytes_max = limits::kKeyBytesMax;
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  // Of one frame, framing included: room for the largest value, a cluster map or a scan page, and the envelope.
  std::size_t frame_bytes_max() const;
};

// Decodes one whole frame (as FrameReader gives it, framing included; a frame that is not 8-byte aligned is copied
// first). Keys and values of the result share the frame's memory. Never crashes on any input, never takes more than
// a small multiple of the frame's size, and bounds the traversal work by it.
// ERRORS: invalid_argument (malformed or an unknown kind of message), too_large (a key, value or list beyond its
// limit), unsupported (another protocol version).
Result<messages::Frame> decode(const Bytes& frame, const Limits& limits);

// Encodes a frame, framing included. REQUIRES: the frame is within the limits of the receiver; maps are valid.
Bytes encode(const messages::Frame& frame);

// Encodes into as few frames as `limits` allow, in order. REQUIRES: each message by itself is within them.
std::vector<Bytes> encode_split(const messages::Frame& frame, const Limits& limits);

// The cluster map as bytes, for stores. decode_map validates (ring::validate).
// REQUIRES: the map is valid.  ERRORS: invalid_argument, too_large.
Bytes encode_map(const ring::ClusterMap& map);
Result<ring::ClusterMapPtr> decode_map(const Bytes& bytes);

// A placement as bytes. REQUIRES: at most 2 * kNodesMax nodes, kMembersMax of them for a partition.
// ERRORS: invalid_argument, too_large.
Bytes encode_placement(const ring::Placement& placement);
Result<ring::Placement> decode_placement(const Bytes& bytes);

// What operators have set, as bytes, for stores. REQUIRES: at most 2 * kNodesMax nodes.
// ERRORS: invalid_argument, too_large.
struct Settings {
  messages::MovePolicy policy;
  std::vector<messages::NodeSettings> nodes;  // by id

  bool operator==(const Settings&) const = default;
};
Bytes encode_settings(const Settings& settings);
Result<Settings> decode_settings(const Bytes& bytes);

}  // namespace gyre::wire
