// How records and partition states are laid out as RocksDB keys and values; FORMAT.md shows it by example.
// Must not know RocksDB.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "storage/encoding.h"
#include "storage/engine.h"

namespace gyre::storage::layout {

// Of everything below. A change makes older data unreadable, so it also raises kDataFormat (data_directory.h).
inline constexpr std::uint8_t kValueFormat = 2;

inline constexpr std::size_t kPartitionBytes = 2;
// Behind every partition: what belongs to the store itself.
inline constexpr std::uint16_t kMetaPartition = 0xFFFF;
static_assert(limits::kSlots < kMetaPartition);

// A half-open range of stored keys.
struct KeyRange {
  std::string begin;
  std::string end;
};

// What all keys of a partition begin with.
std::array<char, kPartitionBytes> prefix_of(PartitionId partition);
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
  static constexpr std::size_t kBytesMax = 2 + 3 * kVarintBytesMax;
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

// The position and the time change with every commit and stand alone; the rest of the state changes with terms. A
// window is there only where one was given.
std::string position_key(PartitionId partition);
std::string terms_key(PartitionId partition);
std::string window_key(PartitionId partition);
std::string encode_position(const PartitionState& state);
std::string encode_terms(const PartitionState& state);
std::string encode_window(const std::vector<messages::WindowWrite>& window);

struct MetaKey {
  enum class Kind : char { position = 'p', terms = 't', window = 'w' };
  PartitionId partition;
  Kind kind = Kind::position;
};

// ERRORS: corrupt.
Result<MetaKey> decode_meta_key(std::string_view key);
// Reads the value of a meta key into the part of `stored` it is about. ERRORS: corrupt.
Result<void> decode_meta(MetaKey::Kind kind, std::string_view value, StoredPartition& stored);

// What stands in the log between records, and nowhere else.
struct LogMark {
  enum class Kind : std::uint8_t {
    write = 1,          // of `write`, which has no id; the records up to the next mark or meta key are its mutations
    write_with_id = 2,  // the same, with an id
    cut = 3,            // nothing before is of this partition's history behind `last`; reading begins anew here
    drop = 4,           // the same, and nothing of the partition is left: not the window either
    write_that_may_repeat = 5,  // as write_with_id
  };
  Kind kind = Kind::write;
  PartitionId partition;
  Sequence last;                // cut
  messages::LoggedWrite write;  // without mutations
};

// Into `out`, in place of what it held: there is one for each write, and its memory is used again.
void encode_write_mark(PartitionId partition, const messages::LoggedWrite& write, std::string& out);
std::string encode_cut_mark(PartitionId partition, Sequence last);
std::string encode_drop_mark(PartitionId partition);
// The partition alone, at less cost. ERRORS: corrupt.
Result<PartitionId> partition_of_mark(std::string_view stored);
// ERRORS: corrupt.
Result<LogMark> decode_mark(std::string_view stored);

}  // namespace gyre::storage::layout
