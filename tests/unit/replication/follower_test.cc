#include "replication/follower.h"

#include <gtest/gtest.h>

#include "tests/unit/replication/cluster.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::Append;
using messages::AppendAck;
using messages::kAckAll;
using messages::ReadLevel;
using test::Cluster;
using test::incr;
using test::Member;
using test::put;
using test::reading;
using test::request;

// n2 follows n1, whose messages the test writes itself.
class Following {
 public:
  Following() : c({"n1", "n2"}) {
    c.appoint("n1", {"n1", "n2"});
    c.publish();
    c.kill("n1");
    c.settle();
    c.network.clear();
  }

  // Each is sent later than those before it.
  Append append(std::uint64_t term, std::vector<std::uint64_t> sequences = {}) {
    c.now.steady += 1ms;
    Append append;
    append.partition = PartitionId(0);
    append.term = Term(term);
    append.sent_at = c.now.steady;
    append.serving = true;
    append.time = c.now.wall;
    for (const std::uint64_t sequence : sequences) {
      auto write = std::make_shared<messages::LoggedWrite>();
      write->position = {Term(term), Sequence(sequence)};
      write->time = c.now.wall;
      write->mutations.push_back({messages::Mutation::Kind::put,
                                  Bytes::copy_of("k" + std::to_string(sequence)),
                                  {Bytes::literal("v"), write->position, kNoExpiry}});
      append.writes.push_back(std::move(write));
    }
    if (!sequences.empty()) {
      append.position = {Term(term), Sequence(sequences.back())};
      append.previous = {Term(term), Sequence(sequences.front() - 1)};
    }
    return append;
  }
  Append probe(std::uint64_t term, std::uint64_t position = 0) {
    Append probe = append(term);
    probe.position = probe.previous = {position == 0 ? Term() : Term(term), Sequence(position)};
    probe.history = {{Term(term), Sequence(1)}};
    return probe;
  }
  // What n2 answers, once all it was given is stored.
  std::optional<AppendAck> tell(messages::Message message, std::uint64_t incarnation = 1) {
    c.network.clear();
    c.at("n2")->on_peer(c.now, NodeId("n1"), Incarnation(incarnation), std::move(message));
    c.collect("n2");
    while (c.at("n2").commit(c.now)) c.collect("n2");
    return last_ack();
  }
  std::optional<AppendAck> last_ack() const {
    for (auto it = c.network.rbegin(); it != c.network.rend(); ++it) {
      if (const auto* ack = std::get_if<AppendAck>(&it->message)) return *ack;
    }
    return std::nullopt;
  }

  Cluster c;
};

TEST(Follower, MatchesItsHistoryBeforeItFollows) {
  Following f;
  auto ack = f.tell(f.append(1, {1}));
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->state, AppendAck::State::unmatched);
  EXPECT_TRUE(f.c.at("n2").disk.log.empty());
  ack = f.tell(f.probe(1));
  EXPECT_EQ(ack->state, AppendAck::State::following);
  ack = f.tell(f.append(1, {1, 2}));
  EXPECT_EQ(ack->position, (Position{Term(1), Sequence(2)}));
  EXPECT_EQ(ack->echo, f.c.now.steady);
  EXPECT_EQ(ack->generation, Generation(1));
}

TEST(Follower, AppliesOnlyTheNextSequence) {
  Following f;
  f.tell(f.probe(1));
  f.tell(f.append(1, {1, 2}));
  auto ack = f.tell(f.append(1, {5}));
  EXPECT_TRUE(ack->gap);
  EXPECT_EQ(ack->position.sequence, Sequence(2));
  ack = f.tell(f.append(1, {2, 3, 4}));
  EXPECT_FALSE(ack->gap);
  EXPECT_EQ(ack->position.sequence, Sequence(4));
  ack = f.tell(f.append(1, {1, 2}));
  EXPECT_EQ(ack->position.sequence, Sequence(4)) << "what comes again changes nothing";
  EXPECT_EQ(f.c.at("n2").disk.log.size(), 4u);
}

