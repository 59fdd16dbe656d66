#include "wire/resp_reader.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "wire/resp_text.h"
#include "wire/resp_writer.h"

namespace gyre::wire {

namespace {

using Kind = RespValue::Kind;

constexpr std::size_t kFormatBytes = 3;
constexpr std::size_t kQuotedBytesMax = 60;

auto malformed(std::string_view line) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("no reply of a Redis server is written so: {}", quoted(line.substr(0, kQuotedBytesMax))));
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || after != end) return std::nullopt;
  return value;
}

std::string_view without_plus(std::string_view text) {
  return text.substr(text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
}

bool is_big_number(std::string_view text) {
  text = without_plus(text);
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

RespValue of_text(Kind kind, std::string_view text) {
  RespValue value{.kind = kind};
  value.text = text;
  return value;
}

// What a line says that stands by itself.
Result<RespValue> read_scalar(std::string_view line) {
  const std::string_view text = line.substr(1);
  switch (line.front()) {
    case '+': return of_text(Kind::simple, text);
    case '-': return of_text(Kind::error, text);
    case ':':
      if (const auto number = parse<std::int64_t>(without_plus(text))) {
        return RespValue{.kind = Kind::integer, .integer = *number};
      }
      break;
    case ',':
      if (const auto number = parse<double>(text)) return RespValue{.kind = Kind::number, .number = *number};
      break;
    case '#':
      if (text == "t" || text == "f") return RespValue{.kind = Kind::boolean, .integer = text == "t" ? 1 : 0};
      break;
    case '(':
      if (is_big_number(text)) return of_text(Kind::big_number, text);
      break;
    case '_':
      if (text.empty()) return RespValue{};
      break;
    default: break;
  }
  return malformed(line);
}

Kind aggregate_kind(char mark) {
  switch (mark) {
    case '%': return Kind::map;
    case '~': return Kind::set;
    case '>': return Kind::push;
    default: return Kind::array;
  }
}

}  // namespace

void write(RespWriter& to, const RespValue& value) {
  switch (value.kind) {
    case Kind::null: to.null(); break;
    case Kind::simple: to.simple(value.text); break;
    case Kind::error: to.error(value.text); break;
    case Kind::integer: to.integer(value.integer); break;
    case Kind::bulk: to.bulk(value.text); break;
    case Kind::array: to.array(value.items.size()); break;
    case Kind::map: to.map(value.items.size() / 2); break;
    case Kind::set: to.set(value.items.size()); break;
    case Kind::push: to.push(value.items.size()); break;
    case Kind::number: to.number(value.number); break;
    case Kind::boolean: to.boolean(value.integer != 0); break;
    case Kind::big_number: to.big_number(value.text); break;
    case Kind::verbatim: to.verbatim(value.text, {value.format.data(), value.format.size()}); break;
  }
  for (const RespValue& item : value.items) write(to, item);
}

Result<RespReply> RespReader::next(std::string_view received) {
  if (received.size() < bytes_needed_) return RespReply{};
  RespReply reply;
  while (!reply.value) {
    const std::string_view rest = received.substr(reply.consumed);
    GYRE_TRY_SET(Token token, read_token(rest));
    if (token.consumed == 0) return reply;
    scanned_ = 0;
    bytes_needed_ = 1;
    reply.consumed += token.consumed;
    bytes_ += token.value.text.size();
    ++values_;
    GYRE_TRY(check_room());
    if (token.items > 0) {
      if (open_.size() == limits_.depth_max) return fail(ErrorCode::too_large, "a reply is nested too deeply");
      open_.push_back({std::move(token.value), token.items, token.attribute});
    } else if (!token.attribute) {
      reply.value = place(std::move(token.value));
    }
  }
  values_ = bytes_ = 0;
  return reply;
}

Result<RespReader::Token> RespReader::read_token(std::string_view rest) {
  GYRE_TRY_SET(const auto line, find_line(rest));
  if (!line) return Token{};
  if (line->empty()) return malformed(*line);
  switch (line->front()) {
    case '$':
    case '!':
    case '=': return read_text(rest, *line);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|': return read_aggregate(*line);
    default: break;
  }
  GYRE_TRY_SET(RespValue value, read_scalar(*line));
  return Token{.value = std::move(value), .consumed = line->size() + kLineEndBytes};
}

Result<std::optional<std::string_view>> RespReader::find_line(std::string_view rest) {
  const std::size_t end = rest.find('\r', scanned_);
  scanned_ = std::min(end, rest.size());
  if (scanned_ > kLineBytesMax) return fail(ErrorCode::too_large, "a line of a reply is too long");
  if (rest.size() < scanned_ + kLineEndBytes) {
    bytes_needed_ = end == std::string_view::npos ? rest.size() + 1 : end + kLineEndBytes;
    return std::nullopt;
  }
  if (rest[end + 1] != '\n') return malformed(rest.substr(0, end + kLineEndBytes));
  return rest.substr(0, end);
}

Result<RespReader::Token> RespReader::read_text(std::string_view rest, std::string_view line) {
  const auto length = parse<std::int64_t>(line.substr(1));
  if (line == "$-1") return Token{.value = {}, .consumed = line.size() + kLineEndBytes};
  if (!length || *length < 0) return malformed(line);
  const auto bytes = static_cast<std::size_t>(*length);
  if (bytes > limits_.bytes_max - bytes_) {
    return fail(ErrorCode::too_large, fmt::format("a reply with a text of {} bytes: at most {} are allowed in all",
                                                  bytes, limits_.bytes_max));
  }
  const std::size_t begin = line.size() + kLineEndBytes;
  const std::size_t end = begin + bytes;
  if (rest.size() < end + kLineEndBytes) {
    bytes_needed_ = end + kLineEndBytes;
    return Token{};
  }
  std::string_view text = rest.substr(begin, bytes);
  if (rest.substr(end, kLineEndBytes) != "\r\n") return malformed(line);
  Token token{.value = {.kind = line.front() == '!' ? Kind::error : Kind::bulk}, .consumed = end + kLineEndBytes};
  if (line.front() == '=') {
    if (text.size() <= kFormatBytes || text[kFormatBytes] != ':') return malformed(line);
    token.value.kind = Kind::verbatim;
    std::ranges::copy(text.substr(0, kFormatBytes), token.value.format.begin());
    text.remove_prefix(kFormatBytes + 1);
  }
  token.value.text = text;
  return token;
}

Result<RespReader::Token> RespReader::read_aggregate(std::string_view line) {
  const auto count = parse<std::int64_t>(line.substr(1));
  Token token{.value = {}, .consumed = line.size() + kLineEndBytes};
  if (line == "*-1") return token;
  if (!count || *count < 0) return malformed(line);
  if (static_cast<std::size_t>(*count) > limits_.values_max) {
    return fail(ErrorCode::too_large,
                fmt::format("a reply of {} values: at most {} are allowed", *count, limits_.values_max));
  }
  token.attribute = line.front() == '|';
  token.value.kind = aggregate_kind(line.front());
  token.items = static_cast<std::size_t>(*count) * (token.attribute || token.value.kind == Kind::map ? 2 : 1);
  return token;
}

Result<void> RespReader::check_room() {
  if (values_ > limits_.values_max) {
    return fail(ErrorCode::too_large, fmt::format("a reply of more than {} values", limits_.values_max));
  }
  if (bytes_ > limits_.bytes_max) {
    return fail(ErrorCode::too_large, fmt::format("a reply of more than {} bytes of text", limits_.bytes_max));
  }
  return {};
}

std::optional<RespValue> RespReader::place(RespValue value) {
  while (!open_.empty()) {
    open_.back().value.items.push_back(std::move(value));
    if (--open_.back().missing > 0) return std::nullopt;
    Open complete = std::move(open_.back());
    open_.pop_back();
    if (complete.attribute) return std::nullopt;
    value = std::move(complete.value);
  }
  return value;
}

}  // namespace gyre::wire
