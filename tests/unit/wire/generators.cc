#include "tests/unit/wire/generators.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

#include "tests/unit/wire/fields.h"

namespace gyre::wire::testing {

namespace {

std::uint64_t below(std::uint64_t bound) { return *rc::gen::inRange<std::uint64_t>(0, bound); }

std::int64_t ms_below(std::uint64_t bound) { return static_cast<std::int64_t>(below(bound)); }

bool any_bool() { return below(2) == 1; }

std::int64_t any_time_left() { return ms_below(1'000'000) - 1; }

NodeId node_name(std::uint64_t number) { return NodeId(fmt::format("n{}", number)); }

// The last enumerant of each enumeration.
template <class Enum>
inline constexpr Enum kLast{};
template <>
inline constexpr auto kLast<messages::Condition::Kind> = messages::Condition::Kind::version;
template <>
inline constexpr auto kLast<messages::Expiry::Kind> = messages::Expiry::Kind::at;
template <>
inline constexpr auto kLast<messages::WriteKind> = messages::WriteKind::persist;
template <>
inline constexpr auto kLast<messages::Mutation::Kind> = messages::Mutation::Kind::del;
template <>
inline constexpr auto kLast<messages::ReadLevel> = messages::ReadLevel::any;
template <>
inline constexpr auto kLast<messages::PartitionStatus::Role> = messages::PartitionStatus::Role::broken;
template <>
inline constexpr auto kLast<messages::AppendAck::State> = messages::AppendAck::State::repairing;
template <>
inline constexpr auto kLast<messages::Order::Kind> = messages::Order::Kind::release;
template <>
inline constexpr auto kLast<messages::NodeEvent::Kind> = messages::NodeEvent::Kind::retired;
template <>
inline constexpr auto kLast<ring::Membership> = ring::Membership::gone;
template <>
inline constexpr auto kLast<messages::NodeSetRequest::Action> = messages::NodeSetRequest::Action::forget;
template <>
inline constexpr auto kLast<messages::FaultRule::Direction> = messages::FaultRule::Direction::out;
template <>
inline constexpr auto kLast<messages::MoveStatus::Stage> = messages::MoveStatus::Stage::deleting;
template <>
inline constexpr auto kLast<Outcome> = Outcome::unknown;

// Fills every field of a message at random; what only some values are allowed in is made so afterwards.
struct Fill {
  template <class T>
  static T any() {
    T value;
    Fill()(value);
    return value;
  }

  // --- Plain values ---

