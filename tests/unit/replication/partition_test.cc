#include "replication/partition.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "replication/evaluate.h"

namespace gyre::replication {
namespace {

using messages::Mutation;
using messages::Record;
using messages::WriteKind;
using messages::WriteOperation;

const NodeId kSelf("n1");
const Error kBusy{ErrorCode::busy, Outcome::not_applied, "stalled", {}};
const Error kDiskGone{ErrorCode::storage_failed, Outcome::unknown, "disk gone", {}};

ring::PartitionEntry appoint(std::uint64_t term, const NodeId& primary = kSelf, std::uint64_t incarnation = 1) {
  ring::PartitionEntry entry;
  entry.term = Term(term);
  entry.primary = primary;
  entry.primary_incarnation = Incarnation(incarnation);
  entry.in_sync = {{primary, Generation(0)}};
  return entry;
}

WriteOperation put(std::string_view key, std::string_view value) {
  WriteOperation op;
  op.key = Bytes::copy_of(key);
  op.value = Bytes::copy_of(value);
  return op;
}

WriteOperation incr(std::string_view key, std::int64_t delta = 1) {
  WriteOperation op;
  op.kind = WriteKind::incr;
  op.key = Bytes::copy_of(key);
  op.delta = delta;
  return op;
}

// Drives one machine over a map that stands for storage, and keeps what it answered.
class Driver {
 public:
  explicit Driver(messages::PartitionState remembered = {})
      : machine(PartitionId(0), kSelf, Incarnation(1), std::move(remembered)) {}

  void serve(std::uint64_t term = 1) {
    machine.on_entry(now, appoint(term));
    commit();
    collect();
  }

  std::uint64_t write(std::vector<WriteOperation> operations) {
    machine.on_write(now, Ticket(++last_ticket), std::move(operations));
    collect();
    return last_ticket;
  }

  Result<Partition::ReadPlan> read(std::string_view key) {
    auto plan = machine.on_read(now, Ticket(++last_ticket), Bytes::copy_of(key));
    collect();
    return plan;
  }

  // Commits what is pending; persisted at once.
  void commit() {
    if (const auto id = commit_without_sync()) {
      machine.on_persisted(now, *id);
      collect();
    }
  }

  std::optional<std::uint64_t> commit_without_sync() {
    auto persist = machine.take_persist();
    if (!persist) return std::nullopt;
    for (const Mutation& mutation : persist->mutations) {
      EXPECT_GT(mutation.record.version.sequence, Sequence(0));
      if (mutation.kind == Mutation::Kind::put) {
        stored[mutation.key.str()] = mutation.record;
      } else {
        stored.erase(mutation.key.str());
      }
    }
    state = persist->state;
    return persist->id;
  }

  // Answers the reads that the machine asked for, as storage is now.
  void answer_reads() {
    while (!reads.empty()) {
      const ReadCurrent read = reads.front();
      reads.erase(reads.begin());
      std::optional<Record> record;
      if (const auto found = stored.find(read.key.str()); found != stored.end()) record = found->second;
      machine.on_current(now, read.ticket, read.operation, std::move(record));
      collect();
    }
  }

  void collect() {
    for (Effect& effect : machine.take_effects()) {
      if (auto* read = std::get_if<ReadCurrent>(&effect)) {
        reads.push_back(*read);
      } else if (auto* done = std::get_if<WriteDone>(&effect)) {
        EXPECT_TRUE(writes.emplace(done->ticket.value(), std::move(done->result)).second) << "answered twice";
      } else if (auto* ready = std::get_if<ReadReady>(&effect)) {
        EXPECT_TRUE(ready_reads.emplace(ready->ticket.value(), std::move(ready->result)).second);
      } else {
        roles.push_back(std::get<RoleChanged>(effect));
      }
    }
    machine.check_invariants();
  }

  ErrorCode error_of(std::uint64_t ticket) { return writes.at(ticket).error().code; }

