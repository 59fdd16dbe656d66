#include "replication/primary.h"

#include <gtest/gtest.h>

#include "tests/unit/replication/cluster.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::kAckOne;
using messages::ReadLevel;
using messages::WriteOperation;
using test::Cluster;
using test::incr;
using test::put;
using test::put_if_absent;
using test::reading;
using test::request;

// --- Acknowledgement ---

TEST(Primary, WritesReachEveryMember) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  const auto one = c.written("n1", request({put("k", "v")}));
  ASSERT_TRUE(one);
  for (const char* name : {"n1", "n2", "n3"}) EXPECT_EQ(c.at(name).value("k"), "v") << name;
  EXPECT_EQ(c.at("n2").disk.state.history, c.at("n1").disk.state.history);
}

TEST(Primary, OneAnswersWithoutTheOthers) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.disconnect("n1", "n2");
  c.disconnect("n1", "n3");
  EXPECT_TRUE(c.written("n1", request({put("k", "v")})));
}

TEST(Primary, ANumberWaitsForSoManyMembersAndAllForEverybodyCounted) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.disconnect("n1", "n3");
  EXPECT_TRUE(c.written("n1", request({put("a", "1")}, 2)));
  EXPECT_FALSE(c.written("n1", request({put("b", "1")}, 3)));
  const auto all = c.write("n1", request({put("c", "1")}, kAckAll));
  c.settle();
  EXPECT_FALSE(c.answered("n1", all));
  c.reconnect();
  c.advance(300ms);
  ASSERT_TRUE(c.answered("n1", all));
  EXPECT_TRUE(c.answer("n1", all));
}

TEST(Primary, AnAcknowledgementCountsOnlyWhatIsPersistedThere) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.at("n2").holds_syncs = true;
  const auto all = c.write("n1", request({put("k", "v")}, kAckAll));
  c.advance(300ms);
  EXPECT_FALSE(c.answered("n1", all));
  EXPECT_TRUE(c.at("n1")->serving(c.now)) << "leases need not wait for a sync";
  c.at("n2").sync(c.now);
  c.collect("n2");
  c.settle();
  EXPECT_TRUE(c.answered("n1", all));
}

TEST(Primary, TooFewInSyncMembersRefuseAtOnce) {
  Cluster c({"n1", "n2", "n3"}, 2);
  c.serve("n1", {"n1"});
  c.disconnect("n1", "n2");
  c.disconnect("n1", "n3");
  EXPECT_EQ(c.code(c.written("n1", request({put("k", "v")}, 2))), ErrorCode::no_replicas);
  EXPECT_EQ(c.code(c.written("n1", request({put("k", "v")}, kAckAll))), ErrorCode::no_replicas);
  EXPECT_EQ(c.code(c.written("n1", request({put("k", "v")}, 9))), ErrorCode::invalid_argument);
  EXPECT_TRUE(c.written("n1", request({put("k", "v")})));
}

TEST(Primary, AnAllWriteThatLosesItsMembersHasAnUnknownOutcome) {
  Cluster c({"n1", "n2"}, 2);
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  const auto all = c.write("n1", request({put("k", "v")}, kAckAll));
  c.settle();
  c.set_in_sync({"n1"});
  c.publish();
  c.settle();
  EXPECT_EQ(c.code(c.answer("n1", all)), ErrorCode::outcome_unknown);
}

TEST(Primary, ANumberThatCanNoLongerBeReachedHasAnUnknownOutcome) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  const auto two = c.write("n1", request({put("k", "v")}, 2));
  c.settle();
  c.set_in_sync({"n1"});
  c.publish();
  EXPECT_EQ(c.code(c.answer("n1", two)), ErrorCode::outcome_unknown);
}

