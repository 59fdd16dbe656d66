#include "control/operator_promotion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_cluster.h"

namespace gyre::control {
namespace {

using messages::PromoteRequest;
using messages::PromoteResponse;
using testing::HasSubstr;
using Names = std::vector<std::string>;

class OperatorPromotion : public testing::Test {
 protected:
  OperatorPromotion() { c.run(kTiming.heartbeat); }

  // Partition 0 has only its primary in sync; the others are alive.
  void leave_alone() {
    alone = c.primary();
    messages::SetInSync release = c.in_sync_request(0, {alone});
    release.release = true;
    c.send(alone, release);
    ASSERT_EQ(c.in_sync(), Names{alone});
  }
  AnswerToken promote(PromoteRequest request) {
    const AnswerToken token = c.h.request(request);
    c.deliver();
    return token;
  }
  void expect_refused(const PromoteRequest& request, const std::string& because) {
    const AnswerToken token = promote(request);
    ASSERT_TRUE(c.h.answered(token));
    EXPECT_THAT(c.h.error(token).message, HasSubstr(because));
  }

  static constexpr PartitionId kPartition{0};
  ScriptedCluster c;
  std::string alone;
};

TEST_F(OperatorPromotion, AMemberOutOfSyncTakesOverFromAPrimarySaidToBeStopped) {
  leave_alone();
  const std::string learner = c.other(0, 0);
  c.silence(alone);
  c.run(2 * kTiming.detection);
  ASSERT_EQ(c.primary(), alone);
  const AnswerToken token = promote({NodeId(learner), {}, true, {NodeId(alone)}});
  ASSERT_TRUE(c.h.answered(token));
  EXPECT_EQ(c.h.answer<PromoteResponse>(token).partitions, std::vector{kPartition});
  EXPECT_EQ(c.primary(), learner);
  EXPECT_EQ(c.in_sync(), Names{learner});
  EXPECT_EQ(c.entry().deposed.size(), 1u);
}

TEST_F(OperatorPromotion, AProofOfDeathIsAsGoodAsTheOperatorsWord) {
  leave_alone();
  c.kill(alone);
  const AnswerToken token = promote({NodeId(c.other(0, 0)), {kPartition}, true, {}});
  EXPECT_EQ(c.h.answer<PromoteResponse>(token).partitions.size(), 1u);
}

TEST_F(OperatorPromotion, IsRefusedWithASentenceThatSaysWhatToDo) {
  leave_alone();
  const std::string learner = c.other(0, 0);
  expect_refused({NodeId("n9"), {}, true, {}}, "no node n9");
  expect_refused({NodeId(learner), {PartitionId(99)}, true, {}}, "no partition 99");
  expect_refused({NodeId(learner), {kPartition}, false, {}}, "ask for an unclean promotion");
  expect_refused({NodeId(learner), {kPartition}, true, {}}, "is in sync with partition 0 and alive");
  expect_refused({NodeId(learner), {}, true, {}}, "has a primary able to serve");
  c.silence(alone);
  c.run(2 * kTiming.detection);
  expect_refused({NodeId(learner), {kPartition}, true, {}}, "name it as stopped");
  c.silence(learner);
  c.run(2 * kTiming.detection);
  expect_refused({NodeId(learner), {kPartition}, true, {NodeId(alone)}}, "is not up");
  EXPECT_EQ(c.primary(), alone);
}

TEST_F(OperatorPromotion, AMemberInSyncIsGivenThePartitionByItsLivingPrimary) {
  const std::string wanted = c.other(0, 0);
  const AnswerToken token = promote({NodeId(wanted), {kPartition}, false, {}});
  EXPECT_FALSE(c.h.answered(token));
  ASSERT_FALSE(c.orders.empty());
  EXPECT_EQ(c.orders[0].second.node, NodeId(wanted));
  c.send(c.primary(), messages::HandedOver{kPartition, Term(1), NodeId(wanted)});
  EXPECT_EQ(c.h.answer<PromoteResponse>(token).partitions, std::vector{kPartition});
}

TEST_F(OperatorPromotion, WhatIsPrimaryAlreadyIsNoWork) {
  const AnswerToken token = promote({NodeId(c.primary()), {kPartition}, false, {}});
  EXPECT_TRUE(c.h.answer<PromoteResponse>(token).partitions.empty());
}

TEST_F(OperatorPromotion, IsAnsweredWithAnErrorWhenItTakesTooLong) {
  leave_alone();
  const std::string learner = c.other(0, 0);
  c.silence(alone);
  c.run(2 * kTiming.detection);
  c.node[learner].seals = false;
  const AnswerToken token = promote({NodeId(learner), {kPartition}, true, {NodeId(alone)}});
  c.run(kPromotionPatience + kTiming.heartbeat);
  EXPECT_EQ(c.h.error(token).code, ErrorCode::unavailable);
  // The choice is taken back, but a seal always ends in a new term: of the old primary, when it returns.
  c.node[alone].up = true;
  c.run(2 * kTiming.detection);
  EXPECT_EQ(c.primary(), alone);
  EXPECT_EQ(c.entry().term, Term(2));
}

}  // namespace
}  // namespace gyre::control
