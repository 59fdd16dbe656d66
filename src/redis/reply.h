// Replies as values: made before it is known which protocol version they leave in, or whether at all.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "gyre/result.h"
#include "wire/resp_writer.h"

namespace gyre::redis {

struct Reply {
  enum class Kind : std::uint8_t { ok, null, null_array, integer, bulk, simple, error, array, set, map };

  Kind kind = Kind::ok;
  std::int64_t number = 0;   // integer
  Bytes bytes;               // bulk, simple, error; shares the memory of the value it shows
  std::vector<Reply> items;  // array, set; of a map: key, value, key, value

  static Reply ok() { return {}; }
  static Reply null() { return {.kind = Kind::null}; }
  static Reply null_array() { return {.kind = Kind::null_array}; }
  static Reply integer(std::int64_t number) { return {.kind = Kind::integer, .number = number}; }
  static Reply bulk(Bytes bytes) { return {.kind = Kind::bulk, .bytes = std::move(bytes)}; }
  // The text outlives everything (a literal).
  static Reply bulk_literal(std::string_view text) { return bulk(Bytes::literal(text)); }
  static Reply simple(std::string_view text) { return {.kind = Kind::simple, .bytes = Bytes::literal(text)}; }
  static Reply error(std::string_view literal) { return {.kind = Kind::error, .bytes = Bytes::literal(literal)}; }
  static Reply error_text(std::string_view text) { return {.kind = Kind::error, .bytes = Bytes::copy_of(text)}; }
  static Reply array(std::vector<Reply> items) { return {.kind = Kind::array, .items = std::move(items)}; }
  static Reply set(std::vector<Reply> items) { return {.kind = Kind::set, .items = std::move(items)}; }
  static Reply map(std::vector<Reply> items) { return {.kind = Kind::map, .items = std::move(items)}; }

  bool operator==(const Reply&) const = default;
};

// What was read from arguments, or the error to answer.
template <class T>
using Parsed = std::expected<T, Reply>;

inline std::unexpected<Reply> refuse(std::string_view literal) { return std::unexpected(Reply::error(literal)); }

// Of memory it holds, about; that of values which it shares, too.
std::size_t bytes_of(const Reply& reply);

// In the writer's version.
void write(wire::RespWriter& to, const Reply& reply);

// An error of Gyre's in the words that Redis clients act on: retry later (TRYAGAIN, CLUSTERDOWN, BUSY), tell a person
// (NOREPLICAS, NOPERM, MISCONF, ERR). What may have been applied always begins with "ERR outcome unknown: ".
Reply error_reply(const Error& error);

namespace words {

inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kNoInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNoFloat = "ERR value is not a valid float";
inline constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kCrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";

}  // namespace words

}  // namespace gyre::redis
