// What storage/engine.h promises, checked on every engine.
#include <filesystem>
#include <map>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.h"
#include "storage/faulty_engine.h"
#include "storage/memory_engine.h"
#include "storage/rocksdb_engine.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
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
void sweep_all(Engine& engine, PartitionId partition) {
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
    const messages::LoggedWritePtr write =
        logged(state.position, {put("k" + std::to_string(number), "v")}, time,
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

TEST_P(EngineContract, GivesBackWhatWasPutWithVersionAndExpiry) {
  commit(kOne, {put("k", "v", {5000})});
  const Lookup found = get(kOne, "k");
  ASSERT_EQ(found.state, Lookup::State::found);
  EXPECT_EQ(found.record.value, Bytes::literal("v"));
  EXPECT_EQ(found.record.version, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(found.record.expires_at, UnixMillis{5000});
}

TEST_P(EngineContract, AnswersAbsentForWhatWasNeverPut) {
  EXPECT_EQ(value(kOne, "k"), "(absent)");
  commit(kOne, {put("k", "v")});
  EXPECT_EQ(value(kOne, "kk"), "(absent)");
  EXPECT_EQ(value(kTwo, "k"), "(absent)");
}

TEST_P(EngineContract, ReadsRecentWritesFromMemory) {
  commit(kOne, {put("k", "v")});
  const auto found = engine().get(kOne, "k", {0}, Tier::memory);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, Lookup::State::found);
}

TEST_P(EngineContract, AppliesMutationsInOrderSoThatTheLastWins) {
  commit(kOne, {put("k", "1"), put("k", "2"), put("gone", "x"), del("gone"), del("back"), put("back", "y")});
  EXPECT_EQ(value(kOne, "k"), "2");
  EXPECT_EQ(value(kOne, "gone"), "(absent)");
  EXPECT_EQ(value(kOne, "back"), "y");
}

TEST_P(EngineContract, DeletesWhatIsThereAndToleratesWhatIsNot) {
  commit(kOne, {put("k", "v")});
  commit(kOne, {del("k"), del("never")});
  EXPECT_EQ(value(kOne, "k"), "(absent)");
}

TEST_P(EngineContract, KeepsKeysAndValuesOfAnyBytes) {
  const std::string zeros("\0\0", 2);
  const std::string high("\xFF\xFF", 2);
  const std::string mixed("a\0\xFF\n", 4);
  commit(kOne, {put(zeros, high), put(high, zeros), put(mixed, mixed), put(std::string(1, '\0'), "")});
  EXPECT_EQ(value(kOne, zeros), high);
  EXPECT_EQ(value(kOne, high), zeros);
  EXPECT_EQ(value(kOne, mixed), mixed);
  EXPECT_THAT(keys(kOne), ElementsAre(std::string(1, '\0'), zeros, mixed, high));
}

TEST_P(EngineContract, TellsAnEmptyValueFromNone) {
  commit(kOne, {put("empty", "")});
  EXPECT_EQ(get(kOne, "empty").state, Lookup::State::found);
  EXPECT_EQ(value(kOne, "empty"), "");
}

TEST_P(EngineContract, KeepsValuesOf16MiB) {
  std::string large(std::size_t{16} << 20, 'x');
  large.front() = 'a';
  large.back() = 'z';
  commit(kOne, {put("large", large)});
  EXPECT_TRUE(value(kOne, "large") == large);
  subject_->reopen();
  EXPECT_TRUE(value(kOne, "large") == large);
}

TEST_P(EngineContract, HidesAnExpiredRecordFromTheExactMillisecondOn) {
  commit(kOne, {put("k", "v", {1000}), put("stays", "v")});
  EXPECT_EQ(value(kOne, "k", {999}), "v");
  EXPECT_EQ(value(kOne, "k", {1000}), "(absent)");
  EXPECT_EQ(value(kOne, "k", {1001}), "(absent)");
  EXPECT_THAT(scan(kOne, {}, {999}), SizeIs(2));
  EXPECT_THAT(scan(kOne, {}, {1000}), ElementsAre(Item("stays", "v")));
  const std::string_view asked[] = {"k", "stays"};
  const auto answers = engine().multi_get(kOne, asked, {1000});
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->at(0).state, Lookup::State::absent);
  EXPECT_EQ(answers->at(1).state, Lookup::State::found);
}

TEST_P(EngineContract, AnswersMultiGetInTheOrderAsked) {
  commit(kOne, {put("a", "1"), put("c", "3")});
  const std::string_view asked[] = {"c", "b", "a", "c"};
  const auto answers = engine().multi_get(kOne, asked, {0});
  ASSERT_TRUE(answers);
  ASSERT_THAT(*answers, SizeIs(4));
  EXPECT_EQ(answers->at(0).record.value, Bytes::literal("3"));
  EXPECT_EQ(answers->at(1).state, Lookup::State::absent);
  EXPECT_EQ(answers->at(2).record.value, Bytes::literal("1"));
  EXPECT_EQ(answers->at(3).record.value, Bytes::literal("3"));
}

TEST_P(EngineContract, ScansInByteOrderWithinOnePartition) {
  commit(kOne, {put("neighbour", "1")});
  commit(kTwo, {put("b", "2"), put("\xC3\xA9", "4"), put("a", "1"), put("ba", "3")});
  commit(kThree, {put("neighbour", "3")});
  EXPECT_THAT(keys(kTwo), ElementsAre("a", "b", "ba", "\xC3\xA9"));
}

TEST_P(EngineContract, ScansByPrefix) {
  commit(kOne, {put("a", ""), put("ab", ""), put("abc", ""), put("ac", ""), put("b", "")});
  EXPECT_THAT(keys(kOne, "ab"), ElementsAre("ab", "abc"));
  EXPECT_THAT(keys(kOne, "abcd"), IsEmpty());
}

TEST_P(EngineContract, ScansAPrefixThatEndsInTheHighestBytes) {
  commit(kOne, {put("a\xFE", ""), put("a\xFF", ""), put("a\xFF\xFF", ""), put("b", ""), put("\xFF", ""),
                put("\xFF\xFF\x01", "")});
  commit(kTwo, {put("\xFF", "other partition")});
  EXPECT_THAT(keys(kOne, "a\xFF"), ElementsAre("a\xFF", "a\xFF\xFF"));
  EXPECT_THAT(keys(kOne, "\xFF"), ElementsAre("\xFF", "\xFF\xFF\x01"));
}

TEST_P(EngineContract, PagesThroughAScanByItems) {
  commit(kOne, {put("p1", ""), put("p2", ""), put("p3", ""), put("q", "")});
  const auto first = engine().scan(kOne, {.prefix = "p", .items_max = 2}, {0});
  ASSERT_TRUE(first);
  EXPECT_THAT(first->items, SizeIs(2));
  EXPECT_TRUE(first->more);
  const auto second = engine().scan(kOne, {.prefix = "p", .after = "p2", .items_max = 2}, {0});
  ASSERT_TRUE(second);
  ASSERT_THAT(second->items, SizeIs(1));
  EXPECT_EQ(second->items[0].key, Bytes::literal("p3"));
  EXPECT_FALSE(second->more);
}

TEST_P(EngineContract, SaysThereIsNoMoreWhenAPageEndsExactlyAtTheLastVisibleRecord) {
  commit(kOne, {put("a", ""), put("b", ""), put("c", "", {10})});
  const auto page = engine().scan(kOne, {.items_max = 2}, {10});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->items, SizeIs(2));
  EXPECT_FALSE(page->more);
}

