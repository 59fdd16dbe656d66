#include "routing/retry.h"

#include <gtest/gtest.h>

#include "routing/options.h"

namespace gyre::routing {
namespace {

Error error(ErrorCode code, Outcome outcome) { return Error{code, outcome, "", {}}; }

TEST(Judge, AWriteOfUnknownOutcomeIsMadeAgainUnlessItsTimeIsOver) {
  for (int number = 0; number < 128; ++number) {
    const ErrorCode code = error_code_of(static_cast<std::uint16_t>(number));
    const bool final = judge(error(code, Outcome::unknown), true) == Verdict::final;
    EXPECT_EQ(final, code == ErrorCode::timeout) << to_string(code);
  }
  EXPECT_EQ(judge(error(ErrorCode::outcome_unknown, Outcome::unknown), false), Verdict::reroute);
}

TEST(Judge, WhatMayLastIsNotWaitedForAsLongAsWhatPasses) {
  EXPECT_EQ(judge(error(ErrorCode::no_replicas, Outcome::not_applied), true), Verdict::linger);
  EXPECT_EQ(judge(error(ErrorCode::storage_failed, Outcome::not_applied), true), Verdict::linger);
}

TEST(Judge, AnotherMemberMayServeWhatIsOneMembersTrouble) {
  for (const ErrorCode code : {ErrorCode::behind, ErrorCode::corrupt, ErrorCode::storage_failed, ErrorCode::busy,
                               ErrorCode::unavailable, ErrorCode::not_primary}) {
    EXPECT_TRUE(another_may_serve(error(code, Outcome::not_applied))) << to_string(code);
  }
  for (const ErrorCode code : {ErrorCode::session_lost, ErrorCode::invalid_argument, ErrorCode::wrong_cluster}) {
    EXPECT_FALSE(another_may_serve(error(code, Outcome::not_applied))) << to_string(code);
  }
}

TEST(Judge, FollowsTheGroupsOfTheErrorCodes) {
  for (const bool write : {false, true}) {
    EXPECT_EQ(judge(error(ErrorCode::not_primary, Outcome::not_applied), write), Verdict::reroute);
    EXPECT_EQ(judge(error(ErrorCode::unavailable, Outcome::not_applied), write), Verdict::reroute);
    EXPECT_EQ(judge(error(ErrorCode::busy, Outcome::not_applied), write), Verdict::wait);
    EXPECT_EQ(judge(error(ErrorCode::not_found, Outcome::not_applied), write), Verdict::final);
    EXPECT_EQ(judge(error(ErrorCode::invalid_argument, Outcome::not_applied), write), Verdict::final);
  }
}

TEST(Backoff, DoublesWithJitterUpToABound) {
  Rng rng(3);
  for (std::uint32_t attempt = 0; attempt < 100; ++attempt) {
    const Duration whole = attempt < 7 ? std::min<Duration>(kBackoffFirst * (1L << attempt), kBackoffMax) : kBackoffMax;
    const Duration pause = backoff(attempt, rng);
    EXPECT_GE(pause, whole / 2);
    EXPECT_LE(pause, whole);
  }
}

TEST(RetryBudget, IsFedByCallsAndNeverExceedsItsBucket) {
  RetryBudget budget(0.5);
  int taken = 0;
  while (budget.take()) ++taken;
  EXPECT_EQ(taken, static_cast<int>(kRetryTokensMax));
  budget.on_call();
  EXPECT_FALSE(budget.take());
  budget.on_call();
  EXPECT_TRUE(budget.take());
  for (int i = 0; i < 10'000; ++i) budget.on_call();
  taken = 0;
  while (budget.take()) ++taken;
  EXPECT_EQ(taken, static_cast<int>(kRetryTokensMax));
}

TEST(RetryBudget, ZeroAllowsNoRetry) {
  RetryBudget budget(0);
  budget.on_call();
  EXPECT_FALSE(budget.take());
}

}  // namespace
}  // namespace gyre::routing
