#include "node/map_keeper.h"

#include <deque>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/log.h"
#include "tests/storage_support.h"
#include "wire/codec.h"

namespace gyre::node {
namespace {

using replication::MapSource;
using testing::ElementsAre;
using testing::IsEmpty;

// A keeper over a real data directory; the pool and the timer are the test's.
class MapKeeperTest : public testing::Test {
 protected:
  MapKeeperTest() {
    spdlog::set_level(spdlog::level::off);
    start();
  }

  // The next process.
  void start(const std::string& boot = "boot-1") {
    keeper_.reset();
    data_.reset();
    jobs_.clear();
    timers_.clear();
    published_.clear();
    storage::DataDirectoryOptions options;
    options.node = NodeId("n1");
    options.cache_bytes = 1 << 20;
    options.memtable_bytes = 1 << 20;
    options.random = {1, 2};
    options.boot_id = boot;
    auto opened = storage::DataDirectory::open(path_, options);
    GYRE_ASSERT(opened.has_value());
    data_ = std::move(*opened);
    keeper_ = std::make_unique<MapKeeper>(
        *data_, MapKeeper::Callbacks{
                    .run_blocking = [this](runtime::Job work, runtime::Job done) -> Result<void> {
                      if (pool_full_) return fail(ErrorCode::busy, "the pool is full");
                      jobs_.push_back({std::move(work), std::move(done)});
                      return {};
                    },
                    .after =
                        [this](Duration delay, runtime::Job job) {
                          delays_.push_back(delay);
                          timers_.push_back(std::move(job));
                        },
                    .publish = [this](const ring::ClusterMapPtr& map,
                                      MapSource source) { published_.emplace_back(map->epoch.value(), source); },
                    .on_failed = [this](const Error& error) { failures_.push_back(error.code); }});
  }

  ring::ClusterMapPtr map(std::uint64_t epoch, std::uint64_t cluster = 7) {
    auto map = std::make_shared<ring::ClusterMap>();
    map->cluster = Uuid::from_words(cluster, 7);
    map->epoch = Epoch(epoch);
    map->shape.partitions = 4;
    map->nodes = {{.id = NodeId("n1"), .data_id = data_->data_id(), .incarnation = data_->incarnation()}};
    map->entries.resize(4);
    GYRE_ASSERT(ring::validate(*map).has_value());
    return map;
  }

  void run_one() {
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    job.work();
    job.done();
  }
  // How many.
  std::size_t run_all() {
    std::size_t jobs = 0;
    for (; !jobs_.empty(); ++jobs) run_one();
    return jobs;
  }
  void run_timers() {
    for (auto& timer : std::exchange(timers_, {})) timer();
  }

