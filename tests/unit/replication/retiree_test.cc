#include "replication/retiree.h"

#include <gtest/gtest.h>

#include "tests/unit/replication/cluster.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::NodeEvent;
using messages::RetireAnswer;
using messages::RetireAsk;
using test::Cluster;
using test::Disk;
using test::put;
using test::reading;
using test::request;

bool empty(const Disk& disk) {
  return disk.records.empty() && disk.log.empty() && disk.window.empty() && disk.state.position == Position() &&
         disk.state.history.empty() && disk.state.whole_at == Sequence();
}

template <class M>
auto all() {
  return [](const Cluster::Packet& packet) { return std::holds_alternative<M>(packet.message); };
}

bool told_event(const Cluster& c, const std::string& name, NodeEvent::Kind kind) {
  return std::ranges::any_of(c.coordinator, [&](const Cluster::Told& told) {
    const auto* event = std::get_if<NodeEvent>(&told.message);
    return event != nullptr && event->kind == kind && told.from == NodeId(name);
  });
}

// n3 holds what all hold, and is no member from now on.
void leave(Cluster& c) {
  c.serve("n1", {"n1", "n2", "n3"});
  c.run("n1", request({put("k", "v")}, kAckAll));
  c.set_members({"n1", "n2"});
  c.publish();
}

TEST(Retiree, DropsACopyThatAllCountedMembersHold) {
  Cluster c({"n1", "n2", "n3"});
  leave(c);
  EXPECT_EQ(c.at("n3").value("k"), "v") << "not before it has asked";
  c.advance(100ms);
  EXPECT_TRUE(empty(c.at("n3").disk));
  EXPECT_TRUE(c.told<messages::Retired>("n3"));
  EXPECT_TRUE(told_event(c, "n3", NodeEvent::Kind::retired));
  EXPECT_FALSE(told_event(c, "n3", NodeEvent::Kind::lost_writes));
  EXPECT_TRUE(c.at("n3").ledger.empty());
  EXPECT_EQ(c.at("n1").value("k"), "v");
}

TEST(Retiree, KeepsWhatItHasPromisedAndServed) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n3", {"n1", "n2", "n3"});
  c.run("n3", request({put("k", "v")}, kAckAll));
  c.serve("n1", {"n1", "n2", "n3"});
  c.advance(200ms);
  c.set_members({"n1", "n2"});
  c.publish();
  c.advance(200ms);
  EXPECT_TRUE(empty(c.at("n3").disk));
  EXPECT_EQ(c.at("n3").disk.state.served, Term(1));
  EXPECT_EQ(c.at("n3").disk.state.promised, Term(2));
}

TEST(Retiree, AsksNowAndThenUntilItIsAnswered) {
  Cluster c({"n1", "n2", "n3"});
  int asks = 0;
  c.drop = [&](const Cluster::Packet& packet) {
    asks += std::holds_alternative<RetireAsk>(packet.message) ? 1 : 0;
    return std::holds_alternative<RetireAnswer>(packet.message);
  };
  leave(c);
  c.advance(3s);
  EXPECT_GE(asks, 8);
  EXPECT_LE(asks, 11) << "every third heartbeat";
  EXPECT_EQ(c.at("n3").value("k"), "v");
  c.drop = {};
  c.advance(400ms);
  EXPECT_TRUE(empty(c.at("n3").disk));
}

TEST(Retiree, WaitsForACountedMemberThatLacksSomeOfIt) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.run("n1", request({put("a", "1")}, kAckAll));
  c.disconnect("n1", "n2");
  c.run("n1", request({put("b", "1")}, 2));
  ASSERT_EQ(c.at("n3").value("b"), "1");
  std::optional<Position> held;
  c.observe = [&](const Cluster::Packet& packet) {
    if (const auto* answer = std::get_if<RetireAnswer>(&packet.message)) held = answer->held;
  };
  c.set_members({"n1", "n2"});
  c.publish();
  c.advance(600ms);
  EXPECT_EQ(held, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(c.at("n3").value("b"), "1");
  c.reconnect();
  c.advance(600ms);
  EXPECT_EQ(held, (Position{Term(1), Sequence(2)}));
  EXPECT_TRUE(empty(c.at("n3").disk));
}

