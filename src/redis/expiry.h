// Times as commands say them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "messages/operation.h"
#include "redis/command_table.h"
#include "redis/reply.h"

namespace gyre::redis {

struct TimeFormat {
  bool seconds = false;   // else milliseconds
  bool absolute = false;  // since 1970; else from now on

  bool operator==(const TimeFormat&) const = default;
};
inline constexpr TimeFormat kSeconds{.seconds = true, .absolute = false};
inline constexpr TimeFormat kMilliseconds{.seconds = false, .absolute = false};
inline constexpr TimeFormat kUnixSeconds{.seconds = true, .absolute = true};
inline constexpr TimeFormat kUnixMilliseconds{.seconds = false, .absolute = true};

struct ExpiryTime {
  std::int64_t ms = 0;
  bool absolute = false;
};

// As EXPIRE and its kind take it: what lies in the past is allowed, and deletes.
// ERRORS: no integer; "invalid expire time": out of 64 bits, or beyond Gyre's maximum of a hundred years.
Parsed<ExpiryTime> parse_expiry_time(std::string_view amount, TimeFormat format, const Call& call);
// As SET and its kind take it. ERRORS: also what is not positive.
Parsed<ExpiryTime> parse_lifetime(std::string_view amount, TimeFormat format, const Call& call);

// A relative time stays relative: it counts from when the primary decides.
messages::Expiry to_expiry(ExpiryTime time);
// What gives a copy the expiry of `record`.
messages::Expiry expiry_of(const messages::Record& record);

}  // namespace gyre::redis