  Moment now{Instant(std::chrono::seconds(1)), {1'000'000}};
  Partition machine;
  std::uint64_t last_ticket = 0;
  std::map<std::string, Record> stored;
  messages::PartitionState state;
  std::vector<ReadCurrent> reads;
  std::map<std::uint64_t, Result<std::vector<messages::WriteOutcome>>> writes;
  std::map<std::uint64_t, decltype(ReadReady::result)> ready_reads;
  std::vector<RoleChanged> roles;
};

TEST(Partition, ServesOnlyAfterItsTermIsDurable) {
  Driver d;
  const auto early = d.write({put("k", "v")});
  EXPECT_EQ(d.error_of(early), ErrorCode::unavailable);
  d.machine.on_entry(d.now, appoint(3));
  EXPECT_FALSE(d.machine.serving());
  EXPECT_EQ(d.error_of(d.write({put("k", "v")})), ErrorCode::unavailable);
  d.commit();
  EXPECT_TRUE(d.machine.serving());
  EXPECT_EQ(d.state.served, Term(3));
  EXPECT_EQ(d.state.history, (messages::TermHistory{{Term(3), Sequence(1)}}));
}

TEST(Partition, AnAppointmentOfAnEarlierProcessIsNotOurs) {
  Driver d;
  d.machine.on_entry(d.now, appoint(3, kSelf, 7));
  d.commit();
  EXPECT_FALSE(d.machine.serving());
}

TEST(Partition, ATermServedBeforeIsNeverServedAgain) {
  messages::PartitionState stored;
  stored.served = Term(3);
  Driver d(stored);
  d.machine.on_entry(d.now, appoint(3));
  d.commit();
  EXPECT_FALSE(d.machine.serving());
  d.serve(4);
  EXPECT_TRUE(d.machine.serving());
}

TEST(Partition, AWriteIsAnsweredOnlyWhenPersisted) {
  Driver d;
  d.serve();
  const auto ticket = d.write({put("k", "v")});
  EXPECT_TRUE(d.writes.empty());
  const auto id = d.commit_without_sync();
  d.collect();
  EXPECT_TRUE(d.writes.empty());
  d.machine.on_persisted(d.now, *id);
  d.collect();
  ASSERT_TRUE(d.writes.at(ticket));
  EXPECT_EQ(d.writes.at(ticket)->front().version, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(d.state.position, (Position{Term(1), Sequence(1)}));
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
  EXPECT_EQ(d.stored.at("c").version, (Position{Term(5), Sequence(3)}));
  EXPECT_EQ(d.state.history, (messages::TermHistory{{Term(1), Sequence(1)}, {Term(5), Sequence(3)}}));
}

TEST(Partition, ATermWithoutAWriteLeavesNoTraceInTheHistory) {
  Driver d;
  d.serve(1);
  d.serve(2);
  d.serve(3);
  EXPECT_EQ(d.state.history, (messages::TermHistory{{Term(3), Sequence(1)}}));
}

TEST(Partition, WritesOfOneTurnSeeEachOther) {
  Driver d;
  d.serve();
  d.write({put("n", "1")});
  const auto second = d.write({incr("n", 5)});
  EXPECT_TRUE(d.reads.empty()) << "the value is pending: storage need not be asked";
  d.commit();
  EXPECT_EQ(d.writes.at(second)->front().number, 6);
}

TEST(Partition, WritesWaitBehindOneThatReadsStorage) {
  Driver d;
  d.stored["n"] = {Bytes::literal("10"), {}, kNoExpiry};
  d.serve();
  const auto first = d.write({incr("n")});
  const auto second = d.write({put("n", "0")});
  d.commit();
  EXPECT_TRUE(d.writes.empty());
  d.answer_reads();
  d.commit();
  EXPECT_EQ(d.writes.at(first)->front().number, 11);
  EXPECT_TRUE(d.writes.at(second));
  EXPECT_EQ(d.stored.at("n").value.view(), "0");
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
  EXPECT_TRUE(d.stored.empty());
  const auto done = d.write({put("a", "1"), incr("a", 1), put("b", "1")});
  d.answer_reads();
  d.commit();
  ASSERT_TRUE(d.writes.at(done));
  EXPECT_EQ(d.writes.at(done)->at(1).number, 2);
  EXPECT_EQ(d.stored.at("a").version, d.stored.at("b").version);
  EXPECT_EQ(d.state.position.sequence, Sequence(1));
}

TEST(Partition, AFailedConditionWaitsForWhatItSaw) {
  Driver d;
  d.serve();
  d.write({put("k", "v")});
  auto conditional = put("k", "w");
  conditional.condition.kind = messages::Condition::Kind::absent;
  const auto refused = d.write({conditional});
  EXPECT_FALSE(d.writes.contains(refused));
  d.commit();
  EXPECT_EQ(d.error_of(refused), ErrorCode::condition_failed);
}

TEST(Partition, AReadOfAPendingKeyWaitsUntilItIsPersisted) {
  Driver d;
  d.serve();
  d.write({put("k", "v")});
  EXPECT_EQ(*d.read("other"), Partition::ReadPlan::engine);
  EXPECT_EQ(*d.read("k"), Partition::ReadPlan::wait);
  const auto ticket = d.last_ticket;
  EXPECT_TRUE(d.ready_reads.empty());
  d.write({put("k", "later")});
  d.commit();
  const auto& found = std::get<std::optional<Record>>(*d.ready_reads.at(ticket));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value.view(), "v") << "what was newest when it was asked";
}

TEST(Partition, ARangeReadSeesAllThatWasWrittenBeforeIt) {
  Driver d;
  d.serve();
  d.write({put("k", "v")});
  EXPECT_EQ(*d.machine.on_read(d.now, Ticket(99), std::nullopt), Partition::ReadPlan::wait);
  d.collect();
  EXPECT_FALSE(d.ready_reads.contains(99));
  d.commit();
  EXPECT_TRUE(std::holds_alternative<ReadReady::FromEngine>(*d.ready_reads.at(99)));
}

TEST(Partition, ARefusedCommitAppliesNothing) {
  Driver d;
  d.serve();
  d.write({put("a", "1")});
  d.commit();
  const auto ticket = d.write({put("b", "1")});
  ASSERT_TRUE(d.machine.take_persist());
  d.machine.on_refused(d.now, kBusy);
  d.collect();
  EXPECT_EQ(d.error_of(ticket), ErrorCode::busy);
  EXPECT_EQ(d.writes.at(ticket).error().outcome, Outcome::not_applied);
  d.write({put("c", "1")});
  d.commit();
  EXPECT_EQ(d.stored.at("c").version.sequence, Sequence(2)) << "no gap";
}

TEST(Partition, ARefusalSparesWhatWaitsForItsSync) {
  Driver d;
  d.serve();
  const auto first = d.write({put("a", "1")});
  const auto id = d.commit_without_sync();
  const auto second = d.write({put("b", "1")});
  ASSERT_TRUE(d.machine.take_persist());
  d.machine.on_refused(d.now, kBusy);
  d.collect();
  EXPECT_EQ(d.error_of(second), ErrorCode::busy);
  EXPECT_FALSE(d.writes.contains(first));
  d.machine.on_persisted(d.now, *id);
  d.collect();
  EXPECT_TRUE(d.writes.at(first));
}

TEST(Partition, AfterAStorageFailureNothingIsServedAndNothingIsCalledUnapplied) {
  Driver d;
  d.serve();
  const auto ticket = d.write({put("a", "1")});
  ASSERT_TRUE(d.machine.take_persist());
  d.machine.on_storage_failed(d.now, kDiskGone);
  d.collect();
  EXPECT_EQ(d.error_of(ticket), ErrorCode::outcome_unknown);
  EXPECT_EQ(d.writes.at(ticket).error().outcome, Outcome::unknown);
  d.machine.on_entry(d.now, appoint(9));
  d.collect();
  EXPECT_EQ(d.error_of(d.write({put("a", "2")})), ErrorCode::unavailable);
}

TEST(Partition, LosingOfficeAnswersEveryOpenRequest) {
  Driver d;
  d.serve();
  const auto committed = d.write({put("a", "1")});
  d.commit_without_sync();
  const auto assigned = d.write({put("b", "1")});
  const auto reading = d.write({incr("n")});
  d.machine.on_entry(d.now, appoint(2, NodeId("n2")));
  d.collect();
  EXPECT_EQ(d.writes.at(committed).error().outcome, Outcome::unknown);
  EXPECT_EQ(d.writes.at(assigned).error().outcome, Outcome::not_applied);
  EXPECT_EQ(d.error_of(reading), ErrorCode::not_primary);
  EXPECT_EQ(d.error_of(d.write({put("a", "2")})), ErrorCode::not_primary);
}

TEST(Partition, AReportFromBeforeAChangeOfRoleIsIgnored) {
  Driver d;
  d.serve();
  d.write({put("a", "1")});
  const auto id = d.commit_without_sync();
  d.machine.on_entry(d.now, appoint(2, NodeId("n2")));
  d.machine.on_entry(d.now, appoint(3));
  d.machine.on_persisted(d.now, *id);
  d.collect();
  EXPECT_FALSE(d.machine.serving()) << "term 3 is not durable yet";
  d.commit();
  d.write({put("b", "1")});
  d.commit();
  EXPECT_EQ(d.stored.at("b").version, (Position{Term(3), Sequence(2)}));
}

TEST(Partition, TimeNeverGoesBackAndRunsOnWithTheSteadyClock) {
  Driver d;
  const UnixMillis first = d.machine.time(d.now);
  EXPECT_EQ(first, d.now.wall);
  Moment later{d.now.steady + std::chrono::seconds(2), {d.now.wall.value - 60'000}};
  EXPECT_EQ(d.machine.time(later).value, first.value + 2000);
  later.wall.value += 3'600'000;
  EXPECT_EQ(d.machine.time(later), later.wall);
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
  std::set<std::uint64_t> asked;
  std::optional<std::uint64_t> unsynced;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    const std::string key(1, static_cast<char>('a' + *rc::gen::inRange(0, 3)));
    switch (*rc::gen::inRange(0, 9)) {
      case 0:
      case 1:
      case 2: {
        const auto ticket = d.write({incr(key)});
        counters[ticket] = key;
        asked.insert(ticket);
        break;
      }
      case 3: d.answer_reads(); break;
      case 4: d.commit(); break;
      case 5:
        if (auto id = d.commit_without_sync()) unsynced = id;
        break;
      case 6:
        if (unsynced) d.machine.on_persisted(d.now, *unsynced);
        unsynced.reset();
        d.collect();
        break;
      case 7:
        if (d.machine.take_persist()) d.machine.on_refused(d.now, kBusy);
        d.collect();
        break;
      default:
        d.machine.on_entry(d.now, appoint(++term, *rc::gen::arbitrary<bool>() ? kSelf : NodeId("n2")));
        d.collect();
        break;
    }
    d.machine.check_invariants();
  }
  d.serve(++term);
  d.answer_reads();
  d.commit();
  for (const auto ticket : asked) {
    RC_ASSERT(d.writes.contains(ticket));
    const auto& result = d.writes.at(ticket);
    if (result) ++acknowledged[counters[ticket]];
    if (result || result.error().outcome == Outcome::unknown) ++possible[counters[ticket]];
  }
  for (const auto& [key, count] : possible) {
    const auto found = d.stored.find(key);
    const std::int64_t value = found == d.stored.end() ? 0 : std::stoll(found->second.value.str());
    RC_ASSERT(value >= acknowledged[key]);
    RC_ASSERT(value <= count);
  }
}

}  // namespace
}  // namespace gyre::replication
