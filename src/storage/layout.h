// How records and partition states are laid out as RocksDB keys and values; FORMAT.md shows it by example.
// Must not know RocksDB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "storage/engine.h"

namespace gyre::storage::layout {

// Of everything below. A change makes older data unreadable, so it also raises kDataFormat (data_directory.h).
inline constexpr std::uint8_t kValueFormat = 1;

inline constexpr std::size_t kPartitionBytes = 2;
// Behind every partition: what belongs to the store itself.
inline constexpr std::uint16_t kMetaPartition = 0xFFFF;
static_assert(limits::kSlots < kMetaPartition);

// A half-open range of stored keys.
struct KeyRange {
  std::string begin;
  std::string end;
};

std::string key_of(PartitionId partition, std::string_view key);
// All keys of a partition that begin with `prefix`.
KeyRange range_of(PartitionId partition, std::string_view prefix = {});
KeyRange meta_range();
// Where the keys behind `partition` begin.
std::string end_of(PartitionId partition);

// The partition of a stored key. REQUIRES: key.size() >= kPartitionBytes.
std::uint16_t partition_of(std::string_view key);
std::string_view user_key_of(std::string_view key);

// What stands before a record's bytes in a stored value. Its few bytes live in the object itself.
class ValueHeader {
 public:
  explicit ValueHeader(const messages::Record& record);
  std::string_view view() const { return {bytes_, size_}; }

 private:
  static constexpr std::size_t kBytesMax = 2 + 3 * 10;
  char bytes_[kBytesMax];
  std::size_t size_ = 0;
};

struct StoredValue {
  Position version;
  UnixMillis expires_at = kNoExpiry;
  std::string_view bytes;  // within what was decoded
};

// ERRORS: corrupt (no record of ours: wrong format byte, unknown flag, truncated).
Result<StoredValue> decode_value(std::string_view stored);

// The position changes with every commit and stands alone; history and the term served change with terms.
std::string position_key(PartitionId partition);
std::string terms_key(PartitionId partition);
std::string encode_position(Position position);
std::string encode_terms(const PartitionState& state);

struct MetaKey {
  enum class Kind : char { position = 'p', terms = 't' };
  PartitionId partition;
  Kind kind = Kind::position;
};

// ERRORS: corrupt.
Result<MetaKey> decode_meta_key(std::string_view key);
// Reads the value of a meta key into the part of `state` it is about. ERRORS: corrupt.
Result<void> decode_meta(MetaKey::Kind kind, std::string_view stored, PartitionState& state);

}  // namespace gyre::storage::layout
