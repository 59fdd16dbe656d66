#include "tools/gyre/promote_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const NodeId kNode("n3");

// Partition 0: n3 is in sync; 1: a learner; 2: no member; 3: in sync, and served.
ring::ClusterMap cluster() {
  ring::ClusterMap map;
  map.shape.partitions = 4;
  map.entries.resize(4);
  map.nodes.resize(1);
  map.nodes[0].id = kNode;
  for (auto& entry : map.entries) {
    entry.primary = NodeId("n1");
    entry.in_sync = {{NodeId("n1"), {}}, {NodeId("n2"), {}}};
  }
  map.entries[0].in_sync.push_back({kNode, {}});
  map.entries[1].learners = {kNode};
  map.entries[3].in_sync.push_back({kNode, {}});
  return map;
}

Holdings holdings() { return {.served = {PartitionId(3)}, .positions = {{PartitionId(1), {Term(4), Sequence(17)}}}}; }

TEST(PartitionsToPromote, AreAllOfItsOwnThatNobodyServes) {
  EXPECT_THAT(*partitions_to_promote(cluster(), kNode, {}, holdings()), ElementsAre(PartitionId(0), PartitionId(1)));
}

TEST(PartitionsToPromote, AreThoseNamedEvenIfServed) {
  EXPECT_THAT(*partitions_to_promote(cluster(), kNode, {3}, holdings()), ElementsAre(PartitionId(3)));
}

TEST(PartitionsToPromote, MustExistAndHaveTheNode) {
  const auto beyond = partitions_to_promote(cluster(), kNode, {4}, holdings());
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(beyond.error().message, HasSubstr("there is no partition 4"));
  const auto stranger = partitions_to_promote(cluster(), kNode, {0, 2}, holdings());
  ASSERT_FALSE(stranger);
  EXPECT_THAT(stranger.error().message, HasSubstr("n3 is no member of partition 2"));
}

TEST(CostsOfPromotion, AreSaidOnlyWhereTheNodeIsNotInSync) {
  const auto costs = costs_of_promotion(cluster(), kNode, {PartitionId(0), PartitionId(1)}, holdings());
  ASSERT_EQ(costs.size(), 1u);
  EXPECT_EQ(
      costs[0],
      "partition 1: n3 has everything up to 4:17; n1, n2 may hold acknowledged writes behind that, which would be "
      "lost");
}

TEST(CostsOfPromotion, AreSaidWhereTheNodeIsCountedWithDataThatItLost) {
  ring::ClusterMap map = cluster();
  map.nodes[0].generation = Generation(2);
  const Holdings held{.served = {}, .positions = {{PartitionId(0), {Term(4), Sequence(17)}}}};
  EXPECT_THAT(costs_of_promotion(map, kNode, {PartitionId(0)}, held),
              ElementsAre("partition 0: n3 has everything up to 4:17, and may have lost what it acknowledged behind "
                          "that: its data is not that of then; n1, n2 may hold acknowledged writes behind that, which "
                          "would be lost"));
  map.entries[0].in_sync = {{kNode, Generation(1)}};
  EXPECT_THAT(costs_of_promotion(map, kNode, {PartitionId(0)}, {}),
              ElementsAre("partition 0: n3 has nothing, and may have lost what it acknowledged behind that: its data "
                          "is not that of then"));
  map.entries[0].in_sync = {{kNode, Generation(2)}};
  EXPECT_TRUE(costs_of_promotion(map, kNode, {PartitionId(0)}, {}).empty());
}

TEST(CostsOfPromotion, ANodeThatHoldsNothingHasNothing) {
  EXPECT_THAT(costs_of_promotion(cluster(), kNode, {PartitionId(1)}, {}), ElementsAre(HasSubstr("n3 has nothing;")));
}

}  // namespace
}  // namespace gyre::cli
