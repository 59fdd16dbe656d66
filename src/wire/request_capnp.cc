// Requests, and the writes they carry.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "wire/admin_capnp.h"
#include "wire/writes_capnp.h"

namespace gyre::wire {

namespace {

using messages::Condition;
using messages::Expiry;
using messages::ReadConsistency;
using messages::ReadLevel;
using messages::WriteKind;
using messages::WriteOperation;

constexpr auto kAfterMsMax = static_cast<std::int64_t>(limits::kTtlMsMax);
constexpr auto kAtMsMax = static_cast<std::int64_t>(2 * limits::kTtlMsMax);

std::uint32_t clamp_ms(std::int64_t ms, std::int64_t ms_min) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, ms_min, std::numeric_limits<std::uint32_t>::max()));
}

// A deadline that has passed or is less than a millisecond away travels as 1 ms, because 0 means that there is none.
std::uint32_t budget_ms(Duration budget) { return budget == Duration(0) ? 0 : clamp_ms(to_ms(budget), 1); }

// Rounded up: a retry must not seem younger than it is.
std::uint32_t age_ms(Duration age) { return clamp_ms(std::chrono::ceil<std::chrono::milliseconds>(age).count(), 0); }

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

// Of anything with a level, a bound and a position seen.
template <class Reader>
ReadConsistency decode_read(Reader in) {
  return {.level = decode_enum(in.getLevel(), ReadLevel::any, "read level"),
          .bound = from_ms(in.getBoundMs()),
          .seen = position_of(in.getSeen())};
}

// Rounded down: a member must not take a bound to be looser than it is.
template <class Builder>
void encode_read(const ReadConsistency& read, Builder out) {
  out.setLevel(static_cast<schema::ReadLevel>(read.level));
  out.setBoundMs(clamp_ms(to_ms(read.bound), 0));
  set_position(out.getSeen(), read.seen);
}

messages::GetRequest decode_get(const Decoding& decoding, schema::GetRequest::Reader in) {
  return {.key = decoding.key(in.getKey()), .value_wanted = in.getValueWanted(), .read = decode_read(in)};
}

messages::AckCount decode_ack(unsigned count) {
  if (count != messages::kAckAll && (count < messages::kAckOne || count > limits::kReplicationFactorMax)) {
    refuse(ErrorCode::invalid_argument,
           fmt::format("an acknowledgement of {} members: 1 to {}, or {} for all, is wanted", count,
                       limits::kReplicationFactorMax, messages::kAckAll));
  }
  return static_cast<messages::AckCount>(count);
}

messages::WriteRequest decode_write(Decoding& decoding, schema::WriteRequest::Reader in) {
  messages::WriteRequest request;
  const auto operations = in.getOperations();
  request.operations.reserve(decoding.count(operations.size(), limits::kBatchOperationsMax, "operations in one write"));
  if (operations.size() == 0) refuse(ErrorCode::invalid_argument, "a write without operations: at least one is wanted");
  for (const auto operation : operations) {
    WriteOperation& out = request.operations.emplace_back();
    out.key = decoding.key(operation.getKey());
    decode_kind(decoding, operation, out);
    out.expiry = decode_expiry(operation.getExpiry());
    out.condition = decode_condition(operation.getCondition());
  }
  request.ack = decode_ack(in.getAck());
  request.id = {ClientId(in.getClient()), WriteNumber(in.getNumber())};
  request.lowest_open = WriteNumber(in.getLowestOpen());
  request.age = from_ms(in.getAgeMs());
  request.seen = position_of(in.getSeen());
  return request;
}

messages::ScanRequest decode_scan(const Decoding& decoding, schema::ScanRequest::Reader in) {
  return {.partition = decode_partition(in.getPartition()),
          .prefix = decoding.key(in.getPrefix()),
          .after = decoding.key(in.getAfter()),
          .items_max = std::clamp<std::uint32_t>(in.getItemsMax(), 1, limits::kScanItemsMax),
          .values_wanted = in.getValuesWanted(),
          .read = decode_read(in)};
}

messages::JoinRequest decode_join(Decoding& decoding, schema::JoinRequest::Reader in) {
  return {.cluster = decode_uuid(in.getCluster()),
          .node = decode_node(decoding, in.getNode()),
          .known = Epoch(in.getKnown())};
}

