#include "runtime/digest.h"

#include <array>
#include <string_view>

#include "base/hash.h"
#include "base/limits.h"

namespace gyre::runtime {

namespace {

// Little-endian, whatever the machine.
std::uint64_t mix(std::uint64_t number, std::uint64_t seed) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (8 * i));
  return hash64({bytes.data(), bytes.size()}, seed);
}

// With its length, so that no two sequences of texts give the same bytes.
std::uint64_t mix(std::string_view text, std::uint64_t seed) { return hash64(text, mix(text.size(), seed)); }

std::uint64_t mix(const storage::KeyedRecord& item, std::uint64_t seed) {
  seed = mix(item.key.view(), seed);
  seed = mix(item.record.value.view(), seed);
  seed = mix(item.record.version.term.value(), seed);
  seed = mix(item.record.version.sequence.value(), seed);
  return mix(static_cast<std::uint64_t>(item.record.expires_at.value), seed);
}

}  // namespace

Result<messages::DigestResponse> digest(storage::Snapshot& snapshot, UnixMillis time) {
  const messages::PartitionState& state = snapshot.state();
  messages::DigestResponse response{.position = state.position, .whole = state.whole_at <= state.position.sequence};
  while (true) {
    GYRE_TRY_SET(const auto items, snapshot.next(limits::kSnapshotChunkBytes));
    if (items.empty()) return response;
    for (const storage::KeyedRecord& item : items) {
      if (!storage::visible(item.record, time)) continue;
      ++response.records;
      response.digest = mix(item, response.digest);
    }
  }
}

}  // namespace gyre::runtime
