#include "client/convert.h"

#include <utility>

#include <fmt/format.h>

#include "base/limits.h"

namespace gyre::client {

namespace {

constexpr std::chrono::milliseconds kBoundMax = std::chrono::hours(24);

Result<void> check_ttl(std::chrono::milliseconds ttl) {
  if (ttl.count() > 0 && static_cast<std::size_t>(ttl.count()) <= limits::kTtlMsMax) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("a time to live must be from 1 ms to a hundred years, not {} ms", ttl.count()));
}

messages::Condition to_message(const Condition& condition) {
  return {static_cast<messages::Condition::Kind>(std::to_underlying(condition.kind)),
          Position{Term(condition.version.term), Sequence(condition.version.sequence)}};
}

messages::WriteKind to_message(Batch::Kind kind) {
  switch (kind) {
    case Batch::Kind::put: return messages::WriteKind::put;
    case Batch::Kind::del: return messages::WriteKind::del;
    case Batch::Kind::incr: return messages::WriteKind::incr;
    case Batch::Kind::expire: return messages::WriteKind::expire;
    case Batch::Kind::persist: return messages::WriteKind::persist;
  }
  std::unreachable();
}

Result<messages::Expiry> expiry_of(const Batch::Operation& operation) {
  using Kind = messages::Expiry::Kind;
  const bool may_omit = operation.kind == Batch::Kind::put;
  if (operation.kind != Batch::Kind::put && operation.kind != Batch::Kind::expire) return messages::Expiry{};
  if (operation.keep_ttl) {
    if (operation.ttl.count() == 0) return messages::Expiry{Kind::keep, 0};
    return fail(ErrorCode::invalid_argument, "give either a time to live or keep_ttl, not both");
  }
  if (may_omit && operation.ttl.count() == 0) return messages::Expiry{};
  GYRE_TRY(check_ttl(operation.ttl));
  return messages::Expiry{Kind::after, operation.ttl.count()};
}

Result<messages::WriteOperation> to_message(const Batch::Operation& operation) {
  GYRE_TRY(check_key(operation.key));
  messages::WriteOperation write;
  write.kind = to_message(operation.kind);
  write.key = Bytes::copy_of(operation.key);
  write.value = Bytes::copy_of(operation.value);
  write.delta = operation.delta;
  GYRE_TRY_SET(write.expiry, expiry_of(operation));
  write.condition = to_message(operation.condition);
  return write;
}

std::optional<std::chrono::milliseconds> to_ttl(std::int64_t ttl_ms) {
  if (ttl_ms < 0) return std::nullopt;
  return std::chrono::milliseconds(ttl_ms);
}

Version to_version(Position position) { return {position.term.value(), position.sequence.value()}; }

std::unexpected<Error> unfitting(Outcome outcome) {
  return fail(ErrorCode::internal, "the node answered with something that was not asked for", outcome);
}

std::unexpected<Error> no_such_key() { return fail(ErrorCode::not_found, "there is no such key"); }

}  // namespace

Result<void> check_key(std::string_view key) {
  if (key.empty()) return fail(ErrorCode::invalid_argument, "a key must not be empty");
  if (key.size() <= limits::kKeyBytesMax) return {};
  return fail(ErrorCode::too_large,
              fmt::format("a key of {} bytes is above the limit of {}", key.size(), limits::kKeyBytesMax));
}

Result<messages::AckCount> to_message(Ack ack) {
  if (ack == Ack::all()) return messages::kAckAll;
  if (ack.count >= 1 && ack.count <= limits::kReplicationFactorMax) return static_cast<messages::AckCount>(ack.count);
  return fail(ErrorCode::invalid_argument, fmt::format("a write is acknowledged by 1 to {} members, or all; not {}",
                                                       limits::kReplicationFactorMax, ack.count));
}

Result<messages::ReadConsistency> to_message(Read read) {
  using messages::ReadLevel;
  switch (read.level) {
    case Read::Level::primary: return messages::ReadConsistency{ReadLevel::primary, {}, {}};
    case Read::Level::linearizable: return messages::ReadConsistency{ReadLevel::linearizable, {}, {}};
    case Read::Level::session: return messages::ReadConsistency{ReadLevel::session, {}, {}};
    case Read::Level::any: return messages::ReadConsistency{ReadLevel::any, {}, {}};
    case Read::Level::bounded: break;
  }
  if (read.bound.count() > 0 && read.bound <= kBoundMax) {
    return messages::ReadConsistency{ReadLevel::bounded, read.bound, {}};
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("the bound of a read must be from 1 ms to a day, not {} ms", read.bound.count()));
}

