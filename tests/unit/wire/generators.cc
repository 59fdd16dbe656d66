#include "tests/unit/wire/generators.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

namespace gyre::wire::testing {

namespace {

using messages::Condition;
using messages::Expiry;
using messages::Record;
using messages::WriteKind;
using messages::WriteOperation;

template <class T>
T any() {
  return *rc::gen::arbitrary<T>();
}

std::uint64_t below(std::uint64_t bound) { return *rc::gen::inRange<std::uint64_t>(0, bound); }

std::uint64_t any_number() { return any<std::uint64_t>(); }

Bytes any_bytes() { return Bytes::copy_of(*rc::gen::container<std::string>(rc::gen::arbitrary<char>())); }

std::string any_text() { return *rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~')); }

Position any_position() { return {Term(any_number()), Sequence(any_number())}; }

Uuid any_uuid() { return Uuid::from_words(any_number(), any_number()); }

NodeId node_name(std::uint64_t number) { return NodeId(fmt::format("n{}", number)); }

Expiry any_expiry() {
  const auto kind = static_cast<Expiry::Kind>(below(4));
  const bool timed = kind == Expiry::Kind::after || kind == Expiry::Kind::at;
  return {kind, timed ? static_cast<std::int64_t>(below(limits::kTtlMsMax + 1)) : 0};
}

Condition any_condition() {
  const auto kind = static_cast<Condition::Kind>(below(4));
  return {kind, kind == Condition::Kind::version ? any_position() : Position()};
}

WriteOperation any_operation() {
  WriteOperation operation;
  operation.kind = static_cast<WriteKind>(below(5));
  operation.key = any_bytes();
  if (operation.kind == WriteKind::put) operation.value = any_bytes();
  if (operation.kind == WriteKind::incr) operation.delta = any<std::int64_t>();
  operation.expiry = any_expiry();
  operation.condition = any_condition();
  return operation;
}

ring::NodeInfo any_node(NodeId id) {
  return {.id = std::move(id),
          .data_id = any_uuid(),
          .incarnation = Incarnation(any_number()),
          .zone = any_text(),
          .weight = static_cast<double>(1 + below(1000)) / 10,
          .membership = static_cast<ring::Membership>(below(2)),
          .addresses = {any_text(), any_text(), any_text()}};
}

Record any_record() { return {any_bytes(), any_position(), UnixMillis(static_cast<std::int64_t>(below(1ull << 62)))}; }

std::int64_t any_time_left() { return static_cast<std::int64_t>(below(1'000'000)) - 1; }

ring::ClusterMapPtr maybe_map() { return any<bool>() ? std::make_shared<const ring::ClusterMap>(*any_map()) : nullptr; }

// Up to `count_max` of the first `nodes` node names, in random order.
std::vector<NodeId> some_nodes(std::uint64_t nodes, std::uint64_t count_max) {
  std::vector<NodeId> chosen;
  const std::uint64_t count = below(std::min(nodes, count_max) + 1);
  while (chosen.size() < count) {
    const NodeId node = node_name(100 + below(nodes));
    if (std::ranges::find(chosen, node) == chosen.end()) chosen.push_back(node);
  }
  return chosen;
}

ring::PartitionEntry any_entry(std::uint64_t nodes) {
  ring::PartitionEntry entry;
  entry.term = Term(any_number());
  entry.version = any_number();
  entry.primary_incarnation = Incarnation(any_number());
  for (const NodeId& node : some_nodes(nodes, 6)) {
    if (any<bool>()) {
      entry.in_sync.push_back({node, Generation(any_number())});
    } else {
      entry.learners.push_back(node);
    }
  }
  if (!entry.in_sync.empty() && below(4) > 0) entry.primary = entry.in_sync[below(entry.in_sync.size())].node;
  return entry;
}

messages::RequestBody any_request_body() {
  switch (below(7)) {
    case 0: return messages::GetRequest{any_bytes(), any<bool>()};
    case 1: {
      messages::WriteRequest write;
      for (std::uint64_t count = 1 + below(5); count > 0; --count) write.operations.push_back(any_operation());
      return write;
    }
    case 2:
      return messages::ScanRequest{PartitionId(static_cast<std::uint16_t>(below(limits::kSlots))), any_bytes(),
                                   any_bytes(), static_cast<std::uint32_t>(1 + below(limits::kScanItemsMax)),
                                   any<bool>()};
    case 3: return messages::MapRequest{Epoch(any_number())};
    case 4:
      return messages::JoinRequest{any<bool>() ? any_uuid() : Uuid(), any_node(node_name(below(1000))),
                                   Epoch(any_number())};
    case 5: return messages::HeartbeatRequest{node_name(below(1000)), Incarnation(any_number()), Epoch(any_number())};
    default: return messages::StatusRequest{};
  }
}

Error any_error() {
  constexpr std::array kCodes = {ErrorCode::not_found,       ErrorCode::stale_map, ErrorCode::busy,
                                 ErrorCode::outcome_unknown, ErrorCode::corrupt,   ErrorCode::internal};
  return {kCodes[below(kCodes.size())], static_cast<Outcome>(below(2)), any_text(),
          std::chrono::milliseconds(below(100'000))};
}

messages::ResponseBody any_response_body() {
  switch (below(8)) {
    case 0: return any_error();
    case 1: return messages::GetResponse{any_record(), any_time_left()};
    case 2: {
      messages::WriteResponse write;
      for (std::uint64_t count = 1 + below(5); count > 0; --count) {
        write.outcomes.push_back({any_position(), any<bool>(), any<bool>(), any<std::int64_t>()});
      }
      return write;
    }
    case 3: {
      messages::ScanResponse page;
      for (std::uint64_t count = below(5); count > 0; --count) {
        page.items.push_back({any_bytes(), any_record(), any_time_left()});
      }
      page.more = any<bool>();
      return page;
    }
    case 4: return messages::MapResponse{maybe_map()};
    case 5: return messages::JoinResponse{std::make_shared<const ring::ClusterMap>(*any_map())};
    case 6: return messages::HeartbeatResponse{any<bool>(), maybe_map()};
    default: {
      messages::StatusResponse status;
      for (std::uint64_t count = below(5); count > 0; --count) {
        status.nodes.push_back({node_name(count), any<bool>(), any_time_left()});
      }
      status.map = maybe_map();
      return status;
    }
  }
}

// Like fmt's {:?}, but for any bytes: fmt 9 asserts on some that are no UTF-8.
std::string quoted(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    text += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text + '"';
}

std::string text_of(Position position) { return to_string(position); }

std::string text_of(const Record& record, std::int64_t ttl_ms) {
  return fmt::format("{} @{} expires {} ttl {}", quoted(record.value.view()), text_of(record.version),
                     record.expires_at.value, ttl_ms);
}

std::string text_of(const ring::NodeInfo& node) {
  return fmt::format("node {} data {} inc {} zone {} weight {} membership {} at {} {} {}", node.id.str(),
                     node.data_id.str(), node.incarnation.value(), node.zone, node.weight,
                     std::to_underlying(node.membership), quoted(node.addresses.native), quoted(node.addresses.http),
                     quoted(node.addresses.resp));
}

std::string text_of(const ring::ClusterMapPtr& map) {
  if (!map) return "no map";
  std::string text =
      fmt::format("map {} epoch {} shape {} {} {} {}", map->cluster.str(), map->epoch.value(), map->shape.partitions,
                  map->shape.replication_factor, map->shape.vnodes, map->shape.load_slack);
  for (const auto& node : map->nodes) text += "\n " + text_of(node);
  for (const auto& address : map->coordinators) text += "\n coordinator " + address;
  for (const auto& entry : map->entries) {
    text += fmt::format("\n term {} primary {} inc {} version {}", entry.term.value(), entry.primary.str(),
                        entry.primary_incarnation.value(), entry.version);
    for (const auto& member : entry.in_sync) {
      text += fmt::format(" in-sync {}/{}", member.node.str(), member.generation.value());
    }
    for (const auto& learner : entry.learners) text += " learner " + learner.str();
  }
  return text;
}

struct DescribeRequest {
  std::string operator()(const messages::GetRequest& get) {
    return fmt::format("get {} {}", quoted(get.key.view()), get.value_wanted);
  }
  std::string operator()(const messages::WriteRequest& write) {
    std::string text = "write";
    for (const auto& operation : write.operations) {
      text +=
          fmt::format("\n kind {} key {} value {} delta {} expiry {}:{} condition {}:{}",
                      std::to_underlying(operation.kind), quoted(operation.key.view()), quoted(operation.value.view()),
                      operation.delta, std::to_underlying(operation.expiry.kind), operation.expiry.ms,
                      std::to_underlying(operation.condition.kind), text_of(operation.condition.version));
    }
    return text;
  }
  std::string operator()(const messages::ScanRequest& scan) {
    return fmt::format("scan {} {} after {} {} {}", scan.partition.value(), quoted(scan.prefix.view()),
                       quoted(scan.after.view()), scan.items_max, scan.values_wanted);
  }
  std::string operator()(const messages::MapRequest& map) { return fmt::format("map {}", map.known.value()); }
  std::string operator()(const messages::JoinRequest& join) {
    return fmt::format("join {} {} {}", join.cluster.str(), text_of(join.node), join.known.value());
  }
  std::string operator()(const messages::HeartbeatRequest& heartbeat) {
    return fmt::format("heartbeat {} {} {}", heartbeat.node.str(), heartbeat.incarnation.value(),
                       heartbeat.known.value());
  }
  std::string operator()(const messages::StatusRequest&) { return "status"; }
};

struct DescribeResponse {
  std::string operator()(const Error& error) {
    return fmt::format("error {} {} {} {}", std::to_underlying(error.code), std::to_underlying(error.outcome),
                       quoted(error.message), error.retry_after.count());
  }
  std::string operator()(const messages::GetResponse& get) { return "get " + text_of(get.record, get.ttl_ms); }
  std::string operator()(const messages::WriteResponse& write) {
    std::string text = "write";
    for (const auto& outcome : write.outcomes) {
      text += fmt::format("\n {} {} {} {}", text_of(outcome.version), outcome.existed, outcome.changed, outcome.number);
    }
    return text;
  }
  std::string operator()(const messages::ScanResponse& page) {
    std::string text = fmt::format("scan more {}", page.more);
    for (const auto& item : page.items) {
      text += fmt::format("\n {} {}", quoted(item.key.view()), text_of(item.record, item.ttl_ms));
    }
    return text;
  }
  std::string operator()(const messages::MapResponse& map) { return "map " + text_of(map.map); }
  std::string operator()(const messages::JoinResponse& join) { return "join " + text_of(join.map); }
  std::string operator()(const messages::HeartbeatResponse& heartbeat) {
    return fmt::format("heartbeat {} {}", heartbeat.join_again, text_of(heartbeat.map));
  }
  std::string operator()(const messages::StatusResponse& status) {
    std::string text = "status " + text_of(status.map);
    for (const auto& node : status.nodes) {
      text += fmt::format("\n {} {} {}", node.node.str(), node.up, node.silent_ms);
    }
    return text;
  }
};

}  // namespace

rc::Gen<messages::Request> any_request() {
  return rc::gen::exec([] {
    return messages::Request{.id = RequestId(any_number()),
                             .budget = from_ms(static_cast<std::int64_t>(below(1ull << 32))),
                             .epoch = Epoch(any_number()),
                             .body = any_request_body()};
  });
}

rc::Gen<messages::Response> any_response() {
  return rc::gen::exec([] {
    return messages::Response{.id = RequestId(any_number()), .epoch = Epoch(any_number()), .body = any_response_body()};
  });
}

rc::Gen<ring::ClusterMap> any_map() {
  return rc::gen::exec([] {
    ring::ClusterMap map;
    map.cluster = any_uuid();
    map.epoch = Epoch(any_number());
    map.shape = {.partitions = 1u << below(5),
                 .replication_factor = static_cast<std::uint32_t>(1 + below(limits::kReplicationFactorMax)),
                 .vnodes = static_cast<std::uint32_t>(1 + below(limits::kVnodesMax)),
                 .load_slack = static_cast<double>(below(101)) / 100};
    const std::uint64_t nodes = below(12);  // from n100 on, so that their names are in the order of their numbers
    for (std::uint64_t i = 0; i < nodes; ++i) map.nodes.push_back(any_node(node_name(100 + i)));
    for (std::uint64_t count = below(3); count > 0; --count) map.coordinators.push_back(any_text());
    for (std::uint32_t i = 0; i < map.shape.partitions; ++i) map.entries.push_back(any_entry(nodes));
    return map;
  });
}

rc::Gen<ring::Placement> any_placement() {
  return rc::gen::exec([] {
    ring::Placement placement;
    for (std::uint64_t count = below(20); count > 0; --count) placement.partitions.push_back(some_nodes(9, 7));
    return placement;
  });
}

std::string describe(const messages::Request& request) {
  return fmt::format("#{} budget {} epoch {}: {}", request.id.value(), request.budget.count(), request.epoch.value(),
                     std::visit(DescribeRequest(), request.body));
}

std::string describe(const messages::Response& response) {
  return fmt::format("#{} epoch {}: {}", response.id.value(), response.epoch.value(),
                     std::visit(DescribeResponse(), response.body));
}

std::string describe(const messages::Frame& frame) {
  std::string text;
  for (const auto& request : frame.requests) text += describe(request) + "\n";
  for (const auto& response : frame.responses) text += describe(response) + "\n";
  return text;
}

}  // namespace gyre::wire::testing
