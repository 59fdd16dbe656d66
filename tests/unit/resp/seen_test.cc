#include "resp/seen.h"

#include <gtest/gtest.h>

namespace gyre::resp {
namespace {

constexpr PartitionId kPartition{3};

Position at(std::uint64_t term, std::uint64_t sequence) { return {Term(term), Sequence(sequence)}; }

ClusterId cluster(std::uint64_t name = 1) { return Uuid::from_words(name, name); }

TEST(Seen, GrowsWithWhatAnswersShow) {
  Seen seen;
  EXPECT_EQ(seen.of(kPartition), Position());
  seen.on_answer(kPartition, {}, {at(1, 5), {}});
  seen.on_answer(kPartition, {}, {at(1, 4), {}});
  EXPECT_EQ(seen.of(kPartition), at(1, 5));
  EXPECT_EQ(seen.of(PartitionId(4)), Position());
  EXPECT_FALSE(seen.take_loss(kPartition));
}

TEST(Seen, ALaterTermThatKeptItIsNoLoss) {
  Seen seen;
  seen.on_answer(kPartition, {}, {at(1, 5), {}});
  seen.on_answer(kPartition, at(1, 5), {at(2, 9), {{Term(1), Sequence(1)}, {Term(2), Sequence(6)}}});
  EXPECT_EQ(seen.of(kPartition), at(2, 9));
  EXPECT_FALSE(seen.take_loss(kPartition));
}

TEST(Seen, WhatALaterTermLacksIsLostAndToldOnce) {
  const messages::TermHistory cut_off{{Term(1), Sequence(1)}, {Term(2), Sequence(4)}};
  const messages::TermHistory nothing_survived{{Term(2), Sequence(1)}};
  for (const auto& history : {cut_off, nothing_survived}) {
    Seen seen;
    seen.on_answer(kPartition, {}, {at(1, 5), {}});
    seen.on_answer(kPartition, at(1, 5), {at(2, 7), history});
    EXPECT_EQ(seen.of(kPartition), at(2, 7)) << "it goes on from what survived";
    EXPECT_TRUE(seen.take_loss(kPartition));
    EXPECT_FALSE(seen.take_loss(kPartition));
  }
}

TEST(Seen, AfterARefusalThePrimarySaysWhatSurvived) {
  Seen seen;
  seen.on_answer(kPartition, {}, {at(1, 5), {}});
  seen.on_lost(kPartition, at(1, 5));
  EXPECT_TRUE(seen.asks_primary(kPartition));
  EXPECT_TRUE(seen.take_loss(kPartition)) << "whoever passes the refusal on";
  seen.on_answer(kPartition, {}, {at(2, 3), {}});
  EXPECT_EQ(seen.of(kPartition), at(2, 3));
  EXPECT_FALSE(seen.asks_primary(kPartition));
  seen.on_lost(kPartition, at(1, 5));  // of an earlier request
  EXPECT_EQ(seen.of(kPartition), at(2, 3)) << "what survived stays";
}

// A request that had left before anything was seen brings a later term and nothing of how it began.
TEST(Seen, ALaterTermWithoutAHistoryIsThePrimarysToTell) {
  Seen seen;
  seen.on_answer(kPartition, {}, {at(3, 100), {}});
  seen.on_answer(kPartition, {}, {at(5, 90), {}});
  EXPECT_EQ(seen.of(kPartition), at(3, 100));
  EXPECT_TRUE(seen.asks_primary(kPartition));
  seen.on_answer(kPartition, at(3, 100), {at(5, 91), {{Term(3), Sequence(1)}, {Term(5), Sequence(81)}}});
  EXPECT_TRUE(seen.take_loss(kPartition));
  EXPECT_EQ(seen.of(kPartition), at(5, 91));
}

TEST(Seen, ATokenCarriesItToAnotherConnection) {
  Seen seen;
  seen.on_answer(kPartition, {}, {at(1, 5), {}});
  Seen other;
  other.on_answer(kPartition, {}, {at(1, 2), {}});
  other.on_answer(PartitionId(7), {}, {at(1, 9), {}});
  ASSERT_TRUE(other.resume(cluster(), 16, seen.token(cluster())));
  EXPECT_EQ(other.of(kPartition), at(1, 5));
  EXPECT_EQ(other.of(PartitionId(7)), at(1, 9));
  EXPECT_EQ(other.resume(cluster(2), 16, seen.token(cluster())).error().code, ErrorCode::wrong_cluster);
  EXPECT_EQ(other.resume(cluster(), 2, seen.token(cluster())).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(other.resume(cluster(), 16, "gs1.nonsense").error().code, ErrorCode::invalid_argument);
}

TEST(Seen, ATokenTellsAnotherConnectionOfALossThatWasNotTold) {
  Seen seen;
  seen.on_answer(kPartition, {}, {at(1, 5), {}});
  seen.on_answer(kPartition, at(1, 5), {at(2, 4), {{Term(2), Sequence(2)}}});
  Seen other;
  ASSERT_TRUE(other.resume(cluster(), 16, seen.token(cluster())));
  EXPECT_EQ(other.of(kPartition), at(1, 5)) << "a member will say that it is lost";
}

}  // namespace
}  // namespace gyre::resp
