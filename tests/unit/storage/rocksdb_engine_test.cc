// What is RocksDB's alone; the contract is tests/contract's.
#include "storage/rocksdb_engine.h"

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/rng.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

// Bytes that cannot be compressed.
std::string noise(std::size_t bytes) {
  std::string text(bytes, '\0');
  Rng rng(1);
  for (char& c : text) c = static_cast<char>(rng.next());
  return text;
}

class RocksEngineTest : public testing::Test {
 protected:
  static constexpr PartitionId kPartition{7};

  void open(bool create = false) {
    engine_.reset();
    auto opened = RocksEngine::open(
        path_, {.cache = make_block_cache(1 << 20), .memtable_bytes = memtable_bytes_, .create = create});
    if (!opened) ADD_FAILURE() << opened.error().message;
    GYRE_ASSERT(opened.has_value());
    engine_ = std::move(*opened);
  }

  Result<void> put(const std::string& key, std::string_view value, UnixMillis expires_at = kNoExpiry) {
    const Position position{Term(1), Sequence(++sequence_)};
    const messages::LoggedWritePtr write = testing_support::logged(
        position, {{messages::Mutation::Kind::put, Bytes::copy_of(key), {Bytes::copy_of(value), {}, expires_at}}});
    const PartitionBatch batch{.partition = kPartition,
                               .writes = {&write, 1},
                               .state = testing_support::state_at(position, {{Term(1), Sequence(1)}}, Term(1))};
    Result<void> committed = engine_->commit({&batch, 1});
    if (!committed && committed.error().code == ErrorCode::busy) --sequence_;
    return committed;
  }

  std::vector<std::filesystem::path> files(std::string_view extension) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    return found;
  }

  // Inverts a byte in the first half of the only file with the extension.
  void damage(std::string_view extension) {
    const auto found = files(extension);
    ASSERT_EQ(found.size(), 1u);
    std::fstream file(found[0], std::ios::in | std::ios::out | std::ios::binary);
    const auto place = static_cast<std::streamoff>(std::filesystem::file_size(found[0]) / 4);
    file.seekg(place);
    const char byte = static_cast<char>(file.get());
    file.seekp(place);
    file.put(static_cast<char>(~byte));
  }

  Lookup::State state_of(const std::string& key, Tier tier) {
    const auto found = engine_->get(kPartition, key, {0}, tier);
    EXPECT_TRUE(found);
    return found->state;
  }

  testing_support::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() / "store";
  std::size_t memtable_bytes_ = std::size_t{1} << 20;
  std::unique_ptr<RocksEngine> engine_;
  std::uint64_t sequence_ = 0;
};

TEST_F(RocksEngineTest, AsksForTheDiskWhereABlockIsNotInMemory) {
  open(/*create=*/true);
  ASSERT_TRUE(put("k", "v"));
  ASSERT_TRUE(engine_->compact(kPartition));
  open();
  EXPECT_EQ(state_of("k", Tier::memory), Lookup::State::needs_disk);
  EXPECT_EQ(state_of("k", Tier::all), Lookup::State::found);
  EXPECT_EQ(state_of("k", Tier::memory), Lookup::State::found);
}

