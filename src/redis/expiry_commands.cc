// Commands on the expiry of keys.
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "redis/expiry.h"
#include "redis/operations.h"
#include "redis/planners.h"

namespace gyre::redis {

namespace {

struct ExpireFlags {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;

  bool any() const { return nx || xx || gt || lt; }
};

Parsed<ExpireFlags> parse_flags(const Arguments& arguments) {
  ExpireFlags flags;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    bool* const flag = says(arguments[i], "nx")   ? &flags.nx
                       : says(arguments[i], "xx") ? &flags.xx
                       : says(arguments[i], "gt") ? &flags.gt
                       : says(arguments[i], "lt") ? &flags.lt
                                                  : nullptr;
    if (flag == nullptr) {
      return std::unexpected(
          Reply::error_text("ERR Unsupported option " + std::string(arguments[i].substr(0, arguments[i].find('\0')))));
    }
    *flag = true;
  }
  if (flags.nx && (flags.xx || flags.gt || flags.lt)) {
    return refuse("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (flags.gt && flags.lt) return refuse("ERR GT and LT options at the same time are not compatible");
  return flags;
}

// No expiry counts as one in the infinite. Relative times are compared by the partition's clock.
bool allow(const ExpireFlags& flags, const ExpiryTime& time, const Found& found) {
  const bool expires = found.record->expires_at != kNoExpiry;
  const std::int64_t current = time.absolute ? found.record->expires_at.value : found.ttl_ms;
  if (flags.nx && expires) return false;
  if (flags.xx && !expires) return false;
  if (flags.gt && (!expires || time.ms <= current)) return false;
  return !flags.lt || !expires || time.ms < current;
}

Reply count_of_expired(const Written& written) {
  if (failed_with(written, ErrorCode::not_found)) return Reply::integer(0);
  return written ? Reply::integer(1) : error_reply(written.error());
}

Plan expire(const Call& call, TimeFormat format) {
  const auto flags = parse_flags(call.arguments);
  if (!flags) return flags.error();
  const auto time = parse_expiry_time(call.arguments[2], format, call);
  if (!time) return time.error();
  WriteOperation operation{.kind = WriteKind::expire, .key = call.arguments.bytes(1), .expiry = to_expiry(*time)};
  if (!flags->any()) return WritePlan{{std::move(operation)}, count_of_expired};
  return UpdatePlan{{{operation.key, false}}, [operation, time = *time, flags = *flags](auto found) -> Decision {
                      if (!found[0].record || !allow(flags, time, found[0])) return {Reply::integer(0)};
                      Decision decision{Reply::integer(1), {operation}};
                      decision.operations[0].condition = unchanged(found[0]);
                      return decision;
                    }};
}

std::int64_t rounded_seconds(std::int64_t ms) { return (ms + 500) / 1000; }

// -2: there is no such key; -1: it does not expire.
Plan ask_expiry(const Call& call, TimeFormat format) {
  return ReadPlan{{{call.arguments.bytes(1), false}}, [format](std::span<const Found> found) {
                    const auto& record = found[0].record;
                    if (!record) return Reply::integer(-2);
                    if (record->expires_at == kNoExpiry) return Reply::integer(-1);
                    const std::int64_t ms = format.absolute ? record->expires_at.value : found[0].ttl_ms;
                    return Reply::integer(format.seconds ? rounded_seconds(ms) : ms);
                  }};
}

}  // namespace

Plan plan_expire(const Call& call) { return expire(call, kSeconds); }
Plan plan_pexpire(const Call& call) { return expire(call, kMilliseconds); }
Plan plan_expireat(const Call& call) { return expire(call, kUnixSeconds); }
Plan plan_pexpireat(const Call& call) { return expire(call, kUnixMilliseconds); }

Plan plan_ttl(const Call& call) { return ask_expiry(call, kSeconds); }
Plan plan_pttl(const Call& call) { return ask_expiry(call, kMilliseconds); }
Plan plan_expiretime(const Call& call) { return ask_expiry(call, kUnixSeconds); }
Plan plan_pexpiretime(const Call& call) { return ask_expiry(call, kUnixMilliseconds); }

Plan plan_persist(const Call& call) {
  return WritePlan{{{.kind = WriteKind::persist, .key = call.arguments.bytes(1)}}, [](const Written& written) {
                     if (failed_with(written, ErrorCode::not_found)) return Reply::integer(0);
                     if (!written) return error_reply(written.error());
                     return Reply::integer(written->front().changed ? 1 : 0);
                   }};
}

}  // namespace gyre::redis
