// The log of the RocksDB engine: its files, their end, and what a dead machine does to them. What it gives back is
// tests/contract's.
#include <atomic>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/limits.h"
#include "storage/rocksdb_engine.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::logged;
using testing_support::state_at;
namespace fs = std::filesystem;

constexpr std::size_t kValueBytes = 1000;

class RocksLogTest : public testing::Test {
 protected:
  static constexpr PartitionId kPartition{7};

  RocksLogTest() {
    options_.cache = make_block_cache(1 << 20);
    options_.memtable_bytes = 64 << 10;
    options_.create = true;
    options_.boot_id = "boot-1";
    options_.clock = [this] { return now_; };
  }

  void open() {
    engine_.reset();
    auto opened = RocksEngine::open(path_, options_);
    if (!opened) ADD_FAILURE() << opened.error().message;
    GYRE_ASSERT(opened.has_value());
    engine_ = std::move(*opened);
    options_.create = false;
    options_.machine_died = false;
  }

  void reopen_after_the_machine_died() {
    options_.machine_died = true;
    open();
  }

  // Commits the next write; waits while the store is busy.
  void write(const std::string& value = std::string(kValueBytes, 'x')) {
    const Position position{term_, Sequence(sequence_ + 1)};
    const messages::LoggedWritePtr write =
        logged(position, {{messages::Mutation::Kind::put, Bytes::literal("k"), {Bytes::copy_of(value), {}, kNoExpiry}}},
               {1}, {ClientId(1), WriteNumber(sequence_ + 1)}, WriteNumber(0));
    const PartitionBatch batch{.partition = kPartition, .writes = {&write, 1}, .state = state_at(position)};
    Result<void> committed;
    do {
      committed = engine_->commit({&batch, 1});
    } while (!committed && committed.error().code == ErrorCode::busy);
    ASSERT_TRUE(committed) << committed.error().message;
    ++sequence_;
  }

  void write_many(int count) {
    for (int i = 0; i < count; ++i) write();
  }

  // Everything behind `after`, page by page; {0} if the log does not reach back.
  std::vector<std::uint64_t> read(std::uint64_t after) {
    std::vector<std::uint64_t> sequences;
    while (true) {
      const auto page = engine_->read_log(kPartition, Sequence(after), 100'000);
      if (!page) {
        EXPECT_EQ(page.error().code, ErrorCode::not_found) << page.error().message;
        return {0};
      }
      if (page->empty()) return sequences;
      for (const auto& write : *page) sequences.push_back(write->position.sequence.value());
      after = sequences.back();
    }
  }

  std::vector<std::uint64_t> window() {
    const auto stored = engine_->partitions();
    std::vector<std::uint64_t> numbers;
    for (const auto& write : stored->front().second.window) numbers.push_back(write.id.number.value());
    return numbers;
  }

  void put_files_back_to(fs::file_time_type written) {
    for (const auto& file : fs::recursive_directory_iterator(path_)) fs::last_write_time(file.path(), written);
  }

  std::vector<fs::path> archived() const {
    std::vector<fs::path> files;
    std::error_code none;
    for (const auto& file : fs::directory_iterator(fs::path(path_) / "archive", none)) files.push_back(file.path());
    return files;
  }

  std::uintmax_t archived_bytes() const {
    std::uintmax_t bytes = 0;
    for (const fs::path& file : archived()) bytes += fs::file_size(file);
    return bytes;
  }

  fs::path newest_log() const {
    fs::path newest;
    for (const auto& file : fs::directory_iterator(path_)) {
      if (file.path().extension() == ".log" && file.path() > newest) newest = file.path();
    }
    return newest;
  }

  testing_support::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() / "store";
  RocksOptions options_;
  std::unique_ptr<RocksEngine> engine_;
  Term term_{1};
  std::uint64_t sequence_ = 0;
  Instant now_{std::chrono::hours(5)};
};

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = first; number <= last; ++number) numbers.push_back(number);
  return numbers;
}

TEST_F(RocksLogTest, ReadsFilesThatRecoveryNeedsNoMore) {
  open();
  write_many(500);
  ASSERT_TRUE(engine_->compact(kPartition));
  EXPECT_FALSE(archived().empty());
  EXPECT_EQ(read(0), range(1, 500));
  EXPECT_EQ(read(123), range(124, 500));
  for (int i = 0; i < 3; ++i) {
    open();
    EXPECT_EQ(read(0), range(1, sequence_));
    EXPECT_EQ(window(), range(1, sequence_));
    write();
    EXPECT_EQ(read(0), range(1, sequence_));
  }
}

