// What a cluster of 200 nodes and 4096 partitions costs its coordinator: plans, changes of the map as bytes, and the
// work of every second.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "control/coordinator.h"
#include "control/in_sync.h"
#include "control/memory_store.h"
#include "tests/unit/control/placed_state.h"
#include "wire/codec.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kNodes = 200;
constexpr std::uint32_t kPartitions = 4096;
constexpr std::uint64_t kCopyBytes = 64 * 1024 * 1024;
constexpr Duration kCopyTime = 1s;  // of one copy
constexpr Duration kReportInterval = 1s;
constexpr Duration kPatience = 10min;  // of the cluster's time; a rebalance takes less

ring::NodeInfo node_info(std::uint32_t number) {
  ring::NodeInfo node;
  node.id = NodeId(fmt::format("n{:03}", number));
  node.data_id = Uuid::from_words(7, hash64(node.id.str()));
  node.incarnation = Incarnation(1);
  node.addresses = {fmt::format("10.0.0.{}:7400", number), fmt::format("10.0.0.{}:7480", number), ""};
  return node;
}

CoordinatorConfig make_config() {
  CoordinatorConfig config;
  config.new_cluster = Uuid::from_words(1, 1);
  config.shape.partitions = kPartitions;
  config.shape.replication_factor = 3;
  config.shape.min_in_sync = 2;
  config.initial_nodes = kNodes;
  config.addresses = {"10.0.1.1:7300"};
  return config;
}

ClusterState make_placed() {
  std::vector<ring::NodeInfo> nodes;
  for (std::uint32_t number = 1; number <= kNodes; ++number) nodes.push_back(node_info(number));
  return placed_state(make_config(), std::move(nodes));
}

// Everything is where it should be.
const ClusterState& placed() {
  static const ClusterState state = make_placed();
  return state;
}

// Adds up the CPU time of this thread.
class CpuMeter {
 public:
  template <class Work>
  void measure(Work work) {
    const double begin = now();
    work();
    seconds_ += now() - begin;
  }
  double seconds() const { return seconds_; }

 private:
  static double now() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  double seconds_ = 0;
};

struct Cost {
  CpuMeter machine;
  CpuMeter wire;  // frames decoded and encoded
  Duration passed{0};  // of the cluster's time
  std::uint64_t swaps = 0;
  std::uint64_t bytes_sent = 0;

  double seconds() const { return machine.seconds() + wire.seconds(); }
};

// A coordinator machine with all that it hears, one event after the other, and that it says, as frames. The nodes are
// played: each shows itself every heartbeat, reports its load every second and does what it is told by the next tick,
// except for copies, which take kCopyTime. A swap takes a tick. What nodes and store do is not counted as cost.
class PlayedCluster {
 public:
  explicit PlayedCluster(bool automatic) {
    ClusterState state = placed();
    state.policy.automatic = automatic;
    GYRE_ASSERT(store_.swap(Epoch(), state));
    note_changes({}, state.map);
    coordinator_.emplace(make_config(), std::move(state), now_);
    run(2 * kSteady);
    cost = {};
  }

  // kTick of the cluster's time.
  void tick() {
    now_ += kTick;
    ++ticks_;
    cost.passed += kTick;
    finish_swap();
    finish_load();
    std::vector<messages::Frame> heard;
    const std::vector<Bytes> frames = what_nodes_say();
    cost.wire.measure([&] {
      for (const Bytes& frame : frames) heard.push_back(*wire::decode(frame, {}));
    });
    std::vector<CoordinatorEffect> effects;
    cost.machine.measure([&] {
      for (messages::Frame& frame : heard) hear(frame, effects);
      if (coordinator_->next_deadline() <= now_) coordinator_->on_deadline(now_);
      take_effects(effects);
    });
    perform(effects);
  }
  void run(Duration by) {
    for (const Instant end = now_ + by; now_ < end;) tick();
  }
  // The answer.
  messages::ResponseBody ask(const messages::RequestBody& body) {
    answer_.reset();
    asked_ = token_ = token_.next();
    std::vector<CoordinatorEffect> effects;
    cost.machine.measure([&] {
      coordinator_->on_request(now_, token_, body);
      take_effects(effects);
    });
    perform(effects);
    while (!answer_) tick();
    return *std::exchange(answer_, {});
  }
  // False: it takes too long.
  bool rebalance() {
    for (const Instant end = now_ + kPatience; !rebalanced_ && now_ < end;) tick();
    return rebalanced_;
  }

