#include "wire/resp_parser.h"

#include <algorithm>
#include <utility>

#include "wire/resp_text.h"

namespace gyre::wire {

namespace {

constexpr std::ptrdiff_t kPlainHeaderBytesMax = 12;  // nine digits: no overflow to think of
// What is kept for the next command; the rest of a large one's memory is given back.
constexpr std::size_t kArgumentsKeptMax = 1024;
constexpr std::size_t kUnquotedKeptMax = 1024;
constexpr std::string_view kSpaces = " \t\n\v\f\r";
constexpr std::string_view kUnbalanced = "unbalanced quotes in request";

// Whether a command has one of the names that begin the lines of an HTTP request which a browser can be made to send.
// Redis compares C strings, so a NUL ends the name.
bool is_http(std::string_view name) {
  if (name.size() < 4 || (lower(name[0]) != 'p' && lower(name[0]) != 'h')) return false;
  name = name.substr(0, name.find('\0'));
  return says(name, "post") || says(name, "host:");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

char unescaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

}  // namespace

RespParser::RespParser(RespLimits limits) : limits_(limits) { set_authenticated(false); }

void RespParser::set_authenticated(bool authenticated) {
  arguments_max_ = limits_.arguments_max;
  argument_bytes_max_ = limits_.argument_bytes_max;
  if (authenticated) return;
  arguments_max_ = std::min(arguments_max_, limits_.unauthenticated_arguments_max);
  argument_bytes_max_ = std::min(argument_bytes_max_, limits_.unauthenticated_argument_bytes_max);
}

RespStep RespParser::next(std::string_view received) {
  if (missing_ == 0) begin_command();
  if (received.size() < bytes_needed_) return {stopped_as_, 0};
  std::size_t skipped = 0;
  while (missing_ == 0) {
    const std::string_view rest = received.substr(skipped);
    if (rest.empty()) {
      need(1);
      return {stopped_as_, skipped};
    }
    const bool multibulk = rest.front() == '*';
    const std::size_t bytes = multibulk ? take_count(rest) : take_inline(rest);
    if (bytes == 0) return {stopped_as_, skipped};
    if (!arguments_.empty()) return end_command(rest, skipped, bytes);
    if (missing_ == 0) skipped += bytes;
  }
  const std::string_view rest = received.substr(skipped);
  const std::size_t bytes = take_arguments(rest);
  if (bytes == 0) return {stopped_as_, skipped};
  return end_command(rest, skipped, bytes);
}

std::size_t RespParser::memory_bytes() const {
  return arguments_.capacity() * sizeof(arguments_[0]) + begins_.capacity() * sizeof(begins_[0]) +
         unquoted_.capacity() + error_.capacity();
}

void RespParser::begin_command() {
  if (arguments_.capacity() > kArgumentsKeptMax) std::vector<std::string_view>().swap(arguments_);
  if (begins_.capacity() > kArgumentsKeptMax) std::vector<std::size_t>().swap(begins_);
  if (unquoted_.capacity() > kUnquotedKeptMax) std::string().swap(unquoted_);
  arguments_.clear();
  in_place_ = true;
}

RespStep RespParser::end_command(std::string_view rest, std::size_t skipped, std::size_t bytes) {
  for (std::size_t i = 0; i < begins_.size(); ++i) arguments_[i] = rest.substr(begins_[i], arguments_[i].size());
  begins_.clear();
  at_ = scanned_ = 0;
  bytes_needed_ = 1;
  if (is_http(arguments_.front())) {
    bytes_needed_ = kUnknown;
    return {stopped_as_ = RespOutcome::http, skipped};
  }
  return {RespOutcome::command, skipped + bytes};
}

// "*3\r\n" and "$100\r\n" where they are whole and as simple as nearly always.
inline RespParser::Header RespParser::plain_header(std::string_view rest, std::size_t at, char mark) {
  const char* const begin = rest.data() + at;
  const auto bytes = static_cast<std::ptrdiff_t>(rest.size() - at);
  if (bytes < 4 || *begin != mark) return {};
  const char* const last = begin + std::min(bytes, kPlainHeaderBytesMax) - 1;
  const char* digit = begin + 1;
  std::size_t value = 0;
  for (; digit < last && *digit >= '0' && *digit <= '9'; ++digit) {
    value = value * 10 + static_cast<std::size_t>(*digit - '0');
  }
  const bool canonical = begin[1] != '0' || digit == begin + 2;
  if (digit == begin + 1 || digit == last || *digit != '\r' || !canonical) return {};
  return {at + static_cast<std::size_t>(digit - begin) + kLineEndBytes, value};
}

std::size_t RespParser::take_count(std::string_view rest) {
  if (const Header plain = plain_header(rest, 0, '*'); plain.after > 0 && plain.value <= arguments_max_) {
    scanned_ = 0;
    missing_ = plain.value;
    return at_ = plain.after;
  }
  const std::size_t end = find_line_end(rest, 0, '\r', "too big mbulk count string");
  if (end == kUnknown) return 0;
  const auto count = parse_integer(rest.substr(1, end - 1));
  if (!count || (*count > 0 && static_cast<std::size_t>(*count) > limits_.arguments_max)) {
    refuse("invalid multibulk length");
    return 0;
  }
  if (*count > 0 && static_cast<std::size_t>(*count) > arguments_max_) {
    refuse("unauthenticated multibulk length");
    return 0;
  }
  scanned_ = 0;
  missing_ = static_cast<std::size_t>(std::max<std::int64_t>(*count, 0));
  return at_ = end + kLineEndBytes;
}

std::size_t RespParser::take_arguments(std::string_view rest) {
  std::size_t at = at_;
  std::size_t missing = missing_;
  std::size_t bytes = argument_bytes_;
  const auto pause = [&] {
    at_ = at;
    missing_ = missing;
    argument_bytes_ = bytes;
    for (std::size_t i = begins_.size(); i < arguments_.size(); ++i) {
      begins_.push_back(static_cast<std::size_t>(arguments_[i].data() - rest.data()));
    }
    return 0;
  };
  for (; missing > 0; --missing) {
    if (bytes == kUnknown) {
      Header header = plain_header(rest, at, '$');
      if (header.after == 0 || header.value > argument_bytes_max_) header = read_length(rest, at);
      if (header.after == 0) return pause();
      at = header.after;
      bytes = header.value;
    }
    if (rest.size() - at < bytes + kLineEndBytes) {
      need(at + bytes + kLineEndBytes);
      return pause();
    }
    arguments_.push_back(rest.substr(at, bytes));
    at += std::exchange(bytes, kUnknown) + kLineEndBytes;
  }
  missing_ = 0;
  argument_bytes_ = kUnknown;
  return at;
}

RespParser::Header RespParser::read_length(std::string_view rest, std::size_t at) {
  const std::size_t end = find_line_end(rest, at, '\r', "too big bulk count string");
  if (end == kUnknown) return {};
  if (rest[at] != '$') {
    const char got = rest[at] == '\r' || rest[at] == '\n' ? ' ' : rest[at];
    refuse(std::string("expected '$', got '") + got + "'");
    return {};
  }
  const auto length = parse_integer(rest.substr(at + 1, end - at - 1));
  if (!length || *length < 0 || static_cast<std::size_t>(*length) > limits_.argument_bytes_max) {
    refuse("invalid bulk length");
    return {};
  }
  if (static_cast<std::size_t>(*length) > argument_bytes_max_) {
    refuse("unauthenticated bulk length");
    return {};
  }
  return {end + kLineEndBytes, static_cast<std::size_t>(*length)};
}

std::size_t RespParser::find_line_end(std::string_view rest, std::size_t at, char mark, std::string_view too_long) {
  std::size_t end = std::max(at, scanned_);
  while (end < rest.size() && rest[end] != mark && rest[end] != '\0') ++end;
  scanned_ = end;
  const bool found = end < rest.size() && rest[end] == mark;
  if ((found ? end : rest.size()) - at > kLineBytesMax) {
    refuse(too_long);
    return kUnknown;
  }
  const std::size_t needed = found && mark == '\r' ? end + kLineEndBytes : rest.size() + 1;
  if (!found || (mark == '\r' && rest.size() < needed)) {
    need(needed);
    return kUnknown;
  }
  return end;
}

std::size_t RespParser::take_inline(std::string_view rest) {
  const std::size_t end = find_line_end(rest, 0, '\n', "too big inline request");
  if (end == kUnknown) return 0;
  scanned_ = 0;
  split_inline(rest.substr(0, end));
  return stopped_as_ == RespOutcome::protocol_error ? 0 : end + 1;
}

void RespParser::split_inline(std::string_view line) {
  unquoted_.clear();
  if (line.find_first_of("\"'") != std::string_view::npos) unquoted_.reserve(line.size());  // so that views stay valid
  for (std::size_t at = line.find_first_not_of(kSpaces); at < line.size(); at = line.find_first_not_of(kSpaces, at)) {
    const std::size_t end = std::min(line.find_first_of(" \t\n\r\"'", at), line.size());
    if (end == line.size() || (line[end] != '"' && line[end] != '\'')) {
      arguments_.push_back(line.substr(at, end - at));
      at = end;
      continue;
    }
    const std::size_t begin = unquoted_.size();
    unquoted_.append(line, at, end - at);
    at = unquote(line, end);
    if (at == kUnknown) return refuse(kUnbalanced);
    arguments_.push_back(std::string_view(unquoted_).substr(begin));
    in_place_ = false;
  }
}

// Appends what the quotes that open at `at` hold; gives the offset behind them, or kUnknown if they are not balanced.
std::size_t RespParser::unquote(std::string_view line, std::size_t at) {
  const std::size_t after = line[at] == '"' ? unquote_double(line, at + 1) : unquote_single(line, at + 1);
  if (after < line.size() && !kSpaces.contains(line[after])) return kUnknown;
  return after;
}

std::size_t RespParser::unquote_double(std::string_view line, std::size_t at) {
  for (; at < line.size() && line[at] != '"'; ++at) {
    if (line[at] != '\\' || at + 1 == line.size()) {
      unquoted_ += line[at];
    } else if (line[at + 1] == 'x' && at + 3 < line.size() && hex_digit(line[at + 2]) >= 0 &&
               hex_digit(line[at + 3]) >= 0) {
      unquoted_ += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
      at += 3;
    } else {
      unquoted_ += unescaped(line[++at]);
    }
  }
  return at < line.size() ? at + 1 : kUnknown;
}

std::size_t RespParser::unquote_single(std::string_view line, std::size_t at) {
  for (; at < line.size() && line[at] != '\''; ++at) {
    if (line.substr(at).starts_with("\\'")) ++at;
    unquoted_ += line[at];
  }
  return at < line.size() ? at + 1 : kUnknown;
}

void RespParser::need(std::size_t bytes) {
  bytes_needed_ = bytes;
  stopped_as_ = RespOutcome::incomplete;
}

void RespParser::refuse(std::string_view why) {
  error_ = "Protocol error: ";
  error_ += why;
  bytes_needed_ = kUnknown;
  stopped_as_ = RespOutcome::protocol_error;
}

}  // namespace gyre::wire