  struct Pooled {
    runtime::Job work;
    runtime::Job done;
  };
  testing_support::TemporaryDirectory parent_;
  const std::filesystem::path path_ = parent_.path() / "data";
  std::unique_ptr<storage::DataDirectory> data_;
  std::unique_ptr<MapKeeper> keeper_;
  std::deque<Pooled> jobs_;
  std::deque<runtime::Job> timers_;
  std::vector<Duration> delays_;
  bool pool_full_ = false;
  std::vector<std::pair<std::uint64_t, MapSource>> published_;
  std::vector<ErrorCode> failures_;
};

using Published = std::pair<std::uint64_t, MapSource>;

TEST_F(MapKeeperTest, PublishesAMapOnceItsEpochIsStored) {
  keeper_->on_map(map(3));
  EXPECT_THAT(published_, IsEmpty());
  run_one();
  EXPECT_EQ(data_->map_epoch(), Epoch(3));
  EXPECT_THAT(published_, ElementsAre(Published(3, MapSource::store)));
  run_all();
  EXPECT_EQ(published_.size(), 1u);
  EXPECT_THAT(jobs_, IsEmpty());
}

TEST_F(MapKeeperTest, OfSeveralThatComeWhileTheDiskWorksOnlyTheLastGoesOn) {
  for (std::uint64_t epoch = 3; epoch <= 6; ++epoch) keeper_->on_map(map(epoch));
  run_all();
  EXPECT_THAT(published_, ElementsAre(Published(3, MapSource::store), Published(6, MapSource::store)));
  EXPECT_EQ(data_->map_epoch(), Epoch(6));
}

TEST_F(MapKeeperTest, AFullPoolIsTriedAgainLater) {
  pool_full_ = true;
  keeper_->on_map(map(3));
  keeper_->on_map(map(4));
  EXPECT_EQ(timers_.size(), 1u);
  run_timers();
  EXPECT_EQ(timers_.size(), 1u);
  pool_full_ = false;
  run_timers();
  run_all();
  EXPECT_THAT(published_, ElementsAre(Published(4, MapSource::store)));
}

// The retry of the first was armed when the second came by; nothing may become known twice.
TEST_F(MapKeeperTest, ATimerThatComesLateStoresNothingAgain) {
  pool_full_ = true;
  keeper_->on_map(map(3));
  pool_full_ = false;
  keeper_->on_map(map(4));
  run_all();
  run_timers();
  run_all();
  run_timers();
  EXPECT_THAT(published_, ElementsAre(Published(4, MapSource::store)));
}

TEST_F(MapKeeperTest, FailsOnceWhereTheEpochCannotBeStored) {
  keeper_->on_map(map(3));
  run_all();
  keeper_->on_map(map(4, /*cluster=*/8));
  run_all();
  EXPECT_THAT(failures_, ElementsAre(ErrorCode::wrong_cluster));
  keeper_->on_map(map(5));
  EXPECT_THAT(jobs_, IsEmpty());
  EXPECT_EQ(published_.size(), 1u);
}

TEST_F(MapKeeperTest, TheNextProcessFindsTheMapKnownLast) {
  keeper_->recall();
  EXPECT_THAT(published_, IsEmpty());
  const auto last = map(4);
  keeper_->on_map(map(3));
  run_all();
  keeper_->on_map(last);
  run_all();
  run_timers();
  run_all();
  start();
  keeper_->recall();
  EXPECT_THAT(published_, ElementsAre(Published(4, MapSource::memory)));
  EXPECT_EQ(*keeper_->newest(), *last);
  EXPECT_THAT(jobs_, IsEmpty());

  // The store's is made known though it is the same.
  keeper_->on_map(last);
  run_all();
  EXPECT_THAT(published_, ElementsAre(Published(4, MapSource::memory), Published(4, MapSource::store)));
}

// By the newer one it may have given up data that the older one says it has.
TEST_F(MapKeeperTest, AProcessThatDiedBeforeItCouldKeepTheMapLeavesNoneThatCanBeUsed) {
  keeper_->on_map(map(3));
  run_all();
  keeper_->on_map(map(4));
  run_one();  // the epoch alone
  start();
  keeper_->recall();
  EXPECT_THAT(published_, IsEmpty());
}

TEST_F(MapKeeperTest, ManyMapsCostTheDiskOneToKeepAtATime) {
  keeper_->on_map(map(3));
  EXPECT_EQ(run_all(), 2u) << "its epoch, and the map";
  for (std::uint64_t epoch = 4; epoch <= 9; ++epoch) {
    keeper_->on_map(map(epoch));
    EXPECT_EQ(run_all(), 1u) << "the epoch alone";
  }
  EXPECT_EQ(published_.size(), 7u);
  EXPECT_THAT(delays_, ElementsAre(std::chrono::seconds(1)));
  run_timers();
  EXPECT_EQ(run_all(), 1u);
  run_timers();
  EXPECT_EQ(run_all(), 0u) << "nothing new";
  start();
  keeper_->recall();
  EXPECT_THAT(published_, ElementsAre(Published(9, MapSource::memory)));
}

TEST_F(MapKeeperTest, IsKeptHoweverFastOthersCome) {
  keeper_->on_map(map(3));
  run_all();
  keeper_->on_map(map(4));
  run_timers();
  keeper_->on_map(map(5));
  run_one();
  ASSERT_THAT(published_, ElementsAre(Published(3, MapSource::store), Published(4, MapSource::store)));
  run_one();
  const auto kept = data_->kept_map();
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*wire::decode_map(Bytes::copy_of(**kept)))->epoch, Epoch(4));
  EXPECT_EQ(data_->map_epoch(), Epoch(4));
  run_all();
  EXPECT_EQ(data_->map_epoch(), Epoch(5));
}