TEST(Primary, FailedConditionsNoOpsAndRetriesWaitUnderAll) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  auto retried = request({incr("n")}, kAckOne);
  retried.id = {ClientId(1), WriteNumber(1)};
  c.disconnect("n1", "n2");
  c.run("n1", request({put("k", "v")}));
  c.run("n1", retried);
  retried.ack = kAckAll;
  WriteOperation no_op;
  no_op.kind = messages::WriteKind::del;
  no_op.key = Bytes::literal("absent");
  std::vector<std::uint64_t> tickets{c.write("n1", request({put_if_absent("k", "w")}, kAckAll)),
                                     c.write("n1", request({no_op}, kAckAll)), c.write("n1", retried)};
  c.settle();
  for (const auto ticket : tickets) EXPECT_FALSE(c.answered("n1", ticket));
  c.reconnect();
  c.advance(300ms);
  EXPECT_EQ(c.code(c.answer("n1", tickets[0])), ErrorCode::condition_failed);
  EXPECT_TRUE(c.answer("n1", tickets[1]));
  ASSERT_TRUE(c.answer("n1", tickets[2]));
  EXPECT_EQ(c.answer("n1", tickets[2])->outcomes.front().number, 1);
}

// --- Leases ---

TEST(Primary, WhoWaitsForItsOwnLeaseSaysForHowLong) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  c.appoint("n2", {"n2"});
  c.publish();
  const auto early = c.at("n2").writes.at(c.write("n2", request({put("k", "v")})));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::unavailable);
  EXPECT_GT(early.error().retry_after, 1s);
  c.advance(early.error().retry_after + 20ms);
  EXPECT_TRUE(c.at("n2")->serving(c.now));
}

TEST(Primary, ServesOnlyWhileItHoldsALeaseOfEveryMemberItCounts) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.disconnect("n1", "n3");
  const Timing timing;
  c.advance(timing.lease_counted() - 200ms);
  EXPECT_TRUE(c.at("n1")->serving(c.now));
  c.advance(300ms);
  EXPECT_FALSE(c.at("n1")->serving(c.now));
  EXPECT_EQ(c.code(c.written("n1", request({put("k", "v")}))), ErrorCode::unavailable);
  EXPECT_FALSE(*c.read("n1", reading("k", ReadLevel::primary)));
  c.reconnect();
  c.advance(200ms);
  EXPECT_TRUE(c.at("n1")->serving(c.now));
}

TEST(Primary, ALearnersLeaseIsNotNeeded) {
  Cluster c({"n1", "n2"});
  c.drop = [](const Cluster::Packet& packet) { return packet.from == NodeId("n2"); };
  c.serve("n1", {"n1"});
  c.advance(5s);
  EXPECT_TRUE(c.at("n1")->serving(c.now));
}

TEST(Primary, AWriteThatIsPersistedWithoutTheRightHasAnUnknownOutcome) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  const auto ticket = c.write("n1", request({put("k", "v")}));
  c.now.steady += 10s;  // the process was suspended
  c.at("n1").commit(c.now);
  c.collect("n1");
  EXPECT_EQ(c.code(c.answer("n1", ticket)), ErrorCode::outcome_unknown);
}

TEST(Primary, AValueReadBeforeAPauseDoesNotLeaveAfterIt) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  const auto request = reading("k", ReadLevel::primary);
  EXPECT_TRUE(c.at("n1")->on_read(c.now, Ticket(99), request));
  c.now.steady += 10s;
  EXPECT_FALSE(c.at("n1")->may_leave(c.now, Ticket(99), request, true));
}

TEST(Primary, AKilledMemberIsALeaseForAWhile) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.kill("n2");
  for (int i = 0; i < 100; ++i) {
    c.prove_dead("n2");
    c.advance(100ms);
    ASSERT_TRUE(c.at("n1")->serving(c.now));
  }
  EXPECT_TRUE(c.written("n1", request({put("k", "v")})));
  const auto all = c.write("n1", request({put("k", "w")}, kAckAll));
  c.settle();
  EXPECT_FALSE(c.answered("n1", all));
}

