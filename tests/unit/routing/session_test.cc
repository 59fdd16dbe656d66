#include "routing/session.h"

#include <gtest/gtest.h>

#include "routing/options.h"
#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

constexpr PartitionId kPartition{3};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { session.set_partitions(16); }

  // `history`: of the terms behind what was seen, of whose own term something survived.
  std::optional<Lost> answer(Position position, messages::TermHistory history = {}) {
    const Position seen = session.seen(kPartition);
    const bool own = seen != Position() && !history.empty() && history.front().term > seen.term;
    if (own) history.insert(history.begin(), {seen.term, Sequence(1)});
    return session.on_answer(kPartition, seen, {position, std::move(history)});
  }
  std::optional<Lost> acknowledge(const std::string& key, Position position, Instant now = kStart) {
    messages::WriteOperation operation;
    operation.key = Bytes::copy_of(key);
    return session.on_acknowledged(now, kPartition, {{operation}}, wrote(position));
  }
  static std::vector<std::string> keys_of(const std::optional<Lost>& lost) {
    std::vector<std::string> keys;
    if (lost) {
      for (const auto& write : lost->writes) keys.push_back(write.key.str());
    }
    return keys;
  }
  using Keys = std::vector<std::string>;

  Session session;
};

TEST_F(SessionTest, SeesTheNewestOfWhatItIsShown) {
  EXPECT_EQ(session.seen(kPartition), Position());
  answer(at(1, 5), {{Term(1), Sequence(1)}});
  answer(at(1, 3));
  EXPECT_EQ(session.seen(kPartition), at(1, 5));
  EXPECT_EQ(session.seen(PartitionId(4)), Position());
  acknowledge("k", at(1, 9));
  EXPECT_EQ(session.seen(kPartition), at(1, 9));
  EXPECT_FALSE(session.take_loss(kPartition));
}

TEST_F(SessionTest, ATermThatBeganBehindWhatWasSeenLosesNothing) {
  acknowledge("k", at(1, 9));
  EXPECT_FALSE(answer(at(2, 12), {{Term(2), Sequence(10)}}));
  EXPECT_EQ(session.seen(kPartition), at(2, 12));
  EXPECT_FALSE(session.take_loss(kPartition));
}

TEST_F(SessionTest, ALaterTermThatBeganEarlierTakesBackWhatThoseBetweenHadKept) {
  acknowledge("k", at(1, 1));
  EXPECT_FALSE(answer(at(2, 2), {{Term(2), Sequence(2)}}));
  EXPECT_FALSE(answer(at(3, 9), {{Term(2), Sequence(2)}, {Term(3), Sequence(5)}}));
  const auto lost = session.on_answer(kPartition, at(3, 9), {Position(), {{Term(6), Sequence(1)}}});
  EXPECT_EQ(keys_of(lost), Keys{"k"});
}

// Everything of term 4 is gone with its disks; what was left behind in term 3 is longer than what term 4 began with.
TEST_F(SessionTest, ATermOfWhichNothingIsLeftIsLostHoweverLongTheOlderOneIs) {
  acknowledge("k", at(4, 230));
  const auto lost = session.on_answer(kPartition, at(4, 230), {at(5, 232), {{Term(5), Sequence(232)}}});
  EXPECT_EQ(keys_of(lost), Keys{"k"});
  EXPECT_TRUE(session.take_loss(kPartition));
  EXPECT_EQ(session.seen(kPartition), at(5, 232));
}

TEST_F(SessionTest, TellsWhichAcknowledgedWritesANewTermTookBackOnce) {
  acknowledge("kept", at(1, 7));
  acknowledge("lost", at(1, 8));
  acknowledge("lost too", at(1, 9));
  const auto lost = answer(at(2, 9), {{Term(2), Sequence(8)}});
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->partition, kPartition);
  EXPECT_EQ(keys_of(lost), (Keys{"lost", "lost too"}));
  EXPECT_FALSE(lost->more);
  EXPECT_FALSE(answer(at(2, 10)));
  EXPECT_FALSE(session.on_answer(kPartition, at(1, 9), {at(2, 11), {{Term(1), Sequence(1)}, {Term(2), Sequence(8)}}}));
}

