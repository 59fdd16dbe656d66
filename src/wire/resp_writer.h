// Replies to Redis clients (and requests to Redis servers), without I/O: appended to a string of the connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gyre::wire {

enum class RespVersion : std::uint8_t { resp2 = 2, resp3 = 3 };

// What the version in use has no type for is written as Redis writes it to such clients: RESP2 maps as flat arrays,
// sets and pushes as arrays, doubles, big numbers and verbatim texts as bulk strings, booleans as 1 and 0.
// SOURCE: Redis 7.0, the addReply... functions, compared with its DEBUG PROTOCOL.
class RespWriter {
 public:
  // `out` must outlive the writer; others may take from it and append to it between two replies.
  explicit RespWriter(std::string& out, RespVersion version = RespVersion::resp2) : out_(&out), version_(version) {}

  RespVersion version() const { return version_; }
  void set_version(RespVersion version) { version_ = version; }

  void ok() { out_->append("+OK\r\n", 5); }
  // A line: line ends within it become spaces, those at its end are left out, so that no text can forge a reply.
  void simple(std::string_view text) { line('+', text); }
  // In the same way. `text` begins with its code: "ERR syntax error", "MOVED 1234 10.0.0.1:6379".
  void error(std::string_view text) { line('-', text); }
  void integer(std::int64_t value) { number_line(':', value); }
  void bulk(std::string_view bytes);
  void null() { out_->append(resp3() ? "_\r\n" : "$-1\r\n"); }
  void null_array() { out_->append(resp3() ? "_\r\n" : "*-1\r\n"); }

  // Headers: as many replies follow, or twice as many for a map.
  void array(std::size_t items) { number_line('*', static_cast<std::int64_t>(items)); }
  void map(std::size_t pairs);
  void set(std::size_t items) { number_line(resp3() ? '~' : '*', static_cast<std::int64_t>(items)); }
  void push(std::size_t items) { number_line(resp3() ? '>' : '*', static_cast<std::int64_t>(items)); }

  // As printf's %.17g; "inf", "-inf", and "nan" whatever its sign.
  void number(double value);
  void boolean(bool value);
  // REQUIRES: an optional minus and digits.
  void big_number(std::string_view digits);
  // REQUIRES: a format of three characters.
  void verbatim(std::string_view text, std::string_view format = "txt");

 private:
  bool resp3() const { return version_ == RespVersion::resp3; }
  void line(char mark, std::string_view text);
  void number_line(char mark, std::int64_t value);

  std::string* out_;
  RespVersion version_;
};

}  // namespace gyre::wire
