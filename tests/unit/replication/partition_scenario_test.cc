// Interleavings that random walks rarely reach (PROTOCOL.md section 13), on the machines alone: the test plays the
// coordinator. Scenarios 8 and 11 are in primary_test.cc; the coordinator's own rules are for the simulator.
#include <gtest/gtest.h>

#include "tests/unit/replication/cluster.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::ReadLevel;
using test::Cluster;
using test::Disk;
using test::put;
using test::reading;
using test::request;

const Duration kDefaultLease = Timing().lease;

TEST(Scenario01, AThirdPrimaryWaitsOutALeaseThatTheSecondGaveToTheFirst) {
  // C's own lease to A is long over; that of B, which it never served, is what A would count.
  Cluster c({"a", "b", "c"});
  c.serve("a", {"a", "b"});
  c.disconnect("a", "c");
  ASSERT_TRUE(c.seal("b", 2));
  c.disconnect("a", "b");
  c.appoint("b", {"b"}, 2);
  c.tell_map("b");
  c.tell_map("c");
  c.advance(200ms);
  EXPECT_FALSE(c.at("b")->serving(c.now)) << "it still waits for the lease it gave to A";
  EXPECT_TRUE(c.at("a")->serving(c.now));
  // B must not have grown C before it serves: so C cannot be sealed and appointed while A's lease lives.
  EXPECT_FALSE(c.told<messages::SetInSync>("b"));
  c.advance(kDefaultLease);
  EXPECT_TRUE(c.at("b")->serving(c.now));
  EXPECT_FALSE(c.at("a")->serving(c.now));
  c.advance(200ms);
  EXPECT_TRUE(c.told<messages::SetInSync>("b"));
}

TEST(Scenario02, AProofAboutTheSecondPrimaryDoesNotEndALeaseToTheFirst) {
  Cluster c({"a", "b", "c"});
  c.serve("a", {"a", "b", "c"});
  c.disconnect("a", "b");
  c.disconnect("a", "c");
  ASSERT_TRUE(c.seal("b", 2));
  ASSERT_TRUE(c.seal("c", 2));
  c.appoint("b", {"b", "c"}, 2);
  c.kill("b");
  c.tell_map("c");
  ASSERT_TRUE(c.seal("c", 3));
  c.at("c")->on_peer_dead(c.now, NodeId("b"), Incarnation(1), c.now.steady);
  c.appoint("c", {"c"}, 3);
  c.tell_map("c");
  c.settle();
  EXPECT_TRUE(c.at("a")->serving(c.now));
  EXPECT_FALSE(c.at("c")->serving(c.now)) << "it gave A a lease that nothing has ended";
  for (int i = 0; i < 150; ++i) {
    c.advance(kTick);
    ASSERT_FALSE(c.at("a")->serving(c.now) && c.at("c")->serving(c.now));
  }
  EXPECT_TRUE(c.at("c")->serving(c.now));
}

TEST(Scenario03, AnOldProofOfDeathDoesNotEndTheLeaseOfALaterProcess) {
  Cluster c({"a", "b"});
  c.serve("a", {"a", "b"});
  c.restart("a");
  c.serve("a", {"a", "b"});
  ASSERT_TRUE(c.seal("b", 3));
  c.at("b")->on_peer_dead(c.now, NodeId("a"), Incarnation(1), c.now.steady);
  c.disconnect("a", "b");
  c.appoint("b", {"b"}, 3);
  c.tell_map("b");
  c.settle();
  EXPECT_TRUE(c.at("a")->serving(c.now));
  EXPECT_FALSE(c.at("b")->serving(c.now));
  c.advance(kDefaultLease + 100ms);
  EXPECT_TRUE(c.at("b")->serving(c.now));
}

TEST(Scenario04, ARequestOfAnEarlierTermNamesItsTermAndVersion) {
  Cluster c({"a", "b"});
  c.serve("a", {"a"});
  c.advance(300ms);
  const auto old = c.told<messages::SetInSync>("a");
  ASSERT_TRUE(old);
  c.disconnect("a", "b");
  c.restart("a");
  c.serve("a", {"a"});
  // Appointed again without the newcomer, it may serve alone: the old request must not land, and says why.
  EXPECT_TRUE(c.at("a")->serving(c.now));
  EXPECT_LT(old->term, c.entry().term);
  EXPECT_LT(old->version, c.entry().version);
}

TEST(Scenario05, AnAcknowledgementOfLostDataAndADelayedAppendCountForNothing) {
  Cluster c({"a", "b"}, 2);
  c.serve("a", {"a", "b"});
  const Disk synced = c.at("b").disk;
  std::vector<Cluster::Packet> acks;
  std::vector<Cluster::Packet> appends;
  c.drop = [&](const Cluster::Packet& packet) {
    if (packet.from == NodeId("a")) appends.push_back(packet);
    if (packet.from == NodeId("b")) acks.push_back(packet);
    return packet.from == NodeId("b");
  };
  const auto all = c.write("a", request({put("k", "v")}, kAckAll));
  c.settle();
  ASSERT_FALSE(acks.empty());
  c.kill("b");
  c.restart_lossy("b", synced);
  c.publish();
  c.drop = [](const Cluster::Packet&) { return true; };
  for (auto& packet : acks) c.at("a")->on_peer(c.now, packet.from, packet.incarnation, packet.message);
  c.collect("a");
  EXPECT_FALSE(c.answered("a", all) && c.answer("a", all));
  EXPECT_EQ(c.at("b")->status(c.now).role, messages::PartitionStatus::Role::learner);
  for (auto& packet : appends) c.at("b")->on_peer(c.now, packet.from, packet.incarnation, packet.message);
  c.settle();
  EXPECT_EQ(c.at("b")->status(c.now).role, messages::PartitionStatus::Role::learner);
  // A process start before it has caught up does not make it look clean.
  c.restart("b");
  c.publish();
  EXPECT_EQ(c.at("b")->status(c.now).role, messages::PartitionStatus::Role::learner);
  c.drop = {};
  c.coordinator.clear();
  c.advance(300ms);
  const auto asked = c.told<messages::SetInSync>("a");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->in_sync.back(), (ring::InSyncMember{NodeId("b"), Generation(2)}));
}

