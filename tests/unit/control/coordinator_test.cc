#include "control/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::control {
namespace {

using messages::HeartbeatResponse;
using messages::JoinResponse;
using messages::MapResponse;
using messages::StatusResponse;
using testing::HasSubstr;
using Kind = CoordinatorEvent::Kind;

TEST(Coordinator, CreatesTheClusterOnAnEmptyStore) {
  Harness h(config_of(1));
  EXPECT_EQ(h.machine->map(), nullptr) << "nothing is shown before the store has confirmed it";
  EXPECT_FALSE(h.machine->ready());
  h.settle();
  ASSERT_NE(h.machine->map(), nullptr);
  EXPECT_EQ(h.machine->map()->cluster, kCluster);
  EXPECT_EQ(h.machine->map()->epoch, Epoch(1));
  EXPECT_TRUE(h.machine->ready());
  EXPECT_EQ(h.count(Kind::cluster_created), 1u);
}

TEST(Coordinator, KeepsShapeAndClusterOfTheStoreWhateverItsOwnOptionsSay) {
  Harness h(config_of(1));
  h.settle();
  CoordinatorConfig other = config_of(1);
  other.new_cluster = Uuid::from_words(3, 3);
  other.shape.partitions = 64;
  Coordinator again(other, *h.store.load(), kStart);
  EXPECT_EQ(again.map()->cluster, kCluster);
  EXPECT_EQ(again.map()->shape.partitions, 8u);
  EXPECT_TRUE(again.take_effects().empty());
}

TEST(Coordinator, PublishesItsNewAddress) {
  Harness h(config_of(1));
  h.settle();
  CoordinatorConfig moved = config_of(1);
  moved.addresses = {"elsewhere.test:7300"};
  Coordinator again(moved, *h.store.load(), kStart);
  const auto effects = again.take_effects();
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<SwapState>(effects[0]).state->map.coordinators, moved.addresses);
}

TEST(Coordinator, AnswersAJoinOnlyWhenTheStoreHasIt) {
  Harness h(config_of(1));
  h.settle();
  const AnswerToken token = h.join(join_of(node_info("n1")));
  EXPECT_FALSE(h.answered(token));
  EXPECT_TRUE(h.machine->map()->nodes.empty());
  h.settle();
  const auto& map = h.answer<JoinResponse>(token).map;
  EXPECT_NE(map->find_node(NodeId("n1")), nullptr);
  EXPECT_EQ(map->epoch, Epoch(2));
  EXPECT_EQ(map->entries[0].primary, NodeId("n1"));
  EXPECT_EQ((*h.store.load())->map, *map);
}

TEST(Coordinator, JoinsThatArriveDuringASwapShareTheNextOne) {
  Harness h(config_of(3, 3));
  std::vector<AnswerToken> tokens;
  for (const char* id : {"n1", "n2", "n3"}) tokens.push_back(h.join(join_of(node_info(id))));
  h.settle();
  for (const AnswerToken token : tokens) EXPECT_EQ(h.answer<JoinResponse>(token).map->nodes.size(), 3u);
  EXPECT_EQ(h.machine->map()->epoch, Epoch(2)) << "one for the creation, one for all joins and the placement";
  EXPECT_EQ(h.count(Kind::partitions_placed), 1u);
}

TEST(Coordinator, ARepeatedJoinIsAnsweredWithoutASwap) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  const AnswerToken again = h.join(join_of(node_info("n1")));
  EXPECT_TRUE(h.answered(again));
  EXPECT_FALSE(h.store_busy());
}

TEST(Coordinator, ARefusedJoinIsAnsweredWithoutASwap) {
  Harness h(config_of(1));
  h.settle();
  messages::JoinRequest join = join_of(node_info("n1"));
  join.cluster = Uuid::from_words(2, 2);
  EXPECT_EQ(h.error(h.join(join)).code, ErrorCode::wrong_cluster);
  EXPECT_FALSE(h.store_busy());
  EXPECT_EQ(h.count(Kind::node_refused), 1u);
}

TEST(Coordinator, ANodeThatIsRefusedAgainForTheSameReasonIsNoNewEvent) {
  Harness h(config_of(1));
  h.settle();
  messages::JoinRequest wrong_cluster = join_of(node_info("n1"));
  wrong_cluster.cluster = Uuid::from_words(2, 2);
  messages::JoinRequest wrong_weight = join_of(node_info("n1"));
  wrong_weight.node.weight = -1;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(h.answered(h.join(wrong_cluster)));
  EXPECT_EQ(h.count(Kind::node_refused), 1u);
  h.join(wrong_weight);
  EXPECT_EQ(h.count(Kind::node_refused), 2u);
  h.join(join_of(node_info("n1")));
  h.settle();
  h.join(wrong_weight);
  EXPECT_EQ(h.count(Kind::node_refused), 3u);
}

