#include "coordinator/file_store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/rng.h"

namespace gyre::coordinator {
namespace {

using control::ClusterState;
using testing::HasSubstr;

ClusterState state_at(std::uint64_t epoch) {
  ClusterState state;
  state.map.cluster = Uuid::from_words(1, 1);
  state.map.epoch = Epoch(epoch);
  state.map.shape.partitions = 4;
  state.map.entries.resize(4);
  state.target.partitions.assign(4, {NodeId("n1")});
  return state;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string little_endian(std::uint64_t value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "gyre-file-store-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    dir = pattern;
  }
  ~FileStoreTest() override { std::filesystem::remove_all(dir); }

  std::unique_ptr<FileStore> open() {
    auto store = FileStore::open(dir);
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  std::string read_state() const {
    std::ifstream in(dir / "cluster.state", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write_file(const char* name, const std::string& bytes) const {
    std::ofstream(dir / name, std::ios::binary) << bytes;
  }
  // In place: a file replaced thousands of times waits for the disk each time.
  void set_byte(std::size_t offset, char byte) const {
    std::fstream state(dir / "cluster.state", std::ios::binary | std::ios::in | std::ios::out);
    state.seekp(static_cast<std::streamoff>(offset));
    state.put(byte);
  }

  std::filesystem::path dir;
};

TEST_F(FileStoreTest, CreatesItsDirectory) {
  dir /= "a/b";
  EXPECT_EQ(*open()->load(), std::nullopt);
  dir = dir.parent_path().parent_path();
}

TEST_F(FileStoreTest, ASecondCoordinatorIsRefusedByTheNameOfTheFirst) {
  const auto first = open();
  const auto second = FileStore::open(dir);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::denied);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_THAT(second.error().message, HasSubstr(dir.string()));
}

TEST_F(FileStoreTest, ADirectoryThatCannotBeMadeIsNamed) {
  write_file("file", "x");
  const auto refused = FileStore::open(dir / "file" / "sub");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr((dir / "file" / "sub").string()));
}

TEST_F(FileStoreTest, AStateThatCannotBeReadIsNamed) {
  std::filesystem::create_directory(dir / "cluster.state");
  const auto refused = open()->load();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
  EXPECT_THAT(refused.error().message, HasSubstr((dir / "cluster.state").string()));
}

TEST_F(FileStoreTest, AnotherFormatIsRefusedWithBothVersions) {
  ASSERT_TRUE(open()->swap(Epoch(0), state_at(1)));
  for (const auto& [format, sentence] :
       {std::pair{'\1', "format 1, this version knows only 2 and 3: run the older version"},
        std::pair{'\11', "format 9, this version knows only 2 and 3: run the newer version"}}) {
    set_byte(8, format);
    const auto refused = open()->load();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr(sentence));
  }
}

TEST_F(FileStoreTest, WhatOperatorsHaveSetIsKept) {
  ClusterState state = state_at(1);
  state.map.moves = {.moves_per_node = 9, .bytes_per_second = 5'000'000, .p99_factor = 3};
  state.settings = {{NodeId("n1"), 2.5, std::nullopt}, {NodeId("n2"), std::nullopt, "b"}};
  state.policy = {.automatic = false, .paused = true, .spread_hot = true, .replace_after = std::chrono::hours(2)};
  ASSERT_TRUE(open()->swap(Epoch(0), state));
  EXPECT_EQ(*open()->load(), state);
}

// As version 2 wrote it: a map and a placement of one node and one partition.
TEST_F(FileStoreTest, AFileFromBeforeThereWereSettingsIsReadAndReplaced) {
  const std::string map = from_hex(
      "000000002a00000000000000060004000500000000000000010000000100000001000000800000009a9999999999a93f6400"
      "0000e8030000d0070000000000000d0000000a0100001d000000570000000000000000000000490000005700000030303030"
      "3030303030303030303030313030303030303030303030303030303100000000000000000400000004000600000000000000"
      "0000000000000000000000000000000000000000000000000000150000001a00000000000000000000000000000000000000"
      "0d00000022000000000000000000000000000000000000006e31000000000000613a31000000000004000000040006000200"
      "00000000000003000000000000000000000000000000ffff000000000000150000000b000000150000000d00000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000000000100000000000000");
  const std::string placement = from_hex(
      "00000000070000000000000000000200050000000e000000090000000e000000010000001a0000006e310000000000000100"
      "00000b0000000000000000000000");
  const std::string header =
      "GYRESTAT" + little_endian(2) + little_endian(map.size()) + little_endian(placement.size());
  const std::string checksum = little_endian(hash64(map + placement, hash64(header)));
  write_file("cluster.state", header + checksum + map + placement);

  ClusterState state;
  state.map.cluster = Uuid::from_words(1, 1);
  state.map.epoch = Epoch(5);
  state.map.shape.partitions = 1;
  state.map.nodes = {{.id = NodeId("n1"), .addresses = {.native = "a:1"}}};
  ring::PartitionEntry entry{.term = Term(2), .primary = NodeId("n1"), .primary_incarnation = {}, .version = 3};
  entry.in_sync = {{NodeId("n1"), Generation(1)}};
  state.map.entries = {entry};
  state.target.partitions = {{NodeId("n1")}};
  const auto stored = open()->load();
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(*stored, state);

  state.map.epoch = Epoch(6);
  state.policy.paused = true;
  ASSERT_TRUE(open()->swap(Epoch(5), state));
  EXPECT_EQ(*open()->load(), state);
}

TEST_F(FileStoreTest, EveryTruncationIsDamageAndASwapDoesNotHideIt) {
  const auto store = open();
  ASSERT_TRUE(store->swap(Epoch(0), state_at(1)));
  const std::string bytes = read_state();
  for (std::size_t size = bytes.size(); size-- > 0;) {
    std::filesystem::resize_file(dir / "cluster.state", size);
    const auto refused = store->load();
    ASSERT_FALSE(refused) << "cut to " << size << " bytes";
    EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  }
  EXPECT_EQ(store->swap(Epoch(1), state_at(2)).error().code, ErrorCode::corrupt);
  write_file("cluster.state", bytes);
  EXPECT_EQ(*store->load(), state_at(1));
}

TEST_F(FileStoreTest, EveryFlippedBitIsNoticed) {
  const auto store = open();
  ASSERT_TRUE(store->swap(Epoch(0), state_at(1)));
  const std::string bytes = read_state();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const char flipped = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    set_byte(bit / 8, flipped);
    EXPECT_FALSE(store->load()) << "bit " << bit;
    set_byte(bit / 8, bytes[bit / 8]);
  }
  EXPECT_EQ(*store->load(), state_at(1));
}

TEST_F(FileStoreTest, ALeftoverOfACrashedSwapIsIgnored) {
  ASSERT_TRUE(open()->swap(Epoch(0), state_at(1)));
  const std::string whole = read_state();
  for (const std::string& leftover : {std::string(), std::string("junk"), whole.substr(0, 20), whole}) {
    write_file("cluster.state.new", leftover);
    EXPECT_EQ(*open()->load(), state_at(1));
  }
  write_file("cluster.state.new", std::string(100'000, 'x'));
  ASSERT_TRUE(open()->swap(Epoch(1), state_at(2)));
  EXPECT_EQ(*open()->load(), state_at(2));
}

// Kills a process that swaps without pause at a random moment; what it was told is stored must be there.
TEST_F(FileStoreTest, AKilledWriterLosesNothingItWasToldIsStored) {
  Rng rng(20240601);
  std::uint64_t epoch = 0;
  for (int round = 0; round < 20; ++round) {
    int told[2];
    ASSERT_EQ(::pipe2(told, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto store = FileStore::open(dir);
      for (std::uint64_t e = epoch; store && (*store)->swap(Epoch(e), state_at(e + 1)); ++e) {
        if (::write(told[1], &e, sizeof e) != sizeof e) break;
      }
      ::_exit(1);
    }
    ::close(told[1]);
    // Kill it in the middle of some swap after the next few.
    std::uint64_t last = epoch;
    const std::uint64_t swaps = 1 + rng.below(8);
    for (std::uint64_t i = 0; i < swaps; ++i) {
      ASSERT_EQ(::read(told[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(told[0], &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
    }
    ::close(told[0]);
    const auto stored = open()->load();
    ASSERT_TRUE(stored && *stored);
    epoch = (*stored)->map.epoch.value();
    EXPECT_GE(epoch, last + 1);
    EXPECT_LE(epoch, last + 2) << "at most the swap that was going on";
    EXPECT_EQ(**stored, state_at(epoch));
  }
}

}  // namespace
}  // namespace gyre::coordinator