  void operator()(Bytes& out) const { out = Bytes::copy_of(any<std::string>()); }
  void operator()(std::string& out) const { out = *rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~')); }
  void operator()(NodeId& out) const { out = node_name(below(1000)); }
  void operator()(Uuid& out) const { out = Uuid::from_words(any<std::uint64_t>(), any<std::uint64_t>()); }
  void operator()(UnixMillis& out) const { out = UnixMillis(ms_below(1ull << 53)); }
  void operator()(Instant& out) const { out = Instant(Duration(ms_below(1ull << 62))); }
  void operator()(Duration& out) const { out = from_ms(ms_below(1ull << 32)); }
  void operator()(PartitionId& out) const { out = PartitionId(static_cast<std::uint16_t>(below(limits::kSlots))); }
  void operator()(double& out) const { out = static_cast<double>(1 + below(1000)) / 10; }
  template <class Tag>
  void operator()(Id<Tag, std::uint64_t>& out) const {
    out = Id<Tag, std::uint64_t>(any<std::uint64_t>());
  }
  template <class T>
  void operator()(std::vector<T>& out) const {
    for (std::uint64_t count = below(5); count > 0; --count) out.push_back(any<T>());
  }
  template <class T>
  void operator()(std::optional<T>& out) const {
    if (any_bool()) out = any<T>();
  }
  void operator()(ring::ClusterMapPtr& out) const {
    if (any_bool()) out = a_map();
  }
  template <class... Ts>
  void operator()(std::variant<Ts...>& out) const {
    const std::uint64_t chosen = below(sizeof...(Ts));
    std::uint64_t index = 0;
    ((index++ == chosen ? static_cast<void>(out = any<Ts>()) : void()), ...);
  }
  template <class T>
  void operator()(T& out) const {
    if constexpr (std::is_enum_v<T>) {
      out = static_cast<T>(below(static_cast<std::uint64_t>(kLast<T>) + 1));
    } else if constexpr (std::is_arithmetic_v<T>) {
      out = *rc::gen::arbitrary<T>();
    } else if constexpr (!std::is_empty_v<T>) {
      fill_fields(out);
    }
  }

  // --- Structs with rules of their own ---

  void operator()(Error& out) const {
    constexpr std::array kCodes = {ErrorCode::not_found,       ErrorCode::stale_map, ErrorCode::busy,
                                   ErrorCode::outcome_unknown, ErrorCode::corrupt,   ErrorCode::internal};
    out = {kCodes[below(kCodes.size())], any<Outcome>(), any<std::string>(), std::chrono::milliseconds(below(100'000))};
  }
  void operator()(messages::WriteOperation& out) const {
    fill_fields(out);
    if (out.kind != messages::WriteKind::put) out.value = {};
    if (out.kind != messages::WriteKind::incr) out.delta = 0;
    const auto kind = out.expiry.kind;
    const bool timed = kind == messages::Expiry::Kind::after || kind == messages::Expiry::Kind::at;
    out.expiry.ms = timed ? ms_below(limits::kTtlMsMax + 1) : 0;
    if (out.condition.kind != messages::Condition::Kind::version) out.condition.version = {};
  }
  void operator()(messages::WriteRequest& out) const {
    fill_fields(out);
    out.operations.push_back(any<messages::WriteOperation>());
    out.ack =
        any_bool() ? messages::kAckAll : static_cast<messages::AckCount>(1 + below(limits::kReplicationFactorMax));
  }
  void operator()(messages::ScanRequest& out) const {
    fill_fields(out);
    out.items_max = static_cast<std::uint32_t>(1 + below(limits::kScanItemsMax));
  }
  void operator()(messages::GetResponse& out) const {
    fill_fields(out);
    out.ttl_ms = any_time_left();
  }
  void operator()(messages::ScanItem& out) const {
    fill_fields(out);
    out.ttl_ms = any_time_left();
  }
  void operator()(messages::JoinResponse& out) const { out.map = a_map(); }
  void operator()(ring::MapUpdate& out) const {
    const std::uint64_t kind = below(3);
    if (kind == 1) out.map = a_map();
    if (kind == 2) out.delta = std::make_shared<const ring::MapDelta>(*any_delta());
  }
  void operator()(ring::MoveLimits& out) const {
    fill_fields(out);
    out.moves_per_node = within(limits::kMovesPerNodeMax);
    out.p99_factor = any_factor();
  }
  void operator()(messages::ClusterSetRequest& out) const {
    fill_fields(out);
    if (out.moves_per_node) out.moves_per_node = within(limits::kMovesPerNodeMax);
    if (out.p99_factor) out.p99_factor = any_factor();
    if (out.replication_factor) out.replication_factor = within(limits::kReplicationFactorMax);
    if (out.min_in_sync) out.min_in_sync = within(limits::kReplicationFactorMax);
  }
  void operator()(messages::HotRequest& out) const { out.keys_max = within(limits::kHotKeysPageMax); }
  void operator()(messages::FaultRule& out) const {
    fill_fields(out);
    out.drop = static_cast<double>(below(101)) / 100;
  }
  void operator()(ring::PlannedMove& out) const {
    fill_fields(out);
    make_one_sided(out);
  }
  void operator()(messages::MoveStatus& out) const {
    fill_fields(out);
    make_one_sided(out);
  }
  void operator()(messages::NodeStatus& out) const {
    fill_fields(out);
    out.silent_ms = any_time_left();
  }
  void operator()(messages::PartitionStatus::Member& out) const {
    fill_fields(out);
    out.lag_ms = any_time_left();
  }
  void operator()(messages::ClusterEvent& out) const {
    fill_fields(out);
    if (any_bool()) out.node = NodeId();
  }
  void operator()(messages::HandedOver& out) const {
    fill_fields(out);
    if (any_bool()) out.successor = NodeId();
  }
  void operator()(messages::Sender& out) const {
    fill_fields(out);
    if (any_bool()) out.node = NodeId();
  }
  void operator()(messages::TermHistory& out) const {
    for (std::uint64_t count = below(5); count > 0; --count) {
      const messages::TermStart last = out.empty() ? messages::TermStart{} : out.back();
      out.push_back({Term(last.term.value() + 1 + below(1000)), Sequence(last.first.value() + below(1000))});
    }
  }
  void operator()(messages::LostWrite& out) const {
    fill_fields(out);
    out.mutations = any_mutations(out.position);
  }
  void operator()(messages::LoggedWrite& out) const {
    fill_fields(out);
    out.mutations = any_mutations(out.position);
  }
  void operator()(messages::LoggedWritePtr& out) const {
    out = std::make_shared<const messages::LoggedWrite>(any<messages::LoggedWrite>());
  }
  void operator()(messages::Append& out) const {
    fill_fields(out);
    out.writes.clear();
    Position position = out.previous;
    for (std::uint64_t count = below(5); count > 0; --count) {
      messages::LoggedWrite write;
      (*this)(write);
      position.sequence = position.sequence.next();
      if (below(4) == 0 && position.term < Term(UINT64_MAX)) position.term = position.term.next();
      write.position = position;
      for (auto& mutation : write.mutations) mutation.record.version = position;
      out.writes.push_back(std::make_shared<const messages::LoggedWrite>(std::move(write)));
    }
  }
  void operator()(messages::SnapshotChunk& out) const {
    fill_fields(out);
    for (auto& key : out.records) key.record = any<messages::Record>();
  }

 private:
  template <class T>
  static void fill_fields(T& out) {
    std::apply([](auto&... fields) { (Fill()(fields), ...); }, fields_of(out));
  }

  // From 1 to `max`.
  static std::uint32_t within(std::uint64_t max) { return static_cast<std::uint32_t>(1 + below(max)); }

  static double any_factor() { return any_bool() ? 0 : 1 + static_cast<double>(below(100)) / 10; }

  // Some moves only add a copy, or only take one away.
  template <class Move>
  static void make_one_sided(Move& move) {
    const std::uint64_t side = below(4);
    if (side == 1) move.from = NodeId();
    if (side == 2) move.to = NodeId();
  }

  static ring::ClusterMapPtr a_map() { return std::make_shared<const ring::ClusterMap>(*any_map()); }

  static std::vector<messages::Mutation> any_mutations(Position version) {
    auto mutations = any<std::vector<messages::Mutation>>();
    mutations.push_back(any<messages::Mutation>());
    for (auto& mutation : mutations) {
      if (mutation.kind == messages::Mutation::Kind::del) mutation.record = {};
      mutation.record.version = version;
    }
    return mutations;
  }
};

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

ring::PartitionEntry any_entry(std::uint64_t nodes, std::uint32_t min_in_sync) {
  ring::PartitionEntry entry;
  entry.version = Fill::any<std::uint64_t>();
  entry.primary_incarnation = Fill::any<Incarnation>();
  for (const NodeId& node : some_nodes(nodes, 6)) {
    if (any_bool()) {
      entry.in_sync.push_back({node, Fill::any<Generation>()});
    } else {
      entry.learners.push_back(node);
    }
  }
  if (!entry.in_sync.empty() && below(4) > 0) entry.primary = entry.in_sync[below(entry.in_sync.size())].node;
  if (entry.in_sync.size() < min_in_sync) {
    entry.departed = some_nodes(nodes, 4);
    std::erase_if(entry.departed, [&](const NodeId& node) { return entry.find_in_sync(node) != nullptr; });
  }
  std::vector<NodeId> deposed = some_nodes(nodes, 3);
  if (below(4) == 0) deposed.push_back(NodeId(fmt::format("left{}", below(3))));  // the cluster, but not the entry
  for (const NodeId& node : deposed) {
    entry.term = Term(entry.term.value() + 1 + below(1000));
    entry.deposed.push_back({node, entry.term});
  }
  entry.term = Term(entry.term.value() + below(1000));
  return entry;
}

Timing any_timing() {
  const auto heartbeat = from_ms(10 + ms_below(200));
  const auto detection = 2 * heartbeat + from_ms(ms_below(2000));
  return {heartbeat, detection, 2 * (detection + 2 * heartbeat + kSwapBudget)};
}

template <class T>
rc::Gen<T> any_filled() {
  return rc::gen::exec([] { return Fill::any<T>(); });
}

}  // namespace

rc::Gen<messages::Request> any_request() { return any_filled<messages::Request>(); }

rc::Gen<messages::Response> any_response() { return any_filled<messages::Response>(); }

rc::Gen<messages::Message> any_message() { return any_filled<messages::Message>(); }

rc::Gen<messages::Sender> any_sender() { return any_filled<messages::Sender>(); }

rc::Gen<ring::ClusterMap> any_map() {
  return rc::gen::exec([] {
    ring::ClusterMap map;
    map.cluster = Fill::any<Uuid>();
    map.epoch = Fill::any<Epoch>();
    const auto replication_factor = static_cast<std::uint32_t>(1 + below(limits::kReplicationFactorMax));
    map.shape = {.partitions = 1u << below(5),
                 .replication_factor = replication_factor,
                 .min_in_sync = static_cast<std::uint32_t>(1 + below(replication_factor)),
                 .vnodes = static_cast<std::uint32_t>(1 + below(limits::kVnodesMax)),
                 .load_slack = static_cast<double>(below(101)) / 100,
                 .timing = any_timing()};
    map.moves = Fill::any<ring::MoveLimits>();
    const std::uint64_t nodes = below(12);  // from n100 on, so that their names are in the order of their numbers
    for (std::uint64_t i = 0; i < nodes; ++i) {
      map.nodes.push_back(Fill::any<ring::NodeInfo>());
      map.nodes.back().id = node_name(100 + i);
    }
    for (std::uint64_t count = below(3); count > 0; --count) map.coordinators.push_back(Fill::any<std::string>());
    for (std::uint32_t i = 0; i < map.shape.partitions; ++i) {
      map.entries.push_back(any_entry(nodes, map.shape.min_in_sync));
    }
    return map;
  });
}

rc::Gen<ring::MapDelta> any_delta() {
  return rc::gen::exec([] {
    const ring::ClusterMap map = *any_map();
    ring::MapDelta delta{.cluster = map.cluster, .to = map.epoch, .shape = map.shape, .moves = map.moves};
    if (map.epoch > Epoch(0)) delta.from = Epoch(below(map.epoch.value()));
    delta.coordinators = map.coordinators;
    for (const ring::NodeInfo& node : map.nodes) {
      if (any_bool()) delta.nodes.push_back(node);
    }
    for (std::uint64_t count = below(4), i = 0; i < count; ++i) delta.gone.push_back(node_name(900 + i));
    for (std::size_t i = 0; i < map.entries.size(); ++i) {
      if (any_bool()) delta.entries.emplace_back(static_cast<std::uint16_t>(i), map.entries[i]);
    }
    return delta;
  });
}

rc::Gen<Settings> any_settings() { return any_filled<Settings>(); }

rc::Gen<ring::Placement> any_placement() {
  return rc::gen::exec([] {
    ring::Placement placement;
    for (std::uint64_t count = below(20); count > 0; --count) placement.partitions.push_back(some_nodes(9, 7));
    return placement;
  });
}

messages::Frame any_frame() {
  messages::Frame frame;
  frame.requests.push_back(*any_request());
  frame.responses.push_back(*any_response());
  frame.sender = *any_sender();
  frame.messages.push_back(*any_message());
  return frame;
}

}  // namespace gyre::wire::testing