TEST_P(EngineContract, EndsAPageBehindTheItemThatReachesItsBytes) {
  commit(kOne, {put("a", std::string(100, 'x')), put("b", std::string(100, 'x')), put("c", "")});
  const auto page = engine().scan(kOne, {.bytes_max = 150}, {0});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->items, SizeIs(2));
  EXPECT_TRUE(page->more);
  const auto one = engine().scan(kOne, {.bytes_max = 1}, {0});
  ASSERT_TRUE(one);
  EXPECT_THAT(one->items, SizeIs(1));
}

TEST_P(EngineContract, ContinuesAScanBehindAKeyThatIsGone) {
  commit(kOne, {put("a", ""), put("c", "")});
  EXPECT_THAT(scan(kOne, {.after = "b"}), ElementsAre(Item("c", "")));
  EXPECT_THAT(scan(kOne, {.prefix = "c", .after = "a"}), ElementsAre(Item("c", "")));
  EXPECT_THAT(scan(kOne, {.prefix = "a", .after = "c"}), IsEmpty());
}

TEST_P(EngineContract, LeavesValuesOutOfAScanWhereTheyAreNotWanted) {
  commit(kOne, {put("k", "v", {77})});
  const auto page = engine().scan(kOne, {.values_wanted = false}, {0});
  ASSERT_TRUE(page);
  ASSERT_THAT(page->items, SizeIs(1));
  EXPECT_TRUE(page->items[0].record.value.empty());
  EXPECT_EQ(page->items[0].record.version, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(page->items[0].record.expires_at, UnixMillis{77});
}

TEST_P(EngineContract, RemembersRecordsAndStatesOfAllPartitionsAcrossReopening) {
  const PartitionState one{.position = {Term(3), Sequence(42)},
                           .history = {{Term(1), Sequence(1)}, {Term(3), Sequence(40)}},
                           .served = Term(3),
                           .promised = Term(4),
                           .whole_at = Sequence(50),
                           .time = {1'700'000'000'000}};
  PartitionState two = state_at({}, {{Term(7), Sequence(1)}});
  two.whole_at = messages::kNeverWhole;
  const messages::LoggedWritePtr write = logged(one.position, {put("k", "v")});
  const PartitionBatch batches[] = {{.partition = kOne, .writes = {&write, 1}, .state = one},
                                    {.partition = kTwo, .state = two}};
  ASSERT_TRUE(engine().commit(batches));
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, one), std::pair(kTwo, two)));

  subject_->reopen();
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, one), std::pair(kTwo, two)));
  EXPECT_EQ(value(kOne, "k"), "v");
}

