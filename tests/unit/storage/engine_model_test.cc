// Random operations on the RocksDB engine against a std::map, reopening now and then. GYRE_SEED repeats a run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "storage/rocksdb_engine.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

constexpr std::uint16_t kPartitions = 3;
constexpr int kSteps = 6000;

struct Model {
  std::map<std::string, messages::Record> records;
  PartitionState state;
  std::vector<messages::LoggedWritePtr> log;  // since the history was cut the last time
};

// One run: the engine, what it should hold, and a clock that the horizons follow.
class ModelRun {
 public:
  ModelRun(std::uint64_t seed, std::string path) : rng_(seed), path_(std::move(path)) { open(/*create=*/true); }

  void step() {
    now_.value += rng_.between(0, 3);
    const std::uint64_t choice = rng_.below(1000);
    if (choice < 500) {
      commit();
    } else if (choice < 540) {
      read_log();
    } else if (choice < 700) {
      get();
    } else if (choice < 800) {
      multi_get();
    } else if (choice < 900) {
      scan();
    } else if (choice < 940) {
      sweep();
    } else if (choice < 970) {
      snapshot();
    } else if (choice < 980) {
      ASSERT_TRUE(engine_->compact(partition()));
    } else if (choice < 988) {
      drop();
    } else if (choice < 994) {
      ASSERT_TRUE(engine_->reclaim());
    } else {
      engine_.reset();
      open(/*create=*/false);
    }
  }

 private:
  void open(bool create) {
    auto opened =
        RocksEngine::open(path_, {.cache = make_block_cache(64 << 10), .memtable_bytes = 64 << 10, .create = create});
    ASSERT_TRUE(opened) << opened.error().message;
    engine_ = std::move(*opened);
    std::map<PartitionId, PartitionState> expected;
    for (const auto& [id, model] : models_) expected[id] = model.state;
    const auto stored = engine_->partitions();
    ASSERT_TRUE(stored);
    std::map<PartitionId, PartitionState> found;
    for (const auto& [id, held] : *stored) {
      found[id] = held.state;
      expect_window(held, models_[id]);
    }
    EXPECT_EQ(found, expected);
  }

  PartitionId partition() { return PartitionId(static_cast<std::uint16_t>(rng_.below(kPartitions))); }

  // Of few bytes, so that keys meet and share prefixes.
  std::string key() {
    static constexpr char kBytes[] = {'\0', 'a', 'b', '\xFE', '\xFF'};
    std::string text;
    for (std::uint64_t left = 1 + rng_.below(4); left > 0; --left) text.push_back(kBytes[rng_.below(5)]);
    return text;
  }

  const Model& model(PartitionId id) const {
    static const Model kNone;
    const auto found = models_.find(id);
    return found == models_.end() ? kNone : found->second;
  }

  void commit() {
    std::map<PartitionId, Model> after = models_;
    std::vector<std::vector<messages::LoggedWritePtr>> writes(1 + rng_.below(3));
    std::vector<std::vector<messages::Mutation>> repairs(writes.size());
    std::vector<PartitionBatch> batches;
    for (std::size_t i = 0; i < writes.size(); ++i) {
      PartitionBatch batch;
      batch.partition = partition();
      Model& into = after[batch.partition];
      batch.drop_first = rng_.chance(0.02);
      if (batch.drop_first) into = {};
      if (into.state.history.empty() || rng_.chance(0.02)) start_term(into.state);
      for (std::uint64_t left = rng_.below(4); left > 0; --left) writes[i].push_back(write(into));
      if (rng_.chance(0.03)) repairs[i].push_back(repair(into));
      into.state.time = std::max(into.state.time, now_);
      batch.writes = writes[i];
      batch.repairs = repairs[i];
      batch.state = into.state;
      batches.push_back(batch);
    }
    const Result<void> committed = engine_->commit(batches);
    if (committed) {
      models_ = std::move(after);
    } else {
      ASSERT_EQ(committed.error().code, ErrorCode::busy) << committed.error().message;
    }
  }

  static void start_term(PartitionState& state) {
    const Term next = state.history.empty() ? Term(1) : state.history.back().term.next();
    state.history.push_back({next, state.position.sequence.next()});
    state.served = next;
  }