TEST_F(SessionTest, GoesBackWhereWhatItSawIsLostAndSaysSoOnce) {
  answer(at(1, 9), {{Term(1), Sequence(1)}});
  EXPECT_FALSE(answer(at(1, 7), {{Term(2), Sequence(8)}})) << "it wrote nothing itself";
  EXPECT_EQ(session.seen(kPartition), at(1, 7)) << "the new term has no write yet";
  EXPECT_TRUE(session.take_loss(kPartition));
  EXPECT_FALSE(session.take_loss(kPartition));
}

TEST_F(SessionTest, AnAcknowledgementThatComesAfterTheNewsIsLostAtOnce) {
  acknowledge("early", at(1, 7));
  answer(at(2, 20), {{Term(2), Sequence(8)}});
  EXPECT_EQ(keys_of(acknowledge("late", at(1, 9))), Keys{"late"});
  EXPECT_EQ(session.seen(kPartition), at(2, 20));
  EXPECT_TRUE(session.take_loss(kPartition)) << "its caller has seen it";
}

TEST_F(SessionTest, AMemberThatKnowsOfFewerTermsTeachesNothing) {
  acknowledge("k", at(1, 9));
  session.on_answer(kPartition, at(1, 9), {at(3, 30), {{Term(2), Sequence(10)}, {Term(3), Sequence(20)}}});
  EXPECT_FALSE(session.on_answer(kPartition, at(1, 9), {at(2, 12), {{Term(2), Sequence(10)}}}));
  EXPECT_EQ(session.seen(kPartition), at(3, 30));
  EXPECT_FALSE(acknowledge("in term 2", at(2, 15)));
  EXPECT_TRUE(acknowledge("behind it", at(2, 25)));
}

TEST_F(SessionTest, ALaterTermCanTakeBackWhatAnEarlierOneKept) {
  acknowledge("a", at(1, 9));
  answer(at(2, 10), {{Term(2), Sequence(10)}});
  acknowledge("b", at(2, 11));
  EXPECT_EQ(keys_of(answer(at(3, 9), {{Term(3), Sequence(9)}})), (Keys{"a", "b"}));
}

TEST_F(SessionTest, SaysWhenMoreIsLostThanItRemembers) {
  acknowledge("old", at(1, 5));
  acknowledge("new", at(1, 9), kStart + kAcknowledgedLife + 1ms);
  const auto lost = answer(at(2, 5), {{Term(2), Sequence(5)}});
  EXPECT_EQ(keys_of(lost), Keys{"new"});
  EXPECT_TRUE(lost->more);
}

TEST_F(SessionTest, RemembersABoundedNumberOfWrites) {
  for (std::uint64_t i = 1; i <= kAcknowledgedKept + 10; ++i) acknowledge("k", at(1, i));
  const auto lost = answer(at(2, 1), {{Term(2), Sequence(1)}});
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->writes.size(), kAcknowledgedKept);
  EXPECT_TRUE(lost->more);
}

TEST_F(SessionTest, IsUnsureOfItsWritesUntilItKnowsHowTheNextTermBegan) {
  EXPECT_EQ(session.unsure(kPartition, Term(2)), nullptr);
  acknowledge("k", at(1, 9));
  EXPECT_EQ(session.unsure(kPartition, Term(1)), nullptr);
  ASSERT_NE(session.unsure(kPartition, Term(2)), nullptr);
  EXPECT_EQ(session.unsure(kPartition, Term(2))->version, at(1, 9));
  answer(at(2, 10), {{Term(2), Sequence(10)}});
  EXPECT_EQ(session.unsure(kPartition, Term(2)), nullptr);
}