TEST(Primary, ARefusalCountsFromWhenTheConnectionWasTried) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.kill("n2");
  const Instant tried_at = c.now.steady;
  c.now.steady += 3s;  // a pause, in which n2 may have come back and be primary
  c.at("n1")->on_peer_dead(c.now, NodeId("n2"), Incarnation(1), tried_at);
  EXPECT_FALSE(c.at("n1")->serving(c.now));
  c.at("n1")->on_peer_dead(c.now, NodeId("n2"), Incarnation(1), c.now.steady);
  EXPECT_FALSE(c.at("n1")->serving(c.now)) << "nor does a later one bring back what has run out";
}

TEST(Primary, AProofAboutAnEarlierProcessIsNoLease) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.restart("n2");
  c.publish();
  c.advance(200ms);
  c.disconnect("n1", "n2");
  for (int i = 0; i < 30; ++i) {
    c.at("n1")->on_peer_dead(c.now, NodeId("n2"), Incarnation(1), c.now.steady);
    c.advance(100ms);
  }
  EXPECT_FALSE(c.at("n1")->serving(c.now));
}

TEST(Primary, AcknowledgementsOfAnotherGenerationDoNotCount) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  const auto all = c.write("n1", request({put("k", "v")}, kAckAll));
  c.settle();
  messages::AppendAck ack;
  ack.term = Term(1);
  ack.generation = Generation(7);
  ack.echo = ack.sent_at = c.now.steady;
  ack.position = {Term(1), Sequence(1)};
  ack.promised = Term(1);
  c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), ack);
  c.collect("n1");
  EXPECT_FALSE(c.answered("n1", all));
  ack.generation = Generation(1);
  ack.term = Term(0);
  c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), ack);
  c.collect("n1");
  EXPECT_FALSE(c.answered("n1", all));
  ack.term = Term(1);
  c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), ack);
  c.collect("n1");
  EXPECT_TRUE(c.answered("n1", all));
}

// --- Linearizable reads ---

TEST(Primary, ALinearizableReadWaitsForTheLastChangeOfItsKeyAlone) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.run("n1", request({put("other", "1")}, kAckAll));
  c.disconnect("n1", "n2");
  c.run("n1", request({put("k", "v")}));
  EXPECT_TRUE(c.read("n1", reading("other", ReadLevel::linearizable)));
  EXPECT_TRUE(c.read("n1", reading("k", ReadLevel::primary)));
  EXPECT_FALSE(c.read("n1", reading("k", ReadLevel::linearizable)));
  const auto ticket = c.last_ticket;
  c.reconnect();
  c.advance(300ms);
  EXPECT_TRUE(c.at("n1").ready_reads.contains(ticket));
}

TEST(Primary, ALinearizableReadWaitsForADeletionToo) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.run("n1", request({put("k", "v")}, kAckAll));
  c.disconnect("n1", "n2");
  WriteOperation del;
  del.kind = messages::WriteKind::del;
  del.key = Bytes::literal("k");
  c.run("n1", request({del}));
  EXPECT_FALSE(c.read("n1", reading("k", ReadLevel::linearizable)));
}

TEST(Primary, TheOldWritesOfANewPrimaryAreNotTakenToBeHeldByAll) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.disconnect("n1", "n3");
  c.run("n1", request({put("k", "v")}));
  c.kill("n1");
  c.disconnect("n2", "n3");
  c.appoint("n2", {"n2", "n3"});
  c.publish();
  // n3 gives its lease, but gets no writes.
  c.reconnect();
  c.drop = [](const Cluster::Packet& packet) {
    const auto* append = std::get_if<messages::Append>(&packet.message);
    return append != nullptr && !append->writes.empty();
  };
  c.advance(3s);
  ASSERT_TRUE(c.at("n2")->serving(c.now));
  EXPECT_FALSE(c.read("n2", reading("k", ReadLevel::linearizable)));
  c.drop = {};
  c.advance(300ms);
  EXPECT_TRUE(c.read("n2", reading("k", ReadLevel::linearizable)));
}

