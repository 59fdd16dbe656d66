#include "ring/ring.h"

#include <string>

#include <gtest/gtest.h>

namespace gyre::ring {
namespace {

PartitionId partition(int i) { return PartitionId(static_cast<std::uint16_t>(i)); }

std::vector<NodeIndex> walk(const Ring& ring, std::uint64_t from) {
  std::vector<NodeIndex> met;
  ring.find(from, [&](NodeIndex node) {
    met.push_back(node);
    return false;
  });
  return met;
}

TEST(Ring, MeetsEveryNodeOnceAndThenGivesUp) {
  const Ring ring({{"a", 1}, {"b", 1}, {"c", 1}}, 16);
  for (int i = 0; i < 100; ++i) {
    auto met = walk(ring, Ring::point_of(partition(i)));
    std::ranges::sort(met);
    EXPECT_EQ(met, (std::vector<NodeIndex>{0, 1, 2}));
  }
}

TEST(Ring, WrapsAroundAtTheLastPoint) {
  const Ring ring({{"a", 1}, {"b", 1}}, 1);
  EXPECT_EQ(walk(ring, UINT64_MAX), walk(ring, 0));
}

TEST(Ring, StopsAtTheFirstNodeWanted) {
  const Ring ring({{"a", 1}, {"b", 1}, {"c", 1}}, 16);
  const auto order = walk(ring, 12345);
  EXPECT_EQ(ring.find(12345, [&](NodeIndex node) { return node == order[1]; }), order[1]);
}

TEST(Ring, AnotherNodeDoesNotReorderTheOthers) {
  const Ring before({{"a", 1}, {"b", 1}, {"c", 1}}, 32);
  const Ring after({{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}, 32);
  for (int i = 0; i < 200; ++i) {
    auto met = walk(after, Ring::point_of(partition(i)));
    std::erase(met, NodeIndex{3});
    EXPECT_EQ(met, walk(before, Ring::point_of(partition(i))));
  }
}

TEST(Ring, GivesANodeOfTwiceTheWeightTwiceAsMuch) {
  const Ring ring({{"light", 1}, {"heavy", 2}}, 1024);
  int heavy = 0;
  for (int i = 0; i < 16384; ++i) heavy += walk(ring, Ring::point_of(partition(i))).front() == 1;
  EXPECT_NEAR(heavy / 16384.0, 2.0 / 3, 0.03);
}

TEST(Ring, GivesEvenTheLightestNodeAPoint) {
  const Ring ring({{"light", 1e-6}, {"heavy", 1000}}, 4096);  // more points than the ring takes: scaled down
  EXPECT_EQ(walk(ring, 7).size(), 2u);
}

}  // namespace
}  // namespace gyre::ring
