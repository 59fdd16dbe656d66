// Responses: failures, values, outcomes of writes, pages, maps.
#include <algorithm>
#include <limits>

#include <capnp/orphan.h>
#include <fmt/format.h>

#include "wire/codec_capnp.h"

namespace gyre::wire {

namespace {

using messages::Record;

Error decode_failure(const Decoding& decoding, schema::Failure::Reader in) {
  Error error;
  error.code = error_code_of(in.getCode());
  switch (in.getOutcome()) {
    case schema::Outcome::NOT_APPLIED: error.outcome = Outcome::not_applied; break;
    case schema::Outcome::UNKNOWN: error.outcome = Outcome::unknown; break;
    default: refuse_unknown("outcome", static_cast<unsigned>(in.getOutcome()));
  }
  error.message = decoding.text(in.getMessage(), limits::kErrorMessageBytesMax);
  error.retry_after = std::chrono::milliseconds(in.getRetryAfterMs());
  return error;
}

std::size_t message_bytes(const Error& error) { return std::min(error.message.size(), limits::kErrorMessageBytesMax); }

void encode_failure(const Error& error, schema::Failure::Builder out) {
  out.setCode(std::to_underlying(error.code));
  out.setOutcome(error.outcome == Outcome::unknown ? schema::Outcome::UNKNOWN : schema::Outcome::NOT_APPLIED);
  auto message = out.initMessage(static_cast<unsigned>(message_bytes(error)));
  std::memcpy(message.begin(), error.message.data(), message.size());
  out.setRetryAfterMs(static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(error.retry_after.count(), 0, std::numeric_limits<std::uint32_t>::max())));
}

// Time left, or -1 for "does not expire" or "never".
std::int64_t checked_ms(std::int64_t ms) {
  if (ms < -1) refuse(ErrorCode::invalid_argument, fmt::format("a time of {} ms: -1 or more is wanted", ms));
  return ms;
}

Record decode_record(const Decoding& decoding, schema::Record::Reader in) {
  if (in.getExpiresAtMs() < 0) {
    refuse(ErrorCode::invalid_argument, fmt::format("an expiry at {} ms: 0 or more is wanted", in.getExpiresAtMs()));
  }
  return {.value = decoding.value(in.getValue()),
          .version = {Term(in.getTerm()), Sequence(in.getSequence())},
          .expires_at = UnixMillis(in.getExpiresAtMs())};
}

void encode_record(const Record& record, std::int64_t ttl_ms, schema::Record::Builder out) {
  out.setValue(data_of(record.value));
  out.setTerm(record.version.term.value());
  out.setSequence(record.version.sequence.value());
  out.setExpiresAtMs(record.expires_at.value);
  out.setTtlMs(ttl_ms);
}

std::size_t words_of_record(const Record& record) {
  return struct_words<schema::Record>() + words_for(record.value.size());
}

messages::WriteResponse decode_outcomes(Decoding& decoding, capnp::List<schema::WriteOutcome>::Reader in) {
  messages::WriteResponse response;
  response.outcomes.reserve(decoding.count(in.size(), limits::kBatchOperationsMax, "outcomes of one write"));
  for (const auto outcome : in) {
    response.outcomes.push_back({.version = {Term(outcome.getTerm()), Sequence(outcome.getSequence())},
                                 .existed = outcome.getExisted(),
                                 .changed = outcome.getChanged(),
                                 .number = outcome.getNumber()});
  }
  return response;
}

messages::ScanResponse decode_page(Decoding& decoding, schema::ScanPage::Reader in) {
  messages::ScanResponse response;
  const auto items = in.getItems();
  response.items.reserve(decoding.count(items.size(), limits::kScanItemsMax, "items in one page"));
  for (const auto item : items) {
    const auto record = item.getRecord();
    response.items.push_back({.key = decoding.key(item.getKey()),
                              .record = decode_record(decoding, record),
                              .ttl_ms = checked_ms(record.getTtlMs())});
  }
  response.more = in.getMore();
  return response;
}

messages::StatusResponse decode_status(Decoding& decoding, schema::ClusterStatus::Reader in) {
  messages::StatusResponse response;
  const auto nodes = in.getNodes();
  response.nodes.reserve(decoding.count(nodes.size(), limits::kNodesMax, "nodes"));
  for (const auto node : nodes) {
    response.nodes.push_back(
        {.node = decode_node_id(node.getNode()), .up = node.getUp(), .silent_ms = checked_ms(node.getSilentMs())});
  }
  if (in.hasMap()) response.map = decode_map(decoding, in.getMap());
  return response;
}

messages::ResponseBody decode_body(Decoding& decoding, schema::Response::Reader in) {
  switch (in.which()) {
    case schema::Response::FAILURE: return decode_failure(decoding, in.getFailure());
    case schema::Response::GET: {
      const auto record = in.getGet();
      return messages::GetResponse{.record = decode_record(decoding, record), .ttl_ms = checked_ms(record.getTtlMs())};
    }
    case schema::Response::WRITE: return decode_outcomes(decoding, in.getWrite());
    case schema::Response::SCAN: return decode_page(decoding, in.getScan());
    case schema::Response::MAP: return messages::MapResponse{in.hasMap() ? decode_map(decoding, in.getMap()) : nullptr};
    case schema::Response::JOIN: return messages::JoinResponse{decode_map(decoding, in.getJoin())};
    case schema::Response::HEARTBEAT: {
      const auto answer = in.getHeartbeat();
      return messages::HeartbeatResponse{.join_again = answer.getJoinAgain(),
                                         .map = answer.hasMap() ? decode_map(decoding, answer.getMap()) : nullptr};
    }
    case schema::Response::STATUS: return decode_status(decoding, in.getStatus());
  }
  refuse_unknown("response", in.which());
}

struct EncodeBody {
  schema::Response::Builder out;

