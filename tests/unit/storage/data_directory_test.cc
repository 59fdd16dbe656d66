#include "storage/data_directory.h"

#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/files.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class DataDirectoryTest : public testing::Test {
 protected:
  DataDirectoryTest() {
    options_.node = NodeId("n1");
    options_.cache_bytes = 1 << 20;
    options_.memtable_bytes = 1 << 20;
    options_.random = {1, 2};
    options_.boot_id = "boot-1";
  }

  Result<std::unique_ptr<DataDirectory>> open() { return DataDirectory::open(path_, options_); }
  std::unique_ptr<DataDirectory> must_open() {
    auto opened = open();
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  // Opens, and is gone at once, as if killed.
  void create() { ASSERT_TRUE(must_open()); }

  void expect_refused(ErrorCode code, const std::string& because) {
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, code);
    EXPECT_THAT(refused.error().message, HasSubstr(because));
    EXPECT_THAT(refused.error().message, HasSubstr(path_.string()));
  }

  void write(const std::string& name, const std::string& text) { std::ofstream(path_ / name) << text; }

  const ClusterId cluster_ = Uuid::from_words(7, 7);
  const ClusterId other_cluster_ = Uuid::from_words(8, 8);
  testing_support::TemporaryDirectory parent_;
  std::filesystem::path path_ = parent_.path() / "deep" / "data";
  DataDirectoryOptions options_;
};

TEST_F(DataDirectoryTest, IsCreatedWhereThereIsNothing) {
  options_.stores = 3;
  const auto directory = must_open();
  EXPECT_EQ(directory->node(), NodeId("n1"));
  EXPECT_EQ(directory->data_id(), Uuid::from_words(1, 2));
  EXPECT_TRUE(directory->cluster().empty());
  EXPECT_EQ(directory->incarnation(), Incarnation(1));
  EXPECT_EQ(directory->generation(), Generation(1));
  EXPECT_THAT(directory->engines(), SizeIs(3));
}

TEST_F(DataDirectoryTest, KeepsItsIdAndItsNumberOfStores) {
  options_.stores = 2;
  create();
  options_.stores = 5;
  options_.random = {3, 4};
  const auto directory = must_open();
  EXPECT_EQ(directory->data_id(), Uuid::from_words(1, 2));
  EXPECT_THAT(directory->engines(), SizeIs(2));
}

TEST_F(DataDirectoryTest, CountsEveryLife) {
  create();
  create();
  const auto directory = must_open();
  EXPECT_EQ(directory->incarnation(), Incarnation(3));
  ASSERT_TRUE(directory->close());
}

TEST_F(DataDirectoryTest, KeepsWhatItsEnginesStored) {
  const Position position{Term(1), Sequence(9)};
  const messages::LoggedWritePtr write = testing_support::logged(
      position, {{messages::Mutation::Kind::put, Bytes::literal("k"), {Bytes::literal("v"), {}, kNoExpiry}}});
  const PartitionBatch batch{
      .partition = PartitionId(3), .writes = {&write, 1}, .state = testing_support::state_at(position)};
  ASSERT_TRUE(must_open()->engines().front()->commit({&batch, 1}));
  const auto directory = must_open();
  const auto found = directory->engines().front()->get(PartitionId(3), "k", {0}, Tier::all);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->record.value, Bytes::literal("v"));
}

TEST_F(DataDirectoryTest, StartsANewGenerationOnlyAfterTheMachineDied) {
  create();
  EXPECT_EQ(must_open()->generation(), Generation(1));  // the process died, the machine did not
  options_.boot_id = "boot-2";
  const auto after_the_crash = must_open();
  EXPECT_EQ(after_the_crash->generation(), Generation(2));
  EXPECT_TRUE(after_the_crash->may_lack_writes());
}