messages::HeartbeatRequest decode_heartbeat(schema::HeartbeatRequest::Reader in) {
  return {.cluster = decode_uuid(in.getCluster()),
          .node = decode_node_id(in.getNode()),
          .incarnation = Incarnation(in.getIncarnation()),
          .known = Epoch(in.getKnown())};
}

messages::PromoteRequest decode_promote(Decoding& decoding, schema::PromoteRequest::Reader in) {
  messages::PromoteRequest request;
  request.node = decode_node_id(in.getNode());
  request.partitions = decode_partitions(in.getPartitions());
  request.unclean = in.getUnclean();
  const auto stopped = in.getStopped();
  request.stopped.reserve(decoding.count(stopped.size(), limits::kNodesMax, "nodes"));
  for (const auto node : stopped) request.stopped.push_back(decode_node_id(node));
  return request;
}

messages::RequestBody decode_body(Decoding& decoding, schema::Request::Reader in) {
  switch (in.which()) {
    case schema::Request::GET: return decode_get(decoding, in.getGet());
    case schema::Request::WRITE: return decode_write(decoding, in.getWrite());
    case schema::Request::SCAN: return decode_scan(decoding, in.getScan());
    case schema::Request::MAP: return messages::MapRequest{Epoch(in.getMap())};
    case schema::Request::JOIN: return decode_join(decoding, in.getJoin());
    case schema::Request::HEARTBEAT: return decode_heartbeat(in.getHeartbeat());
    case schema::Request::STATUS: return messages::StatusRequest{};
    case schema::Request::PARTITIONS: return messages::PartitionsRequest{};
    case schema::Request::DIGEST: {
      const auto digest = in.getDigest();
      return messages::DigestRequest{decode_partition(digest.getPartition()), decode_time(digest.getTimeMs())};
    }
    case schema::Request::LOST: return messages::LostRequest{in.getLost()};
    case schema::Request::EVENTS: return messages::EventsRequest{in.getEvents()};
    case schema::Request::PROMOTE: return decode_promote(decoding, in.getPromote());
    case schema::Request::PLAN: return messages::PlanRequest{};
    case schema::Request::APPLY: return messages::ApplyRequest{in.getApply()};
    case schema::Request::MOVES: return messages::MovesRequest{};
    case schema::Request::CLUSTER_SET: return decode_cluster_set(in.getClusterSet());
    case schema::Request::NODE_SET: return decode_node_set(decoding, in.getNodeSet());
    case schema::Request::HOT:
      return messages::HotRequest{std::min(in.getHot(), static_cast<std::uint32_t>(limits::kHotKeysPageMax))};
    case schema::Request::FAULTS: return decode_faults_request(decoding, in.getFaults());
  }
  refuse_unknown("request", in.which());
}

struct EncodeRequest {
  schema::Request::Builder out;

  void operator()(const messages::GetRequest& request) {
    auto get = out.initGet();
    get.setKey(data_of(request.key));
    get.setValueWanted(request.value_wanted);
    encode_read(request.read, get);
  }
  void operator()(const messages::WriteRequest& request) {
    auto write = out.initWrite();
    auto list = write.initOperations(size_of(request.operations));
    for (unsigned i = 0; i < list.size(); ++i) encode_operation(request.operations[i], list[i]);
    write.setAck(request.ack);
    write.setAgeMs(age_ms(request.age));
    write.setClient(request.id.client.value());
    write.setNumber(request.id.number.value());
    write.setLowestOpen(request.lowest_open.value());
    set_position(write.getSeen(), request.seen);
  }
  void operator()(const messages::ScanRequest& request) {
    auto scan = out.initScan();
    scan.setPartition(request.partition.value());
    scan.setPrefix(data_of(request.prefix));
    scan.setAfter(data_of(request.after));
    scan.setItemsMax(request.items_max);
    scan.setValuesWanted(request.values_wanted);
    encode_read(request.read, scan);
  }
  void operator()(const messages::MapRequest& request) { out.setMap(request.known.value()); }
  void operator()(const messages::JoinRequest& request) {
    auto join = out.initJoin();
    join.setCluster(text_of(request.cluster.str()));
    encode(request.node, join.initNode());
    join.setKnown(request.known.value());
  }
  void operator()(const messages::HeartbeatRequest& request) {
    auto heartbeat = out.initHeartbeat();
    heartbeat.setCluster(text_of(request.cluster.str()));
    heartbeat.setNode(text_of(request.node.str()));
    heartbeat.setIncarnation(request.incarnation.value());
    heartbeat.setKnown(request.known.value());
  }
  void operator()(const messages::StatusRequest&) { out.setStatus(); }
  void operator()(const messages::PartitionsRequest&) { out.setPartitions(); }
  void operator()(const messages::DigestRequest& request) {
    auto digest = out.initDigest();
    digest.setPartition(request.partition.value());
    digest.setTimeMs(request.time.value);
  }
  void operator()(const messages::LostRequest& request) { out.setLost(request.after); }
  void operator()(const messages::EventsRequest& request) { out.setEvents(request.after); }
  void operator()(const messages::PromoteRequest& request) {
    auto promote = out.initPromote();
    promote.setNode(text_of(request.node.str()));
    encode_partitions(request.partitions, promote.initPartitions(size_of(request.partitions)));
    promote.setUnclean(request.unclean);
    auto stopped = promote.initStopped(size_of(request.stopped));
    for (unsigned i = 0; i < stopped.size(); ++i) stopped.set(i, text_of(request.stopped[i].str()));
  }
  void operator()(const messages::PlanRequest&) { out.setPlan(); }
  void operator()(const messages::ApplyRequest& request) { out.setApply(request.plan); }
  void operator()(const messages::MovesRequest&) { out.setMoves(); }
  void operator()(const messages::ClusterSetRequest& request) { encode_admin(request, out.initClusterSet()); }
  void operator()(const messages::NodeSetRequest& request) { encode_admin(request, out.initNodeSet()); }
  void operator()(const messages::HotRequest& request) { out.setHot(request.keys_max); }
  void operator()(const messages::FaultsRequest& request) { encode_admin(request, out.initFaults()); }
};