TEST(Follower, ALateHistoryTakesNothingBackThatSurvivedARestart) {
  Following f;
  f.tell(f.probe(1));
  f.tell(f.append(1, {1, 2, 3}));
  f.c.restart("n2");
  f.c.publish();
  const auto ack = f.tell(f.probe(1, 1));  // sent when there was one write
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->state, AppendAck::State::following);
  EXPECT_EQ(ack->position, (Position{Term(1), Sequence(3)}));
  EXPECT_TRUE(f.c.work.empty()) << "nothing is exported";
}

TEST(Follower, AHeartbeatShowsItThatWritesAreMissing) {
  Following f;
  f.tell(f.probe(1));
  Append heartbeat = f.append(1);
  heartbeat.position = heartbeat.previous = {Term(1), Sequence(3)};
  EXPECT_TRUE(f.tell(heartbeat)->gap);
}

TEST(Follower, RefusesWhatIsOlderThanItPromised) {
  Following f;
  f.tell(f.probe(1));
  ASSERT_TRUE(f.c.seal("n2", 5));
  const auto ack = f.tell(f.append(1, {1}));
  ASSERT_TRUE(ack);
  EXPECT_TRUE(ack->refused);
  EXPECT_EQ(ack->promised, Term(5));
  EXPECT_TRUE(f.c.at("n2").disk.log.empty());
}

TEST(Follower, AcceptsATermFromOneProcessOnly) {
  Following f;
  EXPECT_FALSE(f.tell(f.probe(1), 2)) << "the map names process 1";
  EXPECT_TRUE(f.tell(f.probe(2), 2)) << "a term the map has not shown yet";
  EXPECT_FALSE(f.tell(f.probe(2), 3));
}

TEST(Follower, AcknowledgesANewTermOnlyOnceItsPromiseIsStored) {
  Following f;
  f.tell(f.probe(1));
  f.c.at("n2").holds_syncs = true;
  EXPECT_FALSE(f.tell(f.probe(3)));
  f.c.at("n2").sync(f.c.now);
  f.c.collect("n2");
  ASSERT_TRUE(f.last_ack());
  EXPECT_EQ(f.c.at("n2").disk.state.promised, Term(3));
}

TEST(Follower, SaysNothingWhereItIsNoMember) {
  Following f;
  f.c.entry().in_sync = {{NodeId("n1"), Generation(1)}};
  f.c.entry().learners = {};
  ++f.c.entry().version;
  f.c.publish();
  EXPECT_FALSE(f.tell(f.probe(1)));
}

TEST(Follower, SaysNothingBeforeItHasReadTheMap) {
  Following f;
  f.c.start("n2", false);
  EXPECT_FALSE(f.tell(f.probe(1)));
  f.c.tell_map("n2");
  EXPECT_TRUE(f.tell(f.probe(1)));
}

TEST(Follower, ARefusedCommitIsSentAgain) {
  Following f;
  f.tell(f.probe(1));
  f.c.at("n2")->on_peer(f.c.now, NodeId("n1"), Incarnation(1), f.append(1, {1}));
  ASSERT_TRUE(f.c.at("n2")->take_persist());
  f.c.at("n2")->on_refused(f.c.now, {ErrorCode::busy, Outcome::not_applied, "stalled", {}});
  f.c.now.steady += f.c.map.shape.timing.heartbeat;
  const auto ack = f.tell(f.append(1, {2}));
  EXPECT_TRUE(ack->gap);
  EXPECT_EQ(ack->position.sequence, Sequence(0));
}

TEST(Follower, WritesThatCannotBeAreNoReasonToDie) {
  Following f;
  f.tell(f.probe(1));
  f.tell(f.append(1, {1}));
  Append bad = f.append(1, {2});
  auto write = std::make_shared<messages::LoggedWrite>(*bad.writes[0]);
  write->position.term = Term(9);
  bad.writes[0] = write;
  EXPECT_TRUE(f.tell(bad)->gap);
  bad = f.append(1, {2});
  auto empty = std::make_shared<messages::LoggedWrite>(*bad.writes[0]);
  empty->mutations.clear();
  bad.writes[0] = empty;
  EXPECT_TRUE(f.tell(bad)->gap);
  EXPECT_EQ(f.c.at("n2").disk.log.size(), 1u);
}

