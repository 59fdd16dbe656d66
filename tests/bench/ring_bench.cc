// What routing a key costs, and what a placement costs at the size of a large cluster.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "ring/placement.h"

namespace {

using namespace gyre;

std::vector<std::string> make_keys() {
  std::vector<std::string> keys;
  for (int i = 0; i < 1024; ++i) keys.push_back(fmt::format("user:{:012}", i));
  return keys;
}

void slot_of_key(benchmark::State& state) {
  const auto keys = make_keys();
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(ring::slot_of(keys[i++ % keys.size()]));
}
BENCHMARK(slot_of_key);

void primary_of_key(benchmark::State& state) {
  ring::ClusterMap map;
  map.entries.resize(map.shape.partitions);
  const ring::Partitioning partitioning = map.partitioning();
  const auto keys = make_keys();
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.entry(partitioning.of(keys[i++ % keys.size()])).primary);
  }
}
BENCHMARK(primary_of_key);

std::vector<ring::PlacementMember> make_members(std::int64_t count) {
  std::vector<ring::PlacementMember> members;
  for (std::int64_t i = 0; i < count; ++i) members.push_back({NodeId(fmt::format("n{}", i)), "", 1.0});
  return members;
}

ring::ClusterShape large_shape() {
  ring::ClusterShape shape;
  shape.partitions = 4096;
  shape.replication_factor = 3;
  return shape;
}

void place_from_nothing(benchmark::State& state) {
  const auto members = make_members(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(ring::place(large_shape(), members, {}));
}
BENCHMARK(place_from_nothing)->Arg(10)->Arg(200)->Unit(benchmark::kMillisecond);

void place_after_a_join(benchmark::State& state) {
  const auto before = ring::place(large_shape(), make_members(state.range(0)), {});
  const auto members = make_members(state.range(0) + 1);
  for (auto _ : state) benchmark::DoNotOptimize(ring::place(large_shape(), members, before));
}
BENCHMARK(place_after_a_join)->Arg(10)->Arg(200)->Unit(benchmark::kMillisecond);

}  // namespace
