// How Redis reads numbers and words, whatever they stand in: headers, arguments, values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gyre::wire {

inline constexpr std::size_t kLineEndBytes = 2;  // "\r\n"
inline constexpr std::size_t kLineBytesMax = 64 * 1024;

// An optional minus and digits, no leading zero, no "-0", within 64 bits. SOURCE: Redis 7.0, string2ll.
std::optional<std::int64_t> parse_integer(std::string_view text);

// In double quotes, with \xNN for what would not print.
std::string quoted(std::string_view text);

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// In any case. `word` is in lower case.
constexpr bool says(std::string_view text, std::string_view word) { return std::ranges::equal(text, word, {}, lower); }

}  // namespace gyre::wire