TEST_F(RocksEngineTest, ReportsADamagedBlockWhoeverReadsIt) {
  open(/*create=*/true);
  ASSERT_TRUE(put("k", noise(100'000)));
  ASSERT_TRUE(engine_->compact(kPartition));
  engine_.reset();
  damage(".sst");
  open();
  const std::string_view asked[] = {"k"};
  EXPECT_EQ(engine_->get(kPartition, "k", {0}, Tier::all).error().code, ErrorCode::corrupt);
  EXPECT_EQ(engine_->multi_get(kPartition, asked, {0}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(engine_->scan(kPartition, {}, {0}).error().code, ErrorCode::corrupt);
  EXPECT_EQ((*engine_->snapshot(kPartition))->next(1).error().code, ErrorCode::corrupt);
  EXPECT_EQ(engine_->sweep(kPartition, "", 10).error().code, ErrorCode::corrupt);
}

TEST_F(RocksEngineTest, RefusesALogDamagedInTheMiddleUnlessTheMachineDied) {
  open(/*create=*/true);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put("k" + std::to_string(i), std::string(1000, 'x')));
  engine_.reset();
  damage(".log");
  const auto refused = RocksEngine::open(path_, {.cache = make_block_cache(1 << 20)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);

  // Power loss tears logs: then the prefix before the damage is what there is.
  const auto recovered = RocksEngine::open(path_, {.cache = make_block_cache(1 << 20), .machine_died = true});
  ASSERT_TRUE(recovered) << recovered.error().message;
  const auto states = (*recovered)->partitions();
  ASSERT_EQ(states->size(), 1u);
  const std::uint64_t kept = states->front().second.state.position.sequence.value();
  EXPECT_GT(kept, 0u);
  EXPECT_LT(kept, 100u);
  const auto page = (*recovered)->scan(kPartition, {}, {0});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->items.size(), kept);
}

TEST_F(RocksEngineTest, ForgivesAnUnfinishedLastRecordOfItsLog) {
  open(/*create=*/true);
  ASSERT_TRUE(put("whole", "v"));
  ASSERT_TRUE(put("torn", std::string(1000, 'x')));
  engine_.reset();
  const auto logs = files(".log");
  ASSERT_EQ(logs.size(), 1u);
  std::filesystem::resize_file(logs[0], std::filesystem::file_size(logs[0]) - 500);
  open();
  EXPECT_EQ(state_of("whole", Tier::all), Lookup::State::found);
  EXPECT_EQ(state_of("torn", Tier::all), Lookup::State::absent);
  EXPECT_EQ(engine_->partitions()->front().second.state.position.sequence, Sequence(1));
}

TEST_F(RocksEngineTest, RefusesAStoreThatIsNotThere) {
  const auto refused = RocksEngine::open(path_, {.cache = make_block_cache(1 << 20)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(path_));
}

TEST_F(RocksEngineTest, RefusesASecondOpening) {
  open(/*create=*/true);
  EXPECT_FALSE(RocksEngine::open(path_, {.cache = make_block_cache(1 << 20)}));
}

// Writes far faster than its tiny memtables can be flushed: every answer is applied or busy, and what was busy is not
// there.
TEST_F(RocksEngineTest, AnswersBusyInsteadOfWaitingForTheDisk) {
  memtable_bytes_ = 64 << 10;
  open(/*create=*/true);
  const std::string value(60'000, 'x');
  std::set<std::string> applied;
  std::string refused;
  for (int i = 0; i < 5000 && refused.empty(); ++i) {
    const std::string key = "k" + std::to_string(i);
    const Result<void> done = put(key, value);
    if (done) {
      applied.insert(key);
      continue;
    }
    ASSERT_EQ(done.error().code, ErrorCode::busy);
    EXPECT_EQ(done.error().outcome, Outcome::not_applied);
    EXPECT_GT(done.error().retry_after.count(), 0);
    refused = key;
  }
  ASSERT_FALSE(refused.empty());
  EXPECT_EQ(state_of(refused, Tier::all), Lookup::State::absent);
  for (const std::string& key : applied) EXPECT_EQ(state_of(key, Tier::all), Lookup::State::found);
}

TEST_F(RocksEngineTest, KeepsWhatACommitPutWhileASweepRemovesWhatExpired) {
  open(/*create=*/true);
  engine_->set_expiry_horizon(kPartition, {100});
  std::atomic<bool> stop{false};
  std::thread sweeper([&] {
    while (!stop.load()) EXPECT_TRUE(engine_->sweep(kPartition, "", 100));
  });
  for (int round = 0; round < 300; ++round) {
    for (int key = 0; key < 10; ++key) ASSERT_TRUE(put("k" + std::to_string(key), "expired", {50}));
    for (int key = 0; key < 10; ++key) ASSERT_TRUE(put("k" + std::to_string(key), "fresh"));
    for (int key = 0; key < 10; ++key) {
      EXPECT_EQ(state_of("k" + std::to_string(key), Tier::memory), Lookup::State::found) << round;
    }
  }
  stop.store(true);
  sweeper.join();
}

class RocksSpaceTest : public RocksEngineTest {
 protected:
  std::uintmax_t bytes() const {
    std::uintmax_t total = 0;
    for (const auto& file : files(".sst")) total += std::filesystem::file_size(file);
    return total;
  }
  // So many bytes in tables, in several records: how much a range takes is known but for the last one's block.
  Result<void> fill(std::size_t bytes) {
    constexpr std::size_t kRecords = 20;
    for (std::size_t i = 0; i < kRecords; ++i) GYRE_TRY(put("k" + std::to_string(i), noise(bytes / kRecords)));
    return engine_->compact(kPartition);
  }
  // What a node does that is no member any more: only terms stay.
  void empty() {
    messages::PartitionState left;
    left.promised = Term(2);
    const PartitionBatch batch{.partition = kPartition, .drop_first = true, .state = left};
    ASSERT_TRUE(engine_->commit({&batch, 1}));
  }
};

TEST_F(RocksSpaceTest, GivesTheSpaceOfADroppedPartitionBack) {
  open(/*create=*/true);
  ASSERT_TRUE(fill(100'000));
  EXPECT_GT(bytes(), 90'000u);
  ASSERT_TRUE(engine_->drop_partition(kPartition));
  ASSERT_TRUE(engine_->reclaim());
  EXPECT_LT(bytes(), 10'000u);
}

TEST_F(RocksSpaceTest, GivesTheSpaceOfAnEmptiedPartitionBackThoughItsStateChangesMeanwhile) {
  open(/*create=*/true);
  ASSERT_TRUE(fill(100'000));
  empty();
  messages::PartitionState left;
  left.promised = Term(3);
  const PartitionBatch promise{.partition = kPartition, .state = left};
  ASSERT_TRUE(engine_->commit({&promise, 1}));
  ASSERT_TRUE(engine_->reclaim());
  EXPECT_LT(bytes(), 10'000u);
}

TEST_F(RocksSpaceTest, APartitionThatIsUsedAgainIsNotReclaimed) {
  open(/*create=*/true);
  ASSERT_TRUE(put("k", noise(100'000)));
  ASSERT_TRUE(engine_->compact(kPartition));
  empty();
  sequence_ = 0;
  ASSERT_TRUE(put("l", "v"));
  ASSERT_TRUE(engine_->reclaim());
  EXPECT_EQ(state_of("l", Tier::all), Lookup::State::found);
  EXPECT_EQ(state_of("k", Tier::all), Lookup::State::absent);
}

TEST_F(RocksSpaceTest, FindsWhatWasEmptiedBeforeItWasOpened) {
  open(/*create=*/true);
  ASSERT_TRUE(fill(3 << 20));
  empty();
  open();
  EXPECT_GT(bytes(), 3'000'000u);
  ASSERT_TRUE(engine_->reclaim());
  EXPECT_LT(bytes(), 10'000u);
  const auto stored = engine_->partitions();
  ASSERT_TRUE(stored && stored->size() == 1);
  EXPECT_EQ((*stored)[0].second.state.promised, Term(2));
}

TEST_F(RocksSpaceTest, NeighboursThatShareFilesAreRewrittenTogetherAndKeepWhatTheyHave) {
  open(/*create=*/true);
  std::uint64_t sequence = 0;
  const auto fill = [&](std::uint16_t partition) {
    const Position position{Term(1), Sequence(++sequence)};
    const messages::Record record{Bytes::copy_of(noise(100'000)), {}, kNoExpiry};
    const messages::LoggedWritePtr write =
        testing_support::logged(position, {{messages::Mutation::Kind::put, Bytes::copy_of("k"), record}});
    const PartitionBatch batch{
        .partition = PartitionId(partition), .writes = {&write, 1}, .state = testing_support::state_at(position)};
    ASSERT_TRUE(engine_->commit({&batch, 1}));
  };
  for (std::uint16_t p = 0; p < 8; ++p) fill(p);
  ASSERT_TRUE(engine_->compact(PartitionId(0)));
  for (std::uint16_t p = 0; p < 8; p += 2) ASSERT_TRUE(engine_->drop_partition(PartitionId(p)));
  ASSERT_TRUE(engine_->reclaim());
  EXPECT_LT(bytes(), 450'000u);
  for (std::uint16_t p = 0; p < 8; ++p) {
    const auto found = engine_->get(PartitionId(p), "k", {0}, Tier::all);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->state, p % 2 == 0 ? Lookup::State::absent : Lookup::State::found) << p;
  }
}

// --- Ingestion ---

class RocksIngestionTest : public RocksEngineTest {
 protected:
  static constexpr std::size_t kValueBytes = 100'000;

  RocksIngestionTest() { open(/*create=*/true); }

  // As a snapshot begins: nothing else is there, and this one record.
  void begin_snapshot() {
    PartitionState state;
    state.whole_at = messages::kNeverWhole;
    const messages::Mutation first = record("a", 10);
    const PartitionBatch batch{.partition = kPartition, .drop_first = true, .repairs = {&first, 1}, .state = state};
    ASSERT_TRUE(engine_->commit({&batch, 1}));
  }
  // 2 MB in 20 pieces.
  Result<void> ingest(std::size_t value_bytes = kValueBytes, char last = 't') {
    auto ingestion = engine_->ingest(kPartition);
    GYRE_ASSERT(ingestion.has_value());
    messages::Mutation next = record("b", value_bytes);
    for (char c = 'b'; c <= last; ++c) {
      next.key = Bytes::copy_of(std::string(1, c));
      GYRE_TRY((*ingestion)->add({&next, 1}));
    }
    return (*ingestion)->finish();
  }
  static messages::Mutation record(const std::string& key, std::size_t value_bytes) {
    return {messages::Mutation::Kind::put, Bytes::copy_of(key), {Bytes::copy_of(noise(value_bytes)), {}, kNoExpiry}};
  }
  std::uint64_t log_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& file : files(".log")) bytes += std::filesystem::file_size(file);
    return bytes;
  }
  std::size_t records() {
    auto page = engine_->scan(kPartition, {.bytes_max = std::size_t{1} << 30, .values_wanted = false}, {0});
    return page->items.size();
  }
  bool nothing_incoming() const {
    return !std::filesystem::exists(path_ + "/incoming") || std::filesystem::is_empty(path_ + "/incoming");
  }
};

TEST_F(RocksIngestionTest, CostsTheLogNothing) {
  begin_snapshot();
  const std::uint64_t before = log_bytes();
  ASSERT_TRUE(ingest());
  EXPECT_EQ(log_bytes(), before);
  EXPECT_THAT(files(".sst"), testing::SizeIs(1));
  EXPECT_TRUE(nothing_incoming());
  EXPECT_EQ(records(), 20u);
}

TEST_F(RocksIngestionTest, ALargeOneIsSeveralFiles) {
  begin_snapshot();
  ASSERT_TRUE(ingest(std::size_t{35} << 20, 'e'));
  EXPECT_THAT(files(".sst"), testing::SizeIs(2));
  EXPECT_EQ(records(), 5u);
}

TEST_F(RocksIngestionTest, UnderATombstoneTheRecordsAreWritten) {
  memtable_bytes_ = std::size_t{16} << 20;
  open();
  ASSERT_TRUE(put("z", "old"));
  begin_snapshot();
  ASSERT_TRUE(ingest());
  EXPECT_GT(log_bytes(), 19 * kValueBytes);
  EXPECT_EQ(records(), 20u);
}

TEST_F(RocksIngestionTest, ATombstoneOfAnEarlierProcessIsMetOnce) {
  ASSERT_TRUE(put("z", "old"));
  ASSERT_TRUE(engine_->drop_partition(kPartition));
  open();
  begin_snapshot();
  const Result<void> refused = ingest();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_TRUE(nothing_incoming());
  ASSERT_TRUE(ingest());
  EXPECT_EQ(records(), 20u);
}

TEST_F(RocksIngestionTest, WhatIsLeftOfAnEarlierProcessIsRemoved) {
  {
    auto ingestion = engine_->ingest(kPartition);
    const messages::Mutation first = record("b", 10);
    ASSERT_TRUE((*ingestion)->add({&first, 1}));
    EXPECT_FALSE(nothing_incoming());
  }
  EXPECT_TRUE(nothing_incoming()) << "one that is given up leaves nothing either";
  std::ofstream(path_ + "/incoming/7-1-0.sst") << "half";
  open();
  EXPECT_TRUE(nothing_incoming());
}

// As where a process died while files were deleted: what a tombstone in one of them hid is seen again.
TEST_F(RocksIngestionTest, WhatIsSeenOfAPartitionThatShouldBeEmptyIsDropped) {
  const messages::Mutation hidden = record("z", 10);
  const PartitionBatch batch{.partition = kPartition, .repairs = {&hidden, 1}, .state = {}};
  ASSERT_TRUE(engine_->commit({&batch, 1}));
  open();
  begin_snapshot();
  EXPECT_EQ(records(), 1u);
}

}  // namespace
}  // namespace gyre::storage
