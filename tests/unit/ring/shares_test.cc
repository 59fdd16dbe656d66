#include "ring/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::ring {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

ShareInput input(std::uint32_t partitions, std::uint32_t copies, std::vector<double> weights,
                 std::vector<std::uint32_t> zone) {
  ShareInput made;
  made.partitions = partitions;
  made.copies = copies;
  made.zones = *std::ranges::max_element(zone) + 1;
  made.weights = std::move(weights);
  made.zone = std::move(zone);
  return made;
}

auto near(double x) { return DoubleNear(x, 1e-6); }

TEST(ReplicaShares, FollowWeights) {
  EXPECT_THAT(replica_shares(input(100, 2, {1, 1, 2, 1}, {0, 1, 2, 3})),
              ElementsAre(near(40), near(40), near(80), near(40)));
}

TEST(ReplicaShares, AreNeverMoreThanAllPartitions) {
  EXPECT_THAT(replica_shares(input(100, 2, {10, 1, 1, 2}, {0, 1, 2, 3})),
              ElementsAre(near(100), near(25), near(25), near(50)));
  // What is left over for the third is again too much for the second.
  EXPECT_THAT(replica_shares(input(100, 3, {100, 10, 1, 1}, {0, 1, 2, 3})),
              ElementsAre(near(100), near(100), near(50), near(50)));
}

TEST(ReplicaShares, GiveNoZoneMoreThanOneCopyWhereThereAreEnoughZones) {
  EXPECT_THAT(replica_shares(input(100, 2, {1, 1, 1, 1}, {0, 0, 0, 1})),
              ElementsAre(near(100.0 / 3), near(100.0 / 3), near(100.0 / 3), near(100)));
  EXPECT_THAT(replica_shares(input(90, 2, {1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 1, 2})),
              ElementsAre(near(22.5), near(22.5), near(22.5), near(22.5), near(45), near(45)));
}

TEST(ReplicaShares, GiveEveryZoneACopyWhereThereAreFewerZones) {
  EXPECT_THAT(replica_shares(input(100, 3, {1, 1, 1, 1, 1}, {0, 0, 0, 0, 1})),
              ElementsAre(near(50), near(50), near(50), near(50), near(100)));
}

TEST(PrimaryShares, FollowWeightsAlone) {
  EXPECT_THAT(primary_shares(input(100, 2, {3, 1, 1}, {0, 1, 1})), ElementsAre(near(60), near(20), near(20)));
}

TEST(Bounds, AllowTheSlackAboveTheShare) {
  const Bounds bounds(307.2, 0.05, 1024);
  EXPECT_EQ(bounds.upper, 322u);
  EXPECT_EQ(bounds.lower, 292u);
  EXPECT_EQ(bounds.share_down, 307u);
  EXPECT_EQ(bounds.share_up, 308u);
}

TEST(Bounds, RoundSmallSharesUpAndDown) {
  const Bounds bounds(1.5, 0.05, 8);
  EXPECT_EQ(bounds.upper, 2u);
  EXPECT_EQ(bounds.lower, 1u);
}

TEST(Bounds, NeverExceedTheNumberOfPartitions) { EXPECT_EQ(Bounds(100, 0.05, 100).upper, 100u); }

TEST(Bounds, TakeRoundingErrorsForWhatTheyAre) {
  const Bounds bounds(3 * (0.1 + 0.2) / 0.9, 0.0, 8);
  EXPECT_EQ(bounds.lower, 1u);
  EXPECT_EQ(bounds.upper, 1u);
}

}  // namespace
}  // namespace gyre::ring