// PROTOCOL.md section 13, scenario 11.
TEST(Primary, AReadFromTheDiskThatFindsALaterWriteWaitsForIt) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  const auto request_k = reading("k", ReadLevel::linearizable);
  EXPECT_EQ(*c.at("n1")->on_read(c.now, Ticket(99), request_k), Partition::ReadPlan::engine);
  c.disconnect("n1", "n2");
  c.run("n1", request({put("k", "later")}));
  const auto leaves = c.at("n1")->may_leave(c.now, Ticket(99), request_k, true);
  ASSERT_TRUE(leaves);
  EXPECT_FALSE(*leaves);
}

// --- The in-sync set ---

TEST(Primary, GrowsByACaughtUpLearnerThatItCountsFirst) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1"});
  c.run("n1", request({put("k", "v")}));
  c.advance(300ms);
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->term, Term(1));
  EXPECT_EQ(asked->version, c.entry().version);
  EXPECT_EQ(asked->in_sync.size(), 2u);
  // Counted, though no map says so: its lease is needed, for as long as the version has not moved.
  c.disconnect("n1", "n2");
  c.advance(60s);
  EXPECT_FALSE(c.at("n1")->serving(c.now));
  ++c.entry().version;
  c.publish();
  EXPECT_TRUE(c.at("n1")->serving(c.now));
}

TEST(Primary, ANewcomerIsCountedFirstAndAskedForOnceItHasWhatWasAcknowledged) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1"});
  c.advance(300ms);
  c.drop = [](const Cluster::Packet& packet) {
    const auto* append = std::get_if<messages::Append>(&packet.message);
    return append != nullptr && !append->writes.empty();
  };
  c.run("n1", request({put("k", "v")}));
  ++c.entry().version;  // the first request was refused
  c.publish();
  ASSERT_FALSE(c.at("n1")->status(c.now).members.front().counted);
  c.coordinator.clear();
  c.advance(kTick);
  ASSERT_TRUE(c.at("n1")->status(c.now).members.front().counted);
  EXPECT_FALSE(c.told<messages::SetInSync>("n1"));
  c.drop = {};
  c.advance(300ms);
  EXPECT_TRUE(c.told<messages::SetInSync>("n1"));
}

TEST(Primary, AMemberThatLacksWritesOfAnEarlierTermHasNotCaughtUp) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2"});
  const auto to_n3 = [](const Cluster::Packet& packet) {
    const auto* append = std::get_if<messages::Append>(&packet.message);
    return append != nullptr && !append->writes.empty() && packet.to == NodeId("n3");
  };
  c.drop = to_n3;
  c.run("n1", request({put("k", "v")}));
  c.kill("n1");
  c.prove_dead("n1");
  c.appoint("n2", {"n2"});
  c.publish();
  c.settle();
  for (int i = 0; i < 4; ++i) {
    c.advance(kTick);
    ASSERT_TRUE(c.at("n2")->serving(c.now));
    for (const auto& member : c.at("n2")->status(c.now).members) EXPECT_FALSE(member.counted) << member.node.str();
  }
  c.drop = {};
  c.advance(500ms);
  const auto asked = c.told<messages::SetInSync>("n2");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->in_sync.size(), 2u);
}

TEST(Primary, AsksWithoutASilentMember) {
  Cluster c({"n1", "n2", "n3"}, 2);
  c.serve("n1", {"n1", "n2", "n3"});
  c.disconnect("n1", "n3");
  c.advance(1300ms);
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->in_sync,
            (std::vector<ring::InSyncMember>{{NodeId("n1"), Generation(1)}, {NodeId("n2"), Generation(1)}}));
  EXPECT_TRUE(c.at("n1")->serving(c.now)) << "in time to serve on";
}

