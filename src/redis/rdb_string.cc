#include "redis/rdb_string.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "redis/numbers.h"

namespace gyre::redis {

namespace {

constexpr char kTypeString = 0;
constexpr std::uint16_t kVersion = 10;       // of Redis 7.0
constexpr std::uint16_t kVersionNewest = 12;  // of Redis 7.4: strings are as they were
constexpr std::size_t kFooterBytes = 2 + 8;
// Of a length's first byte: the upper two bits say what follows, and of special encodings the lower six which.
constexpr unsigned kSixBits = 0;
constexpr unsigned kFourteenBits = 1;
constexpr unsigned kWide = 2;
constexpr unsigned char kWide32 = 0x80;
constexpr unsigned char kWide64 = 0x81;
enum class Special : unsigned char { int8 = 0, int16 = 1, int32 = 2, lzf = 3 };
constexpr std::size_t kPackedDigitsMax = 11;

constexpr std::array<std::uint64_t, 256> crc_table() {
  constexpr std::uint64_t kReflected = 0x95ac9329ac4bc9b5;  // 0xad93d23594c935a9
  std::array<std::uint64_t, 256> table{};
  for (std::uint64_t byte = 0; byte < table.size(); ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ kReflected : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

void append_little(std::string& to, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) to += static_cast<char>(number >> (8 * i) & 0xff);
}

std::uint64_t little(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return number;
}

std::uint64_t big(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

void append_length(std::string& to, std::size_t length) {
  if (length < 64) {
    to += static_cast<char>(length);
  } else if (length < 16384) {
    to += static_cast<char>(0x40 | length >> 8);
    to += static_cast<char>(length & 0xff);
  } else {
    to += static_cast<char>(kWide32);
    for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(length >> shift & 0xff);
  }
}

template <class Integer>
bool fits(std::int64_t number) {
  return number >= std::numeric_limits<Integer>::min() && number <= std::numeric_limits<Integer>::max();
}

// Takes pieces off the front of what is given. None: there are not so many bytes.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::string_view> take(std::size_t bytes) {
    if (bytes > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// A plain one, or how the contents are encoded.
struct Length {
  std::optional<Special> special;
  std::uint64_t bytes = 0;
};

std::optional<Length> take_length(Cursor& from) {
  const auto first = from.take(1);
  if (!first) return std::nullopt;
  const auto byte = static_cast<unsigned char>(first->front());
  switch (byte >> 6) {
    case kSixBits: return Length{{}, byte};
    case kFourteenBits: {
      const auto second = from.take(1);
      if (!second) return std::nullopt;
      return Length{{}, (byte & 0x3fU) << 8 | static_cast<unsigned char>(second->front())};
    }
    case kWide: {
      if (byte != kWide32 && byte != kWide64) return std::nullopt;
      const auto number = from.take(byte == kWide32 ? 4 : 8);
      if (!number) return std::nullopt;
      return Length{{}, big(*number)};
    }
    default: return (byte & 0x3f) > 3 ? std::nullopt : std::optional(Length{static_cast<Special>(byte & 0x3f), 0});
  }
}

template <class Integer>
std::optional<std::string> take_number(Cursor& from) {
  const auto bytes = from.take(sizeof(Integer));
  if (!bytes) return std::nullopt;
  return fmt::to_string(static_cast<std::int64_t>(static_cast<Integer>(little(*bytes))));
}

// SOURCE: liblzf's format: runs of 1 to 32 literal bytes, and references of 3 bytes and more up to 8 KiB back.
std::optional<std::string> unpack(std::string_view packed, std::size_t bytes) {
  std::string out;
  Cursor from(packed);
  while (!from.at_end()) {
    const auto control = static_cast<unsigned char>(from.take(1)->front());
    if (control < 32) {
      const auto literal = from.take(control + std::size_t{1});
      if (!literal || literal->size() > bytes - out.size()) return std::nullopt;
      out += *literal;
      continue;
    }
    std::size_t length = control >> 5;
    if (length == 7) {
      const auto more = from.take(1);
      if (!more) return std::nullopt;
      length += static_cast<unsigned char>(more->front());
    }
    const auto low = from.take(1);
    if (!low) return std::nullopt;
    const std::size_t back = (std::size_t{control} & 0x1f) << 8 | static_cast<unsigned char>(low->front());
    length += 2;
    if (back + 1 > out.size() || length > bytes - out.size()) return std::nullopt;
    // Byte by byte: a reference may reach into what it itself writes.
    for (std::size_t at = out.size() - back - 1; length > 0; --length, ++at) out += out[at];
  }
  return out.size() == bytes ? std::optional(std::move(out)) : std::nullopt;
}

std::unexpected<Reply> bad_format() { return refuse("ERR Bad data format"); }

std::unexpected<Reply> too_long(std::uint64_t bytes, std::size_t bytes_max) {
  return std::unexpected(Reply::error_text(
      fmt::format("ERR a value of {} bytes: at most {} are allowed (--value-max)", bytes, bytes_max)));
}

Parsed<std::string> take_string(Cursor& from, std::size_t bytes_max) {
  const auto length = take_length(from);
  if (!length) return bad_format();
  std::optional<std::string> value;
  if (!length->special) {
    if (length->bytes > bytes_max) return too_long(length->bytes, bytes_max);
    if (const auto plain = from.take(length->bytes)) value = *plain;
  } else if (*length->special == Special::int8) {
    value = take_number<std::int8_t>(from);
  } else if (*length->special == Special::int16) {
    value = take_number<std::int16_t>(from);
  } else if (*length->special == Special::int32) {
    value = take_number<std::int32_t>(from);
  } else {
    const auto packed = take_length(from);
    const auto bytes = packed ? take_length(from) : std::nullopt;
    if (!bytes || packed->special || bytes->special) return bad_format();
    if (bytes->bytes > bytes_max) return too_long(bytes->bytes, bytes_max);
    if (const auto data = from.take(packed->bytes)) value = unpack(*data, bytes->bytes);
  }
  if (!value) return bad_format();
  return *std::move(value);
}

}  // namespace

std::uint64_t crc64(std::string_view bytes) {
  static constexpr std::array<std::uint64_t, 256> kTable = crc_table();
  std::uint64_t crc = 0;
  for (const char byte : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ crc >> 8;
  return crc;
}

std::string dump_string(std::string_view value) {
  std::string payload(1, kTypeString);
  const auto number = value.size() <= kPackedDigitsMax ? parse_integer(value) : std::nullopt;
  const auto pack = [&](Special width, std::size_t bytes) {
    payload += static_cast<char>(0xc0 | std::to_underlying(width));
    append_little(payload, static_cast<std::uint64_t>(*number), bytes);
  };
  if (number && fits<std::int8_t>(*number)) {
    pack(Special::int8, 1);
  } else if (number && fits<std::int16_t>(*number)) {
    pack(Special::int16, 2);
  } else if (number && fits<std::int32_t>(*number)) {
    pack(Special::int32, 4);
  } else {
    append_length(payload, value.size());
    payload += value;
  }
  append_little(payload, kVersion, 2);
  append_little(payload, crc64(payload), 8);
  return payload;
}

Parsed<std::string> restore_string(std::string_view payload, std::size_t bytes_max) {
  constexpr std::string_view kWrong = "ERR DUMP payload version or checksum are wrong";
  if (payload.size() < kFooterBytes) return refuse(kWrong);
  const std::string_view body = payload.substr(0, payload.size() - kFooterBytes);
  const auto version = little(payload.substr(body.size(), 2));
  const auto checksum = little(payload.substr(payload.size() - 8));
  if (version > kVersionNewest || checksum != crc64(payload.substr(0, payload.size() - 8))) return refuse(kWrong);
  Cursor from(body);
  const auto type = from.take(1);
  if (!type) return bad_format();
  if (type->front() != kTypeString) return refuse("ERR this is no string, and other types are not kept here");
  return take_string(from, bytes_max);
}

}  // namespace gyre::redis
