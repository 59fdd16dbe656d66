// Commands on values that are one read or one write.
#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "redis/numbers.h"
#include "redis/operations.h"
#include "redis/planners.h"
#include "redis/set_options.h"

namespace gyre::redis {

namespace {

// In these words the primary refuses to add to a value; it has one code for both. Kept in step by a test.
constexpr std::string_view kSumTooLarge = "the sum does not fit into 64 bits";

Reply ok_or_error(const Written& written) { return written ? Reply::ok() : error_reply(written.error()); }

Reply ok_or_null(const Written& written) {
  return failed_with(written, ErrorCode::condition_failed) ? Reply::null() : ok_or_error(written);
}

Reply one_or_zero(const Written& written) {
  if (failed_with(written, ErrorCode::condition_failed)) return Reply::integer(0);
  return written ? Reply::integer(1) : error_reply(written.error());
}

Reply sum_or_error(const Written& written) {
  if (written) return Reply::integer(written->front().number);
  if (!failed_with(written, ErrorCode::invalid_argument)) return error_reply(written.error());
  return Reply::error(written.error().message == kSumTooLarge ? words::kOverflow : words::kNoInteger);
}

Plan add(const Call& call, std::int64_t delta) {
  return WritePlan{only<WriteOperation>({.kind = WriteKind::incr, .key = call.arguments.bytes(1), .delta = delta}),
                   sum_or_error};
}

Plan set_with_lifetime(const Call& call, TimeFormat format) {
  const auto time = parse_lifetime(call.arguments[2], format, call);
  if (!time) return time.error();
  return WritePlan{only(put({call.arguments.bytes(1), call.arguments.bytes(3), to_expiry(*time)})), ok_or_error};
}

bool is_paired(const Call& call) { return call.arguments.size() % 2 == 1; }

// SOURCE: Redis 7.0, getrangeCommand; an end before the front counts as the front.
std::string_view range_of(std::string_view value, std::int64_t start, std::int64_t end) {
  const auto size = static_cast<std::int64_t>(value.size());
  if (size == 0 || (start < 0 && end < 0 && start > end)) return {};
  if (start < 0) start = std::max<std::int64_t>(size + start, 0);
  if (end < 0) end = std::max<std::int64_t>(size + end, 0);
  end = std::min(end, size - 1);
  if (start > end) return {};
  return value.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1));
}

}  // namespace

Plan plan_get(const Call& call) {
  return ReadPlan{only<Read>({call.arguments.bytes(1)}),
                  [](std::span<const Found> found) { return bulk_or_null(found[0]); }};
}

Plan plan_mget(const Call& call) {
  ReadPlan plan;
  for (std::size_t i = 1; i < call.arguments.size(); ++i) plan.reads.push_back({call.arguments.bytes(i)});
  plan.reply = [](std::span<const Found> found) {
    std::vector<Reply> values;
    values.reserve(found.size());
    for (const Found& each : found) values.push_back(bulk_or_null(each));
    return Reply::array(std::move(values));
  };
  return plan;
}

Plan plan_strlen(const Call& call) {
  return ReadPlan{{{call.arguments.bytes(1)}}, [](std::span<const Found> found) { return length_of(found[0]); }};
}

Plan plan_getrange(const Call& call) {
  const auto start = parse_integer(call.arguments[2]);
  const auto end = parse_integer(call.arguments[3]);
  if (!start || !end) return Reply::error(words::kNoInteger);
  return ReadPlan{{{call.arguments.bytes(1)}}, [start = *start, end = *end](std::span<const Found> found) {
                    const std::string_view range = range_of(value_of(found[0]), start, end);
                    return Reply::bulk(range.empty() ? Bytes() : found[0].record->value.slice(range));
                  }};
}

// What needs the value it replaces is planned in update_commands.cc.
Plan plan_set(const Call& call) {
  const auto options = parse_set_options(call.arguments, 3);
  if (!options) return options.error();
  const auto expiry = expiry_of(*options, call);
  if (!expiry) return expiry.error();
  if (options->get || options->when == SetOptions::When::equal) return plan_set_by_value(call, *options, *expiry);
  Put what{call.arguments.bytes(1), call.arguments.bytes(2), *expiry};
  if (options->when == SetOptions::When::absent) what.condition = {Condition::Kind::absent, {}};
  if (options->when == SetOptions::When::present) what.condition = {Condition::Kind::present, {}};
  return WritePlan{only(put(std::move(what))), ok_or_null};
}

Plan plan_setnx(const Call& call) {
  const Condition absent{Condition::Kind::absent, {}};
  return WritePlan{{put({call.arguments.bytes(1), call.arguments.bytes(2), {}, absent})}, one_or_zero};
}

Plan plan_setex(const Call& call) { return set_with_lifetime(call, kSeconds); }
Plan plan_psetex(const Call& call) { return set_with_lifetime(call, kMilliseconds); }

Plan plan_mset(const Call& call) {
  if (!is_paired(call)) return wrong_arity(call.command);
  WritePlan plan{{}, ok_or_error, true};
  for (std::size_t i = 1; i < call.arguments.size(); i += 2) {
    plan.operations.push_back(put({call.arguments.bytes(i), call.arguments.bytes(i + 1)}));
  }
  return plan;
}

// A key that is named again finds what the same request put there before: only the first must be absent.
Plan plan_msetnx(const Call& call) {
  if (!is_paired(call)) return wrong_arity(call.command);
  WritePlan plan{{}, one_or_zero};
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 1; i < call.arguments.size(); i += 2) {
    const bool first = seen.insert(call.arguments[i]).second;
    const Condition condition{first ? Condition::Kind::absent : Condition::Kind::none, {}};
    plan.operations.push_back(put({call.arguments.bytes(i), call.arguments.bytes(i + 1), {}, condition}));
  }
  return plan;
}

Plan plan_incr(const Call& call) { return add(call, 1); }
Plan plan_decr(const Call& call) { return add(call, -1); }

Plan plan_incrby(const Call& call) {
  const auto delta = parse_integer(call.arguments[2]);
  if (!delta) return Reply::error(words::kNoInteger);
  return add(call, *delta);
}

Plan plan_decrby(const Call& call) {
  const auto delta = parse_integer(call.arguments[2]);
  if (!delta) return Reply::error(words::kNoInteger);
  if (*delta == std::numeric_limits<std::int64_t>::min()) return Reply::error("ERR decrement would overflow");
  return add(call, -*delta);
}

}  // namespace gyre::redis
