#include "redis/expiry.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/limits.h"
#include "redis/numbers.h"

namespace gyre::redis {

using messages::Expiry;

namespace {

std::unexpected<Reply> refuse_time(const Call& call) {
  return std::unexpected(Reply::error_text(fmt::format("ERR invalid expire time in '{}' command", call.command.name)));
}

}  // namespace

Parsed<ExpiryTime> parse_expiry_time(std::string_view amount, TimeFormat format, const Call& call) {
  const auto number = parse_integer(amount);
  if (!number) return refuse(words::kNoInteger);
  std::int64_t ms = *number;
  if (format.seconds && __builtin_mul_overflow(ms, std::int64_t{1000}, &ms)) return refuse_time(call);
  const std::int64_t base = format.absolute ? call.context.now.value : 0;
  if (ms > base + static_cast<std::int64_t>(limits::kTtlMsMax)) return refuse_time(call);
  return ExpiryTime{ms, format.absolute};
}

Parsed<ExpiryTime> parse_lifetime(std::string_view amount, TimeFormat format, const Call& call) {
  const auto time = parse_expiry_time(amount, format, call);
  if (time && time->ms <= 0) return refuse_time(call);
  return time;
}

Expiry to_expiry(ExpiryTime time) {
  if (time.ms <= 0) return {Expiry::Kind::at, 1};  // the past, which Gyre has no shorter word for
  return {time.absolute ? Expiry::Kind::at : Expiry::Kind::after, time.ms};
}

Expiry expiry_of(const messages::Record& record) {
  if (record.expires_at == kNoExpiry) return {};
  return {Expiry::Kind::at, record.expires_at.value};
}

}  // namespace gyre::redis
