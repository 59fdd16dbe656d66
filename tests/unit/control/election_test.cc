#include "control/election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_cluster.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Kind = CoordinatorEvent::Kind;
using Names = std::vector<std::string>;

constexpr Duration kDetection = kTiming.detection;

CoordinatorConfig broken_config(BrokenRule rule, std::uint32_t nodes = 3) {
  CoordinatorConfig config = ScriptedCluster::config_for(nodes);
  config.broken = rule;
  return config;
}

TEST(Election, ASilentPrimaryIsReplacedByTheMemberWithMost) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  const Term term = c.entry().term;
  c.node[c.other(0, 0)].position = {Term(1), Sequence(10)};
  c.node[c.other(0, 1)].position = {Term(1), Sequence(11)};
  const std::string best = c.other(0, 1);
  c.silence(gone);
  c.run(2 * kDetection);
  EXPECT_EQ(c.primary(), best);
  EXPECT_GT(c.entry().term, term);
  EXPECT_EQ(c.in_sync().size(), 2u);
  EXPECT_EQ(c.entry().learners, std::vector{NodeId(gone)});
  EXPECT_EQ(c.entry().deposed, (std::vector<ring::DeposedPrimary>{{NodeId(gone), term}}));
  EXPECT_GE(c.h.count(Kind::suspected), 1u);
  ASSERT_FALSE(c.h.details(Kind::promoted).empty());
  EXPECT_THAT(c.h.details(Kind::promoted)[0], HasSubstr("replaces " + gone + " as primary of"));
}

TEST(Election, OneMemberThatHearsThePrimaryStopsIt) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  const ring::PartitionEntry before = c.entry();
  c.node[c.other(0, 0)].hears_primary = true;
  c.silence(gone);
  c.run(10 * kDetection);
  EXPECT_EQ(c.entry(), before);
  EXPECT_EQ(c.h.count(Kind::poll_alive), 1u) << "told once, not with each poll";
  for (const auto& [id, script] : c.node) EXPECT_EQ(script.sealed, 0u);
}

TEST(Election, AMemberThatAnswersNoPollIsNotWaitedFor) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  c.silence(gone);
  c.silence(c.other(0, 0));
  c.run(3 * kDetection);
  EXPECT_NE(c.primary(), gone);
  EXPECT_EQ(c.in_sync(), Names{c.primary()});
}

TEST(Election, AProofOfDeathNeedsNeitherPollNorTime) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  const auto mine = c.partitions_of(gone);
  const Epoch epoch = c.map().epoch;
  c.kill(gone);
  EXPECT_TRUE(c.partitions_of(gone).empty());
  EXPECT_EQ(c.map().epoch, epoch.next()) << "one swap for all partitions";
  for (auto& [id, script] : c.node) {
    EXPECT_EQ(script.polled, 0u);
    if (id == gone) continue;
    EXPECT_EQ(script.sealed, 1u) << "one message for all partitions";
    EXPECT_EQ(script.map->epoch, c.map().epoch) << "pushed, not waited for";
  }
  EXPECT_EQ(c.h.count(Kind::node_dead), 1u);
  EXPECT_EQ(c.h.count(Kind::sealed), 1u);
  for (const std::uint16_t p : mine) EXPECT_EQ(c.in_sync(p).size(), 2u);
}

TEST(Election, AnUntrustedRefusalProvesNothing) {
  CoordinatorConfig config = ScriptedCluster::config_for(3);
  config.trust_refused = false;
  ScriptedCluster c(3, config);
  const std::string gone = c.primary();
  c.kill(gone);
  EXPECT_EQ(c.primary(), gone);
  EXPECT_TRUE(c.h.probes.empty());
}

TEST(Election, AnOldProofCountsAgainstNoLaterProcess) {
  ScriptedCluster c;
  const std::string id = c.primary();
  c.restart(id);
  c.h.probed(id, true, 1);
  c.deliver();
  EXPECT_EQ(c.primary(), id);
}

TEST(Election, AReportOfARefusedConnectionIsLookedInto) {
  ScriptedCluster c;
  c.send(c.other(0, 0), messages::PeerDown{NodeId(c.primary()), Incarnation(1), true});
  ASSERT_EQ(c.h.probes.size(), 1u);
  EXPECT_EQ(c.h.probes[0].node, NodeId(c.primary()));
  EXPECT_EQ(c.h.probes[0].incarnation, Incarnation(1));
  EXPECT_EQ(c.h.probes[0].address, c.primary() + ".test:7400");
}