TEST_F(SessionTest, IsUnsureAgainWithEveryLaterTerm) {
  acknowledge("x", at(4, 99));
  EXPECT_FALSE(answer(at(6, 99), {{Term(6), Sequence(100)}})) << "x survived the start of term 6";
  EXPECT_EQ(session.unsure(kPartition, Term(6)), nullptr);
  ASSERT_NE(session.unsure(kPartition, Term(7)), nullptr) << "term 7 may begin below";
  const Position asked = session.unsure(kPartition, Term(7))->version;
  EXPECT_EQ(asked, at(4, 99));
  EXPECT_EQ(keys_of(session.on_answer(kPartition, asked, {at(7, 98), {{Term(7), Sequence(98)}}})), Keys{"x"});
  EXPECT_EQ(session.unsure(kPartition, Term(7)), nullptr);
}

TEST_F(SessionTest, WhatSurvivedOneLossCanBeTakenBackByTheNext) {
  acknowledge("kept once", at(1, 7));
  acknowledge("lost", at(1, 9));
  EXPECT_EQ(keys_of(answer(at(2, 8), {{Term(2), Sequence(8)}})), Keys{"lost"});
  ASSERT_NE(session.unsure(kPartition, Term(3)), nullptr);
  EXPECT_EQ(session.unsure(kPartition, Term(3))->version, at(1, 7));
  EXPECT_EQ(keys_of(answer(at(3, 7), {{Term(3), Sequence(7)}})), Keys{"kept once"});
  EXPECT_EQ(session.unsure(kPartition, Term(4)), nullptr);
}

TEST_F(SessionTest, OlderWritesThatItForgotMayBeTakenBackByALaterLoss) {
  acknowledge("older", at(1, 3));
  acknowledge("old", at(1, 5));
  acknowledge("new", at(1, 9), kStart + kAcknowledgedLife + 1ms);
  EXPECT_TRUE(answer(at(2, 5), {{Term(2), Sequence(5)}})->more);
  ASSERT_NE(session.unsure(kPartition, Term(3)), nullptr);
  const auto later = answer(at(3, 3), {{Term(3), Sequence(3)}});
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->more);
  EXPECT_TRUE(later->writes.empty());
}

TEST_F(SessionTest, OlderWritesThatItForgotMayBeTakenBackAlsoWhereTheTermOfTheNewestIsGone) {
  acknowledge("older", at(1, 1));
  answer(at(2, 2), {{Term(2), Sequence(2)}});
  acknowledge("old", at(2, 5));
  acknowledge("new", at(2, 9), kStart + kAcknowledgedLife + 1ms);
  const messages::TermHistory third{{Term(3), Sequence(3)}};
  EXPECT_TRUE(session.on_answer(kPartition, at(2, 9), {at(3, 3), third})->more);
  EXPECT_FALSE(session.on_answer(kPartition, at(2, 9), {at(3, 3), third})) << "once";
  ASSERT_NE(session.unsure(kPartition, Term(4)), nullptr);
  const Position asked = session.unsure(kPartition, Term(4))->version;
  EXPECT_EQ(asked, at(1, 2));
  EXPECT_TRUE(session.on_answer(kPartition, asked, {at(4, 1), {{Term(4), Sequence(1)}}})->more);
  EXPECT_EQ(session.unsure(kPartition, Term(5)), nullptr);
}

TEST_F(SessionTest, IsSureOfAWriteThatSurvivedMoreTermsThanItKeeps) {
  acknowledge("k", at(1, 9));
  messages::TermHistory history{{Term(1), Sequence(1)}};
  const std::uint64_t newest = 2 * kTermStartsKept;
  for (std::uint64_t term = 2; term <= newest; ++term) history.push_back({Term(term), Sequence(term + 10)});
  EXPECT_FALSE(answer(at(1, 9), history));
  EXPECT_EQ(session.unsure(kPartition, Term(newest)), nullptr);
  EXPECT_NE(session.unsure(kPartition, Term(newest + 1)), nullptr);
  EXPECT_FALSE(session.take_loss(kPartition));
}

TEST_F(SessionTest, FindsALossThatManyTermsLieBehind) {
  acknowledge("k", at(1, 9));
  messages::TermHistory history{{Term(2), Sequence(9)}};
  for (std::uint64_t term = 3; term < 3 + 2 * kTermStartsKept; ++term) {
    history.push_back({Term(term), Sequence(term + 10)});
  }
  EXPECT_EQ(keys_of(answer(at(2, 9), history)), Keys{"k"});
}

