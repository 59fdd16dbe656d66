// What reaches a host from other nodes and the coordinator, and what it tells them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "support.h"

namespace gyre::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const messages::Sender kCoordinator{.cluster = {}, .node = {}, .incarnation = Incarnation(1)};
const messages::Sender kPeer{.cluster = {}, .node = NodeId("n2"), .incarnation = Incarnation(1)};

std::vector<messages::PartitionTerm> all_at(Term term) {
  std::vector<messages::PartitionTerm> all;
  for (std::uint16_t p = 0; p < kPartitions; ++p) all.push_back({PartitionId(p), term});
  return all;
}

class PartitionHostMessagesTest : public PartitionHostTest {
 protected:
  // n1 is the primary of all partitions, with n2 in sync.
  void lead() { adopt({{NodeId("n1"), Generation(0)}, {NodeId("n2"), Generation(0)}}); }
  // n1 follows n2.
  void follow() { adopt({{NodeId("n2"), Generation(0)}, {NodeId("n1"), Generation(0)}}); }

  void adopt(const std::vector<ring::InSyncMember>& in_sync) {
    auto map = std::make_shared<ring::ClusterMap>();
    map->epoch = Epoch(++epoch);
    map->shape.partitions = kPartitions;
    map->shape.replication_factor = 2;
    for (const char* id : {"n1", "n2"}) map->nodes.push_back({.id = NodeId(id), .incarnation = Incarnation(1)});
    ring::PartitionEntry entry;
    entry.term = Term(epoch);
    entry.version = epoch;
    entry.primary = in_sync.front().node;
    entry.primary_incarnation = Incarnation(1);
    entry.in_sync = in_sync;
    map->entries.assign(kPartitions, entry);
    host->on_map(std::move(map));
    settle();
  }

  // n2 answers the heartbeats of n1.
  void serve_by_leases() {
    for (int i = 0; i < 50 && host->partitions_served() < kPartitions; ++i) {
      pass(kTick);
      for (const auto& append : sent_to<messages::Append>(NodeId("n2"))) {
        host->on_message(kPeer, messages::AppendAck{.partition = append.partition,
                                                    .term = append.term,
                                                    .echo = append.sent_at,
                                                    .sent_at = append.sent_at,
                                                    .promised = append.term});
      }
      settle();
    }
    ASSERT_EQ(host->partitions_served(), kPartitions);
  }

  template <class M>
  std::vector<M> sent_to(const NodeId& to) const {
    std::vector<M> found;
    for (const auto& [node, message] : environment.sent) {
      if (const auto* m = std::get_if<M>(&message); m != nullptr && node == to) found.push_back(*m);
    }
    return found;
  }
};

// --- Whatever comes ---

std::vector<messages::Message> one_of_each(PartitionId partition) {
  const Term term(1);
  return {messages::Append{.partition = partition, .term = term},
          messages::AppendAck{.partition = partition, .term = term},
          messages::GivenUp{partition, term},
          messages::FetchKeys{partition, term, 1, {Bytes::copy_of("k")}},
          messages::FetchedKeys{.partition = partition, .term = term},
          messages::SnapshotAsk{partition, term, 1, 0},
          messages::SnapshotChunk{.partition = partition, .term = term},
          messages::Poll{NodeId("n2"), {{partition, term}}},
          messages::Seal{{{partition, term}}},
          messages::Order{messages::Order::Kind::hand_over, partition, term, NodeId("n2")},
          messages::MapPush{},
          messages::PollAnswer{},
          messages::SealAnswer{},
          messages::SetInSync{.partition = partition, .term = term},
          messages::HandedOver{partition, term, NodeId("n2")},
          messages::PeerDown{},
          messages::Promises{},
          messages::Leaving{},
          messages::Accounted{partition, term},
          messages::NodeEvent{}};
}

TEST_F(PartitionHostMessagesTest, NothingThatComesFromANetworkEndsTheProcess) {
  const auto give_all = [&] {
    for (const std::uint16_t partition : {0, 3, 4, 16384, 65535}) {
      for (const messages::Sender& from : {kCoordinator, kPeer, messages::Sender{{}, self, Incarnation(1)}}) {
        for (auto& message : one_of_each(PartitionId(partition))) host->on_message(from, std::move(message));
      }
    }
    settle();
  };
  give_all();  // before the first map
  EXPECT_THAT(environment.told, IsEmpty());
  lead();
  give_all();
  follow();
  give_all();
  pass(1s);
}

