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

  // Puts the `count` keys from number `first` on, one write each. False: the engine is busy.
  bool commit(std::uint64_t first, std::size_t count, bool with_ids = false) {
    writes_.clear();
    Position position = position_;
    for (std::uint64_t n = first; n < first + count; ++n) {
      position.sequence = position.sequence.next();
      auto write = std::make_shared<messages::LoggedWrite>();
      write->position = position;
      write->time = {1'700'000'000'000};
      write->mutations.push_back(
          {messages::Mutation::Kind::put, Bytes::copy_of(key_of(n)), {value_, position, kNoExpiry}});
      if (with_ids) {
        write->id = {ClientId(0x123456789ABCDEF0), WriteNumber(n)};
        write->fingerprint = 0x123456789ABCDEF0;
        write->outcomes.push_back({.version = position, .existed = false, .changed = true, .number = 0});
      }
      writes_.push_back(std::move(write));
    }
    const PartitionBatch batch{.partition = kPartition,
                               .writes = writes_,
                               .state = testing_support::state_at(position, {{Term(1), Sequence(1)}}, Term(1))};
    if (!engine_->commit({&batch, 1})) return false;
    position_ = position;
    return true;
  }

  Sequence last() const { return position_.sequence; }

 private:
  testing_support::TemporaryDirectory directory_;
  std::unique_ptr<RocksEngine> engine_;
  Position position_{Term(1), Sequence(0)};
  const Bytes value_ = Bytes::copy_of(std::string(kValueBytes, 'v'));
  std::vector<messages::LoggedWritePtr> writes_;
};

// `ids`: each write names itself, as those of clients do.
void commit(benchmark::State& state) {
  Store store;
  Rng rng(1);
  const auto count = static_cast<std::size_t>(state.range(0));
  const bool with_ids = state.range(1) != 0;
  std::int64_t busy = 0;
  for (auto _ : state) busy += !store.commit(rng.below(kKeys), count, with_ids);
  state.SetItemsProcessed((state.iterations() - busy) * state.range(0));
  state.counters["busy"] = static_cast<double>(busy);
}
BENCHMARK(commit)->ArgNames({"puts", "ids"})->ArgsProduct({{1, 16, 128}, {0, 1}});

// Everything in the log, page by page.
void read_log(benchmark::State& state) {
  Store store;
  std::int64_t writes = 0;
  for (auto _ : state) {
    for (Sequence after; after < store.last();) {
      const auto page = store.engine().read_log(kPartition, after, std::size_t{4} << 20);
      GYRE_ASSERT(page.has_value());
      writes += static_cast<std::int64_t>(page->size());
      after = page->back()->position.sequence;
    }
  }
  state.SetItemsProcessed(writes);
}
BENCHMARK(read_log)->Unit(benchmark::kMillisecond);

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
