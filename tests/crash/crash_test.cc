// Kills a writer at random moments and checks what its engine kept: every acknowledged write, no hole, and a position
// that is exactly the last write's.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/rng.h"
#include "storage/rocksdb_engine.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int kKills = 132;
constexpr std::chrono::microseconds kLifeMax = 40ms;
constexpr const char* kWriterMode = "--writer";
constexpr std::uint16_t kPartitions = 4;
constexpr std::uint64_t kRecordsPerCommit = 3;

// What the writer tells over the pipe after each commit: the partition's last acknowledged sequence.
struct Acknowledgement {
  std::uint32_t partition;
  std::uint32_t unused = 0;
  std::uint64_t sequence;
};
static_assert(sizeof(Acknowledgement) < PIPE_BUF);  // so a write to the pipe arrives whole or not at all

// Small memtables, so that kills also hit flushes and compactions. Every write keeps a key of its own.
RocksOptions options() { return {.cache = make_block_cache(1 << 20), .memtable_bytes = 512 << 10, .create = true}; }

std::string key_of(std::uint64_t sequence) {
  char text[24];
  std::snprintf(text, sizeof text, "%020llu", static_cast<unsigned long long>(sequence));
  return text;
}

// As long as its content is a function of the sequence, a torn or mixed-up value shows.
std::string value_of(std::uint64_t sequence) {
  return std::string(20 + sequence % 900, static_cast<char>('a' + sequence % 26)) + std::to_string(sequence);
}

using Positions = std::map<PartitionId, std::uint64_t>;

Positions positions_of(const RocksEngine& engine) {
  Positions positions;
  const auto states = engine.partitions();
  GYRE_ASSERT(states.has_value());
  for (const auto& [partition, state] : *states) positions[partition] = state.state.position.sequence.value();
  return positions;
}

messages::LoggedWritePtr write_of(std::uint64_t sequence) {
  return testing_support::logged({Term(1), Sequence(sequence)},
                                 {{messages::Mutation::Kind::put,
                                   Bytes::copy_of(key_of(sequence)),
                                   {Bytes::copy_of(value_of(sequence)), {}, kNoExpiry}}});
}

// Writes until it is killed. Each commit spans two partitions and writes the next kRecordsPerCommit sequences of each.
[[noreturn]] void write_for_ever(const std::string& path, int pipe) {
  const auto engine = RocksEngine::open(path, options());
  if (!engine) {
    std::fprintf(stderr, "the writer cannot open its store: %s\n", engine.error().message.c_str());
    ::_exit(1);
  }
  Positions positions = positions_of(**engine);
  for (std::uint16_t turn = 0;; ++turn) {
    std::array<std::vector<messages::LoggedWritePtr>, 2> writes;
    std::vector<PartitionBatch> batches;
    std::array<Acknowledgement, 2> acknowledgements{};
    for (std::uint16_t i = 0; i < 2; ++i) {
      const PartitionId partition(static_cast<std::uint16_t>((turn + i) % kPartitions));
      std::uint64_t& sequence = positions[partition];
      for (std::uint64_t n = 0; n < kRecordsPerCommit; ++n) writes[i].push_back(write_of(++sequence));
      batches.push_back(
          {.partition = partition,
           .writes = writes[i],
           .state = testing_support::state_at({Term(1), Sequence(sequence)}, {{Term(1), Sequence(1)}}, Term(1))});
      acknowledgements[i] = {.partition = partition.value(), .sequence = sequence};
    }
    const Result<void> committed = (*engine)->commit(batches);
    if (!committed && committed.error().code == ErrorCode::busy) {
      for (const PartitionBatch& batch : batches) positions[batch.partition] -= kRecordsPerCommit;
      std::this_thread::yield();
      continue;
    }
    if (!committed) ::_exit(2);
    if (::write(pipe, acknowledgements.data(), sizeof acknowledgements) != sizeof acknowledgements) ::_exit(3);
  }
}

// Starts this program again as a writer: a fork alone would have no RocksDB threads, and so no flushes to kill.
pid_t start_writer(const std::string& path, int pipe) {
  const std::string descriptor = std::to_string(pipe);
  const pid_t writer = ::fork();
  GYRE_ASSERT(writer >= 0);
  if (writer != 0) return writer;
  ::execl("/proc/self/exe", "crash_test", kWriterMode, path.c_str(), descriptor.c_str(), nullptr);
  ::_exit(4);
}

// What a writer told before it was killed.
struct Told {
  Positions acknowledged;  // the highest sequences
  std::uint64_t writes = 0;
};

enum class Since : std::uint8_t { start, first_commit };

// Starts a writer and kills it `life` after its start, or after its first acknowledgement.
Told run_and_kill(const std::string& path, Clock::duration life, Since since) {
  int pipe[2];
  GYRE_ASSERT(::pipe(pipe) == 0);
  GYRE_ASSERT(::fcntl(pipe[0], F_SETFD, FD_CLOEXEC) == 0);
  const pid_t writer = start_writer(path, pipe[1]);
  ::close(pipe[1]);

  Told told;
  const auto read_some = [&] {
    std::array<Acknowledgement, 256> some;
    const ssize_t size = ::read(pipe[0], some.data(), sizeof some);
    GYRE_ASSERT(size >= 0);
    GYRE_ASSERT(static_cast<std::size_t>(size) % sizeof(Acknowledgement) == 0);
    const std::size_t count = static_cast<std::size_t>(size) / sizeof(Acknowledgement);
    for (std::size_t i = 0; i < count; ++i) {
      told.acknowledged[PartitionId(static_cast<std::uint16_t>(some[i].partition))] = some[i].sequence;
    }
    told.writes += count * kRecordsPerCommit;
    return count > 0;
  };
  // A thread of its own keeps the kill from falling always just behind an acknowledgement.
  std::thread killer;
  const auto start_killer = [&] {
    killer = std::thread([writer, kill_at = Clock::now() + life] {
      std::this_thread::sleep_until(kill_at);
      ::kill(writer, SIGKILL);
    });
  };
  if (since == Since::start) start_killer();
  while (read_some()) {
    if (!killer.joinable()) start_killer();
  }
  if (killer.joinable()) killer.join();
  ::close(pipe[0]);
  int status = 0;
  GYRE_ASSERT(::waitpid(writer, &status, 0) == writer);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the writer ended by itself";
  return told;
}