TEST(Primary, AsksForNothingWithoutTheRightToServe) {
  Cluster c({"n1", "n2", "n3"});
  c.drop = [](const Cluster::Packet& packet) { return packet.from == NodeId("n2"); };
  c.appoint("n1", {"n1", "n2"});
  c.publish();
  c.advance(500ms);
  EXPECT_FALSE(c.told<messages::SetInSync>("n1")) << "n3 has caught up, but n1 holds no lease of n2";
}

TEST(Primary, DropsALaggardWhileEnoughStayAndElseAnswersBusy) {
  Cluster c({"n1", "n2", "n3"}, 2);
  c.serve("n1", {"n1", "n2", "n3"});
  c.at("n3").holds_syncs = true;
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(c.written("n1", request({put("k", "v")})));
    c.advance(100ms);
  }
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->in_sync.size(), 2u);
  c.set_in_sync({"n1", "n2"});
  c.publish();
  c.at("n2").holds_syncs = true;
  for (int i = 0; i < 12; ++i) {
    c.run("n1", request({put("k", "v")}));
    c.advance(100ms);
  }
  EXPECT_EQ(c.code(c.written("n1", request({put("k", "v")}))), ErrorCode::busy);
}

messages::Order release(const std::string& node, Incarnation incarnation) {
  return {messages::Order::Kind::release, PartitionId(0), Term(1), NodeId(node), incarnation};
}

// As a coordinator does: again at every heartbeat.
void order_releases(Cluster& c, const messages::Order& order, Duration time) {
  for (Duration passed{0}; passed < time; passed += 100ms) {
    c.at("n1")->on_order(c.now, order);
    c.advance(100ms);
  }
}

TEST(Primary, ALateReleaseIsNotOfTheProcessThatFollowed) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.restart("n2");
  c.publish();
  c.advance(300ms);
  c.coordinator.clear();
  c.at("n1")->on_order(c.now, release("n2", Incarnation(1)));
  c.advance(300ms);
  EXPECT_FALSE(c.told<messages::SetInSync>("n1"));
}

TEST(Primary, ReleasesAMemberOnceTheOthersHaveReachedIt) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.disconnect("n1", "n3");
  c.run("n1", request({put("k", "v")}));
  c.coordinator.clear();
  order_releases(c, release("n2", Incarnation(1)), 200ms);
  EXPECT_FALSE(c.told<messages::SetInSync>("n1")) << "n3 lacks a write that n2 has";
  c.reconnect();
  order_releases(c, release("n2", Incarnation(1)), 300ms);
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked);
  EXPECT_TRUE(asked->release);
  EXPECT_EQ(asked->in_sync.size(), 2u);
  c.set_in_sync({"n1", "n3"});
  c.publish();
  c.coordinator.clear();
  order_releases(c, release("n2", Incarnation(1)), 3s);
  EXPECT_FALSE(c.told<messages::SetInSync>("n1")) << "this process is not asked for again";
}

TEST(Primary, AMemberThatIsNotOrderedToLeaveAnyMoreIsWantedAgain) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  order_releases(c, release("n2", Incarnation(1)), 300ms);
  c.set_in_sync({"n1", "n3"});
  c.publish();
  c.coordinator.clear();
  c.advance(800ms);
  EXPECT_FALSE(c.told<messages::SetInSync>("n1")) << "orders may be late";
  c.advance(500ms);
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked);
  EXPECT_FALSE(asked->release);
  EXPECT_EQ(asked->in_sync.size(), 3u);
}

TEST(Primary, AMemberThatFallsBehindWhatItAcknowledgedIsOut) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.run("n1", request({put("k", "v")}, kAckAll));
  c.drop = [](const Cluster::Packet& packet) { return packet.to == NodeId("n2"); };
  c.restart("n2");
  c.at("n2").disk = {};
  c.start("n2");
  c.publish();
  c.advance(40ms);
  c.drop = {};
  c.coordinator.clear();
  c.advance(300ms);
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->in_sync.size(), 1u);
}

// --- Streams ---