TEST_P(EngineContract, KeepsTheNewestOfEachPartOfTheState) {
  PartitionState state = state_at({Term(1), Sequence(1)}, {{Term(1), Sequence(1)}}, Term(1));
  const auto commit_state = [&] { commit({.partition = kOne, .state = state}); };
  commit_state();
  state.position.sequence = Sequence(2);
  commit_state();
  state.time = {5};
  commit_state();
  state.served = Term(2);
  commit_state();
  state.promised = Term(2);
  commit_state();
  state.whole_at = Sequence(7);
  commit_state();
  state.history.push_back({Term(2), Sequence(3)});
  commit_state();
  subject_->reopen();
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, state)));
}

TEST_P(EngineContract, KnowsNoPartitionAtFirst) {
  EXPECT_THAT(states(), IsEmpty());
}

TEST_P(EngineContract, CommitsAcrossPartitionsAndRepeatedBatchesOfOne) {
  const Position first{Term(1), Sequence(1)};
  const Position second{Term(1), Sequence(2)};
  const messages::LoggedWritePtr writes[] = {logged(first, {put("a", "1"), put("b", "1")}),
                                             logged(first, {put("a", "2")}),
                                             logged(second, {put("a", "3"), del("b")})};
  const PartitionState early = state_at(first);
  PartitionState between = early;
  between.promised = Term(9);
  PartitionState late = early;
  late.position = second;
  const PartitionBatch batches[] = {{.partition = kOne, .writes = {&writes[0], 1}, .state = between},
                                    {.partition = kTwo, .writes = {&writes[1], 1}, .state = early},
                                    {.partition = kOne, .writes = {&writes[2], 1}, .state = late}};
  ASSERT_TRUE(engine().commit(batches));
  const auto check = [&] {
    EXPECT_EQ(value(kOne, "a"), "3");
    EXPECT_EQ(value(kOne, "b"), "(absent)");
    EXPECT_EQ(value(kTwo, "a"), "2");
    EXPECT_THAT(states(), ElementsAre(std::pair(kOne, late), std::pair(kTwo, early)));
    EXPECT_THAT(log(kOne, 0), ElementsAre(1, 2));
  };
  check();
  subject_->reopen();
  check();
}

