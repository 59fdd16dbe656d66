#include "replication/grants.h"

#include <chrono>

#include <gtest/gtest.h>

#include "tests/unit/replication/support.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLease = 2s;
constexpr Instant kLater = kStart + 10s;  // the leases of the start have run out

Grants::Grantee primary(const char* node, std::uint64_t term, std::uint64_t incarnation = 1) {
  return {NodeId(node), Incarnation(incarnation), Term(term)};
}

TEST(Grants, AStartCountsAsALeaseToEveryEarlierPrimary) {
  const Grants grants(kStart, kLease, Term(0));
  EXPECT_EQ(grants.free_at(Term(7)), kStart + kLease);
  EXPECT_EQ(grants.left(kStart + 500ms), 1500ms);
  EXPECT_EQ(grants.left(kLater), 0ms);
}

TEST(Grants, TheFirstTermOfAllWaitsForNobody) { EXPECT_LE(Grants(kStart, kLease, Term(0)).free_at(Term(1)), kStart); }

TEST(Grants, WhoServedATermWaitsForNobodyBeforeIt) {
  const Grants grants(kStart, kLease, Term(6));
  EXPECT_LE(grants.free_at(Term(7)), kStart);
  EXPECT_EQ(grants.free_at(Term(8)), kStart + kLease) << "somebody else may have been primary in term 7";
}

TEST(Grants, ALeaseCountsFromTheLastTimeItWasGiven) {
  Grants grants(kStart, kLease, Term(0));
  grants.give(primary("a", 1), kLater);
  grants.give(primary("a", 1), kLater + 1s);
  EXPECT_EQ(grants.free_at(Term(2)), kLater + 1s + kLease);
  EXPECT_EQ(grants.left(kLater + 2s), 1s);
  EXPECT_LE(grants.free_at(Term(1)), kStart + kLease) << "its own term does not stand in its way";
}

TEST(Grants, LeasesToAllEarlierPrimariesAreWaitedFor) {
  Grants grants(kStart, kLease, Term(0));
  grants.give(primary("a", 1), kLater + 1s);
  grants.give(primary("b", 2), kLater);
  EXPECT_EQ(grants.free_at(Term(3)), kLater + 1s + kLease);
}

TEST(Grants, APrimaryThatGaveUpIsNotWaitedFor) {
  Grants grants(kStart, kLease, Term(0));
  grants.give(primary("a", 1), kLater);
  grants.on_given_up(NodeId("a"), Term(1));
  EXPECT_LE(grants.free_at(Term(2)), kLater);
  grants.give(primary("a", 1), kLater);  // a late append
  EXPECT_LE(grants.free_at(Term(2)), kLater);
  grants.give(primary("a", 2), kLater + 1s);
  EXPECT_EQ(grants.free_at(Term(3)), kLater + 1s + kLease) << "it gave up another term";
}

// PROTOCOL.md section 13, scenario 2.
TEST(Grants, AProofOfDeathEndsNoLeaseToAnEarlierPrimary) {
  const auto free_at = [](BrokenRule broken) {
    Grants grants(kStart, kLease, Term(0), broken);
    grants.give(primary("a", 1), kLater);
    grants.on_dead(NodeId("b"), Incarnation(1));  // the primary of term 2, which never served
    return grants.free_at(Term(3));
  };
  EXPECT_EQ(free_at(BrokenRule::none), kLater + kLease);
  EXPECT_LE(free_at(BrokenRule::proof_is_for_one_primary), kLater);
}

// PROTOCOL.md section 13, scenario 3.
TEST(Grants, AProofOfDeathDoesNotCountAgainstALaterProcess) {
  const auto free_at = [](BrokenRule broken) {
    Grants grants(kStart, kLease, Term(0), broken);
    grants.give(primary("a", 1, 1), kLater);
    grants.on_dead(NodeId("a"), Incarnation(1));
    EXPECT_LE(grants.free_at(Term(2)), kLater);
    grants.give(primary("a", 2, 2), kLater);
    grants.on_dead(NodeId("a"), Incarnation(1));
    return grants.free_at(Term(3));
  };
  EXPECT_EQ(free_at(BrokenRule::none), kLater + kLease);
  EXPECT_LE(free_at(BrokenRule::proof_names_incarnation), kLater);
}

TEST(Grants, ALaterProofCoversEarlierProcessesToo) {
  Grants grants(kStart, kLease, Term(0));
  grants.give(primary("a", 1, 1), kLater);
  grants.on_dead(NodeId("a"), Incarnation(2));
  EXPECT_LE(grants.free_at(Term(2)), kLater);
}

// PROTOCOL.md section 13, scenario 1: whoever does not serve says nothing about those before it.
TEST(Grants, OnlyAPrimaryThatServesShowsThatEarlierOnesAreOver) {
  Grants grants(kStart, kLease, Term(0));
  grants.give(primary("a", 1), kLater);
  grants.give(primary("b", 2), kLater);
  grants.on_dead(NodeId("b"), Incarnation(1));
  EXPECT_EQ(grants.free_at(Term(3)), kLater + kLease);
  grants.on_heard_serving(Term(2));
  EXPECT_LE(grants.free_at(Term(3)), kLater);
}

TEST(Grants, AHandoffSoonAfterAStartWaitsForNobody) {
  Grants grants(kStart, kLease, Term(0));
  grants.give(primary("a", 5), kStart + 100ms);
  grants.on_heard_serving(Term(5));
  EXPECT_EQ(grants.free_at(Term(6)), kStart + 100ms + kLease);
  grants.on_given_up(NodeId("a"), Term(5));
  EXPECT_LE(grants.free_at(Term(6)), kStart);
  EXPECT_EQ(grants.free_at(Term(7)), kStart + kLease) << "somebody may have been primary in term 6";
}

TEST(Grants, ADeathSoonAfterAStartEndsTheTermOfWhoWasHeard) {
  Grants grants(kStart, kLease, Term(0));
  grants.give(primary("a", 5), kStart + 100ms);
  grants.on_heard_serving(Term(5));
  grants.on_dead(NodeId("a"), Incarnation(1));
  EXPECT_LE(grants.free_at(Term(6)), kStart);
}

TEST(Grants, WhoServesHimselfWaitsForNobodyInTheNextTerm) {
  Grants grants(kStart, kLease, Term(0));
  grants.on_served(Term(3));
  EXPECT_LE(grants.free_at(Term(4)), kStart);
}

TEST(Grants, WithoutTheRuleAStartCountsAsNoLease) {
  const Grants grants(kStart, kLease, Term(0), BrokenRule::start_grants_all);
  EXPECT_LE(grants.free_at(Term(7)), kStart);
  EXPECT_EQ(grants.left(kStart), 0ms);
}

}  // namespace
}  // namespace gyre::replication