TEST(Coordinator, OfTwoNodesWithOneIdInOneRoundTheFirstWins) {
  Harness h(config_of(1));
  ring::NodeInfo copy = node_info("n1");
  copy.data_id = Uuid::from_words(9, 9);
  const AnswerToken first = h.join(join_of(node_info("n1")));
  const AnswerToken second = h.join(join_of(copy));
  h.settle();
  EXPECT_TRUE(h.answer<JoinResponse>(first).map);
  EXPECT_EQ(h.error(second).code, ErrorCode::denied);
}

TEST(Coordinator, HeartbeatsShowANodeUpUntilTheyStop) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  h.advance(kTiming.detection - kTiming.heartbeat);
  const auto& response = h.answer<HeartbeatResponse>(h.heartbeat("n1", 1, h.machine->map()->epoch));
  EXPECT_FALSE(response.join_again);
  EXPECT_TRUE(response.update.empty()) << "the node has the newest";
  h.advance(kTiming.detection - Duration(1));
  EXPECT_TRUE(h.answer<StatusResponse>(h.request(messages::StatusRequest{})).nodes.at(0).up);
  h.advance(Duration(1));
  const auto& status = h.answer<StatusResponse>(h.request(messages::StatusRequest{}));
  EXPECT_FALSE(status.nodes.at(0).up);
  EXPECT_EQ(status.nodes.at(0).silent_ms, to_ms(kTiming.detection));
  EXPECT_EQ(h.count(Kind::node_down), 1u);
  h.heartbeat("n1");
  EXPECT_EQ(h.count(Kind::node_up), 2u);
}

TEST(Coordinator, AHeartbeatBringsTheNewerMap) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  EXPECT_EQ(h.answer<HeartbeatResponse>(h.heartbeat("n1", 1, Epoch(1))).update.map, h.machine->map())
      << "more changed than stayed";
}

TEST(Coordinator, OfANewMapNodesAreToldWhatChanged) {
  Harness h(config_of(3, 3));
  for (const char* id : {"n1", "n2", "n3"}) h.join(join_of(node_info(id)));
  h.settle();
  const Epoch known = h.machine->map()->epoch;
  const ring::ClusterMapPtr before = h.machine->map();
  for (const char* id : {"n1", "n2"}) h.heartbeat(id, 1, known);
  h.sent.clear();
  h.join(join_of(node_info("n1", 2)));
  h.settle();
  const auto pushes = h.take_sent<messages::MapPush>("n2");
  ASSERT_FALSE(pushes.empty());
  ASSERT_NE(pushes.back().update.delta, nullptr);
  const ring::MapDelta& delta = *pushes.back().update.delta;
  EXPECT_EQ(delta.from, known);
  EXPECT_EQ(delta.nodes.size(), 1u);
  EXPECT_LT(delta.entries.size(), 8u) << "only those that n1 serves";
  EXPECT_EQ(**ring::apply(before, pushes.back().update), *h.machine->map());

  // A second change before n2 has said that it knows the first: both are told.
  h.join(join_of(node_info("n3", 2)));
  h.settle();
  const auto more = h.take_sent<messages::MapPush>("n2");
  EXPECT_EQ(**ring::apply(before, more.back().update), *h.machine->map());
  EXPECT_EQ(**ring::apply(before, h.answer<HeartbeatResponse>(h.heartbeat("n2", 1, known)).update), *h.machine->map());
  EXPECT_EQ(**ring::apply(before, h.answer<MapResponse>(h.request(messages::MapRequest{known})).update),
            *h.machine->map());
}

TEST(Coordinator, AProcessThatJustBeganGivesWholeMaps) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  h.restart();
  EXPECT_NE(h.answer<MapResponse>(h.request(messages::MapRequest{Epoch(1)})).update.map, nullptr);
}

TEST(Coordinator, WhatAnOperatorSetsIsAnsweredWhenTheStoreHasIt) {
  Harness h(config_of(1));
  messages::ClusterSetRequest pause;
  pause.paused = true;
  EXPECT_EQ(h.error(h.request(pause)).code, ErrorCode::unavailable) << "there is no cluster yet";
  h.settle();
  const AnswerToken token = h.request(pause);
  EXPECT_FALSE(h.answered(token));
  h.settle();
  EXPECT_EQ(h.answer<messages::SetResponse>(token).epoch, h.machine->map()->epoch);
  EXPECT_TRUE((*h.store.load())->policy.paused);
  EXPECT_EQ(h.details(Kind::settings_changed), std::vector<std::string>{"moves are paused"});
  const AnswerToken again = h.request(pause);
  EXPECT_TRUE(h.answered(again)) << "nothing is to be stored";
  EXPECT_FALSE(h.store_busy());
}