TEST_F(DataDirectoryTest, KeepsItsGenerationAcrossStartsThatLoseNothing) {
  create();
  options_.boot_id = "boot-2";
  create();
  auto stopped = must_open();
  EXPECT_EQ(stopped->generation(), Generation(2));
  ASSERT_TRUE(stopped->close());
  stopped.reset();
  options_.boot_id = "boot-3";
  EXPECT_EQ(must_open()->generation(), Generation(2));  // everything was synced before
}

TEST_F(DataDirectoryTest, LacksWritesUntilItHasCaughtUpHoweverOftenTheProcessStartsAgain) {
  create();
  options_.boot_id = "boot-2";
  create();
  auto again = must_open();
  EXPECT_TRUE(again->may_lack_writes());
  ASSERT_TRUE(again->close());  // a clean stop does not bring back what is missing
  again.reset();
  auto stopped = must_open();
  EXPECT_TRUE(stopped->may_lack_writes());
  ASSERT_TRUE(stopped->caught_up());
  ASSERT_TRUE(stopped->caught_up());
  EXPECT_FALSE(stopped->may_lack_writes());
  stopped.reset();
  EXPECT_FALSE(must_open()->may_lack_writes());
  EXPECT_EQ(must_open()->generation(), Generation(2));
}

TEST_F(DataDirectoryTest, StaysInItsGenerationWhenTheMachineDiedThoughEverythingAcknowledgedWasSynced) {
  create();
  options_.always_synced = true;
  create();  // what the process before had not synced is, from here on
  options_.boot_id = "boot-2";
  EXPECT_EQ(must_open()->generation(), Generation(1));
  options_.always_synced = false;
  options_.boot_id = "boot-3";
  EXPECT_EQ(must_open()->generation(), Generation(1));  // the process that counts is the last one
  options_.always_synced = true;
  options_.boot_id = "boot-4";
  EXPECT_EQ(must_open()->generation(), Generation(2));
}

TEST_F(DataDirectoryTest, AsksTheKernelForItsBootId) {
  options_.boot_id.clear();
  create();
  EXPECT_EQ(must_open()->generation(), Generation(1));
}

TEST_F(DataDirectoryTest, JoinsOneClusterOnce) {
  auto directory = must_open();
  ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(1)));
  ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(1)));
  const auto refused = directory->adopt_map(other_cluster_, Epoch(2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::wrong_cluster);
  EXPECT_THAT(refused.error().message, HasSubstr(cluster_.str()));
  directory.reset();
  EXPECT_EQ(must_open()->cluster(), cluster_);
}

TEST_F(DataDirectoryTest, RemembersTheNewestMapAndRefusesAnOlderOne) {
  auto directory = must_open();
  EXPECT_EQ(directory->map_epoch(), Epoch(0));
  for (const std::uint64_t epoch : {7, 8, 11}) {
    ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(epoch)));
    directory.reset();
    directory = must_open();
    EXPECT_EQ(directory->map_epoch(), Epoch(epoch));
  }
  const auto older = directory->adopt_map(cluster_, Epoch(10));
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, ErrorCode::stale_map);
  ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(11)));
}

TEST_F(DataDirectoryTest, SyncsEachEpochOnlyWhereAllIsSynced) {
  const auto remembers = [&](std::uint64_t epoch) {
    const auto contents = read_file(path_ / "map-epoch");
    return contents && *contents && (*contents)->contains(fmt::format("{:020}", epoch));
  };
  auto directory = must_open();
  for (const std::uint64_t epoch : {7, 8, 9}) ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(epoch)));
  EXPECT_FALSE(remembers(8)) << "overwritten: it was not synced";
  EXPECT_TRUE(remembers(9));
  ASSERT_TRUE(directory->sync_epoch());
  ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(10)));
  EXPECT_TRUE(remembers(9) && remembers(10));

  directory.reset();
  options_.always_synced = true;
  directory = must_open();
  for (const std::uint64_t epoch : {11, 12}) ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(epoch)));
  EXPECT_TRUE(remembers(11) && remembers(12));
}