  Cost cost;

 private:
  struct Copy {
    PartitionId partition;
    NodeId to;
    Instant done_at;
    Instant ask_at;
  };

  const ring::ClusterMap& map() const { return *coordinator_->map(); }

  // --- The coordinator ---

  void hear(messages::Frame& frame, std::vector<CoordinatorEffect>& effects) {
    for (const messages::Request& request : frame.requests) {
      token_ = token_.next();
      coordinator_->on_request(now_, token_, request.body);
    }
    for (messages::Message& message : frame.messages) coordinator_->on_message(now_, frame.sender, std::move(message));
    take_effects(effects);
  }
  void take_effects(std::vector<CoordinatorEffect>& effects) {
    std::ranges::move(coordinator_->take_effects(), std::back_inserter(effects));
  }
  void finish_swap() {
    if (!swap_) return;
    const SwapState swap = *std::exchange(swap_, {});
    const ring::ClusterMapPtr before = coordinator_->map();
    const Result<void> outcome = store_.swap(swap.expected, *swap.state);
    std::vector<CoordinatorEffect> effects;
    cost.machine.measure([&] {
      coordinator_->on_swapped(now_, outcome);
      take_effects(effects);
    });
    note_changes(*before, swap.state->map);
    perform(effects);
    ++cost.swaps;
  }
  void finish_load() {
    if (!std::exchange(loading_, false)) return;
    std::vector<CoordinatorEffect> effects;
    auto loaded = store_.load();
    cost.machine.measure([&] {
      coordinator_->on_loaded(now_, std::move(loaded));
      take_effects(effects);
    });
    perform(effects);
  }
  void perform(std::vector<CoordinatorEffect>& effects) {
    const std::vector<messages::Frame> frames = frames_of(effects);
    cost.wire.measure([&] {
      for (const messages::Frame& frame : frames) cost.bytes_sent += wire::encode(frame).size();
    });
    for (CoordinatorEffect& effect : effects) {
      if (auto* swap = std::get_if<SwapState>(&effect)) {
        swap_ = std::move(*swap);
      } else if (std::holds_alternative<LoadState>(effect)) {
        loading_ = true;
      } else if (auto* answer = std::get_if<Answer>(&effect)) {
        if (answer->token == asked_) answer_ = std::move(answer->body);
      } else if (const auto* send = std::get_if<SendToNode>(&effect)) {
        if (const auto* order = std::get_if<messages::Order>(&send->message)) obey(send->node, *order);
      } else if (const auto* event = std::get_if<CoordinatorEvent>(&effect)) {
        rebalanced_ |= event->kind == CoordinatorEvent::Kind::rebalance_done;
      }
    }
  }
  std::vector<messages::Frame> frames_of(const std::vector<CoordinatorEffect>& effects) const {
    std::vector<messages::Frame> frames;
    for (const CoordinatorEffect& effect : effects) {
      if (const auto* answer = std::get_if<Answer>(&effect)) {
        frames.emplace_back().responses.push_back({RequestId(1), map().epoch, answer->body});
      } else if (const auto* send = std::get_if<SendToNode>(&effect)) {
        messages::Frame& frame = frames.emplace_back();
        frame.sender.cluster = map().cluster;
        frame.messages.push_back(send->message);
      }
    }
    return frames;
  }

  // --- The nodes ---