TEST_F(PartitionHostMessagesTest, WhatComesFromAnotherClusterIsDropped) {
  lead();
  const messages::Sender stranger{.cluster = Uuid::from_words(1, 2), .node = {}, .incarnation = Incarnation(1)};
  host->on_message(stranger, messages::Seal{all_at(Term(9))});
  settle();
  EXPECT_THAT(take_told<messages::SealAnswer>(), IsEmpty());
}

TEST_F(PartitionHostMessagesTest, NodesCannotSpeakForTheCoordinator) {
  lead();
  host->on_message(kPeer, messages::Seal{all_at(Term(9))});
  host->on_message(kPeer, messages::Poll{NodeId("n1"), all_at(Term(1))});
  settle();
  EXPECT_THAT(take_told<messages::SealAnswer>(), IsEmpty());
  EXPECT_THAT(take_told<messages::PollAnswer>(), IsEmpty());
}

// --- Polls and seals ---

TEST_F(PartitionHostMessagesTest, APollIsAnsweredByOneMessageForItsOwnPartitions) {
  follow();
  auto asked = all_at(Term(1));
  asked.push_back({PartitionId(4), Term(1)});  // there is none
  pass(2s);
  host->on_message(kCoordinator, messages::Poll{NodeId("n2"), asked});
  end_turn();
  const auto answers = take_told<messages::PollAnswer>();
  ASSERT_THAT(answers, SizeIs(1));
  ASSERT_THAT(answers[0].items, SizeIs(kPartitions));
  for (const auto& item : answers[0].items) EXPECT_FALSE(item.alive);  // n2 was never heard
}

TEST_F(PartitionHostMessagesTest, SealsOfATurnShareOneCommitOneSyncAndOneAnswer) {
  follow();
  const auto commits = metrics.commits.value();
  host->on_message(kCoordinator, messages::Seal{all_at(Term(5))});
  end_turn();
  EXPECT_EQ(metrics.commits.value(), commits + 1);
  EXPECT_THAT(take_told<messages::SealAnswer>(), IsEmpty()) << "it is not durable yet";
  ASSERT_THAT(environment.jobs, SizeIs(1));
  run_jobs();
  end_turn();
  EXPECT_EQ(memory.unsynced(), 0u);
  const auto answers = take_told<messages::SealAnswer>();
  ASSERT_THAT(answers, SizeIs(1));
  ASSERT_THAT(answers[0].items, SizeIs(kPartitions));
  for (const auto& item : answers[0].items) EXPECT_EQ(item.promised, Term(5));
}

TEST_F(PartitionHostMessagesTest, ASealIsNotAnsweredWhenItsSyncFails) {
  follow();
  engine.set_plan({.sync_fails = 1});
  host->on_message(kCoordinator, messages::Seal{all_at(Term(5))});
  settle();
  EXPECT_THAT(take_told<messages::SealAnswer>(), IsEmpty());
  EXPECT_THAT(take_told<messages::NodeEvent>(), SizeIs(1));
}

TEST_F(PartitionHostMessagesTest, PromisesAboveTheMapsTermAreToldEveryHeartbeat) {
  follow();
  pass(1s);
  EXPECT_THAT(take_told<messages::Promises>(), IsEmpty());
  host->on_message(kCoordinator, messages::Seal{{{PartitionId(2), Term(5)}}});
  settle();
  pass(10 * host->map()->shape.timing.heartbeat);
  const auto told = take_told<messages::Promises>();
  EXPECT_GE(told.size(), 9u);
  EXPECT_LE(told.size(), 11u);
  EXPECT_THAT(told[0].partitions, ElementsAre(messages::PartitionTerm{PartitionId(2), Term(5)}));
}

// --- Peers ---

TEST_F(PartitionHostMessagesTest, APrimaryShowsItselfToItsMembersEveryHeartbeat) {
  lead();
  environment.sent.clear();
  const auto before = metrics.appends_sent.value();
  pass(1s);
  const auto heartbeats = sent_to<messages::Append>(NodeId("n2")).size();
  EXPECT_GE(heartbeats, 9 * kPartitions);
  EXPECT_LE(heartbeats, 12 * kPartitions);
  EXPECT_EQ(metrics.appends_sent.value(), before + heartbeats);
}

TEST_F(PartitionHostMessagesTest, APrimaryWithoutItsMembersLeasesServesNoMore) {
  lead();
  serve_by_leases();
  pass(host->map()->shape.timing.lease);
  EXPECT_EQ(host->partitions_served(), 0u);
  EXPECT_EQ(metrics.leases_lost.value(), kPartitions);
  EXPECT_EQ(error(get("k")).code, ErrorCode::unavailable);
}

