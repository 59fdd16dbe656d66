// What one partition machine costs for a write and for a read, without storage and network; and what counting costs a
// host.
#include <benchmark/benchmark.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replication/partition.h"
#include "replication/partition_clock.h"
#include "runtime/load_meter.h"

namespace gyre::replication {
namespace {

const Moment kNow{Instant(std::chrono::hours(1)), {1'700'000'000'000}};

// Primary of a map with `members` members, all in sync: the others answer what they are sent at once.
class Serving {
 public:
  explicit Serving(std::size_t members)
      : partition_({.id = PartitionId(0), .self = node(0), .running = &running_}, {}, {}, {}) {
    ring::ClusterMap map;
    map.shape.partitions = 1;
    map.entries.resize(1);
    ring::PartitionEntry& entry = map.entries[0];
    entry.term = Term(1);
    entry.primary = node(0);
    entry.version = 1;
    for (std::size_t i = 0; i < members; ++i) {
      ring::NodeInfo info;
      info.id = node(i);
      map.nodes.push_back(info);
      entry.in_sync.push_back({node(i), Generation()});
    }
    partition_.on_map(kNow, map);
    commit();
    partition_.on_tick(kNow);
    carry_out();
  }

  Partition& partition() { return partition_; }
  // Storage takes what is pending, and the members acknowledge it.
  void commit() {
    while (auto persist = partition_.take_persist()) {
      benchmark::DoNotOptimize(persist->writes.data());
      position_ = persist->state.position;
      partition_.on_persisted(kNow, persist->id);
      carry_out();
    }
  }
  // Nothing is stored: what a write depends on is absent.
  void carry_out() {
    for (const Effect& effect : partition_.take_effects(kNow)) {
      if (const auto* read = std::get_if<ReadCurrent>(&effect)) {
        partition_.on_current(kNow, read->ticket, read->operation, std::optional<messages::Record>());
      } else if (const auto* send = std::get_if<Send>(&effect)) {
        const auto* append = std::get_if<messages::Append>(&send->message);
        if (append != nullptr) acknowledge(send->to, *append);
      }
    }
  }

 private:
  static NodeId node(std::size_t i) { return NodeId("n" + std::to_string(i)); }
  void acknowledge(const NodeId& from, const messages::Append& append) {
    partition_.on_peer(kNow, from, Incarnation(),
                       messages::AppendAck{.partition = PartitionId(0),
                                           .term = append.term,
                                           .echo = append.sent_at,
                                           .sent_at = kNow.steady,
                                           .position = position_,
                                           .promised = append.term});
  }

  RunningClock running_{kNow.steady};
  Partition partition_;
  Position position_;
};

std::vector<Bytes> some_keys() {
  std::vector<Bytes> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back(Bytes::copy_of("key-" + std::to_string(i)));
  return keys;
}

messages::WriteOperation operation(messages::WriteKind kind, const Bytes& key) {
  static const Bytes value = Bytes::copy_of(std::string(100, 'v'));
  messages::WriteOperation op;
  op.kind = kind;
  op.key = key;
  if (kind == messages::WriteKind::put) op.value = value;
  op.delta = 1;
  return op;
}

// Turns of `range(0)` writes with `range(1)` members: into the machine, handed to storage, streamed, answered.
void write_turns(benchmark::State& state, messages::WriteKind kind, messages::AckCount ack) {
  Serving serving(static_cast<std::size_t>(state.range(1)));
  const std::vector<Bytes> keys = some_keys();
  const auto writes = static_cast<std::size_t>(state.range(0));
  std::uint64_t ticket = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < writes; ++i) {
      messages::WriteRequest request;
      request.operations.push_back(operation(kind, keys[ticket % keys.size()]));
      request.ack = ack;
      serving.partition().on_write(kNow, Ticket(++ticket), std::move(request));
    }
    serving.carry_out();
    serving.commit();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(write_turns, put, messages::WriteKind::put, messages::kAckOne)->ArgsProduct({{1, 16, 128}, {1, 3}});
BENCHMARK_CAPTURE(write_turns, put_all, messages::WriteKind::put, messages::kAckAll)->Args({16, 3});
BENCHMARK_CAPTURE(write_turns, incr, messages::WriteKind::incr, messages::kAckOne)->ArgsProduct({{1, 16}, {1, 3}});

// Admission of a read while nothing is pending, and beside 16 pending writes of other keys.
void admit_read(benchmark::State& state, messages::ReadLevel level) {
  Serving serving(3);
  const std::vector<Bytes> keys = some_keys();
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    messages::WriteRequest request;
    request.operations.push_back(operation(messages::WriteKind::put, keys[static_cast<std::size_t>(i)]));
    serving.partition().on_write(kNow, Ticket(static_cast<std::uint64_t>(i) + 1), std::move(request));
  }
  const ReadRequest read{.key = keys.back(), .read = {.level = level}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(serving.partition().on_read(kNow, Ticket(999), read));
    benchmark::DoNotOptimize(serving.partition().may_leave(kNow, Ticket(999), read, false));
  }
}
BENCHMARK_CAPTURE(admit_read, primary, messages::ReadLevel::primary)->Arg(0)->Arg(16);
BENCHMARK_CAPTURE(admit_read, linearizable, messages::ReadLevel::linearizable)->Arg(0)->Arg(16);

// A read on a busy host, of a key that is counted already (few keys) or takes another's place (many).
void count_read(benchmark::State& state) {
  runtime::Machines machines({.self = NodeId("n0")}, {}, {});
  auto map = std::make_shared<ring::ClusterMap>();
  map->epoch = Epoch(1);
  map->shape.partitions = 1;
  map->entries.resize(1);
  machines.adopt(std::move(map));
  runtime::LoadMeter meter;
  for (int i = 0; i < 1'000'000; ++i) meter.samples_next();
  meter.on_second(kNow.steady, machines.all(), true);
  std::vector<Bytes> keys;
  for (std::int64_t i = 0; i < state.range(0); ++i) keys.push_back(Bytes::copy_of("key-" + std::to_string(i)));
  std::size_t next = 0;
  for (auto _ : state) {
    if (meter.samples_next()) meter.on_latency(std::chrono::microseconds(300));
    meter.on_read(*machines.all()[0], keys[next]);
    next = next + 1 < keys.size() ? next + 1 : 0;
  }
}
BENCHMARK(count_read)->Arg(100)->Arg(100'000);

}  // namespace
}  // namespace gyre::replication
