// What the RocksDB engine costs per commit and per read, for groups of the sizes a busy loop makes.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/assert.h"
#include "base/rng.h"
#include "storage/rocksdb_engine.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

constexpr PartitionId kPartition{1};
constexpr std::uint64_t kKeys = 100'000;
constexpr std::size_t kValueBytes = 100;

std::string key_of(std::uint64_t number) { return "user:" + std::to_string(number % kKeys); }

// A store with all keys in it; what it holds fits its cache.
class Store {
 public:
  Store() {
    auto opened = RocksEngine::open(directory_.path() / "store", {.cache = make_block_cache(64 << 20), .create = true});
    GYRE_ASSERT(opened.has_value());
    engine_ = std::move(*opened);
    for (std::uint64_t next = 0; next < kKeys; next += 100) commit(next, 100);
  }

  RocksEngine& engine() { return *engine_; }

  // Puts the `count` keys from number `first` on. False: the engine is busy.
  bool commit(std::uint64_t first, std::size_t count) {
    mutations_.clear();
    for (std::uint64_t n = first; n < first + count; ++n) {
      position_.sequence = position_.sequence.next();
      mutations_.push_back({messages::Mutation::Kind::put, Bytes::copy_of(key_of(n)), {value_, position_, kNoExpiry}});
    }
    const PartitionBatch batch{kPartition, mutations_, {position_, {{Term(1), Sequence(1)}}, Term(1)}};
    return engine_->commit({&batch, 1}).has_value();
  }

 private:
  testing_support::TemporaryDirectory directory_;
  std::unique_ptr<RocksEngine> engine_;
  Position position_{Term(1), Sequence(0)};
  const Bytes value_ = Bytes::copy_of(std::string(kValueBytes, 'v'));
  std::vector<messages::Mutation> mutations_;
};

void commit(benchmark::State& state) {
  Store store;
  Rng rng(1);
  const auto count = static_cast<std::size_t>(state.range(0));
  std::int64_t busy = 0;
  for (auto _ : state) busy += !store.commit(rng.below(kKeys), count);
  state.SetItemsProcessed((state.iterations() - busy) * state.range(0));
  state.counters["busy"] = static_cast<double>(busy);
}
BENCHMARK(commit)->ArgName("puts")->Arg(1)->Arg(16)->Arg(128);

// `flushed`: from blocks in the cache instead of the memtable.
void get_from_memory(benchmark::State& state) {
  Store store;
  if (state.range(0) != 0) {
    GYRE_ASSERT(store.engine().compact(kPartition).has_value());
    const ScanRange all{.items_max = kKeys, .bytes_max = std::size_t{1} << 30};
    GYRE_ASSERT(store.engine().scan(kPartition, all, {0}).has_value());
    GYRE_ASSERT(store.engine().get(kPartition, key_of(0), {0}, Tier::all).has_value());
  }
  Rng rng(1);
  for (auto _ : state) {
    const auto found = store.engine().get(kPartition, key_of(rng.next()), {0}, Tier::memory);
    GYRE_ASSERT(found->state == Lookup::State::found);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(get_from_memory)->ArgName("flushed")->Arg(0)->Arg(1);

void multi_get(benchmark::State& state) {
  Store store;
  GYRE_ASSERT(store.engine().compact(kPartition).has_value());
  Rng rng(1);
  std::vector<std::string> keys(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (std::string& key : keys) key = key_of(rng.next());
    const std::vector<std::string_view> asked(keys.begin(), keys.end());
    benchmark::DoNotOptimize(store.engine().multi_get(kPartition, asked, {0}));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(multi_get)->ArgName("keys")->Arg(16)->Arg(128);

void scan(benchmark::State& state) {
  Store store;
  GYRE_ASSERT(store.engine().compact(kPartition).has_value());
  Rng rng(1);
  const auto items = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    const std::string after = key_of(rng.next());
    benchmark::DoNotOptimize(store.engine().scan(kPartition, {.after = after, .items_max = items}, {0}));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(scan)->ArgName("items")->Arg(10)->Arg(1000);

}  // namespace
}  // namespace gyre::storage