TEST_F(PartitionHostMessagesTest, WritesLeaveForMembersOnceCommittedWithoutWaitingForTheSync) {
  open({.durability = Durability::always});
  lead();
  serve_by_leases();
  environment.sent.clear();
  const auto id = write({put("k", "v")});
  EXPECT_THAT(sent_to<messages::Append>(NodeId("n2")), IsEmpty());
  end_turn();
  EXPECT_FALSE(answered(id));
  const auto appends = sent_to<messages::Append>(NodeId("n2"));
  ASSERT_THAT(appends, SizeIs(1));
  EXPECT_THAT(appends[0].writes, SizeIs(1));
}

TEST_F(PartitionHostMessagesTest, WritesWhoseCommitWasRefusedAreNotSent) {
  lead();
  serve_by_leases();
  environment.sent.clear();
  engine.set_stalled(true);
  const auto id = write({put("k", "v")});
  settle();
  EXPECT_EQ(error(id).code, ErrorCode::busy);
  pass(200ms);
  for (const auto& append : sent_to<messages::Append>(NodeId("n2"))) EXPECT_THAT(append.writes, IsEmpty());
}

TEST_F(PartitionHostMessagesTest, WithTooMuchWaitingToLeaveOnlyHeartbeatsGo) {
  lead();
  serve_by_leases();
  environment.backlogs[NodeId("n2")] = limits::kPeerBacklogBytesMax + 1;
  environment.sent.clear();
  store("k", "v");
  pass(1s);
  const auto appends = sent_to<messages::Append>(NodeId("n2"));
  EXPECT_GE(appends.size(), 9 * kPartitions);
  for (const auto& append : appends) EXPECT_THAT(append.writes, IsEmpty());
  EXPECT_GE(metrics.sends_dropped.value(), 1u);
}

TEST_F(PartitionHostMessagesTest, ARefusedPeerIsReportedUntilTheMapNamesALaterProcess) {
  lead();
  for (int i = 0; i < 3; ++i) host->on_peer_refused(NodeId("n2"), Incarnation(1), environment.now().steady);
  auto told = take_told<messages::PeerDown>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].peer, NodeId("n2"));
  EXPECT_EQ(told[0].incarnation, Incarnation(1));
  EXPECT_TRUE(told[0].refused);
  pass(5 * host->map()->shape.timing.heartbeat);
  EXPECT_GE(take_told<messages::PeerDown>().size(), 4u);

  auto map = std::make_shared<ring::ClusterMap>(*host->map());
  map->epoch = Epoch(++epoch);
  map->nodes[1].incarnation = Incarnation(2);
  host->on_map(map);
  pass(1s);
  EXPECT_THAT(take_told<messages::PeerDown>(), IsEmpty());
}

TEST_F(PartitionHostMessagesTest, APeerThatIsHeardAgainIsReportedNoMore) {
  lead();
  host->on_peer_refused(NodeId("n2"), Incarnation(1), environment.now().steady);
  host->on_message(kPeer, messages::AppendAck{.partition = PartitionId(0), .term = Term(1)});
  take_told<messages::PeerDown>();
  pass(1s);
  EXPECT_THAT(take_told<messages::PeerDown>(), IsEmpty());
}

// --- The end ---

TEST_F(PartitionHostMessagesTest, AStoppingNodeIsNeededUntilTheMapHasItOutOfTheInSyncSets) {
  EXPECT_TRUE(host->settled_away()) << "it has no map";
  lead();
  EXPECT_FALSE(host->settled_away());
  host->begin_stop();
  host->begin_stop();
  pass(1s);
  EXPECT_FALSE(host->settled_away());
  adopt({{NodeId("n2"), Generation(0)}});
  EXPECT_TRUE(host->settled_away());
}

TEST_F(PartitionHostMessagesTest, ANodeThatIsAloneHasNobodyToGiveAnythingTo) {
  serve();
  host->begin_stop();
  EXPECT_TRUE(host->settled_away());
}

TEST_F(PartitionHostMessagesTest, AFailedStorageIsToldOnce) {
  serve();
  engine.set_plan({.commit_fails = 1});
  write({put("k", "v")});
  settle();
  write({put("k", "v")});
  host->on_second();
  pass(1s);
  const auto events = take_told<messages::NodeEvent>();
  EXPECT_EQ(std::ranges::count(events, messages::NodeEvent::Kind::storage_failed, &messages::NodeEvent::kind), 1);
  EXPECT_FALSE(host->settled());
}

}  // namespace
}  // namespace gyre::runtime
