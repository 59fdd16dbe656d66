// DUMP and RESTORE: values on their way from and to a Redis.
#include <utility>

#include "redis/expiry.h"
#include "redis/numbers.h"
#include "redis/operations.h"
#include "redis/planners.h"
#include "redis/rdb_string.h"

namespace gyre::redis {

namespace {

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
};

// How long it was idle, or how often it was used, is checked and forgotten: neither is kept.
// SOURCE: Redis 7.0, restoreCommand.
Parsed<RestoreOptions> parse_restore_options(const Arguments& arguments) {
  RestoreOptions options;
  bool idle = false;
  bool frequency = false;
  for (std::size_t i = 4; i < arguments.size(); ++i) {
    const bool more = i + 1 < arguments.size();
    if (says(arguments[i], "replace")) {
      options.replace = true;
    } else if (says(arguments[i], "absttl")) {
      options.absolute = true;
    } else if (says(arguments[i], "idletime") && more && !frequency) {
      const auto seconds = parse_integer(arguments[++i]);
      if (!seconds) return refuse(words::kNoInteger);
      if (*seconds < 0) return refuse("ERR Invalid IDLETIME value, must be >= 0");
      idle = true;
    } else if (says(arguments[i], "freq") && more && !idle) {
      const auto uses = parse_integer(arguments[++i]);
      if (!uses) return refuse(words::kNoInteger);
      if (*uses < 0 || *uses > 255) return refuse("ERR Invalid FREQ value, must be >= 0 and <= 255");
      frequency = true;
    } else {
      return refuse(words::kSyntax);
    }
  }
  return options;
}

constexpr std::string_view kBusyKey = "BUSYKEY Target key name already exists.";

// What is wrong with the rest matters only where the key is free.
Plan refuse_unless_busy(const Call& call, bool replace, Reply why) {
  if (replace) return why;
  return ReadPlan{{{call.arguments.bytes(1), false}}, [why = std::move(why)](std::span<const Found> found) {
                    return found[0].record ? Reply::error(kBusyKey) : why;
                  }};
}

}  // namespace

Plan plan_dump(const Call& call) {
  return ReadPlan{{{call.arguments.bytes(1)}}, [](std::span<const Found> found) {
                    if (!found[0].record) return Reply::null();
                    return Reply::bulk(Bytes::copy_of(dump_string(found[0].record->value.view())));
                  }};
}

Plan plan_restore(const Call& call) {
  const auto options = parse_restore_options(call.arguments);
  if (!options) return options.error();
  const auto refused = [&](Reply why) { return refuse_unless_busy(call, options->replace, std::move(why)); };
  const auto ttl = parse_integer(call.arguments[2]);
  if (!ttl) return refused(Reply::error(words::kNoInteger));
  if (*ttl < 0) return refused(Reply::error("ERR Invalid TTL value, must be >= 0"));
  auto value = restore_string(call.arguments[3], call.context.value_bytes_max);
  if (!value) return refused(std::move(value).error());
  messages::Expiry expiry;
  if (*ttl > 0) {
    const auto time = parse_expiry_time(call.arguments[2], {.seconds = false, .absolute = options->absolute}, call);
    if (!time) return refused(time.error());
    expiry = to_expiry(*time);
  }
  Put what{call.arguments.bytes(1), Bytes::copy_of(*value), expiry};
  if (!options->replace) what.condition = {messages::Condition::Kind::absent, {}};
  return WritePlan{only(put(std::move(what))), [](const Written& written) {
                     if (failed_with(written, ErrorCode::condition_failed)) return Reply::error(kBusyKey);
                     return written ? Reply::ok() : error_reply(written.error());
                   }};
}

}  // namespace gyre::redis
