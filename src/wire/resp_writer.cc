#include "wire/resp_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "wire/resp_text.h"

namespace gyre::wire {

namespace {

constexpr std::size_t kNumberLineBytesMax = 24;  // a mark, the 20 characters of the longest integer, a line end
constexpr std::size_t kDoubleBytesMax = 32;      // of %.17g: at most 24
constexpr int kDoubleDigits = 17;
constexpr std::size_t kVerbatimFormatBytes = 3;

char* write_line_end(char* to) {
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

// Writes "<mark><value>\r\n" and gives where it ends.
char* write_number_line(char* to, char mark, std::int64_t value) {
  *to++ = mark;
  to = std::to_chars(to, to + kNumberLineBytesMax, value).ptr;
  return write_line_end(to);
}

// Makes room for `bytes_max` more bytes at the end of `out`; `write` fills them from their begin and gives where it
// stopped.
void append_with(std::string& out, std::size_t bytes_max, auto write) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + bytes_max, [&](char* data, std::size_t) {
    return static_cast<std::size_t>(write(data + before) - data);
  });
}

}  // namespace

void RespWriter::line(char mark, std::string_view text) {
  text = text.substr(0, text.find_last_not_of("\r\n") + 1);
  append_with(*out_, 1 + text.size() + kLineEndBytes, [&](char* to) {
    *to++ = mark;
    to = std::ranges::transform(text, to, [](char c) { return c == '\r' || c == '\n' ? ' ' : c; }).out;
    return write_line_end(to);
  });
}

void RespWriter::number_line(char mark, std::int64_t value) {
  append_with(*out_, kNumberLineBytesMax, [&](char* to) { return write_number_line(to, mark, value); });
}

void RespWriter::bulk(std::string_view bytes) {
  append_with(*out_, kNumberLineBytesMax + bytes.size() + kLineEndBytes, [&](char* to) {
    to = write_number_line(to, '$', static_cast<std::int64_t>(bytes.size()));
    to += bytes.copy(to, bytes.size());
    return write_line_end(to);
  });
}

void RespWriter::map(std::size_t pairs) {
  number_line(resp3() ? '%' : '*', static_cast<std::int64_t>(resp3() ? pairs : 2 * pairs));
}

void RespWriter::number(double value) {
  std::array<char, kDoubleBytesMax> text;
  const double shown = std::isnan(value) ? std::abs(value) : value;
  char* const limit = text.data() + text.size();
  const char* const end = std::to_chars(text.data(), limit, shown, std::chars_format::general, kDoubleDigits).ptr;
  const std::string_view written(text.data(), end);
  if (resp3()) return line(',', written);
  bulk(written);
}

void RespWriter::boolean(bool value) {
  if (resp3()) {
    out_->append(value ? "#t\r\n" : "#f\r\n");
  } else {
    out_->append(value ? ":1\r\n" : ":0\r\n");
  }
}

void RespWriter::big_number(std::string_view digits) {
  if (resp3()) return line('(', digits);
  bulk(digits);
}

void RespWriter::verbatim(std::string_view text, std::string_view format) {
  GYRE_ASSERT(format.size() == kVerbatimFormatBytes);
  if (!resp3()) return bulk(text);
  number_line('=', static_cast<std::int64_t>(format.size() + 1 + text.size()));
  out_->append(format);
  out_->push_back(':');
  out_->append(text);
  out_->append("\r\n");
}

}  // namespace gyre::wire
