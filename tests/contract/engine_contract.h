// The engines under the contract, and what its tests share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/assert.h"
#include "storage/faulty_engine.h"
#include "storage/memory_engine.h"
#include "storage/rocksdb_engine.h"
#include "tests/storage_support.h"

namespace gyre::storage {

using testing_support::logged;
using testing_support::state_at;

// An engine to test, and what only its kind can do.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Engine& engine() = 0;
  // The process ends and comes back.
  virtual void reopen() = 0;
  // Whatever removes expired records in the background has passed over all of the partition.
  virtual void compact(PartitionId partition) = 0;
};

// Where there is no compaction, a whole sweep stands in for it.
inline void sweep_all(Engine& engine, PartitionId partition) {
  std::string after;
  while (true) {
    const Result<std::optional<std::string>> next = engine.sweep(partition, after, 2);
    GYRE_ASSERT(next.has_value());
    if (!*next) return;
    after = **next;
  }
}

class MemorySubject final : public Subject {
 public:
  Engine& engine() override { return engine_; }
  void reopen() override { engine_.crash(engine_.unsynced()); }
  void compact(PartitionId partition) override { sweep_all(engine_, partition); }

 private:
  MemoryEngine engine_;
};

class FaultySubject final : public Subject {
 public:
  Engine& engine() override { return *engine_; }
  void reopen() override {
    below_.crash(below_.unsynced());
    engine_ = std::make_unique<FaultyEngine>(below_, FaultPlan{});
  }
  void compact(PartitionId partition) override { sweep_all(below_, partition); }

 private:
  MemoryEngine below_;
  std::unique_ptr<FaultyEngine> engine_ = std::make_unique<FaultyEngine>(below_, FaultPlan{});
};

class RocksSubject final : public Subject {
 public:
  RocksSubject() { open(/*create=*/true); }
  Engine& engine() override { return *engine_; }
  void reopen() override {
    engine_.reset();
    open(/*create=*/false);
  }
  void compact(PartitionId partition) override { GYRE_ASSERT(engine_->compact(partition).has_value()); }

 private:
  void open(bool create) {
    auto opened = RocksEngine::open(directory_.path() / "store",
                                    {.cache = make_block_cache(8 << 20), .memtable_bytes = 4 << 20, .create = create});
    GYRE_ASSERT(opened.has_value());
    engine_ = std::move(*opened);
  }

  testing_support::TemporaryDirectory directory_;
  std::unique_ptr<RocksEngine> engine_;
};

// One way to make a subject.
struct Kind {
  const char* name;
  std::unique_ptr<Subject> (*make)();
};

class EngineContract : public testing::TestWithParam<Kind> {
 protected:
  using Item = std::pair<std::string, std::string>;

  Engine& engine() { return subject_->engine(); }

  // Commits one write to one partition, at the next sequence of term 1.
  void commit(PartitionId partition, const std::vector<messages::Mutation>& mutations) {
    PartitionState& state = states_[partition];
    state.position = {Term(1), state.position.sequence.next()};
    state.history = {{Term(1), Sequence(1)}};
    const messages::LoggedWritePtr write = logged(state.position, mutations);
    commit({.partition = partition, .writes = {&write, 1}, .state = state});
  }

  // Commits one write with an id, at the next sequence and at `time`.
  messages::LoggedWritePtr commit_named(PartitionId partition, std::uint64_t client, std::uint64_t number,
                                        UnixMillis time, std::uint64_t lowest_open = 0) {
    PartitionState& state = states_[partition];
    state.position = {Term(1), state.position.sequence.next()};
    state.time = time;
    const messages::LoggedWritePtr write = logged(state.position, {put("k" + std::to_string(number), "v")}, time,
                                                  {ClientId(client), WriteNumber(number)}, WriteNumber(lowest_open));
    commit({.partition = partition, .writes = {&write, 1}, .state = state});
    return write;
  }

  void commit(const PartitionBatch& batch) {
    states_[batch.partition] = batch.state;
    ASSERT_TRUE(engine().commit({&batch, 1}));
  }

  static messages::Mutation put(std::string_view key, std::string_view value, UnixMillis expires_at = kNoExpiry) {
    return {messages::Mutation::Kind::put, Bytes::copy_of(key), {Bytes::copy_of(value), {}, expires_at}};
  }

  static messages::Mutation del(std::string_view key) {
    return {messages::Mutation::Kind::del, Bytes::copy_of(key), {}};
  }

  std::vector<std::pair<PartitionId, PartitionState>> states() {
    const auto stored = engine().partitions();
    EXPECT_TRUE(stored.has_value());
    std::vector<std::pair<PartitionId, PartitionState>> states;
    for (const auto& [partition, held] : *stored) states.emplace_back(partition, held.state);
    return states;
  }