TEST_F(MapKeeperTest, FailsWhereTheEpochCannotBeSynced) {
  keeper_->on_map(map(3));
  run_all();
  keeper_->on_map(map(4));
  run_all();
  std::filesystem::remove(path_ / "map-epoch");
  run_timers();
  run_all();
  EXPECT_THAT(failures_, ElementsAre(ErrorCode::storage_failed));
  keeper_->on_map(map(5));
  EXPECT_THAT(jobs_, IsEmpty());
  keeper_->finish();
  EXPECT_EQ(failures_.size(), 1u);
}

TEST_F(MapKeeperTest, GoesOnWhereOnlyTheMapCannotBeKept) {
  std::filesystem::create_directory(path_ / "map.tmp");
  keeper_->on_map(map(3));
  run_all();
  keeper_->on_map(map(4));
  run_all();
  run_timers();
  run_all();
  EXPECT_EQ(data_->map_epoch(), Epoch(4));
  EXPECT_THAT(failures_, IsEmpty());
  start();
  keeper_->recall();
  EXPECT_THAT(published_, IsEmpty());
}

TEST_F(MapKeeperTest, AtTheEndTheMapKnownLastIsKept) {
  keeper_->finish();
  keeper_->on_map(map(3));
  run_all();
  keeper_->on_map(map(4));
  run_all();
  keeper_->finish();
  start();
  keeper_->recall();
  EXPECT_THAT(published_, ElementsAre(Published(4, MapSource::memory)));
}

TEST_F(MapKeeperTest, WithoutAMapThatCanBeUsedTheCoordinatorIsAwaited) {
  keeper_->on_map(map(3));
  run_all();
  std::ofstream(path_ / "map") << "damage";
  start();
  keeper_->recall();
  EXPECT_THAT(published_, IsEmpty());
  EXPECT_EQ(keeper_->newest(), nullptr);
  keeper_->on_map(map(3));
  run_all();
  EXPECT_THAT(published_, ElementsAre(Published(3, MapSource::store)));
}

TEST_F(MapKeeperTest, AMapThatIsNotOfThisDirectoryIsNotUsed) {
  keeper_->on_map(map(3));
  run_all();
  const auto refuses = [&](const ring::ClusterMap& foreign) {
    GYRE_ASSERT(data_->keep_map(wire::encode_map(foreign)).has_value());
    published_.clear();
    keeper_->recall();
    return published_.empty();
  };
  start();
  ring::ClusterMap good = *map(3);
  good.nodes[0].incarnation = Incarnation(1);
  EXPECT_FALSE(refuses(good));
  ring::ClusterMap foreign = good;
  foreign.cluster = Uuid::from_words(8, 8);
  EXPECT_TRUE(refuses(foreign));
  foreign = good;
  foreign.epoch = Epoch(4);
  EXPECT_TRUE(refuses(foreign)) << "later than what this node has known";
  foreign = good;
  foreign.nodes[0].data_id = Uuid::from_words(9, 9);
  EXPECT_TRUE(refuses(foreign)) << "a copied disk";
  foreign = good;
  foreign.nodes[0].incarnation = data_->incarnation();
  EXPECT_TRUE(refuses(foreign)) << "an older copy of the directory";
}

TEST_F(MapKeeperTest, NotesThatNothingIsLackingAnyMore) {
  keeper_->on_settled();
  EXPECT_THAT(jobs_, IsEmpty());
  start("boot-2");
  ASSERT_TRUE(data_->may_lack_writes());
  keeper_->on_map(map(3));
  keeper_->on_settled();
  EXPECT_EQ(jobs_.size(), 1u) << "the directory takes one at a time";
  run_all();
  EXPECT_TRUE(data_->may_lack_writes());
  keeper_->on_settled();
  run_all();
  EXPECT_FALSE(data_->may_lack_writes());
}

}  // namespace
}  // namespace gyre::node