Result<messages::RequestBody> get_request(std::string_view key, bool value_wanted, Read read) {
  GYRE_TRY(check_key(key));
  messages::GetRequest request{Bytes::copy_of(key), value_wanted};
  GYRE_TRY_SET(request.read, to_message(read));
  return request;
}

Result<messages::RequestBody> write_request(const Batch& batch, const WriteTerms& terms) {
  const auto& operations = batch.operations();
  if (operations.empty()) return fail(ErrorCode::invalid_argument, "a batch must hold at least one operation");
  if (operations.size() > limits::kBatchOperationsMax) {
    return fail(ErrorCode::too_large, fmt::format("a batch of {} operations is above the limit of {}",
                                                  operations.size(), limits::kBatchOperationsMax));
  }
  messages::WriteRequest request;
  GYRE_TRY_SET(request.ack, to_message(terms.ack));
  if (terms.id) {
    if (terms.id->client == 0 || terms.id->age.count() < 0) {
      return fail(ErrorCode::invalid_argument, "a write id needs a client other than 0, and an age of 0 ms or more");
    }
    if (terms.id->age >= limits::kWriteIdLife) {
      return fail(ErrorCode::outcome_unknown, "this write id is too old to be known; read before you write again",
                  Outcome::unknown);
    }
    request.id = {ClientId(terms.id->client), WriteNumber(terms.id->number)};
    request.age = terms.id->age;
  }
  request.operations.reserve(operations.size());
  std::size_t bytes = 0;
  for (const auto& operation : operations) {
    GYRE_TRY_SET(request.operations.emplace_back(), to_message(operation));
    bytes += operation.value.size() + (operations.size() > 1 ? operation.key.size() : 0);
  }
  if (bytes <= terms.value_bytes_max) return request;
  return fail(ErrorCode::too_large,
              fmt::format("a {} of {} bytes is above the limit of {}", operations.size() > 1 ? "batch" : "value", bytes,
                          terms.value_bytes_max));
}

Result<Value> to_value(messages::ResponseBody body) {
  auto* got = std::get_if<messages::GetResponse>(&body);
  if (!got) return unfitting(Outcome::not_applied);
  if (!got->record) return no_such_key();
  return Value{got->record->value.str(), to_version(got->record->version), to_ttl(got->ttl_ms)};
}

Result<std::optional<std::chrono::milliseconds>> to_ttl(messages::ResponseBody body) {
  auto* got = std::get_if<messages::GetResponse>(&body);
  if (!got) return unfitting(Outcome::not_applied);
  if (!got->record) return no_such_key();
  return to_ttl(got->ttl_ms);
}

Result<std::vector<WriteOutcome>> to_outcomes(messages::ResponseBody body, std::size_t operations) {
  auto* written = std::get_if<messages::WriteResponse>(&body);
  if (!written || written->outcomes.size() != operations) return unfitting(Outcome::unknown);
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(operations);
  for (const auto& outcome : written->outcomes) {
    outcomes.push_back({to_version(outcome.version), outcome.existed, outcome.changed, outcome.number});
  }
  return outcomes;
}

Result<messages::ScanResponse> to_scan(messages::ResponseBody body) {
  auto* scanned = std::get_if<messages::ScanResponse>(&body);
  if (!scanned) return unfitting(Outcome::not_applied);
  return std::move(*scanned);
}

KeyValue to_key_value(messages::ScanItem item) {
  return {item.key.str(), Value{item.record.value.str(), to_version(item.record.version), to_ttl(item.ttl_ms)}};
}

LostWrites to_lost_writes(const routing::Lost& lost) {
  LostWrites told{lost.partition.value(), 0, {}, lost.more};
  for (const auto& [key, version] : lost.writes) {
    const bool same_batch = !told.writes.empty() && told.writes.back().version == to_version(version);
    if (!same_batch) ++told.count;
    told.writes.push_back({key.str(), to_version(version)});
  }
  return told;
}

}  // namespace gyre::client
