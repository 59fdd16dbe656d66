// Responses: failures, values, outcomes of writes, pages, maps. What operators ask for is in report_capnp.cc and
// admin_answer_capnp.cc.
#include <algorithm>
#include <limits>

#include "wire/admin_capnp.h"
#include "wire/report_capnp.h"

namespace gyre::wire {

namespace {

using messages::Standing;

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

std::size_t message_bytes(const Error& error) { return cut_bytes(error.message, limits::kErrorMessageBytesMax); }

void encode_failure(const Error& error, schema::Failure::Builder out) {
  out.setCode(std::to_underlying(error.code));
  out.setOutcome(error.outcome == Outcome::unknown ? schema::Outcome::UNKNOWN : schema::Outcome::NOT_APPLIED);
  copy_cut(error.message, out.initMessage(static_cast<unsigned>(message_bytes(error))));
  out.setRetryAfterMs(static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(error.retry_after.count(), 0, std::numeric_limits<std::uint32_t>::max())));
}

// Of an answer's group `standing`.
template <class Group>
Standing decode_standing(Decoding& decoding, Group in) {
  return {.position = position_of(in), .history = decode_history(decoding, in.getHistory())};
}

template <class Group>
void encode_standing(const Standing& standing, Group out) {
  set_position(out, standing.position);
  if (!standing.history.empty()) encode_list(standing.history, out.initHistory(size_of(standing.history)));
}

messages::GetResponse decode_get(Decoding& decoding, schema::GetAnswer::Reader in) {
  messages::GetResponse response;
  if (in.hasRecord()) response.record = decode_record(decoding, in.getRecord());
  response.ttl_ms = decode_ms_or_never(in.getTtlMs());
  response.standing = decode_standing(decoding, in.getStanding());
  return response;
}

messages::ScanResponse decode_page(Decoding& decoding, schema::ScanPage::Reader in) {
  messages::ScanResponse response;
  const auto items = in.getItems();
  response.items.reserve(decoding.count(items.size(), limits::kScanItemsMax, "items in one page"));
  for (const auto item : items) {
    response.items.push_back({.key = decoding.key(item.getKey()),
                              .record = decode_record(decoding, item.getRecord()),
                              .ttl_ms = decode_ms_or_never(item.getTtlMs())});
  }
  response.more = in.getMore();
  response.standing = decode_standing(decoding, in.getStanding());
  return response;
}

messages::StatusResponse decode_status(Decoding& decoding, schema::ClusterStatus::Reader in) {
  messages::StatusResponse response;
  const auto nodes = in.getNodes();
  response.nodes.reserve(decoding.count(nodes.size(), limits::kNodesMax, "nodes"));
  for (const auto node : nodes) {
    response.nodes.push_back({.node = decode_node_id(node.getNode()),
                              .up = node.getUp(),
                              .silent_ms = decode_ms_or_never(node.getSilentMs())});
  }
  if (in.hasMap()) response.map = decode_map(decoding, in.getMap());
  return response;
}

messages::ResponseBody decode_body(Decoding& decoding, schema::Response::Reader in) {
  switch (in.which()) {
    case schema::Response::FAILURE: return decode_failure(decoding, in.getFailure());
    case schema::Response::GET: return decode_get(decoding, in.getGet());
    case schema::Response::WRITE: {
      const auto write = in.getWrite();
      return messages::WriteResponse{.outcomes = decode_outcomes(decoding, write.getOutcomes()),
                                     .standing = decode_standing(decoding, write.getStanding())};
    }
    case schema::Response::SCAN: return decode_page(decoding, in.getScan());
    case schema::Response::MAP: return messages::MapResponse{decode_update(decoding, in.getMap())};
    case schema::Response::JOIN: return messages::JoinResponse{decode_map(decoding, in.getJoin())};
    case schema::Response::HEARTBEAT: {
      const auto answer = in.getHeartbeat();
      return messages::HeartbeatResponse{.join_again = answer.getJoinAgain(),
                                         .update = decode_update(decoding, answer.getMap())};
    }
    case schema::Response::STATUS: return decode_status(decoding, in.getStatus());
    case schema::Response::PARTITIONS: return decode_partition_statuses(decoding, in.getPartitions());
    case schema::Response::DIGEST: return decode_digest(in.getDigest());
    case schema::Response::LOST: return decode_lost(decoding, in.getLost());
    case schema::Response::EVENTS: return decode_events(decoding, in.getEvents());
    case schema::Response::PROMOTE: return messages::PromoteResponse{decode_partitions(in.getPromote())};
    case schema::Response::PLAN: return decode_plan(decoding, in.getPlan());
    case schema::Response::APPLY: return messages::ApplyResponse{Epoch(in.getApply())};
    case schema::Response::MOVES: return decode_moves(decoding, in.getMoves());
    case schema::Response::SET: return messages::SetResponse{Epoch(in.getSet())};
    case schema::Response::HOT: return decode_hot(decoding, in.getHot());
    case schema::Response::FAULTS: return messages::FaultsResponse{decode_fault_rules(decoding, in.getFaults())};
  }
  refuse_unknown("response", in.which());
}

struct EncodeResponse {
  schema::Response::Builder out;