TEST(Retiree, NobodyAnswersWithoutTheRightToServeOrWithTooFewInSync) {
  Cluster c({"n1", "n2", "n3"}, 2);
  leave(c);
  c.drop = all<RetireAnswer>();
  c.set_members({"n1"}, {"n2"});
  c.publish();
  c.drop = [](const Cluster::Packet& packet) { return packet.from == NodeId("n2"); };
  c.advance(1s);
  EXPECT_EQ(c.at("n3").value("k"), "v") << "one member alone says nothing";
  c.drop = {};
  c.set_members({"n1", "n2"});
  c.publish();
  c.disconnect("n1", "n2");
  c.advance(100ms);
  c.now.steady += 5s;
  ASSERT_FALSE(c.at("n1")->serving(c.now));
  c.at("n1")->on_peer(c.now, NodeId("n3"), Incarnation(1), RetireAsk{test::kPartition, Term(1)});
  EXPECT_FALSE(c.at("n1")->has_effects());
}

TEST(Retiree, OnlyThePrimaryOfTheEntryCounts) {
  Cluster c({"n1", "n2", "n3"});
  c.drop = all<RetireAsk>();
  leave(c);
  RetireAnswer answer{test::kPartition, Term(1), {Term(1), Sequence(9)}, {{Term(1), Sequence(1)}}};
  c.at("n3")->on_peer(c.now, NodeId("n2"), Incarnation(1), answer);
  c.at("n3")->on_peer(c.now, NodeId("n1"), Incarnation(7), answer);
  answer.term = Term(7);
  c.at("n3")->on_peer(c.now, NodeId("n1"), Incarnation(1), answer);
  c.advance(200ms);
  EXPECT_EQ(c.at("n3").value("k"), "v");
}

TEST(Retiree, AMemberIsNotAnswered) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), RetireAsk{test::kPartition, Term(1)});
  EXPECT_FALSE(c.at("n1")->has_effects());
}

TEST(Retiree, ANodeThatStartsAsNoMemberRetiresToo) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.run("n1", request({put("k", "v")}, kAckAll));
  c.kill("n3");
  c.set_members({"n1", "n2"});
  c.publish();
  c.advance(1s);
  c.restart("n3");
  c.publish();
  c.advance(9s);
  EXPECT_FALSE(empty(c.at("n3").disk)) << "it may be wanted";
  c.advance(2s);
  EXPECT_TRUE(empty(c.at("n3").disk));
  EXPECT_TRUE(c.told<messages::Retired>("n3"));
}

TEST(Retiree, WhoWasAwayIsTakenBackWithWhatItHas) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  c.run("n1", request({put("k", "v")}, kAckAll));
  c.disconnect("n1", "n3");
  c.set_members({"n1", "n2"});
  for (const char* name : {"n1", "n2"}) c.tell_map(name);
  c.advance(20s);
  c.run("n1", request({put("l", "w")}, kAckAll));
  c.reconnect();
  c.publish();
  c.advance(3s);
  bool copied = false;
  c.observe = [&](const Cluster::Packet& packet) {
    copied = copied || std::holds_alternative<messages::SnapshotAsk>(packet.message);
  };
  c.set_members({"n1", "n2"}, {"n3"});
  c.publish();
  c.advance(500ms);
  EXPECT_EQ(c.at("n3").disk.state.position, c.at("n1").disk.state.position);
  EXPECT_EQ(c.at("n3").disk.log.size(), 2u);
  EXPECT_FALSE(copied);
}

// n3 served, and gives its office to n1.
void hand_over(Cluster& c) {
  c.serve("n3", {"n1", "n2", "n3"});
  c.run("n3", request({put("k", "v")}, kAckAll));
  c.at("n3")->on_order(c.now, {messages::Order::Kind::hand_over, test::kPartition, Term(1), NodeId("n1"), {}});
  c.settle();
  ASSERT_TRUE(c.told<messages::HandedOver>("n3"));
  c.appoint("n1", {"n1", "n2", "n3"});
}

TEST(Retiree, WhoHandedOverAsksAtOnceThoughItHasNotHeardItsSuccessor) {
  Cluster c({"n1", "n2", "n3"});
  hand_over(c);
  c.drop = [](const Cluster::Packet& packet) {
    return packet.from == NodeId("n1") && std::holds_alternative<messages::Append>(packet.message);
  };
  c.publish();
  c.set_members({"n1", "n2"});
  c.publish();
  c.drop = {};
  c.advance(600ms);
  EXPECT_TRUE(empty(c.at("n3").disk));
  EXPECT_TRUE(c.told<messages::Retired>("n3"));
}