struct RequestWords {
  std::size_t operator()(const messages::GetRequest& request) const {
    return struct_words<schema::GetRequest>() + words_for(request.key.size());
  }
  std::size_t operator()(const messages::WriteRequest& request) const {
    std::size_t words = struct_words<schema::WriteRequest>() + kListTagWords;
    for (const WriteOperation& operation : request.operations) {
      words +=
          struct_words<schema::WriteOperation>() + words_for(operation.key.size()) + words_for(operation.value.size());
    }
    return words;
  }
  std::size_t operator()(const messages::ScanRequest& request) const {
    return struct_words<schema::ScanRequest>() + words_for(request.prefix.size()) + words_for(request.after.size());
  }
  std::size_t operator()(const messages::MapRequest&) const { return 0; }
  std::size_t operator()(const messages::JoinRequest& request) const {
    return struct_words<schema::JoinRequest>() + words_for_text(request.cluster.str()) + words_of(request.node);
  }
  std::size_t operator()(const messages::HeartbeatRequest& request) const {
    return struct_words<schema::HeartbeatRequest>() + words_for_text(request.cluster.str()) +
           words_for_text(request.node.str());
  }
  std::size_t operator()(const messages::StatusRequest&) const { return 0; }
  std::size_t operator()(const messages::PartitionsRequest&) const { return 0; }
  std::size_t operator()(const messages::DigestRequest&) const { return struct_words<schema::DigestRequest>(); }
  std::size_t operator()(const messages::LostRequest&) const { return 0; }
  std::size_t operator()(const messages::EventsRequest&) const { return 0; }
  std::size_t operator()(const messages::PromoteRequest& request) const {
    std::size_t words = struct_words<schema::PromoteRequest>() + words_for_text(request.node.str()) +
                        words_for_partitions(request.partitions);
    for (const NodeId& node : request.stopped) words += 1 + words_for_text(node.str());
    return words;
  }
  std::size_t operator()(const messages::PlanRequest&) const { return 0; }
  std::size_t operator()(const messages::ApplyRequest&) const { return 0; }
  std::size_t operator()(const messages::MovesRequest&) const { return 0; }
  std::size_t operator()(const messages::ClusterSetRequest& request) const { return words_of_admin(request); }
  std::size_t operator()(const messages::NodeSetRequest& request) const { return words_of_admin(request); }
  std::size_t operator()(const messages::HotRequest&) const { return 0; }
  std::size_t operator()(const messages::FaultsRequest& request) const { return words_of_admin(request); }
};

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
  std::visit(EncodeRequest{out}, request.body);
}

std::size_t words_of(const messages::Request& request) {
  return struct_words<schema::Request>() + std::visit(RequestWords(), request.body);
}

}  // namespace gyre::wire
