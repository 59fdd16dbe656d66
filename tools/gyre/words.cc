#include "tools/gyre/words.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/invalid.h"
#include "tools/gyre/encoding.h"

namespace gyre::cli {

namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// The character that the escape at the front of `rest` (behind the backslash) stands for; takes it off.
Result<char> take_escape(std::string_view& rest) {
  const char kind = rest.empty() ? '\0' : rest.front();
  const auto known = std::string_view("ntr0\\\"").find(kind);
  if (!rest.empty() && known != std::string_view::npos) {
    rest.remove_prefix(1);
    return std::string_view("\n\t\r\0\\\"", 6)[known];
  }
  unsigned byte = 0;
  if (kind == 'x' && rest.size() >= 3) {
    const auto read = std::from_chars(rest.data() + 1, rest.data() + 3, byte, 16);
    if (read.ec == std::errc() && read.ptr == rest.data() + 3) {
      rest.remove_prefix(3);
      return static_cast<char>(byte);
    }
  }
  return invalid(fmt::format("unknown escape \\{} in double quotes: \\n \\t \\r \\0 \\\\ \\\" and \\xNN are known",
                             printable(rest.substr(0, 1))));
}

// Takes the rest of a quoted part, its end included, off the front of `rest`.
Result<std::string> take_quoted(char quote, std::string_view& rest) {
  std::string text;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == quote) return text;
    if (c == '\\' && quote == '"') {
      GYRE_TRY_SET(const char escaped, take_escape(rest));
      text += escaped;
    } else {
      text += c;
    }
  }
  return invalid(fmt::format("a {} is never closed", quote));
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view rest) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  while (!rest.empty()) {
    const char c = rest.front();
    if (!word && c == '#') break;
    rest.remove_prefix(1);
    if (blank(c)) {
      if (word) words.push_back(std::move(*word));
      word.reset();
      continue;
    }
    if (!word) word.emplace();
    if (c == '\'' || c == '"') {
      GYRE_TRY_SET(const auto quoted, take_quoted(c, rest));
      *word += quoted;
    } else if (c == '\\') {
      if (rest.empty()) return invalid("a backslash at the end of the line");
      *word += rest.front();
      rest.remove_prefix(1);
    } else {
      *word += c;
    }
  }
  if (word) words.push_back(std::move(*word));
  return words;
}

}  // namespace gyre::cli
