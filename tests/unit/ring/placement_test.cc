#include "ring/placement.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::ring {
namespace {

std::vector<PlacementMember> members_of(int count, const std::vector<std::string>& zones = {}) {
  std::vector<PlacementMember> members;
  for (int i = 0; i < count; ++i) {
    const auto zone = zones.empty() ? std::string() : zones[static_cast<std::size_t>(i) % zones.size()];
    members.push_back({NodeId(fmt::format("n{}", i + 1)), zone, 1.0});
  }
  return members;
}

ClusterShape shape_of(std::uint32_t partitions, std::uint32_t replication_factor) {
  ClusterShape shape;
  shape.partitions = partitions;
  shape.replication_factor = replication_factor;
  return shape;
}

struct Counts {
  std::map<NodeId, int> replicas;
  std::map<NodeId, int> primaries;
};

Counts count(const Placement& placement) {
  Counts counts;
  for (const auto& nodes : placement.partitions) {
    for (const NodeId& node : nodes) ++counts.replicas[node];
    if (!nodes.empty()) ++counts.primaries[nodes.front()];
  }
  return counts;
}

int most(const std::map<NodeId, int>& counts) {
  return std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; })->second;
}

int moved(const Placement& before, const Placement& after) {
  int moved = 0;
  for (std::size_t i = 0; i < after.partitions.size(); ++i) {
    for (const NodeId& node : after.partitions[i]) {
      moved += std::ranges::find(before.partitions[i], node) == before.partitions[i].end();
    }
  }
  return moved;
}

TEST(Place, WithoutMembersPlacesNothing) {
  const Placement placement = place(shape_of(4, 3), {}, {});
  ASSERT_EQ(placement.partitions.size(), 4u);
  for (const auto& nodes : placement.partitions) EXPECT_TRUE(nodes.empty());
}

TEST(Place, PutsEverythingOnALoneNode) {
  const Placement placement = place(shape_of(4, 3), members_of(1), {});
  for (const auto& nodes : placement.partitions) EXPECT_THAT(nodes, testing::ElementsAre(NodeId("n1")));
}

TEST(Place, BalancesTenNodesToWithinFivePercent) {
  const Counts counts = count(place(shape_of(1024, 3), members_of(10), {}));
  EXPECT_LE(most(counts.replicas), 1.05 * 3072 / 10);
  EXPECT_LE(most(counts.primaries), 1.05 * 1024 / 10);
}

TEST(Place, GivesANewcomerItsShareAndMovesNothingElse) {
  const Placement before = place(shape_of(1024, 3), members_of(10), {});
  const Placement after = place(shape_of(1024, 3), members_of(11), before);
  const Counts counts = count(after);
  EXPECT_EQ(counts.replicas.at(NodeId("n11")), 3072 / 11);
  EXPECT_EQ(moved(before, after), 3072 / 11);
  EXPECT_LE(most(counts.replicas), 1.05 * 3072 / 11);
  EXPECT_LE(most(counts.primaries), 1.05 * 1024 / 11);
}

TEST(Place, MovesOnlyWhatALeaverHeld) {
  const Placement before = place(shape_of(1024, 3), members_of(10), {});
  auto members = members_of(10);
  members.erase(members.begin() + 4);
  const Placement after = place(shape_of(1024, 3), members, before);
  EXPECT_EQ(moved(before, after), count(before).replicas.at(NodeId("n5")));
  EXPECT_LE(most(count(after).replicas), 1.05 * 3072 / 9);
}

TEST(Place, MakesASurvivingMemberPrimaryWhereThePrimaryLeaves) {
  const Placement before = place(shape_of(256, 3), members_of(10), {});
  auto members = members_of(10);
  members.erase(members.begin());
  const Placement after = place(shape_of(256, 3), members, before);
  for (std::size_t i = 0; i < 256; ++i) {
    if (before.partitions[i].front() != NodeId("n1")) continue;
    EXPECT_NE(std::ranges::find(before.partitions[i], after.partitions[i].front()), before.partitions[i].end());
  }
}

TEST(Place, SpreadsEveryPartitionOverThreeZones) {
  const auto members = members_of(10, {"a", "b", "c"});
  std::map<NodeId, std::string> zone_of;
  for (const auto& member : members) zone_of[member.id] = member.zone;
  for (const auto& nodes : place(shape_of(1024, 3), members, {}).partitions) {
    std::set<std::string> zones;
    for (const NodeId& node : nodes) zones.insert(zone_of[node]);
    ASSERT_EQ(zones.size(), 3u);
  }
}

TEST(Place, MovesReplicasToAZoneThatAppears) {
  const Placement before = place(shape_of(64, 2), members_of(4, {"a"}), {});
  auto members = members_of(4, {"a"});
  members.push_back({NodeId("n5"), "b", 1.0});
  const Placement after = place(shape_of(64, 2), members, before);
  EXPECT_EQ(count(after).replicas.at(NodeId("n5")), 64);
  EXPECT_EQ(moved(before, after), 64);
}

TEST(Place, ChangesTheNumberOfCopiesWithFewOtherMoves) {
  const auto members = members_of(10);
  const Placement two = place(shape_of(256, 2), members, {});
  const Placement three = place(shape_of(256, 3), members, two);
  EXPECT_EQ(moved(two, three), 256);
  EXPECT_LE(moved(three, place(shape_of(256, 2), members, three)), 5);  // to bring loads within bounds again
}

TEST(Place, FollowsAWeightThatIsRaised) {
  auto members = members_of(10);
  const Placement before = place(shape_of(1024, 3), members, {});
  members[0].weight = 2;
  const Placement after = place(shape_of(1024, 3), members, before);
  EXPECT_EQ(count(after).replicas.at(NodeId("n1")), 2 * 3072 / 11);
}

TEST(Place, IgnoresNonsenseInThePlacementBefore) {
  const auto members = members_of(4);
  Placement before;
  before.partitions = {{NodeId("gone")}, {NodeId("n1"), NodeId("n1"), NodeId("gone"), NodeId("n2")}, {}};
  before.partitions.resize(40);  // more than there are partitions
  const Placement after = place(shape_of(16, 2), members, before);
  ASSERT_EQ(after.partitions.size(), 16u);
  EXPECT_THAT(after.partitions[1], testing::UnorderedElementsAre(NodeId("n1"), NodeId("n2")));
}

TEST(Place, NewcomersDoNotCrowdIntoTheSamePartitions) {
  const Placement before = place(shape_of(1024, 3), members_of(20), {});
  const Placement after = place(shape_of(1024, 3), members_of(22), before);
  int together = 0;
  for (const auto& nodes : after.partitions) {
    together += std::ranges::count_if(
                    nodes, [](const NodeId& node) { return node == NodeId("n21") || node == NodeId("n22"); }) == 2;
  }
  EXPECT_LE(together, 40);  // 139 replicas each; of pairs at random about 19 would meet
}

}  // namespace
}  // namespace gyre::ring