TEST(Coordinator, WhatAnOperatorSetsIsJudgedAgainAfterALostRaceAndToldUnknownAfterAFailure) {
  Harness h(config_of(1));
  h.settle();
  messages::ClusterSetRequest pause;
  pause.paused = true;
  const AnswerToken token = h.request(pause);
  ClusterState theirs = **h.store.load();
  theirs.map.epoch = theirs.map.epoch.next();
  ASSERT_TRUE(h.store.swap(Epoch(1), theirs));
  h.settle();
  EXPECT_EQ(h.answer<messages::SetResponse>(token).epoch, Epoch(3));

  h.store.set_swap_fault(MemoryStore::SwapFault::not_stored);
  pause.paused = false;
  const AnswerToken lost = h.request(pause);
  h.settle();
  EXPECT_EQ(h.error(lost).outcome, Outcome::unknown);
  EXPECT_EQ(h.error(lost).code, ErrorCode::unavailable);
}

TEST(Coordinator, TooManyOperatorsAreToldToWait) {
  Harness h(config_of(1));
  h.settle();
  messages::ClusterSetRequest set;
  std::vector<AnswerToken> tokens;
  for (std::uint32_t i = 0; i < kOperatorRequestsMax + 2; ++i) {
    set.moves_per_node = 1 + i;
    tokens.push_back(h.request(set));
  }
  EXPECT_EQ(h.error(tokens.back()).code, ErrorCode::busy);
  h.settle();
  for (const AnswerToken token : tokens) EXPECT_TRUE(h.answered(token));
}

TEST(Coordinator, AnUnknownProcessIsToldToJoin) {
  Harness h(config_of(1));
  EXPECT_TRUE(h.answer<HeartbeatResponse>(h.heartbeat("n1")).join_again) << "before the cluster exists";
  h.join(join_of(node_info("n1", 2)));
  h.settle();
  EXPECT_TRUE(h.answer<HeartbeatResponse>(h.heartbeat("n2")).join_again);
  EXPECT_TRUE(h.answer<HeartbeatResponse>(h.heartbeat("n1", 1)).join_again);
  EXPECT_FALSE(h.answer<HeartbeatResponse>(h.heartbeat("n1", 2)).join_again);
}

TEST(Coordinator, AMapIsSentOnlyToThoseWhoHaveAnOlderOne) {
  Harness h(config_of(1));
  EXPECT_TRUE(h.answer<MapResponse>(h.request(messages::MapRequest{})).update.empty());
  h.settle();
  EXPECT_EQ(h.answer<MapResponse>(h.request(messages::MapRequest{})).update.map, h.machine->map());
  EXPECT_TRUE(h.answer<MapResponse>(h.request(messages::MapRequest{Epoch(1)})).update.empty());
}

TEST(Coordinator, ReadsAndWritesAreAnsweredWithWhereToSendThem) {
  Harness h(config_of(1));
  const Error& error = h.error(h.request(messages::GetRequest{}));
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("send reads and writes to the nodes"));
}

TEST(Coordinator, ANewCoordinatorProcessGoesOnWhereTheStoreIs) {
  Harness h(config_of(2));
  h.join(join_of(node_info("n1")));
  h.settle();
  h.restart();
  EXPECT_EQ(h.machine->map()->nodes.size(), 1u);
  EXPECT_FALSE(h.answer<HeartbeatResponse>(h.heartbeat("n1")).join_again);
  h.join(join_of(node_info("n2")));
  h.settle();
  EXPECT_FALSE(h.machine->map()->entries[0].primary.empty());
}

TEST(Coordinator, WhatAnEarlierProcessStoredLateIsFoundOutAndPassedOn) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  h.restart();
  h.heartbeat("n1", 1, h.machine->map()->epoch);
  ClusterState late = **h.store.load();
  late.map.epoch = late.map.epoch.next();
  ASSERT_TRUE(h.store.swap(h.machine->map()->epoch, late));
  for (Duration passed{}; passed <= kStoreLook; passed += kTiming.heartbeat) {
    h.advance(kTiming.heartbeat);
    h.heartbeat("n1", 1, h.machine->map()->epoch);
    h.settle();
  }
  EXPECT_EQ(h.machine->map()->epoch, late.map.epoch);
  EXPECT_FALSE(h.take_sent<messages::MapPush>("n1").empty());
}

TEST(Coordinator, AfterALostRaceTheJoinsAreJudgedAgainByWhatTheStoreHas) {
  Harness h(config_of(1));
  h.settle();
  const AnswerToken token = h.join(join_of(node_info("n1")));
  ClusterState theirs = **h.store.load();
  theirs.map.epoch = theirs.map.epoch.next();
  theirs.map.nodes.push_back(node_info("n0"));
  ASSERT_TRUE(h.store.swap(Epoch(1), theirs));
  h.settle();
  EXPECT_EQ(h.answer<JoinResponse>(token).map->nodes.size(), 2u);
  EXPECT_EQ(h.machine->map()->epoch, Epoch(3));
}

