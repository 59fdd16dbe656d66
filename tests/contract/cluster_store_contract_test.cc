// What every cluster store promises, run over each implementation.
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/assert.h"
#include "control/memory_store.h"
#include "coordinator/file_store.h"

namespace gyre {
namespace {

using control::ClusterState;
using control::ClusterStore;

// A place that keeps a store's contents while the store is closed and opened again.
class Place {
 public:
  virtual ~Place() = default;
  virtual ClusterStore& store() = 0;
  virtual void reopen() = 0;
};

class MemoryPlace final : public Place {
 public:
  ClusterStore& store() override { return store_; }
  void reopen() override {}

 private:
  control::MemoryStore store_;
};

class FilePlace final : public Place {
 public:
  FilePlace() {
    std::string pattern = std::filesystem::temp_directory_path() / "gyre-store-XXXXXX";
    GYRE_ASSERT(::mkdtemp(pattern.data()));
    dir_ = pattern;
    open();
  }
  ~FilePlace() override {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }
  ClusterStore& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = coordinator::FileStore::open(dir_);
    GYRE_ASSERT(opened);
    store_ = std::move(*opened);
  }

  std::filesystem::path dir_;
  std::unique_ptr<coordinator::FileStore> store_;
};

struct Implementation {
  const char* name;
  std::function<std::unique_ptr<Place>()> create;
};

ClusterState state_at(std::uint64_t epoch) {
  ClusterState state;
  state.map.cluster = Uuid::from_words(1, 1);
  state.map.epoch = Epoch(epoch);
  state.map.shape = {
      .partitions = 2,
      .replication_factor = 3,
      .min_in_sync = 2,
      .timing = {std::chrono::milliseconds(50), std::chrono::milliseconds(400), std::chrono::seconds(3)}};
  ring::NodeInfo node;
  node.id = NodeId("n1");
  node.data_id = Uuid::from_words(2, epoch);
  node.incarnation = Incarnation(epoch);
  node.generation = Generation(5);
  node.zone = "a";
  node.weight = 1.5;
  node.addresses = {"127.0.0.1:1", "127.0.0.1:2", ""};
  state.map.nodes = {node, node};
  state.map.nodes[1].id = NodeId("n2");
  state.map.coordinators = {"127.0.0.1:3"};
  ring::PartitionEntry entry;
  entry.term = Term(epoch);
  entry.primary = node.id;
  entry.primary_incarnation = node.incarnation;
  entry.in_sync = {{node.id, Generation(4)}};
  entry.learners = {NodeId("n2")};
  entry.version = epoch;
  entry.departed = {NodeId("n2")};
  entry.deposed = {{NodeId("n2"), Term(epoch - 1)}};
  state.map.entries = {entry, {}};
  state.target.partitions = {{node.id, NodeId("n2")}, {}};
  return state;
}

class ClusterStoreContract : public testing::TestWithParam<Implementation> {
 protected:
  ClusterStore& store() { return place->store(); }
  std::optional<ClusterState> loaded() {
    auto state = store().load();
    GYRE_ASSERT(state);
    return std::move(*state);
  }

  std::unique_ptr<Place> place = GetParam().create();
};

TEST_P(ClusterStoreContract, ANewStoreIsEmpty) { EXPECT_EQ(loaded(), std::nullopt); }

TEST_P(ClusterStoreContract, WhatWasSwappedInIsLoadedAlsoAfterReopening) {
  for (std::uint64_t epoch : {1, 2, 7}) {
    ASSERT_TRUE(store().swap(epoch == 7 ? Epoch(2) : Epoch(epoch - 1), state_at(epoch)));
    EXPECT_EQ(loaded(), state_at(epoch));
    place->reopen();
    EXPECT_EQ(loaded(), state_at(epoch));
  }
}

TEST_P(ClusterStoreContract, ASwapForAnotherEpochChangesNothing) {
  EXPECT_EQ(store().swap(Epoch(1), state_at(2)).error().code, ErrorCode::condition_failed);
  EXPECT_EQ(loaded(), std::nullopt);
  ASSERT_TRUE(store().swap(Epoch(0), state_at(3)));
  for (const std::uint64_t expected : {0, 2, 4}) {
    const auto refused = store().swap(Epoch(expected), state_at(9));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::condition_failed);
    EXPECT_EQ(refused.error().outcome, Outcome::not_applied);
    EXPECT_EQ(loaded(), state_at(3));
  }
}

TEST_P(ClusterStoreContract, AnotherClustersStateIsRefused) {
  ASSERT_TRUE(store().swap(Epoch(0), state_at(1)));
  ClusterState other = state_at(2);
  other.map.cluster = Uuid::from_words(5, 5);
  EXPECT_EQ(store().swap(Epoch(1), other).error().code, ErrorCode::wrong_cluster);
  EXPECT_EQ(loaded(), state_at(1));
}

TEST_P(ClusterStoreContract, ALargeStateIsKept) {
  ClusterState state = state_at(1);
  state.map.shape.partitions = limits::kSlots;
  state.map.entries.assign(limits::kSlots, state.map.entries[0]);
  state.target.partitions.assign(limits::kSlots, {NodeId("n1"), NodeId("n2"), NodeId("n3")});
  ASSERT_TRUE(store().swap(Epoch(0), state));
  place->reopen();
  EXPECT_EQ(loaded(), state);
}

INSTANTIATE_TEST_SUITE_P(Stores, ClusterStoreContract,
                         testing::Values(Implementation{"memory", [] { return std::make_unique<MemoryPlace>(); }},
                                         Implementation{"file", [] { return std::make_unique<FilePlace>(); }}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace gyre
