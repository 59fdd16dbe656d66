// Requests, and the writes they carry.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "wire/codec_capnp.h"

namespace gyre::wire {

namespace {

using messages::Condition;
using messages::Expiry;
using messages::WriteKind;
using messages::WriteOperation;

constexpr auto kAfterMsMax = static_cast<std::int64_t>(limits::kTtlMsMax);
constexpr auto kAtMsMax = static_cast<std::int64_t>(2 * limits::kTtlMsMax);

std::int64_t checked_expiry(std::int64_t ms, std::int64_t ms_max) {
  if (ms < 0 || ms > ms_max) {
    refuse(ErrorCode::invalid_argument, fmt::format("an expiry of {} ms: 0 to {} are allowed", ms, ms_max));
  }
  return ms;
}

Expiry decode_expiry(schema::WriteOperation::Expiry::Reader in) {
  using Tag = schema::WriteOperation::Expiry;
  switch (in.which()) {
    case Tag::CLEAR: return {};
    case Tag::KEEP: return {Expiry::Kind::keep, 0};
    case Tag::AFTER_MS: return {Expiry::Kind::after, checked_expiry(in.getAfterMs(), kAfterMsMax)};
    case Tag::AT_MS: return {Expiry::Kind::at, checked_expiry(in.getAtMs(), kAtMsMax)};
  }
  refuse_unknown("expiry", in.which());
}

void encode_expiry(const Expiry& expiry, schema::WriteOperation::Expiry::Builder out) {
  switch (expiry.kind) {
    case Expiry::Kind::clear: return out.setClear();
    case Expiry::Kind::keep: return out.setKeep();
    case Expiry::Kind::after: return out.setAfterMs(expiry.ms);
    case Expiry::Kind::at: return out.setAtMs(expiry.ms);
  }
}

Condition decode_condition(schema::WriteOperation::Condition::Reader in) {
  using Tag = schema::WriteOperation::Condition;
  switch (in.which()) {
    case Tag::NONE: return {};
    case Tag::ABSENT: return {Condition::Kind::absent, {}};
    case Tag::PRESENT: return {Condition::Kind::present, {}};
    case Tag::VERSION: {
      const auto version = in.getVersion();
      return {Condition::Kind::version, {Term(version.getTerm()), Sequence(version.getSequence())}};
    }
  }
  refuse_unknown("condition", in.which());
}

void encode_condition(const Condition& condition, schema::WriteOperation::Condition::Builder out) {
  switch (condition.kind) {
    case Condition::Kind::none: return out.setNone();
    case Condition::Kind::absent: return out.setAbsent();
    case Condition::Kind::present: return out.setPresent();
    case Condition::Kind::version: {
      auto version = out.initVersion();
      version.setTerm(condition.version.term.value());
      version.setSequence(condition.version.sequence.value());
      return;
    }
  }
}

void decode_kind(const Decoding& decoding, schema::WriteOperation::Reader in, WriteOperation& out) {
  switch (in.which()) {
    case schema::WriteOperation::PUT:
      out.kind = WriteKind::put;
      out.value = decoding.value(in.getPut());
      return;
    case schema::WriteOperation::DEL: out.kind = WriteKind::del; return;
    case schema::WriteOperation::INCR:
      out.kind = WriteKind::incr;
      out.delta = in.getIncr();
      return;
    case schema::WriteOperation::EXPIRE: out.kind = WriteKind::expire; return;
    case schema::WriteOperation::PERSIST: out.kind = WriteKind::persist; return;
  }
  refuse_unknown("write operation", in.which());
}

void encode_operation(const WriteOperation& operation, schema::WriteOperation::Builder out) {
  out.setKey(data_of(operation.key));
  switch (operation.kind) {
    case WriteKind::put: out.setPut(data_of(operation.value)); break;
    case WriteKind::del: out.setDel(); break;
    case WriteKind::incr: out.setIncr(operation.delta); break;
    case WriteKind::expire: out.setExpire(); break;
    case WriteKind::persist: out.setPersist(); break;
  }
  encode_expiry(operation.expiry, out.getExpiry());
  encode_condition(operation.condition, out.getCondition());
}

messages::WriteRequest decode_write(Decoding& decoding, capnp::List<schema::WriteOperation>::Reader in) {
  messages::WriteRequest request;
  request.operations.reserve(decoding.count(in.size(), limits::kBatchOperationsMax, "operations in one write"));
  if (in.size() == 0) refuse(ErrorCode::invalid_argument, "a write without operations: at least one is wanted");
  for (const auto operation : in) {
    WriteOperation& out = request.operations.emplace_back();
    out.key = decoding.key(operation.getKey());
    decode_kind(decoding, operation, out);
    out.expiry = decode_expiry(operation.getExpiry());
    out.condition = decode_condition(operation.getCondition());
  }
  return request;
}

messages::ScanRequest decode_scan(const Decoding& decoding, schema::ScanRequest::Reader in) {
  if (in.getPartition() >= limits::kSlots) {
    refuse(ErrorCode::invalid_argument,
           fmt::format("partition {}: there are at most {}", in.getPartition(), limits::kSlots));
  }
  return {.partition = PartitionId(in.getPartition()),
          .prefix = decoding.key(in.getPrefix()),
          .after = decoding.key(in.getAfter()),
          .items_max = std::clamp<std::uint32_t>(in.getItemsMax(), 1, limits::kScanItemsMax),
          .values_wanted = in.getValuesWanted()};
}

messages::JoinRequest decode_join(Decoding& decoding, schema::JoinRequest::Reader in) {
  return {.cluster = decode_uuid(in.getCluster()),
          .node = decode_node(decoding, in.getNode()),
          .known = Epoch(in.getKnown())};
}

messages::HeartbeatRequest decode_heartbeat(schema::HeartbeatRequest::Reader in) {
  return {.node = decode_node_id(in.getNode()),
          .incarnation = Incarnation(in.getIncarnation()),
          .known = Epoch(in.getKnown())};
}

messages::RequestBody decode_body(Decoding& decoding, schema::Request::Reader in) {
  switch (in.which()) {
    case schema::Request::GET: {
      const auto get = in.getGet();
      return messages::GetRequest{.key = decoding.key(get.getKey()), .value_wanted = get.getValueWanted()};
    }
    case schema::Request::WRITE: return decode_write(decoding, in.getWrite());
    case schema::Request::SCAN: return decode_scan(decoding, in.getScan());
    case schema::Request::MAP: return messages::MapRequest{Epoch(in.getMap().getKnown())};
    case schema::Request::JOIN: return decode_join(decoding, in.getJoin());
    case schema::Request::HEARTBEAT: return decode_heartbeat(in.getHeartbeat());
    case schema::Request::STATUS: return messages::StatusRequest{};
  }
  refuse_unknown("request", in.which());
}

struct EncodeBody {
  schema::Request::Builder out;