TEST_P(EngineContract, DropsAPartitionWholeAndLeavesItsNeighboursAlone) {
  for (const PartitionId partition : {kOne, kTwo, kThree}) {
    commit(partition, {put(std::string(1, '\0'), "low"), put("k", "v"), put("\xFF\xFF\xFF", "high")});
  }
  ASSERT_TRUE(engine().drop_partition(kTwo));
  const auto check = [&] {
    EXPECT_THAT(keys(kTwo), IsEmpty());
    EXPECT_EQ(value(kTwo, "k"), "(absent)");
    EXPECT_THAT(keys(kOne), SizeIs(3));
    EXPECT_THAT(keys(kThree), SizeIs(3));
    EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne]), std::pair(kThree, states_[kThree])));
  };
  check();
  ASSERT_TRUE(engine().reclaim());
  check();
  subject_->reopen();
  check();
}

TEST_P(EngineContract, UsesADroppedPartitionAgainFromNothing) {
  commit(kOne, {put("old", "1"), put("both", "1")});
  subject_->compact(kOne);
  ASSERT_TRUE(engine().drop_partition(kOne));
  states_.erase(kOne);
  commit(kOne, {put("both", "2"), put("new", "2")});
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(scan(kOne), ElementsAre(Item("both", "2"), Item("new", "2")));
  subject_->reopen();
  EXPECT_THAT(scan(kOne), ElementsAre(Item("both", "2"), Item("new", "2")));
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne])));
}

TEST_P(EngineContract, DropsAPartitionItDoesNotHave) {
  EXPECT_TRUE(engine().drop_partition(kOne));
  EXPECT_TRUE(engine().reclaim());
}

TEST_P(EngineContract, ReclaimsFilesOfADroppedPartition) {
  for (const PartitionId partition : {kOne, kTwo, kThree}) {
    commit(partition, {put("k", std::string(1000, 'x'))});
    subject_->compact(partition);
  }
  ASSERT_TRUE(engine().drop_partition(kTwo));
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(keys(kTwo), IsEmpty());
  EXPECT_THAT(keys(kOne), SizeIs(1));
  EXPECT_THAT(keys(kThree), SizeIs(1));
  commit(kTwo, {put("again", "")});
  EXPECT_THAT(keys(kTwo), ElementsAre("again"));
}

TEST_P(EngineContract, ReadsItsLogBackAsItWasWritten) {
  const Position one{Term(2), Sequence(1)};
  const Position two{Term(2), Sequence(2)};
  auto full = std::make_shared<messages::LoggedWrite>(
      *logged(two, {put("k", "v2", {99}), del("gone"), put("", "")}, {7000}, {ClientId(~0ULL), WriteNumber(300)},
              WriteNumber(290)));
  full->mutations.pop_back();
  full->outcomes = {{.version = two, .existed = false, .changed = true, .number = -300},
                    {.version = {Term(1), Sequence(9)}, .existed = true, .changed = false, .number = 0}};
  const messages::LoggedWritePtr writes[] = {logged(one, {put("k", "v1")}, {6000}), full};
  commit({.partition = kOne, .writes = writes, .state = state_at(two, {}, {}, {7000})});
  const auto check = [&] {
    const auto read = engine().read_log(kOne, Sequence(0), 1 << 20);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_THAT(*read, SizeIs(2));
    for (std::size_t i = 0; i < 2; ++i) expect_equal(*read->at(i), *writes[i]);
  };
  check();
  subject_->reopen();
  check();
}