TEST(Primary, ResendsWhatWasLost) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  int lost = 0;
  c.drop = [&](const Cluster::Packet& packet) {
    const auto* append = std::get_if<messages::Append>(&packet.message);
    return append != nullptr && !append->writes.empty() && lost++ < 3;
  };
  for (int i = 0; i < 5; ++i) c.run("n1", request({incr("n")}));
  const auto all = c.write("n1", request({incr("n")}, kAckAll));
  c.advance(300ms);
  EXPECT_TRUE(c.answered("n1", all));
  EXPECT_EQ(c.at("n2").value("n"), "6");
}

TEST(Primary, AMemberThatTakesNothingGetsABoundedAmount) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  std::size_t sent = 0;
  c.drop = [&](const Cluster::Packet& packet) {
    if (const auto* append = std::get_if<messages::Append>(&packet.message); append && packet.to == NodeId("n2")) {
      for (const auto& write : append->writes) sent += write->bytes();
    }
    return packet.from == NodeId("n2") && std::holds_alternative<messages::AppendAck>(packet.message);
  };
  const std::string value(100'000, 'v');
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(c.written("n1", request({put("k", value)}, 2))) << "n3 is not delayed";
  EXPECT_LT(sent, limits::kStreamBytesInFlightMax + 2 * limits::kAppendBytesMax);
}

TEST(Primary, CatchesAMemberUpFromTheLogOnDisk) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1"});
  c.run("n1", request({put("first", "v")}));
  c.advance(100ms);
  c.kill("n2");
  const std::string value(100'000, 'v');
  for (int i = 0; i < 100; ++i) c.run("n1", request({put("k" + std::to_string(i), value)}));
  c.restart("n2");
  c.publish();
  c.advance(1s);
  EXPECT_EQ(c.at("n2").disk.state.position, c.at("n1").disk.state.position);
  EXPECT_TRUE(c.at("n2").snapshots.empty());
  EXPECT_EQ(c.at("n2").disk.log.size(), 101u);
}

TEST(Primary, AMemberBeyondTheLogTakesASnapshot) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1"});
  c.run("n1", request({put("first", "v")}));
  c.advance(100ms);
  c.kill("n2");
  const std::string value(100'000, 'v');
  for (int i = 0; i < 100; ++i) c.run("n1", request({put("k" + std::to_string(i), value)}));
  c.at("n1").disk.log.clear();
  c.restart("n2");
  c.publish();
  c.advance(2s);
  EXPECT_EQ(c.at("n2").disk.state.position, c.at("n1").disk.state.position);
  EXPECT_EQ(c.at("n2").disk.records.size(), 101u);
  EXPECT_TRUE(c.told<messages::SetInSync>("n1")) << "it is whole again, and asked for";
}

TEST(Primary, AnInSyncMemberBeyondTheLogLeavesTheSetBeforeItGivesItsDataUp) {
  Cluster c({"n1", "n2"}, 2);
  c.serve("n1", {"n1", "n2"});
  c.run("n1", request({put("kept", "v")}, kAckAll));
  c.disconnect("n1", "n2");
  const std::string value(100'000, 'v');
  for (int i = 0; i < 100; ++i) c.run("n1", request({put("k" + std::to_string(i), value)}));
  c.at("n1").disk.log.clear();
  c.reconnect();
  c.advance(1s);
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->in_sync.size(), 1u);
  EXPECT_TRUE(asked->release) << "nobody is to be promoted for it";
  EXPECT_EQ(c.at("n2").value("kept"), "v");
  EXPECT_EQ(c.at("n2").disk.state.position.sequence, Sequence(1));
  c.set_in_sync({"n1"});
  c.publish();
  c.advance(2s);
  EXPECT_EQ(c.at("n2").disk.state.position, c.at("n1").disk.state.position);
}

