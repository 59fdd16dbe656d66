#include "control/liveness.h"

#include <gtest/gtest.h>

#include "control/timing.h"

namespace gyre::control {
namespace {

constexpr Instant kStart{std::chrono::seconds(100)};
const NodeId kNode("n1");

TEST(Liveness, ANodeNeverHeardIsDownWithoutASilence) {
  Liveness liveness;
  const messages::NodeStatus status = liveness.status(kNode, kStart);
  EXPECT_FALSE(status.up);
  EXPECT_EQ(status.silent_ms, -1);
  EXPECT_EQ(liveness.next_expiry(), kNever);
}

TEST(Liveness, ANodeIsUpFromItsFirstHeartbeatUntilItWasSilentForTheDetectionTime) {
  Liveness liveness;
  EXPECT_TRUE(liveness.heard(kNode, kStart));
  EXPECT_FALSE(liveness.heard(kNode, kStart + kHeartbeatInterval)) << "it was up already";
  const Instant limit = kStart + kHeartbeatInterval + kDetection;
  EXPECT_EQ(liveness.next_expiry(), limit);
  EXPECT_TRUE(liveness.expire(limit - Duration(1)).empty());
  EXPECT_TRUE(liveness.up(kNode));
  EXPECT_EQ(liveness.expire(limit), std::vector{kNode});
  EXPECT_FALSE(liveness.up(kNode));
  EXPECT_EQ(liveness.status(kNode, limit).silent_ms, to_ms(kDetection));
}

TEST(Liveness, ADownNodeIsNamedOnceAndComesBackWhenHeard) {
  Liveness liveness;
  liveness.heard(kNode, kStart);
  EXPECT_EQ(liveness.expire(kStart + kDetection).size(), 1u);
  EXPECT_TRUE(liveness.expire(kStart + 2 * kDetection).empty());
  EXPECT_EQ(liveness.until_down(kNode, kStart + kDetection), Duration{0});
  EXPECT_TRUE(liveness.heard(kNode, kStart + 2 * kDetection));
  EXPECT_EQ(liveness.until_down(kNode, kStart + 2 * kDetection), kDetection);
}

}  // namespace
}  // namespace gyre::control