TEST_P(EngineContract, ReadsTheLogOfOnePartitionBehindAnyWrite) {
  for (int i = 0; i < 5; ++i) {
    commit(kOne, {put("k", "1")});
    commit(kTwo, {put("k", "2")});
  }
  const auto check = [&] {
    EXPECT_THAT(log(kOne, 0), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_THAT(log(kTwo, 3), ElementsAre(4, 5));
    EXPECT_THAT(log(kTwo, 5), IsEmpty());
    EXPECT_THAT(log(kTwo, 6), ElementsAre(0));
    EXPECT_THAT(log(kThree, 0), IsEmpty());
    EXPECT_THAT(log(kThree, 1), ElementsAre(0));
  };
  check();
  subject_->reopen();
  check();
  commit(kTwo, {put("k", "3")});
  EXPECT_THAT(log(kTwo, 3), ElementsAre(4, 5, 6));
}

TEST_P(EngineContract, EndsAPageOfTheLogAtAboutTheBytesAskedButNeverEmpty) {
  for (int i = 0; i < 4; ++i) commit(kOne, {put("k", std::string(1000, 'x'))});
  EXPECT_THAT(log(kOne, 0, 1), ElementsAre(1));
  EXPECT_THAT(log(kOne, 1, 2000), ElementsAre(2, 3));
}

TEST_P(EngineContract, KeepsItsLogThroughCompactionAndReopening) {
  for (int i = 0; i < 3; ++i) {
    commit(kOne, {put("k" + std::to_string(i), "v")});
    subject_->compact(kOne);
    subject_->reopen();
  }
  EXPECT_THAT(log(kOne, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(log(kOne, 2), ElementsAre(3));
}

TEST_P(EngineContract, LeavesSweepsOutOfTheLog) {
  commit(kOne, {put("a", "", {10})});
  engine().set_expiry_horizon(kOne, {10});
  ASSERT_TRUE(engine().sweep(kOne, "", 10));
  commit(kOne, {put("b", "")});
  const auto read = engine().read_log(kOne, Sequence(0), 1 << 20);
  ASSERT_TRUE(read);
  ASSERT_THAT(*read, SizeIs(2));
  EXPECT_THAT(read->at(0)->mutations, SizeIs(1));
  EXPECT_THAT(read->at(1)->mutations, SizeIs(1));
}

TEST_P(EngineContract, CutsTheLogAtADropAndCountsFromThere) {
  commit(kOne, {put("old", "1")});
  commit(kOne, {put("old", "1")});
  const Position position{Term(2), Sequence(8)};
  const messages::LoggedWritePtr write = logged(position, {put("new", "2")});
  commit({.partition = kOne, .drop_first = true, .writes = {&write, 1}, .state = state_at(position)});
  const auto check = [&] {
    EXPECT_THAT(keys(kOne), ElementsAre("new"));
    EXPECT_THAT(log(kOne, 0), ElementsAre(0));
    EXPECT_THAT(log(kOne, 1), ElementsAre(0));
    EXPECT_THAT(log(kOne, 7), ElementsAre(8));
    EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne])));
  };
  check();
  subject_->reopen();
  check();
  ASSERT_TRUE(engine().drop_partition(kOne));
  EXPECT_THAT(log(kOne, 7), ElementsAre(0));
  EXPECT_THAT(log(kOne, 0), IsEmpty());
}

TEST_P(EngineContract, CutsTheLogAtARepairAndAtAStepBack) {
  for (int i = 0; i < 5; ++i) commit(kOne, {put("k", std::to_string(i))});
  // Goes back behind write 3, as a member with a divergent tail does.
  const messages::Mutation repairs[] = {put("k", "repaired"), del("never")};
  PartitionState state = states_[kOne];
  state.position = {Term(1), Sequence(3)};
  state.whole_at = Sequence(6);
  commit({.partition = kOne, .repairs = repairs, .state = state});
  EXPECT_EQ(value(kOne, "k"), "repaired");
  commit(kOne, {put("k", "4b")});
  const auto check = [&] {
    EXPECT_EQ(value(kOne, "k"), "4b");
    EXPECT_THAT(log(kOne, 0), ElementsAre(0));
    EXPECT_THAT(log(kOne, 2), ElementsAre(0));
    EXPECT_THAT(log(kOne, 3), ElementsAre(4));
    EXPECT_THAT(log(kOne, 4), IsEmpty());
    EXPECT_THAT(log(kOne, 5), ElementsAre(0));
  };
  check();
  subject_->reopen();
  check();
  // A repair cuts where nothing moves, too.
  commit({.partition = kOne, .repairs = repairs, .state = states_[kOne]});
  EXPECT_THAT(log(kOne, 3), ElementsAre(0));
  EXPECT_THAT(log(kOne, 4), IsEmpty());
  state.position.sequence = Sequence(1);
  commit({.partition = kOne, .state = state});
  EXPECT_THAT(log(kOne, 1), IsEmpty());
  EXPECT_THAT(log(kOne, 4), ElementsAre(0));
}