TEST(Election, ABrokenConnectionIsProbedUntilTheNodeIsHeardAgain) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  c.silence("n1");
  c.h.connection_lost("n1");
  EXPECT_EQ(c.h.probes.size(), 1u);
  c.h.probed("n1", false);
  c.run(2 * kTiming.heartbeat);
  const std::size_t probes = c.h.probes.size();
  EXPECT_GT(probes, 1u) << "the port may close after the connection";
  c.node["n1"].up = true;
  c.run(5 * kTiming.heartbeat);
  EXPECT_EQ(c.h.probes.size(), probes);
}

TEST(Election, PeersThatDoNotHearThePrimaryHaveItReplacedOrAppointedAgain) {
  ScriptedCluster c;
  const std::string before = c.primary();
  const Term term = c.entry().term;
  c.run(kTiming.heartbeat);
  c.node[before].position = {Term(1), Sequence(5)};
  c.send(c.other(0, 0), messages::PeerDown{NodeId(before), Incarnation(1), false});
  EXPECT_EQ(c.primary(), before) << "it answers the seal, and has most";
  EXPECT_GT(c.entry().term, term);
  EXPECT_EQ(c.in_sync().size(), 3u);
  EXPECT_EQ(c.h.count(Kind::appointed_again), 1u);
  EXPECT_TRUE(c.entry().deposed.empty());
}

TEST(Election, ACoordinatorThatWasPausedSuspectsNobodyForIt) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  c.h.pass(5s);
  c.deliver();
  for (const auto& [id, script] : c.node) EXPECT_EQ(script.polled, 0u);
  EXPECT_EQ(c.h.count(Kind::node_down), 0u);
}

TEST(Election, ACoordinatorThatJustStartedWaitsForTheDetectionTime) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  c.silence(gone);
  c.h.restart();
  c.run(kDetection / 2);
  EXPECT_EQ(c.primary(), gone);
  // What the process before promoted just now is not known.
  c.run(kTiming.promotion_pause() - kDetection);
  EXPECT_EQ(c.primary(), gone);
  c.run(2 * kDetection);
  EXPECT_NE(c.primary(), gone);
}

TEST(Election, APrimaryAloneIsNeverReplacedByATimerOrAProof) {
  for (const bool proof : {false, true}) {
    ScriptedCluster c;
    const std::string gone = c.primary();
    c.silence(c.other(0, 0));
    c.silence(c.other(0, 1));
    c.run(2 * kDetection);
    c.set_in_sync(0, {gone});
    ASSERT_EQ(c.in_sync(), Names{gone});
    EXPECT_EQ(c.entry().departed.size(), 2u);
    c.node[c.other(0, 0)].up = c.node[c.other(0, 1)].up = true;
    c.h.events.clear();
    proof ? c.kill(gone) : c.silence(gone);
    c.run(10 * kDetection);
    EXPECT_EQ(c.primary(), gone);
    const auto told = c.h.details(Kind::no_candidate);
    ASSERT_EQ(told.size(), 1u) << "told once";
    EXPECT_THAT(told[0], HasSubstr("gyre promote --unclean"));
  }
}

TEST(Election, WaitsForEveryMemberThatIsNeitherDeadNorSilent) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string gone = c.primary();
  const std::string slow = c.other(0, 1);
  c.node[slow].seals = false;
  c.node[slow].position = {Term(1), Sequence(99)};
  c.kill(gone);
  EXPECT_EQ(c.primary(), gone);
  c.run(kDetection / 2);
  EXPECT_EQ(c.primary(), gone) << "it is heard, so it is waited for";
  c.node[slow].seals = true;
  c.run(2 * kTiming.heartbeat);
  EXPECT_EQ(c.primary(), slow) << "asked again, it answered, and it has most";
}

TEST(Election, ALearnerIsNeverChosen) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string learner = c.other(0, 0);
  c.node[learner].position = {Term(9), Sequence(99)};
  c.set_in_sync(0, {c.primary(), c.other(0, 1)});
  c.kill(c.primary());
  EXPECT_NE(c.primary(), learner);
  EXPECT_EQ(c.in_sync(), Names{c.primary()});
}

