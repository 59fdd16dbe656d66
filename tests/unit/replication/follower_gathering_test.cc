// What a member in sync receives waits for the next tick, unless somebody waits for it.
#include <string>

#include <gtest/gtest.h>

#include "replication/follower.h"
#include "tests/unit/replication/cluster.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::ReadLevel;
using test::Cluster;
using test::put;
using test::put_if_absent;
using test::reading;
using test::request;

class Gather : public ::testing::Test {
 protected:
  Gather() : c({"n1", "n2", "n3"}) { c.serve("n1", {"n1", "n2", "n3"}); }

  // Goes to all members; until a tick only those commit that have a reason.
  std::uint64_t write(const std::string& key, messages::AckCount ack = messages::kAckOne) {
    const auto ticket = c.write("n1", request({put(key, "v")}, ack));
    c.work_through();
    return ticket;
  }
  std::string at(const std::string& node, const std::string& key) { return c.at(node).value(key); }

  Cluster c;
};

TEST_F(Gather, TheWritesOfATickAreOneCommitAndOneAcknowledgement) {
  int acks = 0;
  c.observe = [&](const Cluster::Packet& packet) {
    acks += std::holds_alternative<messages::AppendAck>(packet.message);
  };
  for (const char* key : {"a", "b", "c"}) write(key);
  EXPECT_EQ(at("n1", "c"), "v");
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(at("n2", key), "") << key;
  EXPECT_EQ(acks, 0);
  c.tick();
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(at("n2", key), "v") << key;
  EXPECT_EQ(acks, 2) << "one of each member";
}

TEST_F(Gather, NothingThatSomebodyWaitsForIsHeld) {
  const auto two = write("two", 2);
  EXPECT_TRUE(c.answered("n1", two));
  const auto all = write("all", kAckAll);
  EXPECT_TRUE(c.answered("n1", all));
  EXPECT_EQ(at("n3", "two"), "v");
}

TEST_F(Gather, AnAwaitedWriteTakesThoseBeforeItAlong) {
  write("first");
  EXPECT_EQ(at("n2", "first"), "");
  EXPECT_TRUE(c.answered("n1", write("second", kAckAll)));
  EXPECT_EQ(at("n2", "first"), "v");
}

TEST_F(Gather, ALinearizableReadHastensWhatItWaitsFor) {
  write("k");
  EXPECT_FALSE(c.read("n1", reading("k", ReadLevel::linearizable)));
  c.work_through();
  ASSERT_EQ(c.at("n1").ready_reads.size(), 1u);
  EXPECT_TRUE(c.at("n1").ready_reads.begin()->second);
  EXPECT_EQ(at("n2", "k"), "v");
}

TEST_F(Gather, AnAnswerThatOnlyShowsWhatOthersWroteHastensThat) {
  write("k");
  const auto refused = c.write("n1", request({put_if_absent("k", "w")}, kAckAll));
  c.work_through();
  EXPECT_TRUE(c.answered("n1", refused));
  EXPECT_EQ(at("n2", "k"), "v");
}

TEST_F(Gather, ALostWordOfHasteCostsATickAtMost) {
  write("k");
  c.drop = [](const Cluster::Packet& packet) { return std::holds_alternative<messages::Append>(packet.message); };
  EXPECT_FALSE(c.read("n1", reading("k", ReadLevel::linearizable)));
  c.work_through();
  EXPECT_TRUE(c.at("n1").ready_reads.empty());
  c.tick();
  EXPECT_EQ(c.at("n1").ready_reads.size(), 1u);
}

// Else a member that stays would never have as much as one that leaves, which gathers nothing.
TEST_F(Gather, NothingIsHeldWhileAMemberLeaves) {
  c.at("n1")->on_order(
      c.now, {messages::Order::Kind::release, test::kPartition, c.entry().term, NodeId("n3"), Incarnation(1)});
  c.collect("n1");
  write("k");
  EXPECT_EQ(at("n2", "k"), "v");
}