TEST_P(EngineContract, GivesTheIdsOfItsLogBackAsTheWindow) {
  commit_named(kOne, 7, 1, {1000});
  commit(kOne, {put("no id", "")});
  const messages::LoggedWritePtr write = commit_named(kOne, 8, 2, {2000});
  commit_named(kTwo, 7, 3, {2000});
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(1, 2));
  EXPECT_THAT(window(kTwo), ElementsAre(3));
  const messages::WindowWrite expected{.id = write->id,
                                       .lowest_open = write->lowest_open,
                                       .position = write->position,
                                       .time = write->time,
                                       .fingerprint = write->fingerprint,
                                       .outcomes = write->outcomes};
  EXPECT_EQ((*engine().partitions())[0].second.window.at(1), expected);
}

TEST_P(EngineContract, LeavesOutOfTheWindowWhatNobodyAsksForAgain) {
  commit_named(kOne, 7, 1, {1000});
  commit_named(kOne, 7, 2, {2000});
  commit_named(kOne, 8, 1, {2000});
  commit_named(kOne, 7, 3, {3000}, /*lowest_open=*/3);
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(1, 3));  // of client 8, of client 7
  states_[kOne].time = {62'001};
  commit({.partition = kOne, .state = states_[kOne]});
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(3));
}

TEST_P(EngineContract, ReplacesTheWindowByTheOneGivenAndGoesOnFromThere) {
  commit_named(kOne, 7, 1, {1000});
  std::vector<messages::WindowWrite> given(2);
  given[0] = {.id = {ClientId(9), WriteNumber(50)}, .lowest_open = {}, .position = {Term(1), Sequence(20)},
              .time = {1500}, .fingerprint = 5, .outcomes = {}};
  given[1] = {.id = {ClientId(9), WriteNumber(51)}, .lowest_open = {}, .position = {Term(1), Sequence(21)},
              .time = {1600}, .fingerprint = 6, .outcomes = {{.version = {Term(1), Sequence(21)}, .number = -1}}};
  PartitionState state = states_[kOne];
  state.position.sequence = Sequence(21);
  const messages::Mutation repairs[] = {put("k", "repaired")};
  commit({.partition = kOne, .drop_first = true, .repairs = repairs, .window = given, .state = state});
  commit_named(kOne, 7, 2, {2000});
  for (int i = 0; i < 2; ++i) {
    subject_->reopen();
    EXPECT_THAT(window(kOne), ElementsAre(50, 51, 2));
    EXPECT_EQ((*engine().partitions())[0].second.window.at(1), given[1]);
  }
  commit({.partition = kOne, .window = std::vector<messages::WindowWrite>{}, .state = states_[kOne]});
  subject_->reopen();
  EXPECT_THAT(window(kOne), IsEmpty());
}

TEST_P(EngineContract, ForgetsIdsOfAHistoryThatIsGone) {
  for (std::uint64_t number = 1; number <= 4; ++number) commit_named(kOne, 7, number, {1000});
  PartitionState back = states_[kOne];
  back.position.sequence = Sequence(2);
  commit({.partition = kOne, .state = back});
  commit_named(kOne, 7, 5, {1000});
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(1, 2, 5));
  ASSERT_TRUE(engine().drop_partition(kOne));
  states_.erase(kOne);
  commit(kOne, {put("again", "")});
  subject_->reopen();
  EXPECT_THAT(window(kOne), IsEmpty());
}

TEST_P(EngineContract, ShowsASnapshotAsItWasAtItsPosition) {
  commit(kOne, {put("a", "1"), put("b", "1"), put("expired", "1", {5})});
  const PartitionState then = states_[kOne];
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  commit(kOne, {put("a", "2"), del("b"), put("c", "2")});
  subject_->compact(kOne);
  EXPECT_EQ((*snapshot)->state(), then);
  EXPECT_THAT(drain(**snapshot, 1 << 20), ElementsAre(Item("a", "1"), Item("b", "1"), Item("expired", "1")));
}

TEST_P(EngineContract, KeepsASnapshotWhenItsPartitionIsDroppedAndReclaimed) {
  commit(kOne, {put("a", "1"), put("b", "2")});
  subject_->compact(kOne);
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE(engine().drop_partition(kOne));
  ASSERT_TRUE(engine().reclaim());
  EXPECT_THAT(drain(**snapshot, 1), ElementsAre(Item("a", "1"), Item("b", "2")));
}

