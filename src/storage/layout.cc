#include "storage/layout.h"

#include "base/assert.h"
#include "storage/encoding.h"

namespace gyre::storage::layout {
namespace {

constexpr std::uint8_t kFlagExpires = 1;
// Of a window, where each write begins with its flags; and as earlier versions wrote it, without them.
constexpr std::uint8_t kWindowFormat = 3;
constexpr std::uint8_t kWindowFormatWithoutFlags = 2;
constexpr std::uint8_t kFlagMayRepeat = 1;
constexpr std::uint8_t kFlagClosed = 2;

void put_u16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xFF));
}

std::uint16_t read_u16(std::string_view at) {
  return static_cast<std::uint16_t>((static_cast<std::uint8_t>(at[0]) << 8) | static_cast<std::uint8_t>(at[1]));
}

void put_position(std::string& out, Position position) {
  put_varint(out, position.term.value());
  put_varint(out, position.sequence.value());
}

Position read_position(Reader& reader) {
  const Term term(reader.varint());
  return {term, Sequence(reader.varint())};
}

constexpr std::uint8_t kOutcomeExisted = 1;
constexpr std::uint8_t kOutcomeChanged = 2;
constexpr std::uint8_t kOutcomeVersion = 4;  // a version follows; else it is the write's position
constexpr std::uint8_t kOutcomeNumber = 8;   // a number follows; else it is 0

void put_outcomes(std::string& out, Position position, const std::vector<messages::WriteOutcome>& outcomes) {
  put_varint(out, outcomes.size());
  for (const messages::WriteOutcome& outcome : outcomes) {
    const bool other_version = outcome.version != position;
    const bool number = outcome.number != 0;
    put_byte(out, static_cast<std::uint8_t>((outcome.existed ? kOutcomeExisted : 0) |
                                            (outcome.changed ? kOutcomeChanged : 0) |
                                            (other_version ? kOutcomeVersion : 0) | (number ? kOutcomeNumber : 0)));
    if (other_version) put_position(out, outcome.version);
    if (number) put_signed(out, outcome.number);
  }
}

std::vector<messages::WriteOutcome> read_outcomes(Reader& reader, Position position) {
  std::vector<messages::WriteOutcome> outcomes;
  for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
    const std::uint8_t flags = reader.byte();
    messages::WriteOutcome outcome{.version = position,
                                   .existed = (flags & kOutcomeExisted) != 0,
                                   .changed = (flags & kOutcomeChanged) != 0,
                                   .number = 0};
    if (flags & kOutcomeVersion) outcome.version = read_position(reader);
    if (flags & kOutcomeNumber) outcome.number = reader.signed_varint();
    outcomes.push_back(outcome);
  }
  return outcomes;
}

// What a write and an entry of the window have in common. `Write` is one of the two.
template <class Write>
void put_identified(std::string& out, const Write& write) {
  put_u64(out, write.id.client.value());
  put_varint(out, write.id.number.value());
  put_varint(out, write.lowest_open.value());
  put_u64(out, write.fingerprint);
  put_outcomes(out, write.position, write.outcomes);
}

template <class Write>
void read_identified(Reader& reader, Write& write) {
  write.id.client = ClientId(reader.u64());
  write.id.number = WriteNumber(reader.varint());
  write.lowest_open = WriteNumber(reader.varint());
  write.fingerprint = reader.u64();
  write.outcomes = read_outcomes(reader, write.position);
}

// False: there are some that this version does not know.
bool read_flags(Reader& reader, messages::WindowWrite& write) {
  const std::uint8_t flags = reader.byte();
  write.may_repeat = (flags & kFlagMayRepeat) != 0;
  write.closed = (flags & kFlagClosed) != 0;
  return (flags & ~(kFlagMayRepeat | kFlagClosed)) == 0;
}

std::unexpected<Error> unreadable_state() {
  return fail(ErrorCode::corrupt, "the stored state of a partition cannot be read");
}

UnixMillis read_time(Reader& reader) { return {static_cast<std::int64_t>(reader.varint())}; }
void put_time(std::string& out, UnixMillis time) { put_varint(out, static_cast<std::uint64_t>(time.value)); }

std::string meta_key(PartitionId partition, MetaKey::Kind kind) {
  std::string key;
  put_u16(key, kMetaPartition);
  put_u16(key, partition.value());
  key.push_back(static_cast<char>(kind));
  return key;
}

}  // namespace

std::array<char, kPartitionBytes> prefix_of(PartitionId partition) {
  GYRE_ASSERT(partition.value() < limits::kSlots);
  return {static_cast<char>(partition.value() >> 8), static_cast<char>(partition.value() & 0xFF)};
}