TEST_F(DataDirectoryTest, AMachineThatDiedLeavesTheEpochSyncedLast) {
  auto directory = must_open();
  for (const std::uint64_t epoch : {7, 8}) ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(epoch)));
  ASSERT_TRUE(directory->sync_epoch());
  const auto synced = read_file(path_ / "map-epoch");
  ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(9)));
  directory.reset();
  write("map-epoch", synced->value());
  options_.boot_id = "another boot";
  EXPECT_EQ(must_open()->map_epoch(), Epoch(8));
}

TEST_F(DataDirectoryTest, ACleanStopLeavesTheEpochInTheIdentityToo) {
  auto directory = must_open();
  for (const std::uint64_t epoch : {7, 8}) ASSERT_TRUE(directory->adopt_map(cluster_, Epoch(epoch)));
  ASSERT_TRUE(directory->close());
  directory.reset();
  ASSERT_TRUE(std::filesystem::remove(path_ / "map-epoch"));
  EXPECT_EQ(must_open()->map_epoch(), Epoch(8));
}

// Of an earlier version, which had the epoch in the identity alone.
TEST_F(DataDirectoryTest, GoesOnFromTheEpochInTheIdentityWhereThereIsNoOther) {
  ASSERT_TRUE(must_open()->adopt_map(cluster_, Epoch(7)));
  ASSERT_TRUE(std::filesystem::remove(path_ / "map-epoch"));
  EXPECT_EQ(must_open()->map_epoch(), Epoch(7));
  ASSERT_TRUE(must_open()->adopt_map(cluster_, Epoch(8)));
  EXPECT_EQ(must_open()->map_epoch(), Epoch(8));
}

TEST_F(DataDirectoryTest, RefusesADamagedEpoch) {
  ASSERT_TRUE(must_open()->adopt_map(cluster_, Epoch(7)));
  write("map-epoch", "map_epoch 7\n");
  expect_refused(ErrorCode::corrupt, "map-epoch");
}

TEST_F(DataDirectoryTest, KeepsTheMapForTheNextProcess) {
  auto directory = must_open();
  EXPECT_EQ(directory->kept_map().value(), std::nullopt);
  const std::string map("\0 any bytes \xFF", 13);
  ASSERT_TRUE(directory->keep_map("an older one"));
  ASSERT_TRUE(directory->keep_map(map));
  directory.reset();
  EXPECT_EQ(must_open()->kept_map().value(), map);
}

TEST_F(DataDirectoryTest, OpensWhateverHasBecomeOfTheMapAndSaysWhatIsWrongWithIt) {
  ASSERT_TRUE(must_open()->keep_map("map"));
  const auto code = [&] {
    const auto map = must_open()->kept_map();
    return map ? ErrorCode{} : map.error().code;
  };
  EXPECT_EQ(code(), ErrorCode{});
  write("map", "");
  EXPECT_EQ(code(), ErrorCode::corrupt);
  write("map", "gyre map 1\n");
  EXPECT_EQ(code(), ErrorCode::corrupt);
  write("map", "gyre map 1\n12345678map");
  EXPECT_EQ(code(), ErrorCode::corrupt);
  write("map", "gyre map 2\n...");
  EXPECT_EQ(code(), ErrorCode::unsupported);
  ASSERT_TRUE(std::filesystem::remove(path_ / "map"));
  EXPECT_EQ(must_open()->kept_map().value(), std::nullopt);
}

TEST_F(DataDirectoryTest, RefusesAnotherClustersDirectory) {
  ASSERT_TRUE(must_open()->adopt_map(cluster_, Epoch(1)));
  options_.cluster = other_cluster_;
  expect_refused(ErrorCode::wrong_cluster, cluster_.str());
  options_.cluster = cluster_;
  create();
}