// Memory keeps little of what all members have, and more of what one of them still lacks.
TEST(Primary, AMemberThatWasSilentCatchesUpFromMemory) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.run("n1", request({put("k", "v")}, kAckAll));
  c.disconnect("n1", "n2");
  constexpr std::size_t kWrites = 20;
  constexpr std::size_t kEach = 2 * limits::kRecentLogHeldBytesMax / kWrites;
  for (std::size_t i = 0; i < kWrites; ++i) {
    c.run("n1", request({put("k" + std::to_string(i), std::string(kEach, 'v'))}));
  }
  bool copied = false;
  c.observe = [&](const Cluster::Packet& packet) {
    copied = copied || std::holds_alternative<messages::SnapshotAsk>(packet.message);
  };
  c.at("n1").disk.log.clear();  // there is nothing else to catch up from
  c.reconnect();
  c.advance(1s);
  EXPECT_EQ(c.at("n2").disk.state.position, c.at("n1").disk.state.position);
  EXPECT_FALSE(copied);
}

// --- Handoff ---

messages::Order hand_over(const std::string& to, std::uint64_t term = 1) {
  return {messages::Order::Kind::hand_over, PartitionId(0), Term(term), NodeId(to)};
}

TEST(Primary, HandsOverWhenTheSuccessorHasEverything) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.at("n2").holds_syncs = true;
  const auto before = c.write("n1", request({put("k", "v")}));
  c.settle();
  c.at("n1")->on_order(c.now, hand_over("n2"));
  c.collect("n1");
  const auto queued = c.write("n1", request({put("k", "w")}));
  c.settle();
  EXPECT_TRUE(c.answered("n1", before));
  EXPECT_FALSE(c.answered("n1", queued));
  EXPECT_TRUE(c.at("n1")->serving(c.now)) << "reads go on meanwhile";
  c.at("n2").sync(c.now);
  c.collect("n2");
  c.settle();
  EXPECT_FALSE(c.at("n1")->serving(c.now));
  EXPECT_EQ(c.code(c.answer("n1", queued)), ErrorCode::not_primary);
  const auto handed = c.told<messages::HandedOver>("n1");
  ASSERT_TRUE(handed);
  EXPECT_EQ(handed->successor, NodeId("n2"));
  c.at("n2").holds_syncs = false;
  c.appoint("n2", {"n1", "n2"});
  c.publish();
  c.settle();
  EXPECT_TRUE(c.at("n2")->serving(c.now)) << "no lease is waited for";
}

// PROTOCOL.md section 13, scenario 8.
TEST(Primary, ATermGivenUpIsNotServedWhateverBecomesOfTheSwap) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.at("n1")->on_order(c.now, hand_over("n2"));
  c.settle();
  ASSERT_TRUE(c.told<messages::HandedOver>("n1"));
  ++c.entry().version;  // something else changed: the swap was lost
  c.publish();
  c.coordinator.clear();
  c.advance(3s);
  EXPECT_FALSE(c.at("n1")->serving(c.now));
  EXPECT_FALSE(*c.read("n1", reading("k", ReadLevel::primary)));
  EXPECT_EQ(c.code(c.written("n1", request({put("k", "v")}))), ErrorCode::not_primary);
  EXPECT_TRUE(c.told<messages::HandedOver>("n1")) << "repeated until a newer entry is there";
  c.serve("n2", {"n1", "n2"});
  c.coordinator.clear();
  c.advance(1s);
  EXPECT_FALSE(c.told<messages::HandedOver>("n1"));
}

TEST(Primary, AHandoffThatDoesNotEndIsCalledOff) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.at("n2").holds_syncs = true;
  c.run("n1", request({put("k", "v")}));
  c.at("n1")->on_order(c.now, hand_over("n2"));
  const auto queued = c.write("n1", request({put("k", "w")}));
  c.advance(1200ms);
  EXPECT_TRUE(c.answer("n1", queued));
  EXPECT_TRUE(c.at("n1")->serving(c.now));
}

