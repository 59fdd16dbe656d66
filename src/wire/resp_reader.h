// Replies of Redis servers, without I/O: received bytes in, values out. For clients: tests, benchmarks, routers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"

namespace gyre::wire {

class RespWriter;

// A reply of either version, a small tree that owns its bytes.
struct RespValue {
  enum class Kind : std::uint8_t {
    null,  // every spelling of it, arrays too
    simple,
    error,
    integer,
    bulk,
    array,
    map,
    set,
    push,
    number,
    boolean,
    big_number,
    verbatim,
  };

  Kind kind = Kind::null;
  std::string text;              // simple, error, bulk, big_number (its digits), verbatim
  std::array<char, 3> format{};  // verbatim: "txt", "mkd"
  std::int64_t integer = 0;      // boolean: 1 or 0
  double number = 0;
  std::vector<RespValue> items;  // of a map: key, value, key, value

  bool operator==(const RespValue&) const = default;
};

// The reply as the writer's version has it.
void write(RespWriter& to, const RespValue& value);

struct RespReply {
  std::optional<RespValue> value;  // none: more bytes are needed
  std::size_t consumed = 0;        // of `received`, with and without a value
};

// Beyond: too_large.
struct RespReaderLimits {
  std::size_t depth_max = 8;
  std::size_t values_max = 1024 * 1024;  // of one reply
  std::size_t bytes_max = std::size_t{512} * 1024 * 1024;  // of its texts
};

// The caller owns the bytes: it calls next() with all that it has received and not yet consumed. Memory grows with
// the bytes received, never with what they announce; the cost is linear in them, in however many pieces they come.
// Attributes are read and dropped. Streamed strings and aggregates, which no server sends, are refused.
// INVARIANT: offsets in members count from the first byte that is not consumed.
// SOURCE: github.com/redis/redis-specifications, protocol/RESP3.md.
class RespReader {
 public:
  explicit RespReader(RespReaderLimits limits = {}) : limits_(limits) {}

  // ERRORS: invalid_argument (no reply is written so), too_large. After an error the stream is lost: close it.
  Result<RespReply> next(std::string_view received);

 private:
  // An aggregate that has not all its items yet.
  struct Open {
    RespValue value;
    std::size_t missing = 0;
    bool attribute = false;
  };
  // What one line (and the text that it announces) gives.
  struct Token {
    RespValue value;
    std::size_t consumed = 0;  // 0: more bytes are needed
    std::size_t items = 0;     // that follow
    bool attribute = false;
  };

  Result<Token> read_token(std::string_view rest);
  // The line at the front without its end; none: more bytes are needed.
  Result<std::optional<std::string_view>> find_line(std::string_view rest);
  Result<Token> read_text(std::string_view rest, std::string_view line);
  Result<Token> read_aggregate(std::string_view line);
  Result<void> check_room();
  // Puts a value where it belongs: into the innermost open aggregate, which may complete that one, and so on.
  std::optional<RespValue> place(RespValue value);

  RespReaderLimits limits_;
  std::vector<Open> open_;
  std::size_t values_ = 0;  // of the begun reply
  std::size_t bytes_ = 0;   // of its texts
  std::size_t scanned_ = 0;
  std::size_t bytes_needed_ = 1;
};

}  // namespace gyre::wire