// --- Seals and polls ---

TEST(Follower, APromiseIsAnsweredOnceItIsSynced) {
  Following f;
  f.tell(f.probe(1));
  f.tell(f.append(1, {1, 2}));
  f.c.at("n2").holds_seals = true;
  EXPECT_FALSE(f.c.seal("n2", 4));
  f.c.at("n2").sync(f.c.now);
  f.c.collect("n2");
  const auto answer = f.c.told<messages::SealAnswer>("n2");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->generation, Generation(1));
  EXPECT_EQ(answer->items.front().promised, Term(4));
  EXPECT_EQ(answer->items.front().position, (Position{Term(1), Sequence(2)}));
  EXPECT_EQ(answer->items.front().lease_left, Timing().lease);
  EXPECT_EQ(f.c.at("n2")->open_promise(), Term(4));
  EXPECT_TRUE(f.c.seal("n2", 4)) << "asked again, it answers again";
  EXPECT_FALSE(f.c.seal("n2", 1)) << "that term is the map's already";
}

TEST(Follower, APromiseTakenFromAnAppendIsSyncedBeforeItIsASealsAnswer) {
  Following f;
  f.tell(f.probe(4));
  f.c.at("n2").holds_seals = true;
  EXPECT_FALSE(f.c.seal("n2", 4));
  f.c.at("n2").sync(f.c.now);
  f.c.collect("n2");
  EXPECT_TRUE(f.c.told<messages::SealAnswer>("n2"));
}

TEST(Follower, PollsAreAliveWhileThePrimaryWasHeardToServe) {
  Following f;
  f.c.advance(2s);
  auto& n2 = f.c.at("n2");
  EXPECT_FALSE(n2->on_poll(f.c.now, Term(1), NodeId("n1")));
  f.tell(f.probe(1));
  EXPECT_TRUE(n2->on_poll(f.c.now, Term(1), NodeId("n1")));
  EXPECT_FALSE(n2->on_poll(f.c.now, Term(2), NodeId("n1")));
  n2->on_peer_dead(f.c.now, NodeId("n1"), Incarnation(0), f.c.now.steady);
  EXPECT_TRUE(n2->on_poll(f.c.now, Term(1), NodeId("n1"))) << "that was an earlier process";
  n2->on_peer_dead(f.c.now, NodeId("n1"), Incarnation(1), f.c.now.steady);
  EXPECT_FALSE(n2->on_poll(f.c.now, Term(1), NodeId("n1")));
  Append not_serving = f.append(1);
  not_serving.serving = false;
  f.tell(not_serving);
  EXPECT_FALSE(n2->on_poll(f.c.now, Term(1), NodeId("n1")));
  f.tell(f.append(1));
  EXPECT_TRUE(n2->on_poll(f.c.now, Term(1), NodeId("n1")));
  f.c.advance(1100ms);
  EXPECT_FALSE(n2->on_poll(f.c.now, Term(1), NodeId("n1")));
}

TEST(Follower, AMessageThatComesAgainIsNotHeardAgain) {
  Following f;
  const Append append = f.append(1);
  f.tell(append);
  f.c.advance(700ms);
  EXPECT_TRUE(f.c.at("n2")->on_poll(f.c.now, Term(1), NodeId("n1")));
  f.tell(append);
  f.c.advance(700ms);
  EXPECT_FALSE(f.c.at("n2")->on_poll(f.c.now, Term(1), NodeId("n1")));
}

TEST(Follower, OnlyTheTimeItRanItselfCountsForAPoll) {
  Following f;
  f.c.advance(2s);
  f.tell(f.append(1));
  f.c.now.steady += 30s;  // suspended
  EXPECT_TRUE(f.c.at("n2")->on_poll(f.c.now, Term(1), NodeId("n1")));
}