std::string key_of(PartitionId partition, std::string_view key) {
  const auto prefix = prefix_of(partition);
  std::string stored;
  stored.reserve(kPartitionBytes + key.size());
  stored.append(prefix.data(), prefix.size());
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

std::string window_key(PartitionId partition) { return meta_key(partition, MetaKey::Kind::window); }

std::string encode_position(const PartitionState& state) {
  std::string out(1, static_cast<char>(kValueFormat));
  put_position(out, state.position);
  put_time(out, state.time);
  return out;
}

std::string encode_terms(const PartitionState& state) {
  std::string out(1, static_cast<char>(kValueFormat));
  put_varint(out, state.served.value());
  put_varint(out, state.promised.value());
  put_varint(out, state.whole_at.value());
  put_varint(out, state.history.size());
  for (const messages::TermStart& start : state.history) put_position(out, {start.term, start.first});
  return out;
}

std::string encode_window(const std::vector<messages::WindowWrite>& window) {
  std::string out(1, static_cast<char>(kWindowFormat));
  put_varint(out, window.size());
  for (const messages::WindowWrite& write : window) {
    put_byte(out,
             static_cast<std::uint8_t>((write.may_repeat ? kFlagMayRepeat : 0) | (write.closed ? kFlagClosed : 0)));
    put_position(out, write.position);
    put_time(out, write.time);
    put_identified(out, write);
  }
  return out;
}

Result<MetaKey> decode_meta_key(std::string_view key) {
  if (key.size() == 2 * kPartitionBytes + 1 && partition_of(key) == kMetaPartition) {
    const MetaKey meta{PartitionId(read_u16(key.substr(kPartitionBytes))), MetaKey::Kind{key.back()}};
    using enum MetaKey::Kind;
    const bool known = meta.kind == position || meta.kind == terms || meta.kind == window;
    if (known && meta.partition.value() < limits::kSlots) return meta;
  }
  return fail(ErrorCode::corrupt, "the store holds a key of its own that this version does not know");
}

Result<void> decode_meta(MetaKey::Kind kind, std::string_view value, StoredPartition& stored) {
  Reader reader(value);
  const std::uint8_t format = reader.byte();
  const bool known = kind == MetaKey::Kind::window ? format == kWindowFormat || format == kWindowFormatWithoutFlags
                                                   : format == kValueFormat;
  if (!known) return unreadable_state();
  PartitionState& state = stored.state;
  switch (kind) {
    case MetaKey::Kind::position:
      state.position = read_position(reader);
      state.time = read_time(reader);
      break;
    case MetaKey::Kind::terms:
      state.served = Term(reader.varint());
      state.promised = Term(reader.varint());
      state.whole_at = Sequence(reader.varint());
      state.history.clear();
      for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
        const Position start = read_position(reader);
        state.history.push_back({start.term, start.sequence});
      }
      break;
    case MetaKey::Kind::window:
      stored.window.clear();
      for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
        messages::WindowWrite& write = stored.window.emplace_back();
        if (format == kWindowFormat && !read_flags(reader, write)) return unreadable_state();
        write.position = read_position(reader);
        write.time = read_time(reader);
        read_identified(reader, write);
      }
      break;
  }
  if (!reader.done()) return unreadable_state();
  return {};
}

namespace {

// What every mark begins with.
void begin_mark(LogMark::Kind kind, PartitionId partition, std::string& out) {
  out.clear();
  put_byte(out, static_cast<std::uint8_t>(kind));
  put_u16(out, partition.value());
}

constexpr std::size_t kMarkHeadBytes = 1 + kPartitionBytes;

std::unexpected<Error> unknown_mark() {
  return fail(ErrorCode::corrupt, "the log holds a mark that this version does not know");
}

}  // namespace

void encode_write_mark(PartitionId partition, const messages::LoggedWrite& write, std::string& out) {
  const bool with_id = write.id.given();
  const auto identified = write.may_repeat ? LogMark::Kind::write_that_may_repeat : LogMark::Kind::write_with_id;
  begin_mark(with_id ? identified : LogMark::Kind::write, partition, out);
  put_position(out, write.position);
  put_time(out, write.time);
  if (with_id) put_identified(out, write);
}

std::string encode_cut_mark(PartitionId partition, Sequence last) {
  std::string out;
  begin_mark(LogMark::Kind::cut, partition, out);
  put_varint(out, last.value());
  return out;
}

std::string encode_drop_mark(PartitionId partition) {
  std::string out;
  begin_mark(LogMark::Kind::drop, partition, out);
  return out;
}

Result<PartitionId> partition_of_mark(std::string_view stored) {
  if (stored.size() < kMarkHeadBytes) return unknown_mark();
  const PartitionId partition(read_u16(stored.substr(1)));
  if (partition.value() >= limits::kSlots) return unknown_mark();
  return partition;
}

Result<LogMark> decode_mark(std::string_view stored) {
  LogMark mark;
  GYRE_TRY_SET(mark.partition, partition_of_mark(stored));
  mark.kind = LogMark::Kind{static_cast<std::uint8_t>(stored.front())};
  Reader reader(stored.substr(kMarkHeadBytes));
  switch (mark.kind) {
    case LogMark::Kind::write:
    case LogMark::Kind::write_with_id:
    case LogMark::Kind::write_that_may_repeat:
      mark.write.position = read_position(reader);
      mark.write.time = read_time(reader);
      mark.write.may_repeat = mark.kind == LogMark::Kind::write_that_may_repeat;
      if (mark.kind != LogMark::Kind::write) read_identified(reader, mark.write);
      break;
    case LogMark::Kind::cut: mark.last = Sequence(reader.varint()); break;
    case LogMark::Kind::drop: break;
    default: return unknown_mark();
  }
  if (!reader.done()) return unknown_mark();
  return mark;
}

}  // namespace gyre::storage::layout
