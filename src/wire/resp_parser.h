// Requests of Redis clients, without I/O: received bytes in, commands out. Knows no command but the two that say that
// a browser was tricked into talking to this port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gyre::wire {

// Beyond: a protocol error. The defaults are those of Redis.
struct RespLimits {
  std::size_t arguments_max = 1024 * 1024;  // as before Redis 7.0, which takes 2^31 - 1
  std::size_t argument_bytes_max = std::size_t{512} * 1024 * 1024;
  // While the connection must still authenticate.
  std::size_t unauthenticated_arguments_max = 10;
  std::size_t unauthenticated_argument_bytes_max = 16 * 1024;
};

enum class RespOutcome : std::uint8_t {
  command,         // arguments() are one command
  incomplete,      // more bytes are needed
  protocol_error,  // error() says why: answer it, then close
  http,  // a browser's request, whose body may hold commands that its user never meant: close, answer nothing
};

struct RespStep {
  RespOutcome outcome = RespOutcome::incomplete;
  std::size_t consumed = 0;  // bytes of `received` that are done with; what follows them is passed in again
};

// The connection owns the bytes: it calls next() with all that it has received and not yet consumed, and drops
// `consumed` from their front after each call, until it gets something else than a command. It may move the bytes
// between the calls. After protocol_error and http the stream is lost, and next() says so again.
//
// Memory grows with the bytes received, never with what they announce, and each byte is looked at a bounded number of
// times, in however many pieces it comes. A whole command must fit the connection's buffer: the limits bound each
// argument, the connection bounds their sum.
//
// INVARIANT: offsets in members count from the first byte that is not consumed; a begun command consumes nothing.
// SOURCE: Redis 7.0, processInlineBuffer and processMultibulkBuffer; compared with redis-server 7.0.15, byte by byte.
// As there: what stands in the place of "\n" after a length, and of "\r\n" after an argument, is skipped unread; a NUL
// in a line hides its end. Different: a line is too long (64 KiB) however it was cut into pieces.
class RespParser {
 public:
  explicit RespParser(RespLimits limits = {});

  // The limits for unauthenticated connections apply until told otherwise; from the next length on.
  void set_authenticated(bool authenticated);

  RespStep next(std::string_view received);

  // Of the last command, at least one. Valid until the next call of next(), and as long as the bytes stay in place.
  std::span<const std::string_view> arguments() const { return arguments_; }
  // Whether all of them lie in `received`; else some lie in this object (an inline request with quotes).
  bool arguments_in_place() const { return in_place_; }
  // After incomplete: there is nothing new before `received` has so many bytes.
  std::size_t bytes_needed() const { return bytes_needed_; }
  // What it holds besides itself, for those who list connections. Large commands leave little behind.
  std::size_t memory_bytes() const;
  // "Protocol error: invalid bulk length", as Redis words it; the answer has "ERR " before it.
  std::string_view error() const { return error_; }

 private:
  static constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

  struct Header {
    std::size_t after = 0;  // the offset behind it; 0: none, next() has to stop
    std::size_t value = 0;
  };
  static Header plain_header(std::string_view rest, std::size_t at, char mark);

  void begin_command();
  RespStep end_command(std::string_view rest, std::size_t skipped, std::size_t bytes);

  // Each takes what stands at the front of `rest` and gives its size; 0: next() has to stop.
  std::size_t take_count(std::string_view rest);
  std::size_t take_arguments(std::string_view rest);
  std::size_t take_inline(std::string_view rest);

  Header read_length(std::string_view rest, std::size_t at);
  // The offset of `mark`, which ends the line that begins at `at`; kUnknown: next() has to stop.
  std::size_t find_line_end(std::string_view rest, std::size_t at, char mark, std::string_view too_long);

  void split_inline(std::string_view line);
  std::size_t unquote(std::string_view line, std::size_t at);
  std::size_t unquote_double(std::string_view line, std::size_t at);
  std::size_t unquote_single(std::string_view line, std::size_t at);

  void need(std::size_t bytes);
  void refuse(std::string_view why);

  RespLimits limits_;
  // What is allowed now.
  std::size_t arguments_max_ = 0;
  std::size_t argument_bytes_max_ = 0;

  std::size_t missing_ = 0;  // arguments of the begun command that were not found yet; 0: none is begun
  std::size_t at_ = 0;  // where the next of them begins, or its length
  std::size_t argument_bytes_ = kUnknown;  // of the argument at at_
  std::size_t scanned_ = 0;  // before it the line at at_ has no end
  std::size_t bytes_needed_ = 1;
  RespOutcome stopped_as_ = RespOutcome::incomplete;

  std::vector<std::string_view> arguments_;
  std::vector<std::size_t> begins_;  // of the arguments that earlier calls found: the bytes may have moved since
  bool in_place_ = true;
  std::string unquoted_;
  std::string error_;
};

}  // namespace gyre::wire