// The first writes to a partition carry nothing that was seen, so their answers say nothing of terms.
TEST_F(SessionTest, IsUnsureOfAnAcknowledgementThatALaterTermHasOvertaken) {
  acknowledge("in term 2", at(2, 20));
  EXPECT_FALSE(acknowledge("in term 1", at(1, 9)));
  ASSERT_NE(session.unsure(kPartition, Term(2)), nullptr);
  const Position asked = session.unsure(kPartition, Term(2))->version;
  EXPECT_EQ(asked, at(1, 9));
  EXPECT_EQ(
      keys_of(session.on_answer(kPartition, asked, {at(2, 21), {{Term(1), Sequence(1)}, {Term(2), Sequence(8)}}})),
      Keys{"in term 1"});
  EXPECT_EQ(session.unsure(kPartition, Term(2)), nullptr);
}

TEST_F(SessionTest, IsUnsureOfItsWritesWhereATokenOrAResetLeftAGapInWhatItKnows) {
  const auto cluster = Uuid::from_words(7, 7);
  for (const bool by_token : {true, false}) {
    session = {};
    session.set_partitions(16);
    acknowledge("k", at(1, 9));
    session.reset();
    if (by_token) {
      ASSERT_TRUE(session.resume(cluster, {cluster, {{kPartition, at(3, 30)}}}));
    }
    acknowledge("later", at(3, 31));
    ASSERT_NE(session.unsure(kPartition, Term(3)), nullptr);
    EXPECT_FALSE(answer(at(4, 40), {{Term(4), Sequence(40)}})) << "term 2 is still unknown";
    ASSERT_NE(session.unsure(kPartition, Term(4)), nullptr);
    const messages::TermHistory history{
        {Term(1), Sequence(1)}, {Term(2), Sequence(5)}, {Term(3), Sequence(20)}, {Term(4), Sequence(40)}};
    EXPECT_EQ(keys_of(session.on_answer(kPartition, at(1, 9), {at(4, 41), history})), Keys{"k"});
    EXPECT_EQ(session.unsure(kPartition, Term(4)), nullptr);
  }
}

TEST_F(SessionTest, ATokenCarriesWhatWasSeenToAnotherSession) {
  const auto cluster = Uuid::from_words(7, 7);
  acknowledge("k", at(1, 9));
  Session other;
  other.set_partitions(16);
  ASSERT_TRUE(other.resume(cluster, session.token(cluster)));
  EXPECT_EQ(other.seen(kPartition), at(1, 9));
  EXPECT_EQ(other.resume(Uuid::from_words(8, 8), session.token(cluster)).error().code, ErrorCode::wrong_cluster);
  Session smaller;
  smaller.set_partitions(2);
  EXPECT_EQ(smaller.resume(cluster, session.token(cluster)).error().code, ErrorCode::invalid_argument);
}

TEST_F(SessionTest, ATokenPassesOnALossThatNobodyWasTold) {
  const auto cluster = Uuid::from_words(7, 7);
  acknowledge("k", at(1, 9));
  answer(at(2, 8), {{Term(2), Sequence(8)}});
  EXPECT_EQ(session.token(cluster).seen.at(0).position, at(1, 9));
  ASSERT_TRUE(session.take_loss(kPartition));
  EXPECT_EQ(session.token(cluster).seen.at(0).position, at(2, 8));
}

TEST_F(SessionTest, AfterAResetItHasSeenNothingButStillKnowsItsWrites) {
  acknowledge("k", at(1, 9));
  session.reset();
  EXPECT_EQ(session.seen(kPartition), Position());
  EXPECT_EQ(keys_of(answer(at(2, 8), {{Term(1), Sequence(1)}, {Term(2), Sequence(8)}})), Keys{"k"});
  EXPECT_FALSE(session.take_loss(kPartition));
}

}  // namespace
}  // namespace gyre::routing::testing