TEST_F(Gather, AHastenedMemberIsNotToldAgain) {
  c.drop = [](const Cluster::Packet& packet) { return std::holds_alternative<messages::AppendAck>(packet.message); };
  write("k");
  int appends = 0;
  c.observe = [&](const Cluster::Packet& packet) {
    appends += std::holds_alternative<messages::Append>(packet.message);
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(c.read("n1", reading("k", ReadLevel::linearizable)));
    c.work_through();
  }
  EXPECT_EQ(appends, 2) << "one to each member";
}

TEST_F(Gather, ASessionThatIsAheadOfAMemberIsRefusedOnce) {
  write("k");
  const Position seen = c.at("n1")->state().position;
  const auto early = c.read("n2", reading("k", ReadLevel::session, seen));
  ASSERT_TRUE(early && !*early);
  EXPECT_EQ(early->error().code, ErrorCode::behind);
  c.work_through();
  const auto then = c.read("n2", reading("k", ReadLevel::session, seen));
  EXPECT_TRUE(then && *then);
}

TEST_F(Gather, ASealTakesAlongWhatWasReceived) {
  write("k");
  c.coordinator.clear();
  c.at("n2")->on_seal(c.now, Term(9));
  c.collect("n2");
  c.work_through();
  const auto answer = c.told<messages::SealAnswer>("n2");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->items.front().position, c.at("n1")->state().position);
  EXPECT_EQ(at("n2", "k"), "v");
}

TEST_F(Gather, AHandoverDoesNotWaitForATick) {
  write("k");
  c.at("n1")->on_order(c.now, {messages::Order::Kind::hand_over, test::kPartition, c.entry().term, NodeId("n2"), {}});
  c.collect("n1");
  c.work_through();
  EXPECT_EQ(at("n2", "k"), "v");
  EXPECT_TRUE(c.told<messages::HandedOver>("n1"));
}

TEST_F(Gather, AMemberThatStopsHoldsNothing) {
  write("k");
  c.at("n2")->on_stopping(c.now);
  c.work_through();
  EXPECT_EQ(at("n2", "k"), "v");
  EXPECT_EQ(at("n3", "k"), "");
}

// What expires by then may have been given a longer life by what is gathered.
TEST_F(Gather, TimeGoesOnWithWhatWasWrittenUntilThen) {
  const UnixMillis before = c.at("n2")->time(c.now);
  c.now.steady += 5ms;
  c.now.wall.value += 5;
  write("k");
  EXPECT_EQ(c.at("n2")->time(c.now), before);
  c.tick();
  EXPECT_GE(c.at("n2")->time(c.now).value, before.value + 5);
}

TEST_F(Gather, WhatANewPrimaryLacksIsStoredBeforeItIsGivenUp) {
  c.drop = [](const Cluster::Packet& packet) { return packet.to == NodeId("n3"); };
  write("k");
  c.drop = nullptr;
  c.kill("n1");
  c.paused.insert("n2");
  c.appoint("n3", {"n3"});
  c.tell_map("n3");
  c.prove_dead("n1");
  EXPECT_EQ(at("n2", "k"), "");
  c.advance(2s);
  EXPECT_EQ(c.at("n2")->state().promised, c.entry().term) << "it has heard the new primary";
  c.paused.clear();
  c.publish();
  c.advance(2s);
  ASSERT_EQ(c.at("n2").ledger.size(), 1u);
  EXPECT_EQ(std::get<messages::LostWrite>(c.at("n2").ledger.front()).mutations.front().key.view(), "k");
}

TEST_F(Gather, MuchIsCommittedAtOnce) {
  const std::string much(kGatheredBytesMax, 'x');
  c.write("n1", request({put("k", much)}));
  c.work_through();
  EXPECT_EQ(at("n2", "k"), much);
}

TEST_F(Gather, ALearnerHoldsNothing) {
  c.set_in_sync({"n1", "n2"});
  c.publish();
  write("k");
  EXPECT_EQ(at("n2", "k"), "");
  EXPECT_EQ(at("n3", "k"), "v");
}

}  // namespace
}  // namespace gyre::replication