  // The next write of up to three mutations, often with an id.
  messages::LoggedWritePtr write(Model& into) {
    into.state.position = {into.state.history.back().term, into.state.position.sequence.next()};
    std::vector<messages::Mutation> mutations;
    for (std::uint64_t left = 1 + rng_.below(3); left > 0; --left) mutations.push_back(mutate(into));
    const messages::WriteId id{ClientId(rng_.below(3)), WriteNumber(++numbers_)};
    const WriteNumber lowest_open(numbers_ - std::min<std::uint64_t>(numbers_, rng_.below(20)));
    into.log.push_back(id.given()
                           ? testing_support::logged(into.state.position, std::move(mutations), now_, id, lowest_open)
                           : testing_support::logged(into.state.position, std::move(mutations), now_));
    return into.log.back();
  }

  // Goes back a few writes, and changes a record beside the log.
  messages::Mutation repair(Model& into) {
    const std::uint64_t sequence = into.state.position.sequence.value();
    into.state.position.sequence = Sequence(sequence - std::min<std::uint64_t>(sequence, rng_.below(3)));
    into.log.clear();
    return mutate(into);
  }

  messages::Mutation mutate(Model& into) {
    const std::string name = key();
    messages::Mutation mutation{messages::Mutation::Kind::del, Bytes::copy_of(name), {{}, into.state.position, {}}};
    if (rng_.chance(0.3)) {
      into.records.erase(name);
      return mutation;
    }
    mutation.kind = messages::Mutation::Kind::put;
    mutation.record.value = Bytes::copy_of(std::string(rng_.below(300), static_cast<char>(rng_.below(256))));
    if (rng_.chance(0.4)) mutation.record.expires_at.value = now_.value + rng_.between(-5, 50);
    into.records[name] = mutation.record;
    return mutation;
  }

