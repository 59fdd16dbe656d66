#include "routing/session.h"

#include <gtest/gtest.h>

#include "routing/options.h"
#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

constexpr PartitionId kPartition{3};
constexpr Instant kStart{1h};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { session.set_partitions(16); }

  std::optional<Lost> answer(Position position, messages::TermHistory history = {}) {
    return session.on_answer(kPartition, session.seen(kPartition), {position, std::move(history)});
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
  EXPECT_FALSE(session.on_answer(kPartition, at(1, 9), {at(2, 11), {{Term(2), Sequence(8)}}}));
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
