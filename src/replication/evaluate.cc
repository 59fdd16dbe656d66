#include "replication/evaluate.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/limits.h"

namespace gyre::replication {

using messages::Condition;
using messages::Expiry;
using messages::Mutation;
using messages::Record;
using messages::WriteKind;
using messages::WriteOperation;

namespace {

Result<void> check(const Condition& condition, const Record* current) {
  switch (condition.kind) {
    case Condition::Kind::none: return {};
    case Condition::Kind::absent:
      if (current == nullptr) return {};
      return fail(ErrorCode::condition_failed, "the key exists, at version " + to_string(current->version));
    case Condition::Kind::present:
      if (current != nullptr) return {};
      return fail(ErrorCode::condition_failed, "the key does not exist");
    case Condition::Kind::version:
      if (current != nullptr && current->version == condition.version) return {};
      return fail(ErrorCode::condition_failed,
                  current == nullptr ? "the key does not exist"
                                     : fmt::format("the key is at version {}, not {}", to_string(current->version),
                                                   to_string(condition.version)));
  }
  return fail(ErrorCode::invalid_argument, "unknown kind of condition");
}

Result<UnixMillis> expiry_time(const Expiry& expiry, const Record* current, UnixMillis now) {
  switch (expiry.kind) {
    case Expiry::Kind::clear: return kNoExpiry;
    case Expiry::Kind::keep: return current == nullptr ? kNoExpiry : current->expires_at;
    case Expiry::Kind::after:
      if (expiry.ms < 1 || static_cast<std::uint64_t>(expiry.ms) > limits::kTtlMsMax) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a time to live is from 1 to {} ms, not {}", limits::kTtlMsMax, expiry.ms));
      }
      return UnixMillis{now.value + expiry.ms};
    case Expiry::Kind::at:
      if (expiry.ms < 1 || expiry.ms > now.value + static_cast<std::int64_t>(limits::kTtlMsMax)) {
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("an expiry time is in ms since 1970, at most a hundred years ahead, not {}", expiry.ms));
      }
      return UnixMillis{expiry.ms};
  }
  return fail(ErrorCode::invalid_argument, "unknown kind of expiry");
}

Result<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  // As a number is written here, and in no other way: to what else it may mean, nothing is added.
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  const bool odd = digits.starts_with('0') && text != "0";
  if (odd || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return fail(ErrorCode::invalid_argument, "the value is no decimal number of 64 bits");
  }
  return number;
}

Evaluation unchanged(const Record* current) {
  return {{current ? current->version : Position{}, current != nullptr, false, 0}, std::nullopt};
}

// Stores `value`; what has expired already is a deletion.
Evaluation store(const WriteOperation& operation, Bytes value, UnixMillis expires_at, const Record* current,
                 UnixMillis now, Position next) {
  Mutation mutation{Mutation::Kind::put, operation.key, {std::move(value), next, expires_at}};
  if (expired(mutation.record, now)) mutation = {Mutation::Kind::del, operation.key, {{}, next, kNoExpiry}};
  return {{next, current != nullptr, true, 0}, std::move(mutation)};
}

Result<Evaluation> increment(const WriteOperation& operation, const Record* current, UnixMillis now, Position next) {
  std::int64_t number = 0;
  if (current != nullptr) {
    GYRE_TRY_SET(number, parse_number(current->value));
  }
  if (__builtin_add_overflow(number, operation.delta, &number)) {
    return fail(ErrorCode::invalid_argument, "the sum does not fit into 64 bits");
  }
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  const Bytes value = Bytes::copy_of({digits.data(), static_cast<std::size_t>(end - digits.data())});
  Evaluation result = store(operation, value, current ? current->expires_at : kNoExpiry, current, now, next);
  result.outcome.number = number;
  return result;
}

}  // namespace

bool needs_current(const WriteOperation& operation) {
  return operation.kind != WriteKind::put || operation.condition.kind != Condition::Kind::none ||
         operation.expiry.kind == Expiry::Kind::keep;
}

Result<Evaluation> evaluate(const WriteOperation& operation, const Record* current, UnixMillis now, Position next) {
  if (current != nullptr && expired(*current, now)) current = nullptr;
  GYRE_TRY(check(operation.condition, current));
  switch (operation.kind) {
    case WriteKind::put: {
      GYRE_TRY_SET(const UnixMillis expires_at, expiry_time(operation.expiry, current, now));
      return store(operation, operation.value, expires_at, current, now, next);
    }
    case WriteKind::del:
      if (current == nullptr) return unchanged(current);
      return Evaluation{{next, true, true, 0}, Mutation{Mutation::Kind::del, operation.key, {{}, next, kNoExpiry}}};
    case WriteKind::incr: return increment(operation, current, now, next);
    case WriteKind::expire: {
      if (current == nullptr) return fail(ErrorCode::not_found, "the key does not exist");
      GYRE_TRY_SET(const UnixMillis expires_at, expiry_time(operation.expiry, current, now));
      if (expires_at == current->expires_at) return unchanged(current);
      return store(operation, current->value, expires_at, current, now, next);
    }
    case WriteKind::persist:
      if (current == nullptr) return fail(ErrorCode::not_found, "the key does not exist");
      if (current->expires_at == kNoExpiry) return unchanged(current);
      return store(operation, current->value, kNoExpiry, current, now, next);
  }
  return fail(ErrorCode::invalid_argument, "unknown kind of write");
}

std::int64_t ttl_ms(const Record& record, UnixMillis now) {
  if (record.expires_at == kNoExpiry) return -1;
  return std::max<std::int64_t>(record.expires_at.value - now.value, 0);
}

}  // namespace gyre::replication