TEST(Retiree, WhoHandedOverLongAgoAndWasAwaySinceWaits) {
  Cluster c({"n1", "n2", "n3"});
  hand_over(c);
  c.publish();
  c.disconnect("n3", "n1");
  c.disconnect("n3", "n2");
  c.advance(5s);
  c.reconnect();
  c.set_members({"n1", "n2"});
  c.publish();
  c.advance(600ms);
  EXPECT_FALSE(empty(c.at("n3").disk)) << "it may be wanted";
}

TEST(Retiree, WhoHasNothingAsksNothing) {
  Cluster c({"n1", "n2", "n3"});
  c.appoint("n1", {"n1", "n2"});
  c.set_members({"n1", "n2"});
  bool asked = false;
  c.observe = [&](const Cluster::Packet& packet) {
    asked = asked || std::holds_alternative<RetireAsk>(packet.message);
  };
  c.publish();
  c.advance(1s);
  EXPECT_FALSE(asked);
  EXPECT_FALSE(c.told<messages::Retired>("n3"));
}

TEST(Retiree, AMemberThatLeavesWithNothingSaysSoAtOnce) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  ASSERT_TRUE(empty(c.at("n3").disk));
  c.set_members({"n1", "n2"});
  c.publish();
  EXPECT_TRUE(c.told<messages::Retired>("n3"));
  EXPECT_FALSE(told_event(c, "n3", NodeEvent::Kind::retired));
}