TEST_P(EngineContract, CutsASnapshotIntoPagesOfAboutTheBytesAsked) {
  commit(kOne, {put("a", std::string(50, 'x')), put("b", std::string(50, 'x')), put("c", std::string(500, 'x'))});
  commit(kTwo, {put("other", "")});
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  auto page = (*snapshot)->next(100);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, SizeIs(2));
  page = (*snapshot)->next(100);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, SizeIs(1));
  page = (*snapshot)->next(100);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, IsEmpty());
}

TEST_P(EngineContract, TakesAnEmptySnapshotOfAPartitionItDoesNotHave) {
  auto snapshot = engine().snapshot(kOne);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->state(), PartitionState{});
  EXPECT_THAT(drain(**snapshot, 100), IsEmpty());
}

TEST_P(EngineContract, RemovesForGoodOnlyWhatExpiredAtTheHorizonOfItsPartition) {
  for (const PartitionId partition : {kOne, kTwo}) {
    commit(partition, {put("at", "", {100}), put("behind", "", {101}), put("never", "")});
  }
  engine().set_expiry_horizon(kOne, {100});
  engine().set_expiry_horizon(kOne, {50});  // does not go back
  subject_->compact(kOne);
  subject_->compact(kTwo);
  EXPECT_THAT(keys(kOne), ElementsAre("behind", "never"));
  EXPECT_THAT(keys(kTwo), ElementsAre("at", "behind", "never"));
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne]), std::pair(kTwo, states_[kTwo])));
}

TEST_P(EngineContract, NeverBringsAnOlderVersionBackWhenARecordIsRemoved) {
  commit(kOne, {put("k", "old")});
  subject_->compact(kOne);
  commit(kOne, {put("k", "new", {100})});
  engine().set_expiry_horizon(kOne, {100});
  subject_->compact(kOne);
  EXPECT_EQ(value(kOne, "k"), "(absent)");
  subject_->reopen();
  EXPECT_EQ(value(kOne, "k"), "(absent)");
}

TEST_P(EngineContract, SweepsInStepsAndLeavesThePositionAlone) {
  commit(kOne, {put("a", "", {10}), put("b", "", {10}), put("c", ""), put("d", "", {10}), put("e", "", {99})});
  commit(kTwo, {put("a", "", {10})});
  engine().set_expiry_horizon(kOne, {10});
  const auto first = engine().sweep(kOne, "", 3);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ(**first, "c");
  EXPECT_THAT(keys(kOne), ElementsAre("c", "d", "e"));
  const auto last = engine().sweep(kOne, **first, 3);
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->has_value());
  EXPECT_THAT(keys(kOne), ElementsAre("c", "e"));
  EXPECT_THAT(keys(kTwo), ElementsAre("a"));
  subject_->reopen();
  EXPECT_THAT(keys(kOne), ElementsAre("c", "e"));
  EXPECT_EQ(states().at(0), std::pair(kOne, states_[kOne]));
}

TEST_P(EngineContract, SweepsAnEmptyPartition) {
  const auto next = engine().sweep(kOne, "", 10);
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->has_value());
}

TEST_P(EngineContract, SizesAPartitionByWhatItHolds) {
  EXPECT_EQ(engine().size_of(kOne).bytes, 0u);
  for (int i = 0; i < 1000; ++i) commit(kOne, {put("k" + std::to_string(i), std::string(1000, 'x'))});
  // An engine may estimate from samples.
  const std::uint64_t bytes = engine().size_of(kOne).bytes;
  EXPECT_GT(bytes, 250'000u);
  EXPECT_LT(bytes, 4'000'000u);
  EXPECT_EQ(engine().size_of(kTwo).bytes, 0u);
}

TEST_P(EngineContract, SyncsAndIsNotStalledAtRest) {
  commit(kOne, {put("k", "v")});
  EXPECT_TRUE(engine().sync());
  EXPECT_FALSE(engine().stalled());
}

INSTANTIATE_TEST_SUITE_P(
    Engines, EngineContract,
    testing::Values(Kind{"Memory", +[]() -> std::unique_ptr<Subject> { return std::make_unique<MemorySubject>(); }},
                    Kind{"RocksDb", +[]() -> std::unique_ptr<Subject> { return std::make_unique<RocksSubject>(); }},
                    Kind{"Faulty", +[]() -> std::unique_ptr<Subject> { return std::make_unique<FaultySubject>(); }}),
    [](const testing::TestParamInfo<Kind>& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace gyre::storage