  void operator()(const Error& error) { encode_failure(error, out.initFailure()); }
  void operator()(const messages::GetResponse& response) {
    auto get = out.initGet();
    if (response.record) encode(*response.record, get.initRecord());
    get.setTtlMs(response.ttl_ms);
    encode_standing(response.standing, get.getStanding());
  }
  void operator()(const messages::WriteResponse& response) {
    auto write = out.initWrite();
    encode_list(response.outcomes, write.initOutcomes(size_of(response.outcomes)));
    encode_standing(response.standing, write.getStanding());
  }
  void operator()(const messages::ScanResponse& response) {
    auto page = out.initScan();
    auto list = page.initItems(static_cast<unsigned>(response.items.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      const messages::ScanItem& item = response.items[i];
      auto builder = list[i];
      builder.setKey(data_of(item.key));
      encode(item.record, builder.initRecord());
      builder.setTtlMs(item.ttl_ms);
    }
    page.setMore(response.more);
    encode_standing(response.standing, page.getStanding());
  }
  void operator()(const messages::MapResponse& response) { encode(response.update, out.initMap()); }
  void operator()(const messages::JoinResponse& response) { encode(*response.map, out.initJoin()); }
  void operator()(const messages::HeartbeatResponse& response) {
    auto answer = out.initHeartbeat();
    answer.setJoinAgain(response.join_again);
    if (!response.update.empty()) encode(response.update, answer.initMap());
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
  void operator()(const messages::PartitionsResponse& response) {
    encode_report(response, out.initPartitions(size_of(response.partitions)));
  }
  void operator()(const messages::DigestResponse& response) { encode_report(response, out.initDigest()); }
  void operator()(const messages::LostResponse& response) { encode_report(response, out.initLost()); }
  void operator()(const messages::EventsResponse& response) { encode_report(response, out.initEvents()); }
  void operator()(const messages::PromoteResponse& response) {
    encode_partitions(response.partitions, out.initPromote(size_of(response.partitions)));
  }
  void operator()(const messages::PlanResponse& response) { encode_admin(response, out.initPlan()); }
  void operator()(const messages::ApplyResponse& response) { out.setApply(response.epoch.value()); }
  void operator()(const messages::MovesResponse& response) { encode_admin(response, out.initMoves()); }
  void operator()(const messages::SetResponse& response) { out.setSet(response.epoch.value()); }
  void operator()(const messages::HotResponse& response) { encode_admin(response, out.initHot()); }
  void operator()(const messages::FaultsResponse& response) {
    encode_fault_rules(response.rules, out.initFaults(size_of(response.rules)));
  }
};

std::size_t words_of_map(const ring::ClusterMapPtr& map) { return map ? words_of(*map) : 0; }

struct ResponseWords {
  std::size_t operator()(const Error& error) const {
    return struct_words<schema::Failure>() + words_for(message_bytes(error) + 1);
  }
  std::size_t operator()(const messages::GetResponse& response) const {
    return struct_words<schema::GetAnswer>() + (response.record ? words_of(*response.record) : 0) +
           words_of_list(response.standing.history);
  }
  std::size_t operator()(const messages::WriteResponse& response) const {
    return struct_words<schema::WriteAnswer>() + words_of_list(response.outcomes) +
           words_of_list(response.standing.history);
  }
  std::size_t operator()(const messages::ScanResponse& response) const {
    std::size_t words = struct_words<schema::ScanPage>() + kListTagWords + words_of_list(response.standing.history);
    for (const messages::ScanItem& item : response.items) {
      words += struct_words<schema::ScanItem>() + words_for(item.key.size()) + words_of(item.record);
    }
    return words;
  }
  std::size_t operator()(const messages::MapResponse& response) const { return words_of(response.update); }
  std::size_t operator()(const messages::JoinResponse& response) const { return words_of_map(response.map); }
  std::size_t operator()(const messages::HeartbeatResponse& response) const {
    return struct_words<schema::HeartbeatAnswer>() + words_of(response.update);
  }
  std::size_t operator()(const messages::StatusResponse& response) const {
    std::size_t words = struct_words<schema::ClusterStatus>() + kListTagWords + words_of_map(response.map);
    for (const messages::NodeStatus& node : response.nodes) {
      words += struct_words<schema::NodeStatus>() + words_for_text(node.node.str());
    }
    return words;
  }
  std::size_t operator()(const messages::PartitionsResponse& response) const { return words_of_report(response); }
  std::size_t operator()(const messages::DigestResponse& response) const { return words_of_report(response); }
  std::size_t operator()(const messages::LostResponse& response) const { return words_of_report(response); }
  std::size_t operator()(const messages::EventsResponse& response) const { return words_of_report(response); }
  std::size_t operator()(const messages::PromoteResponse& response) const {
    return words_for_partitions(response.partitions);
  }
  std::size_t operator()(const messages::PlanResponse& response) const { return words_of_admin(response); }
  std::size_t operator()(const messages::ApplyResponse&) const { return 0; }
  std::size_t operator()(const messages::MovesResponse& response) const { return words_of_admin(response); }
  std::size_t operator()(const messages::SetResponse&) const { return 0; }
  std::size_t operator()(const messages::HotResponse& response) const { return words_of_admin(response); }
  std::size_t operator()(const messages::FaultsResponse& response) const {
    return words_of_fault_rules(response.rules);
  }
};

}  // namespace

messages::Response decode_response(Decoding& decoding, schema::Response::Reader in) {
  return {.id = RequestId(in.getId()), .epoch = Epoch(in.getEpoch()), .body = decode_body(decoding, in)};
}

void encode(const messages::Response& response, schema::Response::Builder out) {
  out.setId(response.id.value());
  out.setEpoch(response.epoch.value());
  std::visit(EncodeResponse{out}, response.body);
}

std::size_t words_of(const messages::Response& response) {
  return struct_words<schema::Response>() + std::visit(ResponseWords(), response.body);
}

}  // namespace gyre::wire