TEST(Coordinator, AStoreFailureIsToldAndTriedAgainLaterNotAtOnce) {
  Harness h(config_of(1));
  h.settle();
  h.store.set_swap_fault(MemoryStore::SwapFault::not_stored);
  const AnswerToken token = h.join(join_of(node_info("n1")));
  h.settle();
  EXPECT_EQ(h.error(token).code, ErrorCode::unavailable);
  EXPECT_FALSE(h.machine->ready());
  h.store.set_swap_fault(MemoryStore::SwapFault::none);
  h.advance(kStoreRetry - Duration(1));
  EXPECT_FALSE(h.store_busy());
  h.advance(Duration(1));
  h.settle();
  EXPECT_TRUE(h.machine->ready());
  const AnswerToken again = h.join(join_of(node_info("n1")));
  h.settle();
  EXPECT_TRUE(h.answer<JoinResponse>(again).map);
}

TEST(Coordinator, ASwapThatFailedThoughItWasStoredIsTakenUp) {
  Harness h(config_of(1));
  h.settle();
  h.store.set_swap_fault(MemoryStore::SwapFault::stored);
  h.join(join_of(node_info("n1")));
  h.settle();
  EXPECT_TRUE(h.machine->map()->nodes.empty());
  h.store.set_swap_fault(MemoryStore::SwapFault::none);
  h.advance(kStoreRetry);
  h.settle();
  EXPECT_EQ(h.machine->map()->nodes.size(), 1u);
  const AnswerToken again = h.join(join_of(node_info("n1")));
  EXPECT_TRUE(h.answered(again)) << "nothing is left to change";
}

TEST(Coordinator, MapAndHeartbeatsAreServedWhileTheStoreIsAway) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  h.store.set_swap_fault(MemoryStore::SwapFault::not_stored);
  h.store.set_load_fails(true);
  h.join(join_of(node_info("n2")));
  h.settle();
  for (int i = 0; i < 5; ++i) {
    h.advance(kStoreRetry);
    h.settle();
  }
  EXPECT_FALSE(h.answer<HeartbeatResponse>(h.heartbeat("n1")).join_again);
  EXPECT_TRUE(h.answer<MapResponse>(h.request(messages::MapRequest{})).update.map);
}

TEST(Coordinator, AStoreThatIsBehindItsNodesIsReadAgainAndThenChangesNothing) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  const Epoch epoch = h.machine->map()->epoch;
  h.heartbeat("n1", 1, Epoch(epoch.value() + 5));
  EXPECT_TRUE(h.store_busy()) << "the store is read again";
  h.settle();
  EXPECT_EQ(h.count(Kind::store_behind), 1u);
  const AnswerToken token = h.join(join_of(node_info("n2")));
  h.settle();
  EXPECT_EQ(h.error(token).code, ErrorCode::unavailable);
  EXPECT_THAT(h.error(token).message, HasSubstr("it has lost changes"));
  EXPECT_EQ(h.machine->map()->epoch, epoch);

  ClusterState newest = **h.store.load();
  newest.map.epoch = Epoch(epoch.value() + 5);
  ASSERT_TRUE(h.store.swap(epoch, newest));
  const AnswerToken again = h.join(join_of(node_info("n2")));
  h.settle();
  EXPECT_TRUE(h.answer<JoinResponse>(again).map) << "the store has caught up";
}

TEST(Coordinator, AStoreThatWasEmptiedUnderneathChangesNothing) {
  Harness h(config_of(1));
  h.join(join_of(node_info("n1")));
  h.settle();
  h.store.set_swap_fault(MemoryStore::SwapFault::not_stored);
  h.join(join_of(node_info("n2")));
  h.settle();
  h.store = MemoryStore();
  h.advance(kStoreRetry);
  h.settle();
  EXPECT_FALSE(h.machine->ready());
  EXPECT_EQ(h.machine->map()->nodes.size(), 1u);
  EXPECT_FALSE(*h.store.load());
}

TEST(Coordinator, TooManyWaitingJoinsAreRefusedEarly) {
  Harness h(config_of(1));
  std::vector<AnswerToken> tokens;
  for (std::size_t i = 0; i < 2 * limits::kNodesMax + 1; ++i) tokens.push_back(h.join(join_of(node_info("n1"))));
  EXPECT_EQ(h.error(tokens.back()).code, ErrorCode::busy);
  EXPECT_FALSE(h.answered(tokens.front()));
}

}  // namespace
}  // namespace gyre::control