  std::vector<Bytes> what_nodes_say() {
    ask_for_copies();
    std::vector<Bytes> frames = std::exchange(said_, {});
    const std::vector<ring::NodeInfo>& nodes = map().nodes;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto due = [&](Duration interval) {
        return (ticks_ + i) % static_cast<std::size_t>(interval / kTick) == 0;
      };
      if (due(map().shape.timing.heartbeat)) frames.push_back(heartbeat(nodes[i]));
      if (due(kReportInterval)) frames.push_back(message_of(nodes[i].id, load_report(nodes[i].id)));
    }
    return frames;
  }
  // What is pushed has arrived by now.
  Bytes heartbeat(const ring::NodeInfo& node) const {
    messages::Frame frame;
    frame.requests.push_back(
        {.id = RequestId(1),
         .epoch = map().epoch,
         .body = messages::HeartbeatRequest{map().cluster, node.id, node.incarnation, map().epoch}});
    return wire::encode(frame);
  }
  Bytes message_of(const NodeId& node, messages::Message message) const {
    messages::Frame frame;
    frame.sender = {map().cluster, node, Incarnation(1)};
    frame.messages.push_back(std::move(message));
    return wire::encode(frame);
  }
  messages::LoadReport load_report(const NodeId& node) const {
    messages::LoadReport report{.p99_us = 900, .rest_p99_us = 800};
    if (const auto held = held_.find(node); held != held_.end()) {
      for (const PartitionId partition : held->second) {
        const std::uint32_t writes = map().entry(partition).primary == node ? 100 : 0;
        report.items.push_back({partition, 1000, writes, kCopyBytes});
      }
    }
    for (const Copy& copy : copies_) {
      if (map().entry(copy.partition).primary != node) continue;
      const double left = std::max(0.0, std::chrono::duration<double>(copy.done_at - now_) / kCopyTime);
      const auto sent = static_cast<std::uint64_t>((1 - left) * double{kCopyBytes});
      report.transfers.push_back({copy.partition, copy.to, sent, kCopyBytes});
    }
    return report;
  }
  // Primaries, of learners that have caught up; repeated until the map shows it.
  void ask_for_copies() {
    std::erase_if(copies_, [&](const Copy& copy) {
      const ring::PartitionEntry& entry = map().entry(copy.partition);
      return !entry.has_member(copy.to) || entry.find_in_sync(copy.to) != nullptr;
    });
    for (Copy& copy : copies_) {
      if (copy.ask_at > now_) continue;
      copy.ask_at = now_ + map().shape.timing.heartbeat;
      messages::SetInSync asked = in_sync_request(copy.partition);
      asked.in_sync.push_back({copy.to, Generation()});
      said_.push_back(message_of(map().entry(copy.partition).primary, std::move(asked)));
    }
  }
  // For what is so already.
  messages::SetInSync in_sync_request(PartitionId partition) const {
    const ring::PartitionEntry& entry = map().entry(partition);
    return {partition, entry.term, entry.version, entry.in_sync, false};
  }
  void obey(const NodeId& primary, const messages::Order& order) {
    const ring::PartitionEntry& entry = map().entry(order.partition);
    if (entry.term != order.term || entry.primary != primary) return;
    if (order.kind == messages::Order::Kind::hand_over) {
      said_.push_back(message_of(primary, messages::HandedOver{order.partition, order.term, order.node}));
      return;
    }
    messages::SetInSync asked = in_sync_request(order.partition);
    std::erase_if(asked.in_sync, [&](const ring::InSyncMember& member) { return member.node == order.node; });
    asked.release = true;
    said_.push_back(message_of(primary, std::move(asked)));
  }
  // New members begin to copy, former ones delete what they have.
  void note_changes(const ring::ClusterMap& before, const ring::ClusterMap& after) {
    static const ring::PartitionEntry kNobody;
    for (std::size_t i = 0; i < after.entries.size(); ++i) {
      const PartitionId partition(static_cast<std::uint16_t>(i));
      const ring::PartitionEntry& entry = after.entries[i];
      const ring::PartitionEntry& old = before.entries.empty() ? kNobody : before.entries[i];
      if (old.version == entry.version) continue;
      for (const NodeId& node : entry.members()) held_[node].insert(partition);
      for (const NodeId& node : entry.learners) {
        if (!old.has_member(node)) copies_.push_back({partition, node, now_ + kCopyTime, now_ + kCopyTime});
      }
      for (const NodeId& node : old.members()) {
        if (entry.has_member(node)) continue;
        held_[node].erase(partition);
        said_.push_back(message_of(node, messages::Retired{partition}));
      }
    }
  }

  Instant now_{100s};
  std::size_t ticks_ = 0;
  MemoryStore store_;
  std::optional<Coordinator> coordinator_;
  std::optional<SwapState> swap_;  // under way
  bool loading_ = false;
  AnswerToken token_;
  AnswerToken asked_;
  std::optional<messages::ResponseBody> answer_;
  bool rebalanced_ = false;
  std::map<NodeId, std::set<PartitionId>> held_;
  std::vector<Copy> copies_;
  std::vector<Bytes> said_;  // that the coordinator hears with the next tick
};

// --- Changes ---

const messages::RequestBody kJoin = messages::JoinRequest{{}, node_info(kNodes + 1), {}};
const messages::RequestBody kRemoval =
    messages::NodeSetRequest{.node = node_info(1).id, .action = messages::NodeSetRequest::Action::remove};