TEST(Scenario06, AWipedMemberDoesNotListenToThePrimaryOfATermItHasSeenEnd) {
  Cluster c({"a", "b"});
  c.serve("a", {"a", "b"});
  c.disconnect("a", "b");
  ASSERT_TRUE(c.seal("b", 2));
  c.appoint("b", {"b"}, 2);
  c.tell_map("b");
  c.advance(kDefaultLease + 100ms);
  ASSERT_TRUE(c.at("b")->serving(c.now));
  c.kill("b");
  c.restart_lossy("b", {});
  c.reconnect();
  c.advance(300ms);
  EXPECT_FALSE(c.at("a")->serving(c.now)) << "no lease before it has read the map";
  c.tell_map("b");
  c.advance(300ms);
  EXPECT_FALSE(c.at("a")->serving(c.now));
}

TEST(Scenario07, AMemberOutsideTheInSyncSetHoldsWhatTheLossyOneLost) {
  Cluster c({"b", "c"});
  c.serve("b", {"b"});
  const Disk synced = c.at("b").disk;
  c.run("b", request({put("k", "v")}));
  ASSERT_EQ(c.at("c").value("k"), "v");
  c.kill("b");
  c.restart_lossy("b", synced);
  // Both answer a seal; the coordinator sees which generation, and which position is the highest.
  c.tell_map("b");
  EXPECT_EQ(c.at("b")->status(c.now).role, messages::PartitionStatus::Role::learner);
  const auto lossy = c.seal("b", 2);
  ASSERT_TRUE(lossy);
  EXPECT_EQ(c.told<messages::SealAnswer>("b")->generation, Generation(2));
  const auto whole = c.seal("c", 2);
  ASSERT_TRUE(whole);
  EXPECT_LT(lossy->position, whole->position);
  // Appointed by its old generation, it does not serve.
  c.entry().term = Term(2);
  c.entry().primary_incarnation = c.node("b").incarnation;
  ++c.entry().version;
  c.publish();
  c.advance(kDefaultLease + 200ms);
  EXPECT_FALSE(c.at("b")->serving(c.now));
}

TEST(Scenario09, APartialSealEndsInANewTermAndTheSealedMemberFollowsIt) {
  Cluster c({"a", "b", "c"});
  c.serve("a", {"a", "b", "c"});
  ASSERT_TRUE(c.seal("c", 2));
  EXPECT_TRUE(c.at("b")->on_poll(c.now, Term(1), NodeId("a")));
  c.advance(kDefaultLease);
  EXPECT_FALSE(c.at("a")->serving(c.now)) << "C gives no lease in term 1 any more";
  EXPECT_EQ(c.at("c")->open_promise(), Term(2)) << "shown to every coordinator until it is finished";
  c.serve("a", {"a", "b", "c"});
  EXPECT_FALSE(c.at("c")->open_promise());
  EXPECT_TRUE(c.written("a", request({put("k", "v")}, kAckAll)));
}

TEST(Scenario10, AnAcknowledgementFromTwoTermsAgoCountsForNothing) {
  Cluster c({"a", "b", "c"});
  c.serve("a", {"a", "b"});
  std::vector<Cluster::Packet> old;
  c.drop = [&](const Cluster::Packet& packet) {
    const bool ack = packet.from == NodeId("b") && std::holds_alternative<messages::AppendAck>(packet.message);
    if (ack) old.push_back(packet);
    return ack;
  };
  c.run("a", request({put("k", "1")}));
  ASSERT_FALSE(old.empty());
  c.drop = {};
  c.serve("b", {"a", "b"});
  c.serve("a", {"a", "b"});
  c.disconnect("a", "b");
  const auto all = c.write("a", request({put("k", "2")}, kAckAll));
  c.settle();
  for (auto& packet : old) {
    std::get<messages::AppendAck>(packet.message).position.sequence = Sequence(99);
    c.at("a")->on_peer(c.now, packet.from, packet.incarnation, packet.message);
  }
  c.collect("a");
  EXPECT_FALSE(c.answered("a", all));
}

TEST(ScenarioOfASeal, APrimaryThatSealsStopsAtOnceAndFreesItsMembers) {
  Cluster c({"a", "b"});
  c.serve("a", {"a", "b"});
  ASSERT_TRUE(c.seal("a", 2));
  EXPECT_FALSE(c.at("a")->serving(c.now));
  ASSERT_TRUE(c.seal("b", 2));
  c.appoint("b", {"a", "b"}, 2);
  c.publish();
  c.settle();
  EXPECT_TRUE(c.at("b")->serving(c.now)) << "it need not wait for the lease of one that has stopped";
}

}  // namespace
}  // namespace gyre::replication