TEST(Follower, AStartCountsAsHearingEverybody) {
  Following f;
  f.c.restart("n2");
  f.c.publish();
  EXPECT_TRUE(f.c.at("n2")->on_poll(f.c.now, Term(1), NodeId("n1")));
  f.c.at("n2")->on_peer_dead(f.c.now, NodeId("n1"), Incarnation(1), f.c.now.steady);
  EXPECT_FALSE(f.c.at("n2")->on_poll(f.c.now, Term(1), NodeId("n1")));
}

// --- Reads ---

ErrorCode refusal(Cluster& c, const std::string& name, const ReadRequest& request) {
  const auto leaves = c.read(name, request);
  return leaves && !*leaves ? leaves->error().code : ErrorCode{};
}

TEST(Follower, AReplicaServesSessionsThatItHasReached) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  const auto written = c.written("n1", request({put("k", "v")}));
  ASSERT_TRUE(written);
  const Position seen = written->standing.position;
  EXPECT_TRUE(c.read("n2", reading("k", ReadLevel::session, seen)));
  EXPECT_EQ(refusal(c, "n2", reading("k", ReadLevel::session, {seen.term, seen.sequence.next()})), ErrorCode::behind);
  EXPECT_EQ(refusal(c, "n2", reading("k", ReadLevel::session, {Term(9), Sequence(1)})), ErrorCode::behind);
  EXPECT_EQ(refusal(c, "n2", reading("k", ReadLevel::primary)), ErrorCode::not_primary);
  EXPECT_EQ(c.at("n2")->standing({Term(1), Sequence(1)}).position, seen);
}

TEST(Follower, ASessionThatDidNotSurviveIsLost) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  const auto lost = c.written("n1", request({put("k", "v")}));
  ASSERT_TRUE(lost);
  c.kill("n1");
  c.serve("n2", {"n2"});
  c.run("n2", request({put("k", "w")}));
  EXPECT_EQ(refusal(c, "n2", reading("k", ReadLevel::session, lost->standing.position)), ErrorCode::session_lost);
  const auto standing = c.at("n2")->standing(lost->standing.position);
  EXPECT_EQ(standing.history, (messages::TermHistory{{Term(2), Sequence(1)}}));
}

TEST(Follower, LearnersAndMembersUnderRepairAreNotRead) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1"});
  c.advance(100ms);
  EXPECT_EQ(refusal(c, "n2", reading("k", ReadLevel::any)), ErrorCode::behind);
}

TEST(Follower, FreshnessCountsFromSendingWhatThePrimaryEchoed) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.advance(500ms);
  ReadRequest bounded = reading("k", ReadLevel::bounded);
  bounded.read.bound = 250ms;
  EXPECT_TRUE(c.read("n2", bounded));
  bounded.read.bound = 50ms;
  EXPECT_EQ(refusal(c, "n2", bounded), ErrorCode::behind) << "the echo is a heartbeat old";
  bounded.read.bound = 250ms;
  c.disconnect("n1", "n2");
  c.advance(300ms);
  EXPECT_EQ(refusal(c, "n2", bounded), ErrorCode::behind);
  EXPECT_TRUE(c.read("n2", reading("k", ReadLevel::any)));
}

TEST(Follower, ADelayedHeartbeatMakesNothingFresh) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  std::vector<Cluster::Packet> held;
  c.drop = [&](const Cluster::Packet& packet) {
    if (packet.to == NodeId("n2")) held.push_back(packet);
    return packet.to == NodeId("n2");
  };
  c.advance(1s);
  c.drop = {};
  for (auto& packet : held) c.network.push_back(std::move(packet));
  c.settle();
  ReadRequest bounded = reading("k", ReadLevel::bounded);
  bounded.read.bound = 500ms;
  EXPECT_EQ(refusal(c, "n2", bounded), ErrorCode::behind);
}

TEST(Follower, APrimaryWithoutTheRightAnswersNoRead) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  c.advance(2s);
  for (const auto level : {ReadLevel::any, ReadLevel::session, ReadLevel::bounded}) {
    EXPECT_EQ(refusal(c, "n1", reading("k", level)), ErrorCode::unavailable);
  }
}