const messages::RequestBody kTwiceTheWeight = messages::NodeSetRequest{.node = node_info(1).id, .weight = 2.0};

// --- Plans ---

// From the request of `gyre rebalance plan` to its encoded answer.
void plan(benchmark::State& state, const messages::RequestBody& change) {
  PlayedCluster cluster(false);
  cluster.ask(change);
  ring::Plan plan;
  for (auto _ : state) {
    cluster.cost = {};
    plan = std::get<messages::PlanResponse>(cluster.ask(messages::PlanRequest{})).plan;
    state.SetIterationTime(cluster.cost.seconds());
  }
  state.counters["copies"] = static_cast<double>(
      std::ranges::count_if(plan.moves, [](const ring::PlannedMove& move) { return !move.to.empty(); }));
  state.counters["copies_minimum"] = plan.moves_minimum;
}
BENCHMARK_CAPTURE(plan, after_a_join, kJoin)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan, after_a_removal, kRemoval)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan, after_a_change_of_weight, kTwiceTheWeight)->UseManualTime()->Unit(benchmark::kMillisecond);

// --- The map on the wire ---

void encode_push(benchmark::State& state, const ring::MapUpdate& update) {
  messages::Frame frame;
  frame.sender.cluster = placed().map.cluster;
  frame.messages.push_back(messages::MapPush{update});
  std::size_t bytes = 0;
  for (auto _ : state) {
    const Bytes encoded = wire::encode(frame);
    bytes = encoded.size();
    benchmark::DoNotOptimize(encoded);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

void encode_whole_map(benchmark::State& state) {
  encode_push(state, {std::make_shared<const ring::ClusterMap>(placed().map), nullptr});
}
BENCHMARK(encode_whole_map)->Unit(benchmark::kMicrosecond);

// Of `range(0)` partitions that get a learner each.
void encode_delta(benchmark::State& state) {
  const auto changed = static_cast<std::size_t>(state.range(0));
  const auto before = std::make_shared<const ring::ClusterMap>(placed().map);
  const auto after = std::make_shared<ring::ClusterMap>(*before);
  after->epoch = before->epoch.next();
  for (std::size_t i = 0; i < changed; ++i) {
    ring::PartitionEntry& entry = after->entries[i * kPartitions / changed];
    const auto outside = [&](const ring::NodeInfo& node) { return !entry.has_member(node.id); };
    add_learner(entry, std::ranges::find_if(after->nodes, outside)->id);
  }
  ring::MapHistory history;
  history.adopt(before);
  history.adopt(after);
  encode_push(state, history.since(before->epoch));
}
BENCHMARK(encode_delta)->Arg(1)->Arg(16)->Arg(256)->Unit(benchmark::kMicrosecond);

// --- From second to second ---

// Percent of one core, and what happens in a second of the cluster's time.
void report(benchmark::State& state, const Cost& cost) {
  const double passed = std::chrono::duration<double>(cost.passed).count();
  state.counters["machine_percent"] = 100 * cost.machine.seconds() / passed;
  state.counters["wire_percent"] = 100 * cost.wire.seconds() / passed;
  state.counters["swaps_per_s"] = static_cast<double>(cost.swaps) / passed;
  state.counters["sent_bytes_per_s"] = static_cast<double>(cost.bytes_sent) / passed;
}

void second_at_rest(benchmark::State& state) {
  PlayedCluster cluster(true);
  for (auto _ : state) {
    const double before = cluster.cost.seconds();
    cluster.run(1s);
    state.SetIterationTime(cluster.cost.seconds() - before);
  }
  report(state, cluster.cost);
}
BENCHMARK(second_at_rest)->UseManualTime()->Unit(benchmark::kMillisecond);

// From the new target, which is planned by then, until everything is there.
void rebalance(benchmark::State& state, const messages::RequestBody& change) {
  Cost cost;
  for (auto _ : state) {
    PlayedCluster cluster(true);
    cluster.ask(change);
    cluster.cost = {};
    if (!cluster.rebalance()) return state.SkipWithError("the rebalance does not end");
    cost = cluster.cost;
    state.SetIterationTime(cost.seconds());
  }
  report(state, cost);
  state.counters["seconds"] = std::chrono::duration<double>(cost.passed).count();
}
BENCHMARK_CAPTURE(rebalance, after_a_join, kJoin)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rebalance, after_a_removal, kRemoval)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gyre::control
