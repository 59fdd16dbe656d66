// Numbers in arguments and values, as strict as Redis is with them.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "wire/resp_text.h"

namespace gyre::redis {

using wire::parse_integer;

// What strtold takes as a whole, without white space before it; "inf" is a number, "nan" is not.
// SOURCE: Redis 7.0, string2ld.
std::optional<long double> parse_float(std::string_view text);

// Never in exponential form: up to 17 digits behind the point, no zeros at the end. SOURCE: Redis 7.0, ld2string.
std::string format_float(long double number);

// All of `text` as a number of that type; none: it is no such number.
template <class Integer>
std::optional<Integer> number_of(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace gyre::redis
