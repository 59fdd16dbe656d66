// A partition with one member: requests whose time is over, and maps that are not of the store.
#include <chrono>

#include <gtest/gtest.h>

#include "tests/unit/replication/driver.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using test::Driver;
using test::incr;
using test::kSelf;
using test::numbered;
using test::put;
using test::request;

Instant in(Driver& d, Duration time) { return d.cluster.now.steady + time; }

std::uint64_t write_until(Driver& d, messages::WriteRequest write, Instant deadline) {
  const Ticket ticket(++d.cluster.last_ticket);
  d.member()->on_write(d.cluster.now, ticket, std::move(write), deadline);
  d.cluster.collect("n1");
  return ticket.value();
}

TEST(PartitionDeadlines, AWriteWhoseTurnDoesNotComeInTimeIsNotApplied) {
  Driver d;
  d.cluster.holds_reads = true;
  d.serve();
  const auto reading = d.write({incr("n")});
  const auto late = write_until(d, request({put("a", "1")}), in(d, 1s));
  const auto patient = write_until(d, request({put("b", "1")}), in(d, 60s));
  d.cluster.advance(900ms);
  EXPECT_FALSE(d.writes().contains(late));
  d.cluster.advance(300ms);
  EXPECT_EQ(d.error_of(late), ErrorCode::timeout);
  EXPECT_EQ(d.writes().at(late).error().outcome, Outcome::not_applied);
  d.cluster.holds_reads = false;
  d.cluster.settle();
  EXPECT_TRUE(d.writes().at(reading));
  EXPECT_TRUE(d.writes().at(patient));
  EXPECT_EQ(d.member().value("a"), "");
  EXPECT_EQ(d.member().value("b"), "1");
}

TEST(PartitionDeadlines, AWriteIsNotAppliedOnceItsDeadlineHasPassedThoughNoTickHasToldYet) {
  Driver d;
  d.cluster.holds_reads = true;
  d.serve();
  const auto reading = write_until(d, request({incr("n")}), in(d, 1s));
  const auto behind = write_until(d, request({put("a", "1")}), in(d, 1s));
  d.cluster.now.steady += 1s;
  d.cluster.holds_reads = false;
  d.cluster.settle();
  EXPECT_EQ(d.error_of(reading), ErrorCode::timeout);
  EXPECT_EQ(d.error_of(behind), ErrorCode::timeout);
  EXPECT_TRUE(d.member().disk.records.empty());
}

TEST(PartitionDeadlines, AWriteThatWaitsForStorageTooLongIsGivenUpAndThoseBehindItGoOn) {
  Driver d;
  d.cluster.holds_reads = true;
  d.serve();
  const auto reading = write_until(d, request({incr("n")}), in(d, 1s));
  const auto behind = d.write({put("a", "1")});
  d.cluster.advance(1200ms);
  EXPECT_EQ(d.error_of(reading), ErrorCode::timeout);
  EXPECT_TRUE(d.writes().at(behind));
  d.cluster.holds_reads = false;
  d.cluster.settle();  // the value comes after all
  EXPECT_EQ(d.member().value("n"), "");
}

TEST(PartitionDeadlines, AWriteThatHasItsPlaceEndsWithAnUnknownOutcomeAndItsRetryIsAnswered) {
  Driver d;
  d.serve();
  d.member().holds_syncs = true;
  const auto late = write_until(d, numbered(1, put("a", "1")), in(d, 1s));
  d.commit();
  d.cluster.advance(1200ms);
  EXPECT_EQ(d.error_of(late), ErrorCode::timeout);
  EXPECT_EQ(d.writes().at(late).error().outcome, Outcome::unknown);
  const auto retry = write_until(d, numbered(1, put("a", "1")), in(d, 1s));
  EXPECT_FALSE(d.writes().contains(retry));
  d.member().holds_syncs = false;
  d.member().sync(d.cluster.now);
  d.cluster.settle();
  ASSERT_TRUE(d.writes().at(retry));
  EXPECT_EQ(d.writes().at(retry)->outcomes.front().version.sequence, Sequence(1));
}

TEST(PartitionDeadlines, AReadThatWaitsTooLongEndsSo) {
  Driver d;
  d.cluster.holds_reads = true;
  d.serve();
  d.member().holds_syncs = true;
  d.write({put("k", "v")});
  auto question = test::reading("k", messages::ReadLevel::primary);
  question.deadline = in(d, 1s);
  EXPECT_EQ(*d.member()->on_read(d.cluster.now, Ticket(98), question), Partition::ReadPlan::wait);  // for the sync
  d.write({incr("n")});
  EXPECT_EQ(*d.member()->on_read(d.cluster.now, Ticket(99), question), Partition::ReadPlan::wait);  // in the queue
  d.cluster.advance(1200ms);
  EXPECT_EQ(d.member().ready_reads.at(98).error().code, ErrorCode::timeout);
  EXPECT_EQ(d.member().ready_reads.at(99).error().code, ErrorCode::timeout);
}

// --- A map from memory ---

TEST(PartitionMaps, ItTakesOfficeByAMapFromTheStoreAlone) {
  Driver d;
  d.appoint(1, NodeId("n2"));
  d.cluster.restart("n1");
  ring::PartitionEntry& entry = d.cluster.entry();
  entry.term = Term(2);
  entry.primary = kSelf;
  entry.primary_incarnation = Incarnation(2);
  entry.in_sync = {{kSelf, Generation(1)}};
  entry.learners = {NodeId("n2")};
  ++entry.version;
  d.member()->on_map(d.cluster.now, d.cluster.map, MapSource::memory);
  d.cluster.advance(5s);
  EXPECT_EQ(d.member()->status(d.cluster.now).role, messages::PartitionStatus::Role::replica);
  EXPECT_FALSE(d.serving());
  d.member()->on_map(d.cluster.now, d.cluster.map, MapSource::store);  // the same one
  d.cluster.advance(5s);
  EXPECT_TRUE(d.serving());
}

TEST(PartitionMaps, AStartThatMayLackWritesDoesNothingByAMapFromMemory) {
  Driver d;
  d.appoint(1, NodeId("n2"));
  d.commit();
  d.cluster.restart_lossy("n1", d.member().disk);
  d.member()->on_map(d.cluster.now, d.cluster.map, MapSource::memory);
  messages::Append heartbeat;
  heartbeat.term = Term(1);
  heartbeat.sent_at = d.cluster.now.steady;
  d.member()->on_peer(d.cluster.now, NodeId("n2"), Incarnation(1), heartbeat);
  d.cluster.collect("n1");
  d.commit();
  EXPECT_TRUE(d.cluster.network.empty()) << "no lease";
  EXPECT_FALSE(d.member()->settled(d.cluster.now));
  d.member()->on_map(d.cluster.now, d.cluster.map);
  d.member()->on_peer(d.cluster.now, NodeId("n2"), Incarnation(1), heartbeat);
  d.cluster.collect("n1");
  d.commit();
  EXPECT_FALSE(d.cluster.network.empty());
}

}  // namespace
}  // namespace gyre::replication