// --- Time ---

TEST(Follower, ItsTimeIsWhatThePrimarySaidAndGoesOnFromThere) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.now.wall.value += 3'600'000;
  c.advance(200ms);
  const UnixMillis heard = c.at("n2")->time(c.now);
  EXPECT_GE(heard.value, c.now.wall.value - 200);
  c.disconnect("n1", "n2");
  c.now.wall.value -= 7'200'000;
  c.advance(200ms);
  EXPECT_EQ(c.at("n2")->time(c.now), heard) << "by its own clock nothing moves";
  c.kill("n1");
  c.serve("n2", {"n2"});
  EXPECT_GE(c.at("n2")->time(c.now), heard);
}

// --- Repair ---

TEST(Follower, ADeposedPrimaryExportsItsTailRewindsAndAccounts) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.run("n1", request({put("both", "1")}, kAckAll));
  c.disconnect("n1", "n2");
  auto lost = request({put("k", "lost")});
  lost.id = {ClientId(4), WriteNumber(1)};
  c.run("n1", lost);
  c.kill("n1");
  c.serve("n2", {"n2"});
  c.run("n2", request({put("k", "new")}));
  c.restart("n1");
  c.reconnect();
  c.entry().deposed = {{NodeId("n1"), Term(1)}};
  ++c.entry().version;
  c.publish();
  EXPECT_EQ(c.at("n1")->era(), 0u);
  c.advance(1s);
  EXPECT_EQ(c.at("n1").value("k"), "new");
  EXPECT_EQ(c.at("n1").disk.state.position, c.at("n2").disk.state.position);
  EXPECT_EQ(c.at("n1")->era(), 1u);
  ASSERT_EQ(c.at("n1").ledger.size(), 1u);
  const auto& entry = std::get<messages::LostWrite>(c.at("n1").ledger.front());
  EXPECT_EQ(entry.position, (Position{Term(1), Sequence(2)}));
  const auto accounted = c.told<messages::Accounted>("n1");
  ASSERT_TRUE(accounted);
  EXPECT_EQ(accounted->term, Term(1));
  EXPECT_TRUE(c.at("n1").reapplied.empty());
  c.run("n2", lost);
  c.advance(200ms);
  ASSERT_EQ(c.at("n1").reapplied.size(), 1u) << "the retry survived";
}

// n1 wrote this alone, and has given it up since to follow n2.
messages::WriteRequest lose_a_write(Cluster& c) {
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  auto lost = request({put("k", "lost")});
  lost.id = {ClientId(4), WriteNumber(1)};
  c.run("n1", lost);
  c.kill("n1");
  c.serve("n2", {"n2"});
  c.restart("n1");
  c.reconnect();
  c.publish();
  c.advance(1s);
  return lost;
}

TEST(Follower, ARetryThatComesWithASnapshotIsMarkedToo) {
  Cluster c({"n1", "n2"});
  const auto lost = lose_a_write(c);
  ASSERT_EQ(c.at("n1").ledger.size(), 1u);
  c.disconnect("n1", "n2");
  c.run("n2", lost);
  c.at("n1")->on_damaged(c.now, {ErrorCode::corrupt, {}, "a record cannot be read", {}});
  c.collect("n1");
  c.reconnect();
  c.advance(2s);
  EXPECT_EQ(c.at("n1").value("k"), "lost");
  EXPECT_EQ(c.at("n1").reapplied.size(), 1u);
}