// What a store held that was committed, or was just being committed, when its writer was killed.
struct Kept {
  std::uint64_t records = 0;
  bool unacknowledged = false;  // some of it the writer had no time to tell of
};

// The log gives back what the records say, from the first write on.
void check_log(RocksEngine& engine, PartitionId partition, std::uint64_t position) {
  std::uint64_t sequence = 0;
  while (sequence < position) {
    const auto page = engine.read_log(partition, Sequence(sequence), 1 << 20);
    GYRE_ASSERT(page.has_value() && !page->empty());
    for (const messages::LoggedWritePtr& write : *page) {
      EXPECT_EQ(write->position.sequence, Sequence(++sequence));
      GYRE_ASSERT(write->mutations.size() == 1);
      EXPECT_EQ(write->mutations[0].record.value.view(), value_of(sequence));
    }
  }
  EXPECT_EQ(sequence, position);
}

// Checks partition by partition: records 1 to the position, each whole, nothing else.
Kept check(RocksEngine& engine, const Positions& acknowledged) {
  const Positions positions = positions_of(engine);
  Kept kept;
  for (const auto& [partition, sequence] : acknowledged) {
    EXPECT_TRUE(positions.contains(partition) && positions.at(partition) >= sequence)
        << "an acknowledged write of partition " << partition.value() << " is lost";
  }
  for (const auto& [partition, position] : positions) {
    EXPECT_EQ(position % kRecordsPerCommit, 0u) << "a commit was torn";
    auto snapshot = engine.snapshot(partition);
    GYRE_ASSERT(snapshot.has_value());
    std::uint64_t sequence = 0;
    while (true) {
      const auto page = (*snapshot)->next(1 << 20);
      GYRE_ASSERT(page.has_value());
      if (page->empty()) break;
      for (const KeyedRecord& item : *page) {
        ++sequence;
        GYRE_ASSERT(item.key.view() == key_of(sequence));  // else there is a hole, and no use in going on
        EXPECT_EQ(item.record.value.view(), value_of(sequence));
        EXPECT_EQ(item.record.version, (Position{Term(1), Sequence(sequence)}));
      }
    }
    EXPECT_EQ(sequence, position) << "position and records of partition " << partition.value() << " differ";
    check_log(engine, partition, position);
    kept.records += sequence;
    const auto known = acknowledged.find(partition);
    if (known == acknowledged.end() || known->second < sequence) kept.unacknowledged = true;
  }
  return kept;
}

TEST(Crash, LosesNothingAcknowledgedWhenTheWriterIsKilled) {
  const char* given = std::getenv("GYRE_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("seed %llu (GYRE_SEED repeats the moments of the kills)\n", static_cast<unsigned long long>(seed));
  Rng rng(seed);

  // Each store lives through some kills, then a new one begins: checking stays fast, and creation is hit as well.
  constexpr int kKillsPerStore = 12;
  std::uint64_t writes_acknowledged = 0;
  std::uint64_t records_found = 0;
  int behind_a_commit = 0;
  int inside_a_commit = 0;
  for (int store = 0; store < kKills / kKillsPerStore; ++store) {
    const testing_support::TemporaryDirectory directory;
    const std::string path = directory.path() / "store";
    Positions expected;
    for (int kill = 0; kill < kKillsPerStore; ++kill) {
      // Some kills are to hit creation and recovery.
      const Since since = rng.chance(0.2) ? Since::start : Since::first_commit;
      const Told told = run_and_kill(path, std::chrono::microseconds(rng.between(1000, kLifeMax.count())), since);
      for (const auto& [partition, sequence] : told.acknowledged) expected[partition] = sequence;
      auto engine = RocksEngine::open(path, options());
      ASSERT_TRUE(engine) << engine.error().message;
      const Kept kept = check(**engine, expected);
      if (testing::Test::HasFailure()) return;
      writes_acknowledged += told.writes;
      behind_a_commit += told.writes > 0;
      inside_a_commit += kept.unacknowledged;
      if (kill == kKillsPerStore - 1) records_found += kept.records;
      expected = positions_of(**engine);  // what was kept once must stay, acknowledged or not
    }
  }
  std::printf(
      "%d kills, %d behind at least one commit, %d inside one; "
      "%llu writes acknowledged, %llu found: none lost, no hole\n",
      kKills, behind_a_commit, inside_a_commit, static_cast<unsigned long long>(writes_acknowledged),
      static_cast<unsigned long long>(records_found));
  EXPECT_GE(behind_a_commit, kKills / 2);
  EXPECT_GE(records_found, writes_acknowledged);
}

}  // namespace
}  // namespace gyre::storage

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], gyre::storage::kWriterMode) == 0) {
    gyre::storage::write_for_ever(argv[2], std::atoi(argv[3]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
