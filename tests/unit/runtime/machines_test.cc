#include "runtime/machines.h"

#include <functional>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::runtime {
namespace {

using replication::MapSource;
using testing::ElementsAre;
using testing::SizeIs;

constexpr std::uint32_t kMachines = 8;

class MachinesTest : public testing::Test {
 protected:
  MachinesTest() {
    map_.shape.partitions = kMachines;
    map_.nodes.push_back({.id = NodeId("n1")});
    map_.entries.resize(kMachines);
  }
  // Those that a newer map, changed like this, says something new to.
  std::vector<std::uint16_t> adopt(const std::function<void(ring::ClusterMap&)>& change,
                                   MapSource source = MapSource::store) {
    change(map_);
    map_.epoch = Epoch(map_.epoch.value() + 1);
    std::vector<std::uint16_t> concerned;
    for (const Machine* machine : machines_.adopt(std::make_shared<const ring::ClusterMap>(map_), source)) {
      concerned.push_back(machine->partition.id().value());
    }
    return concerned;
  }
  static void nothing(ring::ClusterMap&) {}

  ring::ClusterMap map_;
  Machines machines_{HostOptions{.self = NodeId("n1"), .incarnation = Incarnation(1)}, {}, {}};
};

TEST_F(MachinesTest, AMapConcernsThoseWhoseEntryItChanges) {
  EXPECT_THAT(adopt(nothing), SizeIs(kMachines)) << "the first";
  EXPECT_THAT(adopt([](auto& map) {
                ++map.entries[2].version;
                map.entries[5].learners.emplace_back("n1");
              }),
              ElementsAre(2, 5));
  EXPECT_THAT(adopt(nothing), SizeIs(0));
}

TEST_F(MachinesTest, WhatHoldsForAllConcernsAll) {
  adopt(nothing);
  EXPECT_THAT(adopt([](auto& map) { map.nodes[0].incarnation = Incarnation(2); }), SizeIs(kMachines));
  EXPECT_THAT(adopt([](auto& map) { map.shape.min_in_sync = 2; }), SizeIs(kMachines));
}

TEST_F(MachinesTest, TheFirstFromTheStoreConcernsAll) {
  EXPECT_THAT(adopt(nothing, MapSource::memory), SizeIs(kMachines));
  EXPECT_THAT(adopt(nothing), SizeIs(kMachines)) << "what it says may be acted upon";
  EXPECT_THAT(adopt(nothing), SizeIs(0));
}

}  // namespace
}  // namespace gyre::runtime
