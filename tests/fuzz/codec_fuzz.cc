// Any bytes as a frame, a cluster map, a placement and settings: errors or messages, never more. What decodes, encodes
// and decodes to the same again.
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "wire/codec.h"

namespace {

using gyre::Bytes;

void check(const Bytes& bytes, auto decode, auto encode) {
  const auto first = decode(bytes);
  if (!first) {
    GYRE_ASSERT(!first.error().message.empty());
    return;
  }
  const Bytes encoded = encode(*first);
  const auto second = decode(encoded);
  GYRE_ASSERT(second.has_value());
  GYRE_ASSERT(encode(*second) == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gyre::wire;
  const Bytes bytes = Bytes::copy_of({reinterpret_cast<const char*>(data), size});
  check(
      bytes, [](const Bytes& in) { return decode(in, {.key_bytes_max = 64, .value_bytes_max = 256}); },
      [](const gyre::messages::Frame& frame) { return encode(frame); });
  check(
      bytes, [](const Bytes& in) { return decode_map(in); },
      [](const gyre::ring::ClusterMapPtr& map) { return encode_map(*map); });
  check(
      bytes, [](const Bytes& in) { return decode_placement(in); },
      [](const gyre::ring::Placement& placement) { return encode_placement(placement); });
  check(
      bytes, [](const Bytes& in) { return decode_settings(in); },
      [](const Settings& settings) { return encode_settings(settings); });
  return 0;
}