  void operator()(const Error& error) { encode_failure(error, out.initFailure()); }
  void operator()(const messages::GetResponse& response) {
    encode_record(response.record, response.ttl_ms, out.initGet());
  }
  void operator()(const messages::WriteResponse& response) {
    auto list = out.initWrite(static_cast<unsigned>(response.outcomes.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      const messages::WriteOutcome& outcome = response.outcomes[i];
      auto builder = list[i];
      builder.setTerm(outcome.version.term.value());
      builder.setSequence(outcome.version.sequence.value());
      builder.setNumber(outcome.number);
      builder.setExisted(outcome.existed);
      builder.setChanged(outcome.changed);
    }
  }
  void operator()(const messages::ScanResponse& response) {
    auto page = out.initScan();
    auto list = page.initItems(static_cast<unsigned>(response.items.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      const messages::ScanItem& item = response.items[i];
      auto builder = list[i];
      builder.setKey(data_of(item.key));
      encode_record(item.record, item.ttl_ms, builder.initRecord());
    }
    page.setMore(response.more);
  }
  void operator()(const messages::MapResponse& response) {
    if (response.map) return encode(*response.map, out.initMap());
    out.adoptMap(capnp::Orphan<schema::ClusterMap>());  // of this kind, and null
  }
  void operator()(const messages::JoinResponse& response) { encode(*response.map, out.initJoin()); }
  void operator()(const messages::HeartbeatResponse& response) {
    auto answer = out.initHeartbeat();
    answer.setJoinAgain(response.join_again);
    if (response.map) encode(*response.map, answer.initMap());
  }
  void operator()(const messages::StatusResponse& response) {
    auto status = out.initStatus();
    auto list = status.initNodes(static_cast<unsigned>(response.nodes.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      const messages::NodeStatus& node = response.nodes[i];
      auto builder = list[i];
      builder.setNode(text_of(node.node.str()));
      builder.setUp(node.up);
      builder.setSilentMs(node.silent_ms);
    }
    if (response.map) encode(*response.map, status.initMap());
  }
};

std::size_t words_of_map(const ring::ClusterMapPtr& map) { return map ? words_of(*map) : 0; }

struct BodyWords {
  std::size_t operator()(const Error& error) const {
    return struct_words<schema::Failure>() + words_for(message_bytes(error) + 1);
  }
  std::size_t operator()(const messages::GetResponse& response) const { return words_of_record(response.record); }
  std::size_t operator()(const messages::WriteResponse& response) const {
    return kListTagWords + response.outcomes.size() * struct_words<schema::WriteOutcome>();
  }
  std::size_t operator()(const messages::ScanResponse& response) const {
    std::size_t words = struct_words<schema::ScanPage>() + kListTagWords;
    for (const messages::ScanItem& item : response.items) {
      words += struct_words<schema::ScanItem>() + words_for(item.key.size()) + words_of_record(item.record);
    }
    return words;
  }
  std::size_t operator()(const messages::MapResponse& response) const { return words_of_map(response.map); }
  std::size_t operator()(const messages::JoinResponse& response) const { return words_of_map(response.map); }
  std::size_t operator()(const messages::HeartbeatResponse& response) const {
    return struct_words<schema::HeartbeatAnswer>() + words_of_map(response.map);
  }
  std::size_t operator()(const messages::StatusResponse& response) const {
    std::size_t words = struct_words<schema::ClusterStatus>() + kListTagWords + words_of_map(response.map);
    for (const messages::NodeStatus& node : response.nodes) {
      words += struct_words<schema::NodeStatus>() + words_for_text(node.node.str());
    }
    return words;
  }
};

}  // namespace

messages::Response decode_response(Decoding& decoding, schema::Response::Reader in) {
  return {.id = RequestId(in.getId()), .epoch = Epoch(in.getEpoch()), .body = decode_body(decoding, in)};
}

void encode(const messages::Response& response, schema::Response::Builder out) {
  out.setId(response.id.value());
  out.setEpoch(response.epoch.value());
  std::visit(EncodeBody{out}, response.body);
}

std::size_t words_of(const messages::Response& response) {
  return struct_words<schema::Response>() + std::visit(BodyWords(), response.body);
}

}  // namespace gyre::wire