TEST_F(RocksLogTest, ReadsAcrossEveryPlaceOfItsIndex) {
  options_.memtable_bytes = 1 << 20;
  open();
  for (int i = 0; i < 60; ++i) write(std::string(100'000, 'x'));
  const auto check = [&] {
    for (std::uint64_t after = 0; after <= 60; after += 7) {
      const std::vector<std::uint64_t> expected = range(after + 1, 60);
      EXPECT_EQ(read(after), expected) << after;
    }
  };
  check();
  open();
  check();
}

TEST_F(RocksLogTest, RemovesTheOldestOnceThereIsTooMuch) {
  options_.log_bytes = 300'000;
  options_.log_kept_for = Duration(0);
  open();
  write_many(2000);
  ASSERT_TRUE(engine_->compact(kPartition));
  // Trimming comes before the flushed files themselves are archived. RocksDB makes no memtable smaller than 64 KiB.
  constexpr std::size_t kFlushedBytes = kMemtableParts * (std::size_t{64} << 10);
  EXPECT_LT(archived_bytes(), options_.log_bytes + 4 * kFlushedBytes);
  EXPECT_THAT(read(0), ElementsAre(0));
  EXPECT_EQ(read(1900), range(1901, 2000));
  open();
  EXPECT_THAT(read(0), ElementsAre(0));
  EXPECT_EQ(read(1900), range(1901, 2000));
}

TEST_F(RocksLogTest, KeepsWhatIsYoungerThanAnIdLives) {
  options_.log_bytes = 0;
  open();
  write_many(500);
  ASSERT_TRUE(engine_->compact(kPartition));
  EXPECT_EQ(read(0), range(1, 500));
  open();
  EXPECT_EQ(window(), range(1, 500));
}

// The wall clock is set forward: every file looks older than an id lives. Or it is set back: they are of the future.
TEST_F(RocksLogTest, KeepsIdsWhateverTheWallClockSaysOfItsFiles) {
  options_.log_bytes = 0;
  open();
  write_many(500);
  ASSERT_TRUE(engine_->compact(kPartition));
  const auto today = fs::file_time_type::clock::now();
  for (const auto written : {today - std::chrono::hours(1), today + std::chrono::hours(1000)}) {
    put_files_back_to(written);
    open();
    EXPECT_EQ(window(), range(1, sequence_));
    write_many(200);  // trims
    ASSERT_TRUE(engine_->compact(kPartition));
    EXPECT_EQ(read(0), range(1, sequence_));
  }
}

TEST_F(RocksLogTest, KnowsHowOldItsFilesAreWithinABoot) {
  open();
  write_many(500);
  ASSERT_TRUE(engine_->compact(kPartition));
  open();
  EXPECT_GE(engine_->log_records_visited(), 500u);
  now_ += limits::kWriteIdLife;
  open();
  EXPECT_LT(engine_->log_records_visited(), 50u);
  EXPECT_EQ(read(0), range(1, 500));

  options_.boot_id = "boot-2";
  open();
  EXPECT_GE(engine_->log_records_visited(), 500u);
  EXPECT_EQ(window(), range(1, 500));
}

TEST_F(RocksLogTest, GivesAWindowThatItWasGivenUntilNobodyCanAskForIt) {
  open();
  messages::WindowWrite given;
  given.id = {ClientId(9), WriteNumber(50)};
  given.position = {Term(1), Sequence(1)};
  const PartitionBatch batch{
      .partition = kPartition, .window = std::vector{given}, .state = state_at({Term(1), Sequence(1)})};
  ASSERT_TRUE(engine_->commit({&batch, 1}));
  sequence_ = 1;
  now_ += limits::kWriteIdLife - std::chrono::seconds(1);
  write();
  open();
  EXPECT_THAT(window(), ElementsAre(50, 2));
  now_ += limits::kWriteIdLife - std::chrono::seconds(1);
  write();
  open();
  EXPECT_THAT(window(), ElementsAre(50, 2, 3)) << "this process cannot know how old it is";
  now_ += limits::kWriteIdLife;
  write();
  now_ += limits::kWriteIdLife;
  open();
  open();
  EXPECT_THAT(window(), testing::Not(testing::Contains(50)));
}

// Files move to the archive and are removed from it all the time.
TEST_F(RocksLogTest, IsReadWhileItIsWrittenAndTrimmed) {
  options_.log_bytes = 200'000;
  options_.log_kept_for = Duration(0);
  open();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> written{0};
  std::atomic<int> pages{0};
  std::atomic<int> not_reached{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, lag = i == 0 ? 50u : 500u] {
      while (!stop.load()) {
        const std::uint64_t last = written.load();
        if (last <= lag) continue;
        const auto page = engine_->read_log(kPartition, Sequence(last - lag), 20'000);
        if (!page) {
          EXPECT_EQ(page.error().code, ErrorCode::not_found) << page.error().message;
          ++not_reached;
          continue;
        }
        ++pages;
        EXPECT_FALSE(page->empty());
        std::uint64_t expected = last - lag;
        for (const auto& write : *page) EXPECT_EQ(write->position.sequence.value(), ++expected);
      }
    });
  }
  for (int i = 0; i < 4000; ++i) {
    write();
    written.store(sequence_);
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(pages.load(), 0);
}

TEST_F(RocksLogTest, NeverGivesBackWhatADeadMachineDidNotKeep) {
  options_.memtable_bytes = 8 << 20;
  open();
  write_many(50);
  const auto torn_at = fs::file_size(newest_log());
  write_many(50);
  engine_.reset();
  {
    // A page that never reached the disk, and whole records behind it.
    std::fstream log(newest_log(), std::ios::in | std::ios::out | std::ios::binary);
    log.seekp(static_cast<std::streamoff>(torn_at));
    log << std::string(5000, '\0');
  }
  reopen_after_the_machine_died();
  sequence_ = engine_->partitions()->front().second.state.position.sequence.value();
  ASSERT_GE(sequence_, 49u);
  ASSERT_LE(sequence_, 51u);
  const std::uint64_t kept = sequence_;
  EXPECT_EQ(window(), range(1, kept));
  EXPECT_THAT(read(0), ElementsAre(0));
  EXPECT_THAT(read(kept), IsEmpty());

  // The same sequences again, in a new term.
  term_ = Term(2);
  write_many(100);
  const auto check = [&] {
    EXPECT_EQ(read(kept), range(kept + 1, kept + 100));
    const auto page = engine_->read_log(kPartition, Sequence(kept), 100'000'000);
    ASSERT_TRUE(page);
    for (const auto& write : *page) EXPECT_EQ(write->position.term, Term(2));
  };
  check();
  open();
  check();
  EXPECT_EQ(window(), range(1, kept + 100));
}

TEST_F(RocksLogTest, LosesOnlyTheLogBeforeADamagedPlaceInTheArchive) {
  open();
  write_many(500);
  ASSERT_TRUE(engine_->compact(kPartition));
  engine_.reset();
  fs::path oldest = archived().front();
  for (const fs::path& file : archived()) oldest = std::min(oldest, file);
  {
    std::fstream file(oldest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(oldest) / 2));
    file << "damage";
  }
  open();
  EXPECT_EQ(engine_->partitions()->front().second.state.position.sequence, Sequence(500));
  EXPECT_THAT(read(0), ElementsAre(0));
  write_many(10);
  EXPECT_EQ(read(500), range(501, 510));
}

// The log of 64 partitions, written side by side.
class SharedLogTest : public RocksLogTest {
 protected:
  static constexpr std::uint16_t kPartitions = 64;

  void write_all(std::uint64_t rounds, std::size_t bytes) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const Position position{Term(1), Sequence(++sequence_)};
      const messages::LoggedWritePtr write =
          logged(position, {{messages::Mutation::Kind::put,
                             Bytes::literal("k"),
                             {Bytes::copy_of(std::string(bytes, 'x')), {}, kNoExpiry}}});
      for (std::uint16_t id = 0; id < kPartitions; ++id) {
        const PartitionBatch batch{.partition = PartitionId(id), .writes = {&write, 1}, .state = state_at(position)};
        while (!engine_->commit({&batch, 1})) std::this_thread::yield();
      }
    }
  }

  // Every partition from its first write to its last, in turn.
  void read_all() {
    std::vector<Sequence> after(kPartitions);
    for (bool more = true; more;) {
      more = false;
      for (std::uint16_t id = 0; id < kPartitions; ++id) {
        if (after[id] == Sequence(sequence_)) continue;
        const auto page = engine_->read_log(PartitionId(id), after[id], std::size_t{4} << 20);
        ASSERT_TRUE(page) << page.error().message;
        ASSERT_FALSE(page->empty());
        EXPECT_EQ(page->front()->position.sequence, after[id].next());
        after[id] = page->back()->position.sequence;
        more = true;
      }
    }
  }
};

TEST_F(SharedLogTest, IsReadAboutOnceForAllPartitionsThatCatchUp) {
  options_.memtable_bytes = 4 << 20;
  open();
  write_all(400, 1000);  // 25 MB
  const std::uint64_t before = engine_->log_records_visited();
  read_all();
  const std::uint64_t written = sequence_ * kPartitions;
  EXPECT_LT(engine_->log_records_visited() - before, written + written / 4);
}

TEST_F(SharedLogTest, IsNotReadAtOpeningWhereItIsOlderThanIdsLive) {
  options_.memtable_bytes = 1 << 20;
  options_.log_kept_for = Duration(0);
  open();
  write_all(100, 1000);
  open();
  EXPECT_EQ(engine_->log_records_visited(), 0u);
  read_all();
  write_all(5, 1000);
  read_all();
}

}  // namespace
}  // namespace gyre::storage