TEST(Election, AMemberUnderRepairIsNeverChosen) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string torn = c.other(0, 0);
  c.node[torn].position = {Term(9), Sequence(99)};
  c.node[torn].whole = false;
  c.kill(c.primary());
  EXPECT_NE(c.primary(), torn);
  EXPECT_EQ(c.in_sync(), Names{c.primary()});
}

TEST(Election, ADataLossOfThePrimaryHasItReplaced) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string lossy = c.primary();
  c.node[lossy].generation = Generation(2);
  c.node[lossy].position = {Term(1), Sequence(99)};
  c.restart(lossy);
  c.run(2 * kTiming.heartbeat);
  EXPECT_NE(c.primary(), lossy);
  EXPECT_EQ(c.entry().find_in_sync(NodeId(lossy)), nullptr);
  EXPECT_EQ(c.entry().deposed.size(), 1u);
}

TEST(Election, AProcessRestartDoesNotMakeLossyDataCleanAgain) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string lossy = c.primary();
  for (const std::size_t i : {0u, 1u}) c.silence(c.other(0, i));
  c.node[lossy].generation = Generation(2);
  c.restart(lossy);
  const Term term = c.entry().term;
  c.restart(lossy);
  EXPECT_EQ(c.entry().term, term) << "no new term: it is not appointed again";
}

TEST(Election, AfterALossEverywhereTheOneWithMostWinsOnceAllHaveAnswered) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string alone = c.primary();
  const Names others{c.other(0, 0), c.other(0, 1)};
  for (const std::string& id : others) c.silence(id);
  c.run(2 * kDetection);
  c.set_in_sync(0, {alone});
  ASSERT_EQ(c.in_sync(), Names{alone});
  // The narrowed set's only member comes back without its last writes; another still holds them.
  c.node[alone].generation = Generation(2);
  c.node[alone].position = {Term(1), Sequence(5)};
  c.node[others[0]].position = {Term(1), Sequence(7)};
  c.node[others[0]].up = true;
  c.restart(alone);
  c.run(3 * kDetection);
  EXPECT_EQ(c.primary(), alone) << "one has not answered yet";
  EXPECT_GE(c.h.count(Kind::no_candidate), 1u);
  c.node[others[1]].up = true;
  c.run(kDetection);
  EXPECT_EQ(c.primary(), others[0]);
  EXPECT_EQ(c.in_sync(), Names{others[0]});
}

TEST(Election, PromisesAboveTheMapAreFinished) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string before = c.primary();
  c.node[c.other(0, 1)].promised[PartitionId(0)] = Term(7);
  c.send(c.other(0, 1), messages::Promises{{{PartitionId(0), Term(7)}}});
  EXPECT_EQ(c.entry().term, Term(7));
  EXPECT_EQ(c.primary(), before) << "the old one, as it answers";
  EXPECT_EQ(c.in_sync().size(), 3u);
  c.send(c.other(0, 1), messages::Promises{{{PartitionId(0), Term(7)}}});
  EXPECT_EQ(c.entry().term, Term(7)) << "a late one changes nothing";
}

TEST(Election, ASealThatACrashedCoordinatorLeftIsFinishedByTheNext) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string sealed = c.other(0, 0);
  c.node[sealed].promised[PartitionId(0)] = Term(2);
  c.h.restart();
  c.run(kTiming.heartbeat);
  c.send(sealed, messages::Promises{{{PartitionId(0), Term(2)}}});
  EXPECT_EQ(c.entry().term, Term(2));
}

TEST(Election, ALonePrimaryIsAppointedAgainOnlyByItsOwnSeal) {
  ScriptedCluster c;
  const std::string alone = c.primary();
  for (const std::size_t i : {0u, 1u}) c.silence(c.other(0, i));
  c.run(2 * kDetection);
  c.set_in_sync(0, {alone});
  c.node[alone].seals = false;
  const std::string learner = c.other(0, 0);
  c.node[learner].up = true;
  c.run(kTiming.heartbeat);
  c.send(learner, messages::Promises{{{PartitionId(0), Term(4)}}});
  c.run(5 * kDetection);
  EXPECT_EQ(c.entry().term, Term(1));
  c.node[alone].seals = true;
  c.run(2 * kTiming.heartbeat);
  EXPECT_EQ(c.primary(), alone);
  EXPECT_EQ(c.entry().term, Term(4));
}

