// What client routing costs for a call: routed, sent, answered, completed, without network.
#include <benchmark/benchmark.h>

#include <string>
#include <variant>
#include <vector>

#include "routing/dispatcher.h"

namespace gyre::routing {
namespace {

ring::ClusterMapPtr three_node_map() {
  auto map = std::make_shared<ring::ClusterMap>();
  map->cluster = Uuid::from_words(1, 2);
  map->epoch = Epoch(1);
  for (const char* id : {"n1", "n2", "n3"}) {
    ring::NodeInfo node;
    node.id = NodeId(id);
    node.incarnation = Incarnation(1);
    node.addresses.native = std::string(id) + ":1";
    map->nodes.push_back(node);
  }
  map->entries.resize(map->shape.partitions);
  for (std::size_t i = 0; i < map->entries.size(); ++i) {
    ring::PartitionEntry& entry = map->entries[i];
    entry.term = Term(1);
    entry.primary = map->nodes[i % 3].id;
    entry.in_sync = {{entry.primary, Generation(0)}};
  }
  return map;
}

// Turns of `range(0)` open calls against servers that answer at once.
void get_turns(benchmark::State& state) {
  DispatcherOptions options;
  options.seeds = {"n1:1"};
  Dispatcher dispatcher(options);
  Instant now{std::chrono::seconds(1)};
  dispatcher.on_map(now, three_node_map());
  std::vector<Bytes> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back(Bytes::copy_of("key-" + std::to_string(i)));
  std::uint64_t call = 0;
  std::uint64_t completed = 0;
  for (auto _ : state) {
    now += std::chrono::microseconds(10);
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      dispatcher.on_call(now, CallId(++call),
                         {messages::GetRequest{keys[call % keys.size()], true}, now + std::chrono::seconds(1)});
    }
    for (;;) {
      auto effects = dispatcher.take_effects();
      if (effects.empty()) break;
      for (Effect& effect : effects) {
        if (const auto* connect = std::get_if<Connect>(&effect)) {
          dispatcher.on_connected(now, connect->link);
        } else if (const auto* send = std::get_if<Send>(&effect)) {
          dispatcher.on_response(now, send->link, {send->request.id, Epoch(1), messages::GetResponse{}});
        } else if (std::holds_alternative<Complete>(effect)) {
          ++completed;
        }
      }
    }
  }
  if (completed != call) state.SkipWithError("a call was not completed");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(get_turns)->Arg(1)->Arg(16)->Arg(256);

}  // namespace
}  // namespace gyre::routing