// What this member gave up it learns from the window alone, though the client has said that it asks for nothing of it.
TEST(Follower, ARetryThatIsClosedAndComesWithASnapshotIsMarkedToo) {
  for (const BrokenRule broken : {BrokenRule::none, BrokenRule::retries_outlive_windows}) {
    Cluster c({"n1", "n2"});
    c.broken = broken;
    auto retry = lose_a_write(c);
    c.disconnect("n1", "n2");
    retry.age = 3s;
    c.run("n2", retry);
    auto next = request({put("next", "1")});
    next.id = {ClientId(4), WriteNumber(2)};
    next.lowest_open = WriteNumber(2);
    c.run("n2", next);
    c.at("n1")->on_damaged(c.now, {ErrorCode::corrupt, {}, "a record cannot be read", {}});
    c.collect("n1");
    c.reconnect();
    c.advance(2s);
    EXPECT_EQ(c.at("n1").value("next"), "1");
    EXPECT_EQ(c.at("n1").reapplied.size(), broken == BrokenRule::none ? 1u : 0u);
  }
}

TEST(Follower, ARetryIsMarkedWhoeverHasBeenRestartedMeanwhile) {
  Cluster c({"n1", "n2"});
  const auto lost = lose_a_write(c);
  c.kill("n1");
  c.run("n2", lost);
  c.restart("n1");
  c.publish();
  c.advance(1s);
  EXPECT_EQ(c.at("n1").value("k"), "lost");
  EXPECT_EQ(c.at("n1").reapplied.size(), 1u);
}

// The mark itself did not come to be.
TEST(Follower, ARetryThatIsThereAtAStartIsMarked) {
  Cluster c({"n1", "n2"});
  const auto lost = lose_a_write(c);
  c.at("n1").fails_mark = true;
  c.run("n2", lost);
  ASSERT_EQ(c.at("n1").value("k"), "lost");
  ASSERT_TRUE(c.at("n1").reapplied.empty());
  c.restart("n1");
  c.publish();
  c.advance(1s);
  EXPECT_EQ(c.at("n1").reapplied.size(), 1u);
}

TEST(Follower, AMarkThatTheLedgerCouldNotTakeIsTriedAgain) {
  Cluster c({"n1", "n2"});
  const auto lost = lose_a_write(c);
  c.at("n1").fails_mark = true;
  c.run("n2", lost);
  ASSERT_TRUE(c.at("n1").reapplied.empty());
  c.advance(1s);
  EXPECT_EQ(c.at("n1").reapplied.size(), 1u);
}

// Until this member's own tail would name it again, should it be lost.
TEST(Follower, ARetryThatComesToAMemberIsMarkedOnceItIsStoredThere) {
  Cluster c({"n1", "n2"});
  const auto lost = lose_a_write(c);
  c.at("n1").holds_syncs = true;
  c.run("n2", lost);
  c.tick();
  EXPECT_TRUE(c.at("n1").reapplied.empty());
  c.at("n1").sync(c.now);
  c.tick();
  EXPECT_EQ(c.at("n1").reapplied.size(), 1u);
}

// n1 holds what it put into its ledger until it has repaired its copy. Here it cannot, and becomes primary again.
TEST(Follower, TheLostWriteItselfIsNoRetry) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.disconnect("n1", "n2");
  auto lost = request({put("k", "lost")});
  lost.id = {ClientId(4), WriteNumber(1)};
  c.run("n1", lost);
  c.kill("n1");
  c.restart("n1");
  c.appoint("n2", {"n1", "n2"});
  c.reconnect();
  c.publish();
  c.advance(1s);
  ASSERT_EQ(c.at("n1").ledger.size(), 1u);
  ASSERT_EQ(c.at("n1").value("k"), "lost") << "a member in sync gives nothing up";
  c.kill("n2");
  c.restart("n1");
  c.prove_dead("n2");
  c.serve("n1", {"n1"});
  c.advance(1s);
  EXPECT_TRUE(c.at("n1").reapplied.empty());
}

// Where the member has become primary, the retry comes to itself.
TEST(Follower, ARetryThatComesToThePrimaryIsMarkedOnceItIsStored) {
  Cluster c({"n1", "n2"});
  const auto lost = lose_a_write(c);
  c.serve("n1", {"n1", "n2"});
  c.at("n1").holds_syncs = true;
  c.run("n1", lost);
  c.tick();
  EXPECT_TRUE(c.at("n1").reapplied.empty()) << "it may still be lost again";
  c.at("n1").sync(c.now);
  c.tick();
  EXPECT_EQ(c.at("n1").reapplied.size(), 1u);
}