TEST(Retiree, HalfASnapshotGoesToo) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2"});
  for (int i = 0; i < 20; ++i) c.run("n1", request({put("k" + std::to_string(i), std::string(100'000, 'v'))}));
  c.at("n1").disk.log.clear();
  c.restart("n3");
  c.at("n3").disk = {};
  c.start("n3");
  int chunks = 0;
  c.drop = [&](const Cluster::Packet& packet) {
    return std::holds_alternative<messages::SnapshotChunk>(packet.message) && ++chunks > 3;
  };
  c.publish();
  c.advance(1s);
  ASSERT_EQ(c.at("n3").disk.state.whole_at, messages::kNeverWhole);
  ASSERT_FALSE(c.at("n3").disk.records.empty());
  c.drop = {};
  c.set_members({"n1", "n2"});
  c.publish();
  c.advance(400ms);
  EXPECT_TRUE(empty(c.at("n3").disk));
  EXPECT_TRUE(c.at("n3").ledger.empty());
}

TEST(Retiree, AReadFromBeforeTheDropIsOfAnotherEra) {
  Cluster c({"n1", "n2", "n3"});
  leave(c);
  const auto before = c.at("n3")->era();
  c.advance(100ms);
  ASSERT_TRUE(empty(c.at("n3").disk));
  EXPECT_GT(c.at("n3")->era(), before);
}

TEST(Retiree, ADropThatStorageRefusesIsTriedAgain) {
  Cluster c({"n1", "n2", "n3"});
  leave(c);
  c.drop = all<RetireAsk>();
  c.advance(40ms);
  const messages::TermHistory history = c.at("n1").disk.state.history;
  c.at("n3")->on_peer(c.now, NodeId("n1"), Incarnation(1),
                      RetireAnswer{test::kPartition, Term(1), {Term(1), Sequence(1)}, history});
  const auto persist = c.at("n3")->take_persist();
  ASSERT_TRUE(persist && persist->drop_first);
  c.at("n3")->on_refused(c.now, {ErrorCode::busy, Outcome::not_applied, "stalled", {}});
  EXPECT_EQ(c.at("n3")->state().position.sequence, Sequence(1));
  c.settle();
  EXPECT_TRUE(empty(c.at("n3").disk));
}

TEST(Retiree, WithoutTheRuleItDropsAtOnce) {
  Cluster c({"n1", "n2", "n3"});
  c.broken = BrokenRule::retire_asks_first;
  c.start("n3");
  c.drop = all<RetireAsk>();
  leave(c);
  c.settle();
  EXPECT_TRUE(empty(c.at("n3").disk));
}

// --- A member again ---

TEST(Retiree, AMemberAgainWhileItAsksFollowsWithAllItHas) {
  Cluster c({"n1", "n2", "n3"});
  c.drop = all<RetireAsk>();
  leave(c);
  c.advance(500ms);
  c.run("n1", request({put("l", "w")}));
  c.set_members({"n1", "n2"}, {"n3"});
  c.drop = [](const Cluster::Packet& packet) {
    return std::holds_alternative<RetireAsk>(packet.message) ||
           std::holds_alternative<messages::SnapshotAsk>(packet.message);
  };
  c.publish();
  c.advance(500ms);
  EXPECT_EQ(c.at("n3").disk.state.position, c.at("n1").disk.state.position);
  EXPECT_EQ(c.at("n3").disk.log.size(), 2u) << "nothing was copied again";
}

TEST(Retiree, AnAnswerThatComesToAMemberAgainDropsNothing) {
  Cluster c({"n1", "n2", "n3"});
  std::optional<RetireAnswer> late;
  c.drop = [&](const Cluster::Packet& packet) {
    if (const auto* answer = std::get_if<RetireAnswer>(&packet.message)) late = *answer;
    return std::holds_alternative<RetireAnswer>(packet.message);
  };
  leave(c);
  c.advance(100ms);
  ASSERT_TRUE(late);
  c.set_members({"n1", "n2"}, {"n3"});
  c.publish();
  c.at("n3")->on_peer(c.now, NodeId("n1"), Incarnation(1), *late);
  c.advance(300ms);
  EXPECT_EQ(c.at("n3").value("k"), "v");
  EXPECT_FALSE(c.told<messages::Retired>("n3"));
}

TEST(Retiree, AMemberAgainWhileTheDropIsBeingSyncedIsAnEmptyLearner) {
  Cluster c({"n1", "n2", "n3"});
  leave(c);
  c.at("n3").holds_syncs = true;
  c.advance(100ms);
  ASSERT_TRUE(empty(c.at("n3").disk));
  ASSERT_FALSE(c.told<messages::Retired>("n3")) << "not before it is durable";
  c.set_members({"n1", "n2"}, {"n3"});
  c.publish();
  c.advance(100ms);
  EXPECT_FALSE(c.told<messages::SetInSync>("n1"));
  c.at("n3").holds_syncs = false;
  c.at("n3").sync(c.now);
  c.collect("n3");
  c.advance(500ms);
  EXPECT_EQ(c.at("n3").value("k"), "v");
  EXPECT_EQ(c.at("n3").disk.state.position, c.at("n1").disk.state.position);
  EXPECT_TRUE(c.told<messages::SetInSync>("n1"));
  EXPECT_FALSE(c.told<messages::Retired>("n3"));
}

TEST(Retiree, AMemberAgainAfterTheDropReceivesACopy) {
  Cluster c({"n1", "n2", "n3"});
  leave(c);
  c.at("n1").disk.log.clear();
  c.advance(100ms);
  ASSERT_TRUE(empty(c.at("n3").disk));
  for (int i = 0; i < 20; ++i) c.run("n1", request({put("k" + std::to_string(i), std::string(100'000, 'v'))}));
  c.set_members({"n1", "n2"}, {"n3"});
  c.publish();
  c.advance(1s);
  EXPECT_EQ(c.at("n3").disk.records.size(), c.at("n1").disk.records.size());
  EXPECT_TRUE(c.told<messages::SetInSync>("n1"));
}

// --- A tail that did not survive ---

// n1 served alone for a moment, is deposed by n2, and no member any more; it can be reached again.
struct Deposed {
  Deposed() : c({"n1", "n2", "n3"}) {
    c.serve("n1", {"n1", "n2", "n3"});
    c.run("n1", request({put("k", "v")}, kAckAll));
    c.disconnect("n1", "n2");
    c.disconnect("n1", "n3");
    c.run("n1", request({put("k", "lost")}));
    c.run("n1", request({put("l", "lost")}));
    c.entry().deposed = {{NodeId("n1"), Term(1)}};
    c.appoint("n2", {"n2", "n3"});
    c.set_members({"n2", "n3"});
    c.prove_dead("n1");
    for (const char* name : {"n2", "n3"}) c.tell_map(name);
    c.settle();
    c.advance(3s);
    EXPECT_TRUE(c.at("n2")->serving(c.now));
    c.run("n2", request({put("k", "new")}, kAckAll));
    c.reconnect();
    c.publish();
    c.advance(10s - kTick);  // it was away, and may be wanted: the next tick asks
    c.coordinator.clear();
  }
  Cluster c;
};

TEST(Retiree, ExportsTheTailBeforeItDropsTheCopy) {
  Deposed d;
  Cluster& c = d.c;
  c.holds_work = true;
  c.publish();
  c.advance(500ms);
  EXPECT_EQ(c.at("n1").value("l"), "lost") << "while the export is under way";
  EXPECT_TRUE(c.at("n1").ledger.empty());
  c.holds_work = false;
  c.settle();
  EXPECT_TRUE(empty(c.at("n1").disk));
  ASSERT_EQ(c.at("n1").ledger.size(), 2u);
  EXPECT_EQ(std::get<messages::LostWrite>(c.at("n1").ledger[0]).position, (Position{Term(1), Sequence(2)}));
  EXPECT_TRUE(told_event(c, "n1", NodeEvent::Kind::lost_writes));
  EXPECT_TRUE(c.told<messages::Retired>("n1"));
}

TEST(Retiree, AccountsForItsTermOnceTheTailIsSafe) {
  Deposed d;
  d.c.publish();
  d.c.advance(40ms);
  d.c.advance(300ms);
  const auto accounted = d.c.told<messages::Accounted>("n1");
  ASSERT_TRUE(accounted);
  EXPECT_EQ(accounted->term, Term(1));
}

TEST(Retiree, AStartThatMayLackWritesAccountsOnceItHasNoCopy) {
  Deposed d;
  Cluster& c = d.c;
  Disk disk = c.at("n1").disk;
  c.restart_lossy("n1", disk);
  EXPECT_FALSE(c.at("n1")->settled(c.now));
  c.publish();
  c.advance(9s);
  EXPECT_FALSE(empty(c.at("n1").disk));
  EXPECT_FALSE(c.told<messages::Accounted>("n1"));
  EXPECT_FALSE(c.at("n1")->settled(c.now)) << "the next start has to know, too";
  c.advance(2s);
  EXPECT_TRUE(empty(c.at("n1").disk));
  const auto accounted = c.told<messages::Accounted>("n1");
  ASSERT_TRUE(accounted);
  EXPECT_EQ(accounted->term, Term(1));
  const auto& ledger = c.at("n1").ledger;
  ASSERT_EQ(ledger.size(), 3u) << "the tail, and what it may lack";
  const auto& range = std::get<messages::LostRange>(ledger.back());
  EXPECT_EQ(range.term, Term(1));
  EXPECT_EQ(range.first, Sequence(1)) << "nobody here knows any more what survived of it";
  EXPECT_EQ(range.last, messages::kUnknownLast);
  EXPECT_FALSE(c.at("n1")->settled(c.now)) << "the coordinator may not know it yet";
  c.entry().deposed.clear();
  ++c.entry().version;
  c.publish();
  EXPECT_TRUE(c.at("n1")->settled(c.now));
}

TEST(Retiree, AStartThatMayLackWritesAccountsForNothingBeforeTheLedgerHasIt) {
  Deposed d;
  Cluster& c = d.c;
  c.restart_lossy("n1", Disk{});
  c.holds_work = true;
  c.publish();
  c.advance(1s);
  EXPECT_FALSE(c.work.empty());
  EXPECT_FALSE(c.told<messages::Accounted>("n1"));
  c.holds_work = false;
  c.advance(200ms);
  EXPECT_EQ(c.at("n1").ledger.size(), 1u);
  EXPECT_TRUE(c.told<messages::Accounted>("n1"));
}

TEST(Retiree, AnExportThatFailsIsTriedAgainNowAndThen) {
  Deposed d;
  Cluster& c = d.c;
  c.at("n1").fails_exports = true;
  c.publish();
  c.advance(5s);
  EXPECT_GE(c.at("n1").exports, 3);
  EXPECT_LE(c.at("n1").exports, 8) << "less and less often";
  EXPECT_EQ(c.at("n1").value("l"), "lost");
  c.at("n1").fails_exports = false;
  c.advance(3s);
  EXPECT_TRUE(empty(c.at("n1").disk));
  EXPECT_EQ(c.at("n1").ledger.size(), 2u);
}

TEST(Retiree, ATailThatTheLogNoLongerHasIsExportedAsARange) {
  Deposed d;
  Cluster& c = d.c;
  c.restart("n1");
  c.at("n1").disk.log.clear();
  c.start("n1");
  c.publish();
  c.advance(11s);
  EXPECT_TRUE(empty(c.at("n1").disk));
  ASSERT_EQ(c.at("n1").ledger.size(), 1u);
  const auto& range = std::get<messages::LostRange>(c.at("n1").ledger[0]);
  EXPECT_EQ(range.first, Sequence(2));
  EXPECT_EQ(range.last, Sequence(3));
}

TEST(Retiree, TheCommonPartMustBeHeldByAllTooBeforeTheTailIsGivenUp) {
  Deposed d;
  Cluster& c = d.c;
  RetireAnswer answer{test::kPartition, Term(2), {}, c.at("n2").disk.state.history};
  c.drop = all<RetireAsk>();
  c.publish();
  c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), answer);
  c.advance(500ms);
  EXPECT_EQ(c.at("n1").value("l"), "lost");
  EXPECT_EQ(c.at("n1").exports, 0);
}

TEST(Retiree, AMemberAgainWhileTheTailIsExportedRewinds) {
  Deposed d;
  Cluster& c = d.c;
  c.holds_work = true;
  c.publish();
  c.advance(100ms);
  ASSERT_FALSE(c.work.empty());
  c.set_members({"n2", "n3"}, {"n1"});
  c.publish();
  c.holds_work = false;
  c.settle();
  EXPECT_FALSE(empty(c.at("n1").disk)) << "what was exported is not dropped now";
  c.advance(1s);
  EXPECT_EQ(c.at("n1").value("k"), "new");
  EXPECT_EQ(c.at("n1").value("l"), "");
  EXPECT_EQ(c.at("n1").disk.state.position, c.at("n2").disk.state.position);
  EXPECT_FALSE(c.told<messages::Retired>("n1"));
}

// --- The primary changes meanwhile ---

TEST(Retiree, AnswersOfAnEarlierPrimaryAreNotWaitedForAndNotTaken) {
  Deposed d;
  Cluster& c = d.c;
  std::optional<RetireAnswer> late;
  c.drop = [&](const Cluster::Packet& packet) {
    const auto* answer = std::get_if<RetireAnswer>(&packet.message);
    if (answer == nullptr || answer->term != Term(2)) return false;
    late = *answer;
    return true;
  };
  c.publish();
  c.advance(400ms);
  ASSERT_TRUE(late);
  c.appoint("n3", {"n2", "n3"});
  c.set_members({"n2", "n3"});
  c.publish();
  EXPECT_FALSE(empty(c.at("n1").disk));
  c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), *late);
  c.collect("n1");
  c.work_through();
  EXPECT_EQ(c.at("n1").exports, 0);
  c.advance(400ms);
  EXPECT_TRUE(empty(c.at("n1").disk)) << "the new one was asked";
  EXPECT_EQ(c.at("n1").ledger.size(), 2u);
}

TEST(Retiree, ANewPrimaryIsAskedAgainWhileTheTailIsExported) {
  Deposed d;
  Cluster& c = d.c;
  c.holds_work = true;
  c.publish();
  c.advance(100ms);
  ASSERT_FALSE(c.work.empty());
  c.appoint("n3", {"n2", "n3"});
  c.set_members({"n2", "n3"});
  c.publish();
  c.drop = all<RetireAnswer>();
  c.holds_work = false;
  c.advance(3s);
  EXPECT_FALSE(empty(c.at("n1").disk)) << "what parts from one history may be in another";
  c.drop = {};
  c.advance(1s);
  EXPECT_TRUE(empty(c.at("n1").disk));
}

TEST(Retiree, ADropThatIsDecidedOutlivesItsTerm) {
  Cluster c({"n1", "n2", "n3"});
  leave(c);
  c.at("n3").holds_syncs = true;
  c.advance(100ms);
  ASSERT_TRUE(empty(c.at("n3").disk));
  c.appoint("n2", {"n1", "n2"});
  c.set_members({"n1", "n2"});
  c.publish();
  c.at("n3").holds_syncs = false;
  c.at("n3").sync(c.now);
  c.collect("n3");
  EXPECT_TRUE(c.told<messages::Retired>("n3"));
}

}  // namespace
}  // namespace gyre::replication
