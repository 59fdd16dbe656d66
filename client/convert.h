// From the public API's arguments to requests, checked; and from responses to the public API's results.
#pragma once

#include <string_view>
#include <vector>

#include "gyre/client.h"
#include "messages/request.h"

namespace gyre::client {

// ERRORS of all: invalid_argument (an empty key, a time to live out of range, contradicting options), too_large.
Result<messages::RequestBody> get_request(std::string_view key, bool value_wanted);
Result<messages::RequestBody> write_request(const Batch& batch, std::size_t value_bytes_max);

// ERRORS of all: the response's own; not_found where a key must exist; internal (an answer that fits no request).
Result<Value> to_value(messages::ResponseBody body);
Result<std::optional<std::chrono::milliseconds>> to_ttl(messages::ResponseBody body);
// `operations`: how many the request had.
Result<std::vector<WriteOutcome>> to_outcomes(messages::ResponseBody body, std::size_t operations);
Result<messages::ScanResponse> to_scan(messages::ResponseBody body);

KeyValue to_key_value(messages::ScanItem item);

}  // namespace gyre::client