TEST(Follower, AnExportedIdIsForgottenWhenNoRetryCanCarryItAnyMore) {
  Cluster c({"n1", "n2"});
  const auto lost = lose_a_write(c);
  ASSERT_EQ(c.at("n1").ledger.size(), 1u);
  c.now.wall.value += 3 * to_ms(limits::kWriteIdLife);
  c.run("n2", lost);  // the same id for another write
  c.advance(200ms);
  EXPECT_EQ(c.at("n1").value("k"), "lost");
  EXPECT_TRUE(c.at("n1").reapplied.empty());
}

TEST(Follower, ValuesReadBeforeARepairDoNotLeaveAfterIt) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  ReadRequest old = reading("k", ReadLevel::any);
  old.era = c.at("n2")->era();
  EXPECT_TRUE(c.at("n2")->may_leave(c.now, Ticket(1), old, true));
  old.era = *old.era + 1;
  EXPECT_FALSE(c.at("n2")->may_leave(c.now, Ticket(1), old, true));
}

TEST(Follower, ADeposedPrimaryThatLostDataSaysSoBeforeItAccounts) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.run("n1", request({put("k", "1")}, kAckAll));
  c.disconnect("n1", "n2");
  c.run("n1", request({put("k", "2")}));
  c.kill("n1");
  c.serve("n2", {"n2"});
  c.reconnect();
  c.restart_lossy("n1", {});
  c.entry().deposed = {{NodeId("n1"), Term(1)}};
  ++c.entry().version;
  c.holds_work = true;
  c.publish();
  c.advance(500ms);
  EXPECT_FALSE(c.told<messages::Accounted>("n1"));
  c.holds_work = false;
  c.advance(500ms);
  EXPECT_TRUE(c.told<messages::Accounted>("n1"));
  ASSERT_EQ(c.at("n1").ledger.size(), 1u);
  const auto& range = std::get<messages::LostRange>(c.at("n1").ledger.front());
  EXPECT_EQ(range.term, Term(1));
  EXPECT_EQ(range.first, Sequence(2));
}

// A follower of term 1 whose machine died takes office in term 2 or later.
struct LossyElection {
  LossyElection() {
    c.serve("n1", {"n1", "n2"});
    c.run("n1", request({put("k", "1")}, kAckAll));
    const test::Disk synced = c.at("n2").disk;
    c.run("n1", request({put("k", "2")}, kAckAll));
    c.kill("n1");
    c.kill("n2");
    c.restart_lossy("n2", synced);
  }
  Cluster c{{"n1", "n2"}};
};

TEST(Follower, WhoIsElectedWithLossNamesWhatNoDeposedPrimaryAccountsFor) {
  LossyElection f;  // n1 had handed over, and may have lost the same
  f.c.serve("n2", {"n2"});
  f.c.advance(2 * Timing().lease);
  ASSERT_TRUE(f.c.at("n2")->serving(f.c.now));
  ASSERT_EQ(f.c.at("n2").ledger.size(), 1u);
  const auto& range = std::get<messages::LostRange>(f.c.at("n2").ledger.front());
  EXPECT_EQ(range.term, Term(1));
  EXPECT_EQ(range.first, Sequence(2));
}

TEST(Follower, WhoIsElectedWithLossLeavesTheAccountToTheDeposedPrimary) {
  LossyElection f;
  f.c.entry().deposed = {{NodeId("n1"), Term(1)}};
  f.c.serve("n2", {"n2"});
  f.c.advance(2 * Timing().lease);
  ASSERT_TRUE(f.c.at("n2")->serving(f.c.now));
  EXPECT_TRUE(f.c.at("n2").ledger.empty());
}

