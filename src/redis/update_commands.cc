// Commands on values whose write depends on the value stored, in ways that only a read shows.
#include <algorithm>
#include <cmath>
#include <utility>

#include "redis/numbers.h"
#include "redis/operations.h"
#include "redis/planners.h"
#include "redis/set_options.h"

namespace gyre::redis {

namespace {

constexpr Expiry kKeep{Expiry::Kind::keep, 0};

// `value` changed from `offset` on, with zeros up to there where it is shorter.
Bytes overwrite(std::string_view value, std::size_t offset, std::string_view part) {
  const std::size_t size = std::max(value.size(), offset + part.size());
  Buffer* buffer = Buffer::create(size);
  char* const end = std::ranges::copy(value, buffer->data()).out;
  std::fill(end, buffer->data() + size, '\0');
  std::ranges::copy(part, buffer->data() + offset);
  return Bytes::adopt(buffer, {buffer->data(), size});
}

struct Splice {
  Bytes key;
  Bytes part;
  std::size_t value_bytes_max;

  Decision at(std::size_t offset, const Found& found) const {
    const bool fits = offset <= value_bytes_max && part.size() <= value_bytes_max - offset;
    if (!fits) return {Reply::error(words::kTooLong)};
    Bytes made = overwrite(value_of(found), offset, part);
    const auto size = static_cast<std::int64_t>(made.size());
    return {Reply::integer(size), {put({key, std::move(made), kKeep, unchanged(found)})}};
  }
};

Splice splice(const Call& call, std::size_t part_at) {
  return {call.arguments.bytes(1), call.arguments.bytes(part_at), call.context.value_bytes_max};
}

bool holds(SetOptions::When when, std::string_view compare, const Found& found) {
  switch (when) {
    case SetOptions::When::always: return true;
    case SetOptions::When::absent: return !found.record;
    case SetOptions::When::present: return found.record.has_value();
    case SetOptions::When::equal: return found.record && found.record->value.view() == compare;
  }
  return false;
}

}  // namespace

Plan plan_set_by_value(const Call& call, const SetOptions& options, Expiry expiry) {
  const Put what{call.arguments.bytes(1), call.arguments.bytes(2), expiry};
  return UpdatePlan{{{what.key}},
                    [what, get = options.get, when = options.when,
                     compare = Bytes::copy_of(options.compare)](auto found) -> Decision {
                      const bool set = holds(when, compare, found[0]);
                      Reply reply = get ? bulk_or_null(found[0]) : set ? Reply::ok() : Reply::null();
                      if (!set) return {std::move(reply)};
                      return {std::move(reply), {put({what.key, what.value, what.expiry, unchanged(found[0])})}};
                    }};
}

Plan plan_getset(const Call& call) { return plan_set_by_value(call, {.get = true}, {}); }

Plan plan_getdel(const Call& call) {
  const Bytes key = call.arguments.bytes(1);
  return UpdatePlan{{{key}}, [key](std::span<const Found> found) -> Decision {
                      if (!found[0].record) return {Reply::null()};
                      return {bulk_or_null(found[0]), {del(key, unchanged(found[0]))}};
                    }};
}

// A time that is not valid matters only if the key exists, as in Redis.
Plan plan_getex(const Call& call) {
  const auto options = parse_getex_options(call.arguments, 2);
  if (!options) return options.error();
  if (options->lifetime == SetOptions::Lifetime::plain) return plan_get(call);
  const Bytes key = call.arguments.bytes(1);
  return UpdatePlan{{{key}}, [key, expiry = expiry_of(*options, call)](std::span<const Found> found) -> Decision {
                      if (!found[0].record) return {Reply::null()};
                      if (!expiry) return {expiry.error()};
                      const bool persist = expiry->kind == Expiry::Kind::clear;
                      return {bulk_or_null(found[0]),
                              {{.kind = persist ? WriteKind::persist : WriteKind::expire,
                                .key = key,
                                .expiry = *expiry,
                                .condition = unchanged(found[0])}}};
                    }};
}

// Writes even with nothing to append: that creates the key, and who watches it sees a change, as in Redis.
Plan plan_append(const Call& call) {
  const Splice splicing = splice(call, 2);
  return UpdatePlan{{{splicing.key}}, [splicing](std::span<const Found> found) -> Decision {
                      return splicing.at(value_of(found[0]).size(), found[0]);
                    }};
}

Plan plan_setrange(const Call& call) {
  const auto offset = parse_integer(call.arguments[2]);
  if (!offset) return Reply::error(words::kNoInteger);
  if (*offset < 0) return Reply::error("ERR offset is out of range");
  const Splice splicing = splice(call, 3);
  return UpdatePlan{{{splicing.key}}, [splicing, offset = *offset](std::span<const Found> found) -> Decision {
                      if (splicing.part.empty()) return {length_of(found[0])};
                      return splicing.at(static_cast<std::size_t>(offset), found[0]);
                    }};
}

Plan plan_incrbyfloat(const Call& call) {
  const Bytes key = call.arguments.bytes(1);
  return UpdatePlan{{{key}}, [key, delta = parse_float(call.arguments[2])](std::span<const Found> found) -> Decision {
                      const auto current = found[0].record ? parse_float(value_of(found[0])) : 0.0L;
                      if (!current || !delta) return {Reply::error(words::kNoFloat)};
                      const long double sum = *current + *delta;
                      if (!std::isfinite(sum)) return {Reply::error("ERR increment would produce NaN or Infinity")};
                      const Bytes text = Bytes::copy_of(format_float(sum));
                      return {Reply::bulk(text), {put({key, text, kKeep, unchanged(found[0])})}};
                    }};
}

}  // namespace gyre::redis