  // The numbers of the writes in the window of a partition. Asked for when the engine has just been opened.
  std::vector<std::uint64_t> window(PartitionId partition) {
    const auto stored = engine().partitions();
    EXPECT_TRUE(stored.has_value());
    std::vector<std::uint64_t> numbers;
    for (const auto& [id, held] : *stored) {
      if (id != partition) continue;
      for (const messages::WindowWrite& write : held.window) numbers.push_back(write.id.number.value());
    }
    return numbers;
  }

  static void expect_equal(const messages::LoggedWrite& found, const messages::LoggedWrite& expected) {
    EXPECT_EQ(found.position, expected.position);
    EXPECT_EQ(found.time, expected.time);
    EXPECT_EQ(found.id, expected.id);
    EXPECT_EQ(found.lowest_open, expected.lowest_open);
    EXPECT_EQ(found.fingerprint, expected.fingerprint);
    EXPECT_EQ(found.outcomes, expected.outcomes);
    ASSERT_EQ(found.mutations.size(), expected.mutations.size());
    for (std::size_t i = 0; i < found.mutations.size(); ++i) {
      const messages::Mutation& mutation = expected.mutations[i];
      EXPECT_EQ(found.mutations[i].kind, mutation.kind);
      EXPECT_EQ(found.mutations[i].key, mutation.key);
      EXPECT_EQ(found.mutations[i].record.value, mutation.record.value);
      EXPECT_EQ(found.mutations[i].record.version, mutation.record.version);
      EXPECT_EQ(found.mutations[i].record.expires_at, mutation.record.expires_at);
    }
  }

  // The sequences that the log has behind `after`; {0} if it does not reach back.
  std::vector<std::uint64_t> log(PartitionId partition, std::uint64_t after, std::size_t bytes_max = 1 << 20) {
    const auto writes = engine().read_log(partition, Sequence(after), bytes_max);
    if (!writes) {
      EXPECT_EQ(writes.error().code, ErrorCode::not_found) << writes.error().message;
      return {0};
    }
    std::vector<std::uint64_t> sequences;
    for (const messages::LoggedWritePtr& write : *writes) sequences.push_back(write->position.sequence.value());
    return sequences;
  }

  Lookup get(PartitionId partition, std::string_view key, UnixMillis now = {0}) {
    Result<Lookup> found = engine().get(partition, key, now, Tier::all);
    EXPECT_TRUE(found.has_value());
    return std::move(*found);
  }

  // "(absent)" where there is none.
  std::string value(PartitionId partition, std::string_view key, UnixMillis now = {0}) {
    const Lookup found = get(partition, key, now);
    return found.state == Lookup::State::found ? found.record.value.str() : "(absent)";
  }

  std::vector<Item> scan(PartitionId partition, const ScanRange& range = {}, UnixMillis now = {0}) {
    const Result<ScanPage> page = engine().scan(partition, range, now);
    EXPECT_TRUE(page.has_value());
    std::vector<Item> items;
    for (const KeyedRecord& item : page->items) items.emplace_back(item.key.str(), item.record.value.str());
    return items;
  }

  std::vector<std::string> keys(PartitionId partition, std::string_view prefix = {}) {
    std::vector<std::string> found;
    for (const Item& item : scan(partition, {.prefix = prefix})) found.push_back(item.first);
    return found;
  }

  std::vector<Item> drain(Snapshot& snapshot, std::size_t bytes_max) {
    std::vector<Item> items;
    while (true) {
      const auto page = snapshot.next(bytes_max);
      EXPECT_TRUE(page.has_value());
      if (!page || page->empty()) return items;
      for (const KeyedRecord& item : *page) items.emplace_back(item.key.str(), item.record.value.str());
    }
  }

  static constexpr PartitionId kOne{1};
  static constexpr PartitionId kTwo{2};
  static constexpr PartitionId kThree{3};

  std::unique_ptr<Subject> subject_ = GetParam().make();
  std::map<PartitionId, PartitionState> states_;
};

// A parameter of each suite.
inline auto every_engine() {
  return testing::Values(
      Kind{"Memory", +[]() -> std::unique_ptr<Subject> { return std::make_unique<MemorySubject>(); }},
      Kind{"RocksDb", +[]() -> std::unique_ptr<Subject> { return std::make_unique<RocksSubject>(); }},
      Kind{"Faulty", +[]() -> std::unique_ptr<Subject> { return std::make_unique<FaultySubject>(); }});
}

inline std::string name_of(const testing::TestParamInfo<Kind>& kind) { return kind.param.name; }

}  // namespace gyre::storage
