// The options of SET and GETEX.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "redis/expiry.h"

namespace gyre::redis {

struct SetOptions {
  enum class When : std::uint8_t { always, absent, present, equal };
  enum class Lifetime : std::uint8_t { plain, keep, persist, timed };

  When when = When::always;
  std::string_view compare;  // with equal
  bool get = false;
  Lifetime lifetime = Lifetime::plain;
  TimeFormat format;        // with timed
  std::string_view amount;  // with timed; not looked at yet
};

// ERRORS: syntax.
Parsed<SetOptions> parse_set_options(const Arguments& arguments, std::size_t first);
Parsed<SetOptions> parse_getex_options(const Arguments& arguments, std::size_t first);

// Of the value that is put. ERRORS: see parse_lifetime.
Parsed<messages::Expiry> expiry_of(const SetOptions& options, const Call& call);

// SET where the value stored matters: GET, IFEQ. In update_commands.cc.
Plan plan_set_by_value(const Call& call, const SetOptions& options, messages::Expiry expiry);

}  // namespace gyre::redis
