#include "storage/layout.h"

#include "base/assert.h"
#include "storage/encoding.h"

namespace gyre::storage::layout {
namespace {

constexpr std::uint8_t kFlagExpires = 1;

void put_u16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xFF));
}

std::uint16_t read_u16(std::string_view at) {
  return static_cast<std::uint16_t>((static_cast<std::uint8_t>(at[0]) << 8) | static_cast<std::uint8_t>(at[1]));
}

std::string meta_key(PartitionId partition, MetaKey::Kind kind) {
  std::string key;
  put_u16(key, kMetaPartition);
  put_u16(key, partition.value());
  key.push_back(static_cast<char>(kind));
  return key;
}

}  // namespace

std::string key_of(PartitionId partition, std::string_view key) {
  GYRE_ASSERT(partition.value() < limits::kSlots);
  std::string stored;
  stored.reserve(kPartitionBytes + key.size());
  put_u16(stored, partition.value());
  stored.append(key);
  return stored;
}

std::string end_of(PartitionId partition) {
  std::string end;
  put_u16(end, static_cast<std::uint16_t>(partition.value() + 1));
  return end;
}

KeyRange range_of(PartitionId partition, std::string_view prefix) {
  KeyRange range{key_of(partition, prefix), {}};
  // The end is the shortest key behind all that begin with `prefix`: its last byte below 0xFF goes up by one.
  const std::size_t last = prefix.find_last_not_of('\xFF');
  if (last == std::string_view::npos) {
    range.end = end_of(partition);
  } else {
    range.end = key_of(partition, prefix.substr(0, last + 1));
    ++range.end.back();
  }
  return range;
}

KeyRange meta_range() {
  KeyRange range;
  put_u16(range.begin, kMetaPartition);
  range.end = std::string(6, '\xFF');  // longer than any meta key
  return range;
}

std::uint16_t partition_of(std::string_view key) {
  GYRE_ASSERT(key.size() >= kPartitionBytes);
  return read_u16(key);
}

std::string_view user_key_of(std::string_view key) { return key.substr(kPartitionBytes); }

ValueHeader::ValueHeader(const messages::Record& record) {
  const bool expires = record.expires_at != kNoExpiry;
  bytes_[size_++] = static_cast<char>(kValueFormat);
  bytes_[size_++] = static_cast<char>(expires ? kFlagExpires : 0);
  size_ += write_varint(bytes_ + size_, record.version.term.value());
  size_ += write_varint(bytes_ + size_, record.version.sequence.value());
  if (expires) size_ += write_varint(bytes_ + size_, static_cast<std::uint64_t>(record.expires_at.value));
}

Result<StoredValue> decode_value(std::string_view stored) {
  Reader reader(stored);
  const std::uint8_t format = reader.byte();
  const std::uint8_t flags = reader.byte();
  StoredValue value;
  value.version.term = Term(reader.varint());
  value.version.sequence = Sequence(reader.varint());
  if (flags & kFlagExpires) value.expires_at.value = static_cast<std::int64_t>(reader.varint());
  if (!reader.ok() || format != kValueFormat || (flags & ~kFlagExpires) != 0) {
    return fail(ErrorCode::corrupt, "a stored value does not begin with a record header of this version");
  }
  value.bytes = reader.rest();
  return value;
}

std::string position_key(PartitionId partition) { return meta_key(partition, MetaKey::Kind::position); }
std::string terms_key(PartitionId partition) { return meta_key(partition, MetaKey::Kind::terms); }

std::string encode_position(Position position) {
  std::string out(1, static_cast<char>(kValueFormat));
  put_varint(out, position.term.value());
  put_varint(out, position.sequence.value());
  return out;
}

std::string encode_terms(const PartitionState& state) {
  std::string out(1, static_cast<char>(kValueFormat));
  put_varint(out, state.served.value());
  put_varint(out, state.history.size());
  for (const messages::TermStart& start : state.history) {
    put_varint(out, start.term.value());
    put_varint(out, start.first.value());
  }
  return out;
}

Result<MetaKey> decode_meta_key(std::string_view key) {
  if (key.size() == 2 * kPartitionBytes + 1 && partition_of(key) == kMetaPartition) {
    const MetaKey meta{PartitionId(read_u16(key.substr(kPartitionBytes))), MetaKey::Kind{key.back()}};
    const bool known = meta.kind == MetaKey::Kind::position || meta.kind == MetaKey::Kind::terms;
    if (known && meta.partition.value() < limits::kSlots) return meta;
  }
  return fail(ErrorCode::corrupt, "the store holds a key of its own that this version does not know");
}

Result<void> decode_meta(MetaKey::Kind kind, std::string_view stored, PartitionState& state) {
  Reader reader(stored);
  const std::uint8_t format = reader.byte();
  if (kind == MetaKey::Kind::position) {
    state.position.term = Term(reader.varint());
    state.position.sequence = Sequence(reader.varint());
  } else {
    state.served = Term(reader.varint());
    state.history.clear();
    for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
      const Term term(reader.varint());
      state.history.push_back({term, Sequence(reader.varint())});
    }
  }
  if (!reader.ok() || format != kValueFormat || !reader.rest().empty()) {
    return fail(ErrorCode::corrupt, "the stored state of a partition cannot be read");
  }
  return {};
}

}  // namespace gyre::storage::layout