  // Page by page from any write of the log on; before its beginning there is nothing to be had.
  void read_log() {
    const PartitionId id = partition();
    const Model& expected = model(id);
    const std::uint64_t last = expected.state.position.sequence.value();
    std::uint64_t after = last - rng_.below(expected.log.size() + 1);
    if (after + expected.log.size() == last && after > 0) {
      const auto refused = engine_->read_log(id, Sequence(after - 1), 1000);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::not_found);
    }
    while (after < last) {
      const auto page = engine_->read_log(id, Sequence(after), 1 + rng_.below(5000));
      ASSERT_TRUE(page) << page.error().message;
      ASSERT_FALSE(page->empty());
      for (const messages::LoggedWritePtr& found : *page) {
        const messages::LoggedWrite& write = *expected.log[expected.log.size() - (last - after)];
        ASSERT_EQ(found->position, write.position);
        EXPECT_EQ(found->id, write.id);
        EXPECT_EQ(found->outcomes, write.outcomes);
        ASSERT_EQ(found->mutations.size(), write.mutations.size());
        for (std::size_t i = 0; i < write.mutations.size(); ++i) {
          EXPECT_EQ(found->mutations[i].key, write.mutations[i].key);
          expect_equal(found->mutations[i].record, write.mutations[i].record);
        }
        ++after;
      }
    }
  }

  // All that the log has and a retry may still ask for is there.
  void expect_window(const StoredPartition& stored, const Model& expected) {
    std::map<ClientId, WriteNumber> lowest_open;
    for (const messages::WindowWrite& write : stored.window) {
      WriteNumber& lowest = lowest_open[write.id.client];
      lowest = std::max(lowest, write.lowest_open);
    }
    std::set<std::uint64_t> found;
    for (const messages::WindowWrite& write : stored.window) found.insert(write.id.number.value());
    for (const messages::LoggedWritePtr& write : expected.log) {
      if (!write->id.given() || write->id.number < lowest_open[write->id.client]) continue;
      EXPECT_TRUE(found.contains(write->id.number.value()));
    }
  }

  void expect_equal(const Lookup& found, PartitionId id, const std::string& name) {
    const Model& expected = model(id);
    const auto record = expected.records.find(name);
    const bool there = record != expected.records.end() && visible(record->second, now_);
    ASSERT_EQ(found.state == Lookup::State::found, there);
    if (there) expect_equal(found.record, record->second);
  }

  static void expect_equal(const messages::Record& found, const messages::Record& expected) {
    EXPECT_EQ(found.value, expected.value);
    EXPECT_EQ(found.version, expected.version);
    EXPECT_EQ(found.expires_at, expected.expires_at);
  }

  void get() {
    const PartitionId id = partition();
    const std::string name = key();
    const auto quick = engine_->get(id, name, now_, Tier::memory);
    ASSERT_TRUE(quick);
    if (quick->state != Lookup::State::needs_disk) expect_equal(*quick, id, name);
    const auto found = engine_->get(id, name, now_, Tier::all);
    ASSERT_TRUE(found);
    expect_equal(*found, id, name);
  }

  void multi_get() {
    const PartitionId id = partition();
    std::vector<std::string> names(rng_.below(6));
    for (std::string& name : names) name = key();
    const auto found = engine_->multi_get(id, std::vector<std::string_view>(names.begin(), names.end()), now_);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) expect_equal(found->at(i), id, names[i]);
  }

  // Page by page to the end.
  void scan() {
    const PartitionId id = partition();
    const std::string prefix = rng_.chance(0.5) ? "" : key().substr(0, 2);
    std::vector<std::pair<std::string, messages::Record>> expected;
    for (const auto& [name, record] : model(id).records) {
      if (name.starts_with(prefix) && visible(record, now_)) expected.emplace_back(name, record);
    }
    std::string after;
    std::size_t seen = 0;
    for (bool more = true; more;) {
      const auto page = engine_->scan(
          id, {.prefix = prefix, .after = after, .items_max = 1 + rng_.below(20), .bytes_max = 1 + rng_.below(2000)},
          now_);
      ASSERT_TRUE(page);
      ASSERT_LE(seen + page->items.size(), expected.size());
      for (const KeyedRecord& item : page->items) {
        ASSERT_EQ(item.key.view(), expected[seen].first);
        expect_equal(item.record, expected[seen].second);
        ++seen;
      }
      more = page->more;
      if (more) after = page->items.back().key.str();
    }
    EXPECT_EQ(seen, expected.size());
  }

  // Horizons lag behind the clock, as members' do.
  void sweep() {
    const PartitionId id = partition();
    engine_->set_expiry_horizon(id, {now_.value - rng_.between(0, 20)});
    std::string after;
    while (true) {
      const auto next = engine_->sweep(id, after, 1 + rng_.below(10));
      ASSERT_TRUE(next);
      if (!*next) return;
      after = **next;
    }
  }

  // Holds what is visible now, perhaps more that has expired, and nothing else.
  void snapshot() {
    const PartitionId id = partition();
    auto snapshot = engine_->snapshot(id);
    ASSERT_TRUE(snapshot);
    const Model then = model(id);
    EXPECT_EQ((*snapshot)->state(), then.state);
    commit();
    std::size_t seen_visible = 0;
    while (true) {
      const auto page = (*snapshot)->next(1 + rng_.below(2000));
      ASSERT_TRUE(page);
      if (page->empty()) break;
      for (const KeyedRecord& item : *page) {
        const auto expected = then.records.find(item.key.str());
        ASSERT_NE(expected, then.records.end());
        expect_equal(item.record, expected->second);
        seen_visible += visible(item.record, now_);
      }
    }
    std::size_t expected_visible = 0;
    for (const auto& [name, record] : then.records) expected_visible += visible(record, now_);
    EXPECT_EQ(seen_visible, expected_visible);
  }

  void drop() {
    const PartitionId id = partition();
    const Result<void> dropped = engine_->drop_partition(id);
    if (dropped) {
      models_.erase(id);
    } else {
      ASSERT_EQ(dropped.error().code, ErrorCode::busy) << dropped.error().message;
    }
  }

  Rng rng_;
  const std::string path_;
  std::unique_ptr<RocksEngine> engine_;
  std::map<PartitionId, Model> models_;
  std::uint64_t numbers_ = 0;
  UnixMillis now_{1000};
};

TEST(EngineModel, BehavesAsAMapDoesUnderRandomOperations) {
  const char* given = std::getenv("GYRE_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("seed %llu (GYRE_SEED repeats it)\n", static_cast<unsigned long long>(seed));
  const testing_support::TemporaryDirectory directory;
  ModelRun run(seed, directory.path() / "store");
  for (int i = 0; i < kSteps && !testing::Test::HasFailure(); ++i) run.step();
}

}  // namespace
}  // namespace gyre::storage