TEST(Primary, HandsOverOnlyToAMemberInSyncAndOnlyInItsTerm) {
  Cluster c({"n1", "n2", "n3"});
  c.drop = [](const Cluster::Packet& packet) { return packet.from == NodeId("n3"); };
  c.serve("n1", {"n1", "n2"});
  for (const auto& order : {hand_over("n3"), hand_over("n2", 9), hand_over("n7")}) c.at("n1")->on_order(c.now, order);
  c.advance(100ms);
  EXPECT_TRUE(c.at("n1")->serving(c.now));
  EXPECT_FALSE(c.told<messages::HandedOver>("n1"));
}

// Nobody but the primary knows of it: it must not wait for its lease for ever.
TEST(Primary, ANewcomerThatIsGoneDoesNotKeepAPrimaryFromServing) {
  Cluster c({"n1", "n2", "n3"});
  c.disconnect("n1", "n3");
  c.serve("n1", {"n1", "n2"});
  // n3 begins to follow, but never gets the write that it would have to reach.
  c.drop = [](const Cluster::Packet& packet) {
    const auto* append = std::get_if<messages::Append>(&packet.message);
    return packet.to == NodeId("n3") && append != nullptr && !append->writes.empty();
  };
  bool written = false;
  c.observe = [&](const Cluster::Packet& packet) {
    if (packet.from != NodeId("n3") || std::exchange(written, true)) return;
    c.at("n1")->on_write(c.now, Ticket(1000), request({put("k", "v")}));
  };
  c.reconnect();
  const auto counts_n3 = [&] {
    const auto members = c.at("n1")->status(c.now).members;
    return std::ranges::any_of(members, [](const auto& m) { return m.node == NodeId("n3") && m.counted; });
  };
  for (int i = 0; i < 50 && !counts_n3(); ++i) c.advance(kTick);
  ASSERT_TRUE(counts_n3());
  ASSERT_FALSE(c.told<messages::SetInSync>("n1"));
  c.kill("n3");
  c.paused.insert("n1");
  c.disconnect("n1", "n2");
  c.advance(3s);
  c.paused.clear();
  c.reconnect();
  c.advance(2s);
  EXPECT_TRUE(c.at("n1")->serving(c.now)) << c.at("n1")->status(c.now).why;
}

TEST(Primary, TimeGoesOnFromWhatAMemberHeardLast) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.advance(1s);
  const UnixMillis heard = c.at("n2")->time(c.now);
  c.now.wall.value -= 60'000;  // the clock of the next primary is behind
  c.kill("n1");
  c.prove_dead("n1");
  c.now.steady += 5s;
  c.serve("n2", {"n2"});
  EXPECT_GE(c.at("n2")->time(c.now).value, heard.value + 5000);
}

TEST(Primary, TimeStandsStillWithoutTheRightToServe) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  const UnixMillis before = c.at("n1")->time(c.now);
  c.now.steady += 5s;
  c.now.wall.value += 5000;
  ASSERT_FALSE(c.at("n1")->serving(c.now));
  EXPECT_EQ(c.at("n1")->time(c.now), before);
  c.at("n1")->on_seal(c.now, c.entry().term.next());
  EXPECT_EQ(c.at("n1")->time(c.now), before) << "a member that may be read again goes by it";
}

// What died may have been primary since its last lease had run out.
TEST(Primary, ARefusedConnectionBringsNoRightBack) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  c.advance(3s);
  ASSERT_FALSE(c.at("n1")->serving(c.now));
  c.kill("n2");
  c.prove_dead("n2");
  c.advance(kTick);
  EXPECT_FALSE(c.at("n1")->serving(c.now));
}

TEST(Primary, ARefusedConnectionCountsAsALeaseWhileTheLastOneLives) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.kill("n2");
  for (int i = 0; i < 10; ++i) {
    c.advance(500ms);
    c.prove_dead("n2");
    ASSERT_TRUE(c.at("n1")->serving(c.now)) << i;
  }
}

}  // namespace
}  // namespace gyre::replication