TEST(Follower, GivesLeasesWhileASyncTakesLong) {
  Following f;
  f.tell(f.probe(1));
  f.c.at("n2").holds_syncs = true;
  const Duration heartbeat = f.c.map.shape.timing.heartbeat;
  std::size_t answers = 0;
  for (std::uint64_t n = 1; n <= 10; ++n) {
    f.c.now.steady += heartbeat / 2;
    const auto ack = f.tell(f.append(1, {n}));
    if (!ack) continue;
    ++answers;
    EXPECT_EQ(ack->position.sequence, Sequence(0)) << "nothing is synced yet";
    EXPECT_EQ(ack->echo, f.c.now.steady);
  }
  EXPECT_GE(answers, 4u);
}

TEST(Follower, DoesNotAskForEverythingAgainWhileItsStorageIsStalled) {
  Following f;
  f.tell(f.probe(1));
  f.tell(f.append(1, {1}));
  f.c.network.clear();
  Member& member = f.c.at("n2");
  member->on_peer(f.c.now, NodeId("n1"), Incarnation(1), f.append(1, {2}));
  ASSERT_TRUE(member->take_persist());
  member->on_refused(f.c.now, {ErrorCode::busy, Outcome::not_applied, "stalled", {}});
  f.c.collect("n2");
  const auto ack = f.tell(f.append(1, {3}));
  ASSERT_TRUE(ack);
  EXPECT_FALSE(ack->gap);
  f.c.now.steady += f.c.map.shape.timing.heartbeat;
  EXPECT_TRUE(f.tell(f.append(1, {4}))->gap);
  EXPECT_EQ(f.tell(f.append(1, {2, 3, 4}))->position.sequence, Sequence(4));
}

TEST(Follower, ReportsAPrimaryThatIsSilentForTheDetectionTime) {
  Following f;
  f.tell(f.probe(1));
  const Duration detection = f.c.map.shape.timing.detection;
  f.c.advance(detection / 2);
  EXPECT_FALSE(f.c.at("n2")->silent_primary(f.c.now));
  f.c.advance(detection);
  const auto silent = f.c.at("n2")->silent_primary(f.c.now);
  ASSERT_TRUE(silent);
  EXPECT_EQ(silent->peer, NodeId("n1"));
  EXPECT_FALSE(silent->refused);
  f.tell(f.append(1));
  EXPECT_FALSE(f.c.at("n2")->silent_primary(f.c.now));
}

TEST(Follower, FetchesAnotherCopyWhereItsOwnIsDamaged) {
  Cluster c({"n1", "n2", "n3"});
  c.serve("n1", {"n1", "n2", "n3"});
  for (int i = 0; i < 5; ++i) c.run("n1", request({put("k" + std::to_string(i), "v")}));
  c.at("n3").disk.records["k1"].value = Bytes::literal("damaged");
  c.at("n3")->on_damaged(c.now, {ErrorCode::corrupt, Outcome::not_applied, "checksum mismatch", {}});
  c.collect("n3");
  c.advance(1s);
  const auto asked = c.told<messages::SetInSync>("n1");
  ASSERT_TRUE(asked) << "it must be out of the in-sync set before its copy is given up";
  EXPECT_EQ(asked->in_sync.size(), 2u);
  EXPECT_EQ(c.at("n3").value("k1"), "damaged");
  c.set_in_sync({"n1", "n2"});
  c.publish();
  c.advance(1s);
  EXPECT_EQ(c.at("n3").value("k1"), "v");
  EXPECT_EQ(c.told<messages::SetInSync>("n1")->in_sync.size(), 3u) << "and back in it afterwards";
}

TEST(Follower, OfADamagedPrimaryTheCoordinatorIsTold) {
  Cluster c({"n1", "n2"});
  c.serve("n1", {"n1", "n2"});
  c.at("n1")->on_damaged(c.now, {ErrorCode::corrupt, Outcome::not_applied, "checksum mismatch", {}});
  c.collect("n1");
  const auto event = c.told<messages::NodeEvent>("n1");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, messages::NodeEvent::Kind::storage_failed);
  EXPECT_EQ(event->term, c.entry().term);
  EXPECT_TRUE(c.at("n1")->serving(c.now)) << "until somebody is found who takes over";
}

}  // namespace
}  // namespace gyre::replication
