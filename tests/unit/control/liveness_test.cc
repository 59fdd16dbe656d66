#include "control/liveness.h"

#include <gtest/gtest.h>

#include "support.h"

namespace gyre::control {
namespace {

const NodeId kNode("n1");

ring::NodeInfo info() {
  ring::NodeInfo node;
  node.id = kNode;
  node.incarnation = Incarnation(3);
  return node;
}

TEST(Liveness, ANodeNeverHeardIsDownWithoutASilence) {
  Liveness liveness(kTiming, kStart);
  const messages::NodeStatus status = liveness.status(kNode, kStart);
  EXPECT_FALSE(status.up);
  EXPECT_EQ(status.silent_ms, -1);
  EXPECT_EQ(liveness.next_expiry(), kNever);
}

TEST(Liveness, ANodeIsUpFromItsFirstHeartbeatUntilItWasSilentForTheDetectionTime) {
  Liveness liveness(kTiming, kStart);
  EXPECT_TRUE(liveness.heard(kNode, kStart));
  EXPECT_FALSE(liveness.heard(kNode, kStart + kTiming.heartbeat)) << "it was up already";
  const Instant limit = kStart + kTiming.heartbeat + kTiming.detection;
  EXPECT_EQ(liveness.next_expiry(), limit);
  EXPECT_TRUE(liveness.expire(limit - Duration(1)).empty());
  EXPECT_TRUE(liveness.up(kNode));
  EXPECT_EQ(liveness.expire(limit), std::vector{kNode});
  EXPECT_FALSE(liveness.up(kNode));
  EXPECT_EQ(liveness.status(kNode, limit).silent_ms, to_ms(kTiming.detection));
}

TEST(Liveness, ADownNodeIsNamedOnceAndComesBackWhenHeard) {
  Liveness liveness(kTiming, kStart);
  liveness.heard(kNode, kStart);
  EXPECT_EQ(liveness.expire(kStart + kTiming.detection).size(), 1u);
  EXPECT_TRUE(liveness.expire(kStart + 2 * kTiming.detection).empty());
  EXPECT_EQ(liveness.until_down(kNode, kStart + kTiming.detection), Duration{0});
  EXPECT_TRUE(liveness.heard(kNode, kStart + 2 * kTiming.detection));
  EXPECT_EQ(liveness.until_down(kNode, kStart + 2 * kTiming.detection), kTiming.detection);
}

TEST(Liveness, SilenceCountsOnlyWhileThisProcessWasRunning) {
  Liveness liveness(kTiming, kStart);
  EXPECT_FALSE(liveness.silent(kNode, kStart)) << "it has just begun to listen";
  EXPECT_TRUE(liveness.silent(kNode, kStart + kTiming.detection));
  liveness.heard(kNode, kStart + kTiming.detection);
  const Instant woken = kStart + 10 * kTiming.detection;
  liveness.on_woken(woken);
  EXPECT_FALSE(liveness.silent(kNode, woken));
  EXPECT_TRUE(liveness.expire(woken).empty());
  EXPECT_TRUE(liveness.silent(kNode, woken + kTiming.detection));
}

TEST(Liveness, CountsHowLongANodeIsSilentWhileThisProcessIsAwake) {
  Liveness liveness(kTiming, kStart);
  EXPECT_EQ(liveness.silence(kNode, kStart + kTiming.detection), kTiming.detection) << "never heard";
  liveness.heard(kNode, kStart);
  EXPECT_EQ(liveness.silence(kNode, kStart + 9 * kTiming.detection), Duration(0)) << "not yet taken for down";
  liveness.expire(kStart + kTiming.detection);
  EXPECT_EQ(liveness.silence(kNode, kStart + 9 * kTiming.detection), 9 * kTiming.detection);
  liveness.on_woken(kStart + 8 * kTiming.detection);
  EXPECT_EQ(liveness.silence(kNode, kStart + 9 * kTiming.detection), kTiming.detection);
}

TEST(Liveness, AForgottenNodeIsNeverNamed) {
  Liveness liveness(kTiming, kStart);
  liveness.heard(kNode, kStart);
  liveness.on_refused(kNode, Incarnation(3), kStart);
  liveness.forget(kNode);
  EXPECT_FALSE(liveness.up(kNode));
  EXPECT_FALSE(liveness.dead(kNode, Incarnation(3)));
  EXPECT_TRUE(liveness.expire(kStart + kTiming.detection).empty());
}

TEST(Liveness, AProofOfDeathIsForOneProcess) {
  Liveness liveness(kTiming, kStart);
  liveness.heard(kNode, kStart);
  liveness.on_refused(kNode, Incarnation(3), kStart);
  EXPECT_TRUE(liveness.dead(kNode, Incarnation(3)));
  EXPECT_FALSE(liveness.dead(kNode, Incarnation(4)));
  EXPECT_FALSE(liveness.well(info()));
}

TEST(Liveness, AProcessThatIsHeardLongAfterTheProofIsAliveButNotOneWhoseLastWordsWereLate) {
  Liveness liveness(kTiming, kStart);
  liveness.on_refused(kNode, Incarnation(3), kStart);
  liveness.heard(kNode, kStart + kTiming.heartbeat);
  EXPECT_TRUE(liveness.dead(kNode, Incarnation(3)));
  liveness.heard(kNode, kStart + 3 * kTiming.heartbeat);
  EXPECT_FALSE(liveness.dead(kNode, Incarnation(3)));
}

TEST(Liveness, UpSinceIsTheBeginningOfThePresentSpell) {
  Liveness liveness(kTiming, kStart);
  EXPECT_EQ(liveness.up_since(kNode), kNever);
  liveness.heard(kNode, kStart);
  liveness.heard(kNode, kStart + kTiming.heartbeat);
  EXPECT_EQ(liveness.up_since(kNode), kStart);
  const Instant later = kStart + 3 * kTiming.detection;
  liveness.expire(later);
  EXPECT_EQ(liveness.up_since(kNode), kNever);
  liveness.heard(kNode, later);
  EXPECT_EQ(liveness.up_since(kNode), later);
}

}  // namespace
}  // namespace gyre::control
