// From the public API's arguments to requests, checked; and from responses to the public API's results.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "gyre/client.h"
#include "messages/request.h"
#include "routing/session.h"

namespace gyre::client {

// How a write is to be made, besides what it does.
struct WriteTerms {
  Ack ack = Ack::one();
  std::optional<WriteId> id = {};
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
};

// ERRORS of all: invalid_argument (an empty key, a number out of range, contradicting options), too_large,
// outcome_unknown (a write id that the members have forgotten).
Result<messages::RequestBody> get_request(std::string_view key, bool value_wanted, Read read);
Result<messages::RequestBody> write_request(const Batch& batch, const WriteTerms& terms);
Result<messages::AckCount> to_message(Ack ack);
Result<messages::ReadConsistency> to_message(Read read);
Result<void> check_key(std::string_view key);

// ERRORS of all: the response's own; not_found where a key must exist; internal (an answer that fits no request).
Result<Value> to_value(messages::ResponseBody body);
Result<std::optional<std::chrono::milliseconds>> to_ttl(messages::ResponseBody body);
// `operations`: how many the request had.
Result<std::vector<WriteOutcome>> to_outcomes(messages::ResponseBody body, std::size_t operations);
Result<messages::ScanResponse> to_scan(messages::ResponseBody body);

KeyValue to_key_value(messages::ScanItem item);
LostWrites to_lost_writes(const routing::Lost& lost);

}  // namespace gyre::client