  void operator()(const messages::GetRequest& request) {
    auto get = out.initGet();
    get.setKey(data_of(request.key));
    get.setValueWanted(request.value_wanted);
  }
  void operator()(const messages::WriteRequest& request) {
    auto list = out.initWrite(static_cast<unsigned>(request.operations.size()));
    for (unsigned i = 0; i < list.size(); ++i) encode_operation(request.operations[i], list[i]);
  }
  void operator()(const messages::ScanRequest& request) {
    auto scan = out.initScan();
    scan.setPartition(request.partition.value());
    scan.setPrefix(data_of(request.prefix));
    scan.setAfter(data_of(request.after));
    scan.setItemsMax(request.items_max);
    scan.setValuesWanted(request.values_wanted);
  }
  void operator()(const messages::MapRequest& request) { out.initMap().setKnown(request.known.value()); }
  void operator()(const messages::JoinRequest& request) {
    auto join = out.initJoin();
    join.setCluster(text_of(request.cluster.str()));
    encode(request.node, join.initNode());
    join.setKnown(request.known.value());
  }
  void operator()(const messages::HeartbeatRequest& request) {
    auto heartbeat = out.initHeartbeat();
    heartbeat.setNode(text_of(request.node.str()));
    heartbeat.setIncarnation(request.incarnation.value());
    heartbeat.setKnown(request.known.value());
  }
  void operator()(const messages::StatusRequest&) { out.setStatus(); }
};

struct BodyWords {
  std::size_t operator()(const messages::GetRequest& request) const { return words_for(request.key.size()); }
  std::size_t operator()(const messages::WriteRequest& request) const {
    std::size_t words = kListTagWords;
    for (const WriteOperation& operation : request.operations) {
      words +=
          struct_words<schema::WriteOperation>() + words_for(operation.key.size()) + words_for(operation.value.size());
    }
    return words;
  }
  std::size_t operator()(const messages::ScanRequest& request) const {
    return struct_words<schema::ScanRequest>() + words_for(request.prefix.size()) + words_for(request.after.size());
  }
  std::size_t operator()(const messages::MapRequest&) const { return struct_words<schema::MapRequest>(); }
  std::size_t operator()(const messages::JoinRequest& request) const {
    return struct_words<schema::JoinRequest>() + words_for_text(request.cluster.str()) + words_of(request.node);
  }
  std::size_t operator()(const messages::HeartbeatRequest& request) const {
    return struct_words<schema::HeartbeatRequest>() + words_for_text(request.node.str());
  }
  std::size_t operator()(const messages::StatusRequest&) const { return 0; }
};

// A deadline that has passed or is less than a millisecond away travels as 1 ms, because 0 means that there is none.
std::uint32_t budget_ms(Duration budget) {
  if (budget == Duration(0)) return 0;
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(to_ms(budget), 1, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

messages::Request decode_request(Decoding& decoding, schema::Request::Reader in) {
  return {.id = RequestId(in.getId()),
          .budget = from_ms(in.getBudgetMs()),
          .epoch = Epoch(in.getEpoch()),
          .body = decode_body(decoding, in)};
}

void encode(const messages::Request& request, schema::Request::Builder out) {
  out.setId(request.id.value());
  out.setEpoch(request.epoch.value());
  out.setBudgetMs(budget_ms(request.budget));
  std::visit(EncodeBody{out}, request.body);
}

std::size_t words_of(const messages::Request& request) {
  return struct_words<schema::Request>() + std::visit(BodyWords(), request.body);
}

}  // namespace gyre::wire
