#include "router/front_map.h"

#include <gtest/gtest.h>

namespace gyre::router {
namespace {

ring::ClusterMapPtr cluster(std::uint64_t epoch, Term term, const char* primary) {
  auto map = std::make_shared<ring::ClusterMap>();
  map->epoch = Epoch(epoch);
  map->shape.partitions = 2;
  map->shape.replication_factor = 2;
  for (const char* node : {"n1", "n2"}) {
    ring::NodeInfo info;
    info.id = NodeId(node);
    info.addresses.native = "127.0.0.1:1";
    map->nodes.push_back(info);
  }
  map->entries.resize(2);
  ring::PartitionEntry& entry = map->entries[0];
  entry.term = term;
  entry.version = epoch;
  entry.primary = NodeId(primary);
  entry.in_sync = {{NodeId("n1"), Generation(3)}, {NodeId("n2"), Generation(4)}};
  entry.learners = {NodeId("n3")};
  return map;
}

class FrontMapTest : public testing::Test {
 protected:
  FrontMapTest() { front_.set_address("127.0.0.1:7404"); }

  FrontMap front_;
};

TEST_F(FrontMapTest, ThereIsNoneBeforeTheRoutersOwn) { EXPECT_TRUE(front_.update_for(Epoch(), nullptr).empty()); }

TEST_F(FrontMapTest, TheRouterIsAllThereIs) {
  const auto update = front_.update_for(Epoch(), cluster(7, Term(5), "n2"));
  ASSERT_NE(update.map, nullptr);
  const ring::ClusterMap& map = *update.map;
  EXPECT_TRUE(ring::validate(map));
  EXPECT_EQ(map.epoch, Epoch(7));
  ASSERT_EQ(map.nodes.size(), 1u);
  EXPECT_EQ(map.nodes[0].addresses.native, "127.0.0.1:7404");
  EXPECT_EQ(map.entries[0].primary, NodeId("router"));
  EXPECT_EQ(map.entries[0].term, Term(5));
  EXPECT_EQ(map.entries[0].members(), std::vector{NodeId("router")});
  EXPECT_EQ(map.entries[1].primary, NodeId("router")) << "what nobody serves waits there";
}

TEST_F(FrontMapTest, WhoHasItAlreadyIsToldWhatChanged) {
  const auto first = front_.update_for(Epoch(), cluster(7, Term(5), "n2"));
  EXPECT_TRUE(front_.update_for(Epoch(7), cluster(7, Term(5), "n2")).empty());
  const auto update = front_.update_for(Epoch(7), cluster(8, Term(6), "n1"));
  const auto next = ring::apply(first.map, update);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ((*next)->epoch, Epoch(8));
  EXPECT_EQ((*next)->entries[0].term, Term(6));
  EXPECT_EQ((*next)->entries[0].primary, NodeId("router"));
}

}  // namespace
}  // namespace gyre::router
