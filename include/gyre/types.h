// Plain values of the public API.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"

namespace gyre {

// The version of a value: the position (term, sequence) of the write that made it. Versions of one key only grow.
struct Version {
  std::uint64_t term = 0;
  std::uint64_t sequence = 0;

  auto operator<=>(const Version&) const = default;
};

// "3:1042"; {0, 0} is "0:0" and is no value's version.
std::string to_string(const Version& version);
// Reads what to_string wrote. ERRORS: invalid_argument.
Result<Version> parse_version(std::string_view text);

struct Value {
  std::string data;
  Version version;
  std::optional<std::chrono::milliseconds> ttl;  // time left to live; none: lives until deleted
};

// Where a write stands against what is stored. A write whose condition does not hold fails with
// `condition_failed` and changes nothing.
struct Condition {
  enum class Kind : std::uint8_t { none, absent, present, version };
  Kind kind = Kind::none;
  Version version;  // only with Kind::version

  static Condition always() { return {}; }
  static Condition if_absent() { return {Kind::absent, {}}; }
  static Condition if_present() { return {Kind::present, {}}; }
  static Condition if_version(Version v) { return {Kind::version, v}; }
};

struct KeyValue {
  std::string key;
  Value value;
};

}  // namespace gyre
