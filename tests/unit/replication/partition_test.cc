// A partition with one member: the order of requests, and what storage says.
#include "replication/partition.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/replication/driver.h"

namespace gyre::replication {
namespace {

using messages::Record;
using messages::WriteKind;
using messages::WriteOperation;
using test::Driver;
using test::incr;
using test::kBusy;
using test::kDiskGone;
using test::kSelf;
using test::numbered;
using test::put;
using test::put_if_absent;
using test::request;

TEST(Partition, ServesOnlyAfterItsTermIsDurable) {
  Driver d;
  const auto early = d.write({put("k", "v")});
  EXPECT_EQ(d.error_of(early), ErrorCode::unavailable);
  d.appoint(3);
  EXPECT_FALSE(d.serving());
  EXPECT_EQ(d.error_of(d.write({put("k", "v")})), ErrorCode::unavailable);
  d.serve(4);
  EXPECT_TRUE(d.serving());
  EXPECT_EQ(d.member().disk.state.served, Term(4));
  EXPECT_EQ(d.member().disk.state.history, (messages::TermHistory{{Term(4), Sequence(1)}}));
}

TEST(Partition, AnAppointmentOfAnEarlierProcessIsNotOurs) {
  Driver d;
  d.appoint(3, kSelf, 7);
  d.commit();
  EXPECT_FALSE(d.serving());
}

TEST(Partition, ATermServedBeforeIsNeverServedAgain) {
  messages::PartitionState stored;
  stored.served = stored.promised = Term(3);
  Driver d(stored);
  d.appoint(3);
  d.commit();
  EXPECT_FALSE(d.serving());
  d.serve(4);
  EXPECT_TRUE(d.serving());
}

TEST(Partition, AWriteIsAnsweredOnlyWhenPersisted) {
  Driver d;
  d.serve();
  d.member().holds_syncs = true;
  const auto ticket = d.write({put("k", "v")});
  EXPECT_TRUE(d.writes().empty());
  d.commit();
  EXPECT_TRUE(d.writes().empty());
  d.member().sync(d.cluster.now);
  d.cluster.collect("n1");
  ASSERT_TRUE(d.writes().at(ticket));
  EXPECT_EQ(d.writes().at(ticket)->outcomes.front().version, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(d.writes().at(ticket)->standing.position, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(d.member().disk.state.position, (Position{Term(1), Sequence(1)}));
}

TEST(Partition, SequencesGoOnWithoutAGapAcrossTerms) {
  Driver d;
  d.serve(1);
  d.write({put("a", "1")});
  d.write({put("b", "1")});
  d.commit();
  d.serve(5);
  d.write({put("c", "1")});
  d.commit();
  EXPECT_EQ(d.member().disk.records.at("c").version, (Position{Term(5), Sequence(3)}));
  EXPECT_EQ(d.member().disk.state.history, (messages::TermHistory{{Term(1), Sequence(1)}, {Term(5), Sequence(3)}}));
}

TEST(Partition, ATermWithoutAWriteLeavesNoTraceInTheHistory) {
  Driver d;
  d.serve(1);
  d.serve(2);
  d.serve(3);
  EXPECT_EQ(d.member().disk.state.history, (messages::TermHistory{{Term(3), Sequence(1)}}));
}

TEST(Partition, WritesOfOneTurnSeeEachOther) {
  Driver d;
  d.serve();
  d.write({put("n", "1")});
  const auto second = d.write({incr("n", 5)});
  EXPECT_TRUE(d.member().reads.empty()) << "the value is pending: storage need not be asked";
  d.commit();
  EXPECT_EQ(d.writes().at(second)->outcomes.front().number, 6);
}

TEST(Partition, WritesWaitBehindOneThatReadsStorage) {
  Driver d;
  d.member().disk.records["n"] = {Bytes::literal("10"), {}, kNoExpiry};
  d.serve();
  const auto first = d.write({incr("n")});
  const auto second = d.write({put("n", "0")});
  d.commit();
  EXPECT_TRUE(d.writes().empty());
  d.answer_reads();
  d.commit();
  EXPECT_EQ(d.writes().at(first)->outcomes.front().number, 11);
  EXPECT_TRUE(d.writes().at(second));
  EXPECT_EQ(d.member().value("n"), "0");
}

TEST(Partition, ABatchIsOneWriteOrNone) {
  Driver d;
  d.serve();
  auto conditional = put("b", "1");
  conditional.condition.kind = messages::Condition::Kind::present;
  const auto refused = d.write({put("a", "1"), conditional});
  d.answer_reads();
  EXPECT_EQ(d.error_of(refused), ErrorCode::condition_failed);
  d.commit();
  EXPECT_TRUE(d.member().disk.records.empty());
  const auto done = d.write({put("a", "1"), incr("a", 1), put("b", "1")});
  d.answer_reads();
  d.commit();
  ASSERT_TRUE(d.writes().at(done));
  EXPECT_EQ(d.writes().at(done)->outcomes.at(1).number, 2);
  EXPECT_EQ(d.member().disk.records.at("a").version, d.member().disk.records.at("b").version);
  EXPECT_EQ(d.member().disk.state.position.sequence, Sequence(1));
}

TEST(Partition, AFailedConditionWaitsForWhatItSaw) {
  Driver d;
  d.serve();
  d.write({put("k", "v")});
  const auto refused = d.write({put_if_absent("k", "w")});
  EXPECT_FALSE(d.writes().contains(refused));
  d.commit();
  EXPECT_EQ(d.error_of(refused), ErrorCode::condition_failed);
}

TEST(Partition, AReadOfAPendingKeyWaitsUntilItIsPersisted) {
  Driver d;
  d.serve();
  d.write({put("k", "v")});
  EXPECT_EQ(*d.read("other"), Partition::ReadPlan::engine);
  EXPECT_EQ(*d.read("k"), Partition::ReadPlan::wait);
  const auto ticket = d.cluster.last_ticket;
  EXPECT_TRUE(d.member().ready_reads.empty());
  d.write({put("k", "later")});
  d.commit();
  const auto& found = std::get<std::optional<Record>>(*d.member().ready_reads.at(ticket));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value.view(), "v") << "what was newest when it was asked";
}

TEST(Partition, ARangeReadSeesAllThatWasWrittenBeforeIt) {
  Driver d;
  d.serve();
  d.write({put("k", "v")});
  EXPECT_EQ(*d.member()->on_read(d.cluster.now, Ticket(99), {}), Partition::ReadPlan::wait);
  d.cluster.collect("n1");
  EXPECT_FALSE(d.member().ready_reads.contains(99));
  d.commit();
  EXPECT_TRUE(std::holds_alternative<ReadReady::FromEngine>(*d.member().ready_reads.at(99)));
}

TEST(Partition, AReadFromTheDiskWaitsForWhatMayShowInIt) {
  Driver d;
  d.serve();
  const auto request = test::reading("k", messages::ReadLevel::primary);
  EXPECT_EQ(*d.member()->on_read(d.cluster.now, Ticket(99), request), Partition::ReadPlan::engine);
  d.member().holds_syncs = true;
  d.write({put("k", "later")});
  d.commit();
  EXPECT_FALSE(*d.member()->may_leave(d.cluster.now, Ticket(99), request, true));
  d.member().sync(d.cluster.now);
  d.cluster.collect("n1");
  EXPECT_TRUE(std::holds_alternative<ReadReady::Release>(*d.member().ready_reads.at(99)));
}

TEST(Partition, ARefusedCommitAppliesNothing) {
  Driver d;
  d.serve();
  d.write({put("a", "1")});
  d.commit();
  const auto ticket = d.write({put("b", "1")});
  d.refuse();
  EXPECT_EQ(d.error_of(ticket), ErrorCode::busy);
  EXPECT_EQ(d.writes().at(ticket).error().outcome, Outcome::not_applied);
  d.write({put("c", "1")});
  d.commit();
  EXPECT_EQ(d.member().disk.records.at("c").version.sequence, Sequence(2)) << "no gap";
}

TEST(Partition, ARefusedTermIsRecordedAgain) {
  Driver d;
  d.appoint(1);
  d.refuse();
  d.commit();
  d.cluster.advance(std::chrono::seconds(3));
  EXPECT_TRUE(d.serving());
  EXPECT_EQ(d.member().disk.state.served, Term(1));
}

TEST(Partition, ARefusalSparesWhatWaitsForItsSync) {
  Driver d;
  d.serve();
  d.member().holds_syncs = true;
  const auto first = d.write({put("a", "1")});
  d.commit();
  const auto second = d.write({put("b", "1")});
  d.refuse();
  EXPECT_EQ(d.error_of(second), ErrorCode::busy);
  EXPECT_FALSE(d.writes().contains(first));
  d.member().sync(d.cluster.now);
  d.cluster.collect("n1");
  EXPECT_TRUE(d.writes().at(first));
}

TEST(Partition, AfterAStorageFailureNothingIsServedAndNothingIsCalledUnapplied) {
  Driver d;
  d.serve();
  const auto ticket = d.write({put("a", "1")});
  ASSERT_TRUE(d.member()->take_persist());
  d.member()->on_storage_failed(d.cluster.now, kDiskGone);
  d.cluster.collect("n1");
  EXPECT_EQ(d.error_of(ticket), ErrorCode::outcome_unknown);
  EXPECT_EQ(d.writes().at(ticket).error().outcome, Outcome::unknown);
  const auto handed = d.cluster.told<messages::HandedOver>("n1");
  ASSERT_TRUE(handed);
  EXPECT_TRUE(handed->successor.empty()) << "somebody else has to be elected";
  d.appoint(9);
  EXPECT_EQ(d.error_of(d.write({put("a", "2")})), ErrorCode::unavailable);
}

TEST(Partition, LosingOfficeAnswersEveryOpenRequest) {
  Driver d;
  d.serve();
  d.member().holds_syncs = true;
  const auto committed = d.write({put("a", "1")});
  d.commit();
  const auto assigned = d.write({put("b", "1")});
  const auto reading = d.write({incr("n")});
  d.appoint(2, NodeId("n2"));
  EXPECT_EQ(d.writes().at(committed).error().outcome, Outcome::unknown);
  EXPECT_EQ(d.writes().at(assigned).error().outcome, Outcome::not_applied);
  EXPECT_EQ(d.error_of(reading), ErrorCode::not_primary);
  EXPECT_EQ(d.error_of(d.write({put("a", "2")})), ErrorCode::not_primary);
}

TEST(Partition, TimeNeverGoesBackAndRunsOnWithTheSteadyClock) {
  Driver d;
  d.serve();
  const Moment now = d.cluster.now;
  const UnixMillis first = d.member()->time(now);
  EXPECT_EQ(first, now.wall);
  Moment later{now.steady + std::chrono::seconds(2), {now.wall.value - 60'000}};
  EXPECT_EQ(d.member()->time(later).value, first.value + 2000);
  later.wall.value += 3'600'000;
  EXPECT_EQ(d.member()->time(later), later.wall);
}

// --- Exactly once ---

TEST(Partition, ARetryIsAnsweredAsBeforeAndAppliedOnce) {
  Driver d;
  d.serve();
  const auto first = d.cluster.write("n1", numbered(1, incr("n")));
  const auto at_once = d.cluster.write("n1", numbered(1, incr("n")));
  d.answer_reads();
  d.commit();
  const auto later = d.cluster.write("n1", numbered(1, incr("n")));
  EXPECT_EQ(d.member().value("n"), "1");
  for (const auto ticket : {first, at_once, later}) {
    ASSERT_TRUE(d.writes().contains(ticket) && d.writes().at(ticket));
    EXPECT_EQ(d.writes().at(ticket)->outcomes.front().number, 1);
    EXPECT_EQ(d.writes().at(ticket)->standing.position, (Position{Term(1), Sequence(1)}));
  }
}

TEST(Partition, ARetryIsRecognisedByTheNextProcess) {
  Driver d;
  d.serve();
  d.cluster.write("n1", numbered(1, incr("n")));
  d.answer_reads();
  d.commit();
  d.cluster.restart("n1");
  d.appoint(2, kSelf, 2);
  d.cluster.advance(std::chrono::seconds(3));
  const auto again = d.cluster.write("n1", numbered(1, incr("n")));
  ASSERT_TRUE(d.writes().contains(again) && d.writes().at(again));
  EXPECT_EQ(d.member().value("n"), "1");
}

TEST(Partition, AnIdOfAnotherOperationIsTheCallersMistake) {
  Driver d;
  d.serve();
  d.cluster.write("n1", numbered(1, put("a", "1")));
  EXPECT_EQ(d.error_of(d.cluster.write("n1", numbered(1, put("a", "2")))), ErrorCode::invalid_argument);
}

TEST(Partition, ARetryThatIsTooOldHasAnUnknownOutcome) {
  Driver d;
  d.serve();
  auto old = numbered(1, put("a", "1"));
  old.age = limits::kWriteIdLife;
  EXPECT_EQ(d.error_of(d.cluster.write("n1", std::move(old))), ErrorCode::outcome_unknown);
}

// Only what was sent before the term began may have been written in an earlier one.
TEST(Partition, ARetryMayRepeatAWriteOfAnEarlierTerm) {
  Driver d;
  d.serve();
  d.cluster.write("n1", numbered(1, put("a", "1")));
  auto retry = numbered(2, put("b", "1"));
  retry.age = 1ms;
  d.cluster.write("n1", std::move(retry));
  d.cluster.advance(20s);
  auto of_this_term = numbered(3, put("c", "1"));
  of_this_term.age = 5s;
  d.cluster.write("n1", std::move(of_this_term));
  auto of_an_earlier_term = numbered(4, put("d", "1"));
  of_an_earlier_term.age = 21s;
  d.cluster.write("n1", std::move(of_an_earlier_term));
  d.commit();
  std::vector<std::uint64_t> repeat;
  for (const auto& write : d.member().disk.log) {
    if (write->may_repeat) repeat.push_back(write->id.number.value());
  }
  EXPECT_EQ(repeat, (std::vector<std::uint64_t>{2, 4}));
}

TEST(Partition, TheTimeThatARetryWaitsInTheQueueCountsToo) {
  Driver d;
  d.serve();
  d.write({incr("n")});
  auto retry = numbered(1, put("a", "1"));
  retry.age = limits::kWriteIdLife - std::chrono::seconds(15);
  const auto waiting = d.cluster.write("n1", std::move(retry));
  d.cluster.now.steady += std::chrono::seconds(6);
  d.answer_reads();
  ASSERT_TRUE(d.writes().contains(waiting));
  EXPECT_EQ(d.error_of(waiting), ErrorCode::outcome_unknown);
}

// Its own life is what counts: nobody knows how long the process before it was gone, or which clocks were set.
TEST(Partition, TheNextProcessKeepsEveryIdForAWholeLife) {
  Driver d;
  d.serve();
  d.cluster.write("n1", numbered(1, incr("n")));
  d.answer_reads();
  d.commit();
  d.cluster.now.wall.value += 3'600'000;
  d.cluster.run("n1", numbered(2, put("a", "1")));  // an hour later, by the partition's time
  d.cluster.restart("n1");
  d.appoint(2, kSelf, 2);
  d.cluster.advance(limits::kWriteIdLife - std::chrono::seconds(1));
  d.cluster.run("n1", numbered(1, incr("n")));
  EXPECT_EQ(d.member().value("n"), "1");
  d.cluster.advance(std::chrono::seconds(2));
  d.cluster.run("n1", numbered(1, incr("n")));
  EXPECT_EQ(d.member().value("n"), "2");
}

TEST(Partition, AnIdOutlivesAPauseOfTheProcess) {
  Driver d;
  d.serve();
  d.cluster.write("n1", numbered(1, incr("n")));
  d.cluster.settle();
  d.cluster.now.steady += 2 * limits::kWriteIdLife;
  d.cluster.now.wall.value += to_ms(2 * limits::kWriteIdLife);
  d.cluster.tick();
  d.cluster.write("n1", numbered(1, incr("n")));  // was sent in the pause
  d.cluster.settle();
  EXPECT_EQ(d.member().value("n"), "1");
}

TEST(Partition, AWriteThatNoMessageCouldCarryIsRefused) {
  Driver d;
  d.serve();
  const std::string large(9 * 1024 * 1024, 'v');
  WriteOperation expire_a;
  expire_a.kind = WriteKind::expire;
  expire_a.key = Bytes::literal("a");
  expire_a.expiry = {messages::Expiry::Kind::after, 1'000'000};
  WriteOperation expire_b = expire_a;
  expire_b.key = Bytes::literal("b");
  for (const char* key : {"a", "b"}) d.cluster.run("n1", request({put(key, large)}));
  const auto both = d.write({expire_a, expire_b});
  d.cluster.settle();
  EXPECT_EQ(d.error_of(both), ErrorCode::too_large);
  EXPECT_EQ(d.writes().at(both).error().outcome, Outcome::not_applied);
  const auto one = d.write({expire_a});
  d.cluster.settle();
  EXPECT_TRUE(d.writes().at(one));
}

TEST(Partition, AClosedNumberIsNotAppliedAgain) {
  Driver d;
  d.serve();
  d.cluster.write("n1", numbered(1, put("a", "1")));
  auto next = numbered(2, put("a", "2"));
  next.lowest_open = WriteNumber(2);
  d.cluster.write("n1", std::move(next));
  d.commit();
  EXPECT_EQ(d.error_of(d.cluster.write("n1", numbered(1, put("a", "1")))), ErrorCode::outcome_unknown);
  EXPECT_EQ(d.member().value("a"), "2");
}

TEST(Partition, AnIdLivesThroughAJumpOfTheWallClock) {
  Driver d;
  d.serve();
  d.cluster.write("n1", numbered(1, incr("n")));
  d.answer_reads();
  d.commit();
  d.cluster.now.wall.value += 3'600'000;
  d.cluster.advance(std::chrono::seconds(5));
  d.cluster.write("n1", numbered(1, incr("n")));
  EXPECT_EQ(d.member().value("n"), "1");
  d.cluster.advance(std::chrono::seconds(62));
  d.cluster.write("n1", numbered(1, incr("n")));
  d.cluster.settle();
  EXPECT_EQ(d.member().value("n"), "2") << "forgotten after its life";
}

// Random requests, commits, refusals, changes of role: every request is answered once, and what was acknowledged is in
// storage, under sequences without a gap.
RC_GTEST_PROP(Partition, AnswersEachRequestOnceAndKeepsWhatItAcknowledged, ()) {
  Driver d;
  std::uint64_t term = 1;
  d.serve(term);
  std::map<std::string, std::int64_t> acknowledged;  // by counter, sum of acknowledged increments
  std::map<std::string, std::int64_t> possible;      // and of those that may have been applied
  std::map<std::uint64_t, std::string> counters;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    const std::string key(1, static_cast<char>('a' + *rc::gen::inRange(0, 3)));
    switch (*rc::gen::inRange(0, 9)) {
      case 0:
      case 1:
      case 2: counters[d.write({incr(key)})] = key; break;
      case 3: d.answer_reads(); break;
      case 4:
        d.member().holds_syncs = false;
        d.commit();
        break;
      case 5:
        d.member().holds_syncs = true;
        d.commit();
        break;
      case 6:
        d.member().sync(d.cluster.now);
        d.cluster.collect("n1");
        break;
      case 7:
        if (d.member()->take_persist()) d.member()->on_refused(d.cluster.now, kBusy);
        d.cluster.collect("n1");
        break;
      default: d.appoint(++term, *rc::gen::arbitrary<bool>() ? kSelf : NodeId("n2")); break;
    }
  }
  d.member().holds_syncs = false;
  d.serve(++term);
  d.answer_reads();
  d.commit();
  for (const auto& [ticket, key] : counters) {
    RC_ASSERT(d.writes().contains(ticket));
    const auto& result = d.writes().at(ticket);
    if (result) ++acknowledged[key];
    if (result || result.error().outcome == Outcome::unknown) ++possible[key];
  }
  for (const auto& [key, count] : possible) {
    const std::string value = d.member().value(key);
    const std::int64_t number = value.empty() ? 0 : std::stoll(value);
    RC_ASSERT(number >= acknowledged[key]);
    RC_ASSERT(number <= count);
  }
}

}  // namespace
}  // namespace gyre::replication