TEST(Election, NoSecondPromotionSoonUnlessTheNewPrimaryIsProvablyDead) {
  ScriptedCluster c(4);
  c.run(kTiming.heartbeat);
  const std::string first = c.primary();
  c.kill(first);
  const std::string second = c.primary();
  ASSERT_NE(second, first);
  c.silence(second);
  c.run(3 * kDetection);
  EXPECT_EQ(c.primary(), second) << "within the pause";
  c.kill(second);
  EXPECT_NE(c.primary(), second);
}

TEST(Election, AfterThePauseASilentPrimaryIsReplaced) {
  ScriptedCluster c(4);
  c.run(kTiming.heartbeat);
  c.kill(c.primary());
  const std::string second = c.primary();
  c.silence(second);
  c.run(kTiming.promotion_pause() + 2 * kDetection);
  EXPECT_NE(c.primary(), second);
}

TEST(Election, NobodyIsSealedWhileTheStoreFails) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  c.h.store.set_swap_fault(MemoryStore::SwapFault::not_stored);
  c.h.store.set_load_fails(true);
  c.set_in_sync(0, {c.primary(), c.other(0, 0)});
  c.kill(c.primary());
  c.run(3 * kDetection);
  for (const auto& [id, script] : c.node) EXPECT_EQ(script.sealed, 0u) << "a seal could not be finished";
  c.h.store.set_swap_fault(MemoryStore::SwapFault::none);
  c.h.store.set_load_fails(false);
  const std::string gone = c.primary();
  c.run(kDetection);
  EXPECT_NE(c.primary(), gone);
}

TEST(Election, AChoiceLostToAnotherCoordinatorIsMadeAgainFromTheStore) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string gone = c.primary();
  ClusterState theirs = **c.h.store.load();
  theirs.map.epoch = theirs.map.epoch.next();
  theirs.map.coordinators.push_back("c2.test:7300");
  ASSERT_TRUE(c.h.store.swap(c.map().epoch, theirs));
  c.kill(gone);
  EXPECT_NE(c.primary(), gone);
  EXPECT_EQ(c.map().epoch, Epoch(theirs.map.epoch.value() + 1));
}

TEST(Election, ARestartedPrimaryIsAppointedAgainBeforeAnElectionEnds) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string id = c.primary();
  for (auto& [name, script] : c.node) script.seals = false;
  c.kill(id);
  c.restart(id);
  EXPECT_EQ(c.primary(), id);
  EXPECT_EQ(c.entry().primary_incarnation, Incarnation(2));
  const Term term = c.entry().term;
  for (auto& [name, script] : c.node) script.seals = true;
  c.run(2 * kDetection);
  EXPECT_EQ(c.entry().term, term) << "the election is over";
}

// --- Each rule, switched off ---

TEST(BrokenElection, WithoutAliveStopsElectionAHeardPrimaryIsSealed) {
  ScriptedCluster c(3, broken_config(BrokenRule::alive_stops_election));
  const std::string gone = c.primary();
  for (auto& [id, script] : c.node) script.hears_primary = true;
  c.silence(gone);
  c.run(2 * kDetection);
  EXPECT_NE(c.primary(), gone);
}

TEST(BrokenElection, WithoutHighestPositionWinsAnotherWins) {
  ScriptedCluster c(3, broken_config(BrokenRule::highest_position_wins));
  const std::string best = c.other(0, 0);
  c.node[best].position = {Term(1), Sequence(9)};
  c.kill(c.primary());
  EXPECT_NE(c.primary(), best);
}

TEST(BrokenElection, WithoutOnlySealedStayTheDeadStayInSync) {
  ScriptedCluster c(3, broken_config(BrokenRule::only_sealed_stay));
  c.kill(c.primary());
  EXPECT_EQ(c.in_sync().size(), 3u);
}

TEST(BrokenElection, WithoutFinishPromisesASealLeadsNowhere) {
  ScriptedCluster c(3, broken_config(BrokenRule::finish_promises));
  c.send(c.other(0, 0), messages::Promises{{{PartitionId(0), Term(7)}}});
  c.run(kDetection);
  EXPECT_EQ(c.entry().term, Term(1));
}

TEST(BrokenElection, WithoutLonePrimaryFencedATimerReplacesIt) {
  ScriptedCluster c(3, broken_config(BrokenRule::lone_primary_fenced));
  const std::string alone = c.primary();
  for (const std::size_t i : {0u, 1u}) c.silence(c.other(0, i));
  c.run(2 * kDetection);
  c.set_in_sync(0, {alone});
  for (auto& [id, script] : c.node) script.up = id != alone;
  c.run(3 * kDetection);
  EXPECT_NE(c.primary(), alone);
}

