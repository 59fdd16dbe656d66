// Numbers in arguments and values, as strict as Redis is with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gyre::redis {

// An optional minus and digits, no leading zero, no "-0", within 64 bits. SOURCE: Redis 7.0, string2ll.
std::optional<std::int64_t> parse_integer(std::string_view text);

// What strtold takes as a whole, without white space before it; "inf" is a number, "nan" is not.
// SOURCE: Redis 7.0, string2ld.
std::optional<long double> parse_float(std::string_view text);

// Never in exponential form: up to 17 digits behind the point, no zeros at the end. SOURCE: Redis 7.0, ld2string.
std::string format_float(long double number);

}  // namespace gyre::redis
