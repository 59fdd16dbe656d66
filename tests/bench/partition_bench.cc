// What one partition machine costs for a write and for a read, without storage and network.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "replication/partition.h"

namespace gyre::replication {
namespace {

const Moment kNow{Instant(std::chrono::seconds(1)), {1'700'000'000'000}};

Partition serving_partition() {
  const NodeId self("n1");
  ring::PartitionEntry entry;
  entry.term = Term(1);
  entry.primary = self;
  entry.primary_incarnation = Incarnation(1);
  entry.in_sync = {{self, Generation(0)}};
  Partition partition(PartitionId(0), self, Incarnation(1), {});
  partition.on_entry(kNow, entry);
  partition.on_persisted(kNow, partition.take_persist()->id);
  partition.take_effects();
  return partition;
}

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

// Turns of `range(0)` writes: into the machine, handed to storage, persisted, answered.
void write_turns(benchmark::State& state, messages::WriteKind kind) {
  Partition partition = serving_partition();
  const std::vector<Bytes> keys = some_keys();
  const auto writes = static_cast<std::size_t>(state.range(0));
  std::uint64_t ticket = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < writes; ++i) {
      std::vector<messages::WriteOperation> operations;
      operations.push_back(operation(kind, keys[ticket % keys.size()]));
      partition.on_write(kNow, Ticket(++ticket), std::move(operations));
    }
    // Nothing is stored: what a write depends on is absent.
    for (const Effect& effect : partition.take_effects()) {
      if (const auto* read = std::get_if<ReadCurrent>(&effect)) {
        partition.on_current(kNow, read->ticket, read->operation, std::optional<messages::Record>());
      }
    }
    while (auto persist = partition.take_persist()) {
      benchmark::DoNotOptimize(persist->mutations.data());
      partition.on_persisted(kNow, persist->id);
      for (const Effect& effect : partition.take_effects()) {
        if (const auto* read = std::get_if<ReadCurrent>(&effect)) {
          partition.on_current(kNow, read->ticket, read->operation, std::optional<messages::Record>());
        }
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(write_turns, put, messages::WriteKind::put)->Arg(1)->Arg(16)->Arg(128);
BENCHMARK_CAPTURE(write_turns, incr, messages::WriteKind::incr)->Arg(1)->Arg(16);

// Admission of a read while nothing is pending, and beside 16 pending writes of other keys.
void admit_read(benchmark::State& state) {
  Partition partition = serving_partition();
  const std::vector<Bytes> keys = some_keys();
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    partition.on_write(kNow, Ticket(static_cast<std::uint64_t>(i) + 1),
                       {operation(messages::WriteKind::put, keys[static_cast<std::size_t>(i)])});
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(partition.on_read(kNow, Ticket(999), keys.back()));
    benchmark::DoNotOptimize(partition.may_answer(kNow));
  }
}
BENCHMARK(admit_read)->Arg(0)->Arg(16);

}  // namespace
}  // namespace gyre::replication