TEST_F(DataDirectoryTest, TakesTheClusterItIsOpenedWith) {
  create();
  options_.cluster = cluster_;
  create();
  options_.cluster = {};
  EXPECT_EQ(must_open()->cluster(), cluster_);
}

TEST_F(DataDirectoryTest, RefusesAnotherNodesDirectory) {
  create();
  options_.node = NodeId("n2");
  expect_refused(ErrorCode::invalid_argument, "belongs to node n1, not to n2");
}

TEST_F(DataDirectoryTest, RefusesAnyOtherFormat) {
  create();
  write("FORMAT", "gyre data format 3\n");
  expect_refused(ErrorCode::unsupported, "has format 3");
  write("FORMAT", "gyre data format 1\n");
  expect_refused(ErrorCode::unsupported, "has format 1");
  expect_refused(ErrorCode::unsupported, "use the older version that wrote it");
}

TEST_F(DataDirectoryTest, RefusesAFormatItCannotRead) {
  create();
  write("FORMAT", "nonsense");
  expect_refused(ErrorCode::corrupt, "FORMAT");
}

TEST_F(DataDirectoryTest, RefusesADirectoryOfSomethingElseAndLeavesItAlone) {
  std::filesystem::create_directories(path_);
  write("thesis.txt", "");
  expect_refused(ErrorCode::invalid_argument, "thesis.txt");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_), {}), 1);
}

TEST_F(DataDirectoryTest, FinishesACreationThatWasInterrupted) {
  std::filesystem::create_directories(path_);
  write("LOCK", "1");
  write("FORMAT.tmp", "gy");
  create();
  ASSERT_TRUE(std::filesystem::remove_all(path_ / "store-0"));
  ASSERT_TRUE(std::filesystem::remove(path_ / "identity"));
  create();
}

TEST_F(DataDirectoryTest, RefusesAMissingIdentityBesideData) {
  create();
  ASSERT_TRUE(std::filesystem::remove(path_ / "identity"));
  expect_refused(ErrorCode::corrupt, "identity");
}

TEST_F(DataDirectoryTest, RefusesADamagedIdentity) {
  create();
  write("identity", "node n1\n");
  expect_refused(ErrorCode::corrupt, "identity");
}

TEST_F(DataDirectoryTest, RefusesAMissingStore) {
  options_.stores = 2;
  create();
  ASSERT_TRUE(std::filesystem::remove_all(path_ / "store-1"));
  expect_refused(ErrorCode::corrupt, "store-1");
  EXPECT_FALSE(std::filesystem::exists(path_ / "store-1" / "CURRENT"));
}

TEST_F(DataDirectoryTest, RefusesADirectoryInUseAndNamesTheProcess) {
  int ready[2];
  int done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  std::filesystem::create_directories(path_);
  const pid_t child = ::fork();
  if (child == 0) {
    // The lock alone: the threads that RocksDB relies on are not in a child.
    const auto held = FileLock::acquire(path_ / "LOCK");
    char byte = held ? '1' : '0';
    if (::write(ready[1], &byte, 1) != 1 || ::read(done[0], &byte, 1) != 1) ::_exit(1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, '1');
  expect_refused(ErrorCode::denied, "process " + std::to_string(child));
  ASSERT_EQ(::write(done[1], "x", 1), 1);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  for (const int end : {ready[0], ready[1], done[0], done[1]}) ::close(end);
  create();
}

TEST_F(DataDirectoryTest, RefusesAPlaceItCannotWriteTo) {
  path_ = "/proc/gyre-test";
  expect_refused(ErrorCode::storage_failed, "cannot be used");
}

TEST_F(DataDirectoryTest, RefusesAFileInPlaceOfADirectory) {
  std::filesystem::create_directories(path_.parent_path());
  std::ofstream(path_.string()) << "x";
  expect_refused(ErrorCode::storage_failed, "cannot be used");
}

}  // namespace
}  // namespace gyre::storage