TEST(BrokenElection, WithoutLastResortHearsAllTheFirstWins) {
  ScriptedCluster c(3, broken_config(BrokenRule::last_resort_hears_all));
  const std::string alone = c.primary();
  const std::string best = c.other(0, 0);
  for (const std::size_t i : {0u, 1u}) c.silence(c.other(0, i));
  c.run(2 * kDetection);
  c.set_in_sync(0, {alone});
  const Term term = c.entry().term;
  c.node[alone].generation = Generation(2);
  c.node[best].position = {Term(1), Sequence(9)};
  c.restart(alone);
  c.run(kDetection);
  EXPECT_EQ(c.primary(), alone);
  EXPECT_GT(c.entry().term, term);
}

TEST(BrokenElection, WithoutLossyIsOutOrGenerationsALossyPrimaryStays) {
  for (const BrokenRule rule : {BrokenRule::lossy_is_out, BrokenRule::generation_counts}) {
    ScriptedCluster c(3, broken_config(rule));
    const std::string lossy = c.primary();
    c.node[lossy].generation = Generation(2);
    c.restart(lossy);
    c.run(2 * kTiming.heartbeat);
    EXPECT_EQ(c.primary(), lossy);
    EXPECT_EQ(c.in_sync().size(), 3u);
  }
}

TEST(BrokenElection, WithoutSwapByVersionAChoiceIgnoresThatAMemberLeft) {
  for (const BrokenRule rule : {BrokenRule::none, BrokenRule::swap_by_version}) {
    ScriptedCluster c(3, broken_config(rule));
    c.run(kTiming.heartbeat);
    const std::string before = c.primary();
    const std::string left = c.other(0, 0);
    const std::string stayed = c.other(0, 1);
    c.node[stayed].seals = false;
    c.node[before].seals = false;
    c.send(left, messages::Promises{{{PartitionId(0), Term(2)}}});
    c.set_in_sync(0, {before, stayed});
    EXPECT_EQ(c.in_sync().size(), rule == BrokenRule::none ? 3u : 2u);
    c.silence(before);
    c.silence(stayed);
    c.run(3 * kDetection);
    EXPECT_EQ(c.primary(), left);
  }
}

// The answers of both members wait in its sockets, and are read one after the other.
TEST(Election, ACoordinatorThatWasPausedWaitsForAnswersThatWereSentMeanwhile) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  const std::string first = c.other(0, 0);
  const std::string best = c.other(0, 1);
  c.node[best].position = {Term(1), Sequence(11)};
  c.node[first].seals = c.node[best].seals = false;
  c.kill(gone);
  ASSERT_EQ(c.primary(), gone) << "nobody has sealed yet";
  c.h.now += 3 * kDetection;
  const auto answer = [&](const std::string& id) {
    const messages::SealAnswer::Item item{PartitionId(0), c.entry().term.next(), c.node[id].position, true,
                                          Duration(0)};
    c.h.send(id, messages::SealAnswer{Generation(1), {item}}, 1);
    c.deliver();
  };
  answer(first);
  EXPECT_EQ(c.primary(), gone);
  answer(best);
  EXPECT_EQ(c.primary(), best);
  EXPECT_EQ(c.in_sync(), (Names{std::min(first, best), std::max(first, best)}));
}

TEST(Election, AMemberThatIsHeardAndSealsLateIsWaitedForAndAtLastToldOf) {
  ScriptedCluster c;
  const std::string gone = c.primary();
  const std::string slow = c.other(0, 0);
  const std::string other = c.other(0, 1);
  c.node[slow].seals = false;
  c.kill(gone);
  c.run(2 * kDetection);
  EXPECT_EQ(c.primary(), gone) << "a slow sync is no reason to pass over what it may hold";
  c.run(kTiming.lease);
  EXPECT_EQ(c.primary(), other);
  EXPECT_EQ(c.in_sync(), Names{other});
  ASSERT_FALSE(c.h.details(Kind::promoted).empty());
  EXPECT_THAT(c.h.details(Kind::promoted).back(), HasSubstr(slow + " did not seal in time, though heard"));
}

}  // namespace
}  // namespace gyre::control
