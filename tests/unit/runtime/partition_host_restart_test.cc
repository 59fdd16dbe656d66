// Three hosts wired together in memory: members die and come back, with a coordinator or without, and wall clocks are
// set meanwhile.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "hosted_cluster.h"

namespace gyre::runtime {
namespace {

using messages::kAckAll;
using messages::kAckOne;
using messages::ReadLevel;
using replication::MapSource;

class PartitionHostRestartTest : public HostedCluster {
 protected:
  void serve() {
    appoint({1, {&n1, &n2, &n3}});
    ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  }
  // A counter is raised by a client that may send this again.
  messages::WriteRequest numbered(Duration age) {
    messages::WriteRequest write;
    messages::WriteOperation incr;
    incr.kind = messages::WriteKind::incr;
    incr.key = Bytes::copy_of(key_in(0));
    incr.delta = 1;
    write.operations.push_back(std::move(incr));
    write.id = {ClientId(7), WriteNumber(7)};
    write.age = age;
    return write;
  }
};

// --- Deadlines ---

TEST_F(PartitionHostRestartTest, WhatWaitsForADeadMemberEndsAtItsDeadlineAndAllElseGoesOn) {
  serve();
  coordinator_down = true;
  ports_tell = true;
  kill(n3);
  const RequestId all = n1.ask(messages::WriteRequest{.operations = {put(key_in(0), "v")}, .ack = kAckAll}, 1s);
  const RequestId linearizable =
      n1.ask(messages::GetRequest{Bytes::copy_of(key_in(0)), true, {.level = ReadLevel::linearizable}}, 2s);
  pass(900ms);
  EXPECT_FALSE(n1.answered(all));
  write(n1, "w", kAckOne, 1);
  pass(300ms);
  ASSERT_TRUE(n1.answered(all));
  EXPECT_EQ(n1.error(all).code, ErrorCode::timeout);
  EXPECT_EQ(n1.error(all).outcome, Outcome::unknown);
  EXPECT_FALSE(n1.answered(linearizable));
  pass(1s);
  ASSERT_TRUE(n1.answered(linearizable));
  EXPECT_EQ(n1.error(linearizable).code, ErrorCode::timeout);
  EXPECT_EQ(n1.host->open_requests(), 0u);
  EXPECT_EQ(n1.host->open_request_bytes(), 0u);
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::primary})), "v");
}

TEST_F(PartitionHostRestartTest, ARequestWithoutADeadlineDoesNotWaitForEver) {
  serve();
  coordinator_down = true;
  ports_tell = true;
  kill(n3);
  const RequestId all = n1.ask(messages::WriteRequest{.operations = {put(key_in(0), "v")}, .ack = kAckAll});
  pass(limits::kRequestWaitMax - 1s);
  EXPECT_FALSE(n1.answered(all));
  pass(2s);
  ASSERT_TRUE(n1.answered(all));
  EXPECT_EQ(n1.error(all).code, ErrorCode::timeout);
}

TEST_F(PartitionHostRestartTest, ARetryOfAWriteThatTimedOutIsAnsweredByIt) {
  serve();
  cut_off = &n3;
  auto first = numbered(Duration(0));
  first.ack = kAckAll;
  const RequestId timed_out = n1.ask(first, 500ms);
  pass(700ms);
  ASSERT_TRUE(n1.answered(timed_out));
  EXPECT_EQ(n1.error(timed_out).outcome, Outcome::unknown);
  cut_off = nullptr;
  first.age = 700ms;
  const RequestId retry = n1.ask(first, 5s);
  ASSERT_TRUE(comes_true([&] { return n1.answered(retry); }));
  ASSERT_TRUE(n1.succeeded(retry)) << n1.error(retry).to_string();
  EXPECT_EQ(n1.outcome(retry).number, 1);
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::primary})), "1");
}

// --- Clocks that are set ---

// What storage gives back is all it has: a clock that was two minutes ahead makes no id older.
TEST_F(PartitionHostRestartTest, ARetryIsRecognisedThoughClocksWereSetAndItsPrimaryStartedAnew) {
  serve();
  n1.ask(numbered(Duration(0)));
  pass(2 * kTick);
  kill(n1);  // nobody hears the answer
  n2.environment.set_wall_clock(2min);
  for (HostedNode* node : {&n2, &n3}) seal(*node, 2);
  appoint({2, {&n2, &n3}, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n2); }));
  write(n2, "two minutes later", kAckAll, 1);

  start(n2);
  admit(n2);
  appoint({3, {&n2, &n3}, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n2); }));
  const RequestId retry = n2.ask(numbered(8s));
  ASSERT_TRUE(comes_true([&] { return n2.answered(retry); }));
  ASSERT_TRUE(n2.succeeded(retry)) << n2.error(retry).to_string();
  EXPECT_EQ(n2.outcome(retry).number, 1);
  EXPECT_EQ(n2.value(read(n2, {.level = ReadLevel::primary})), "1");
}

// n3 has heard of a time that n2 never heard of, and so what n2 writes looks old there.
TEST_F(PartitionHostRestartTest, ARetryIsRecognisedByAMemberThatHeardALaterTime) {
  serve();
  cut_off = &n2;
  n1.environment.set_wall_clock(2min);
  pass(300ms);  // but not so long that n2 leaves the in-sync set
  kill(n1);
  cut_off = nullptr;
  pass(limits::kWriteIdLife - 5s);
  for (HostedNode* node : {&n2, &n3}) seal(*node, 2);
  appoint({2, {&n2, &n3}, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n2); }));
  const RequestId first = n2.ask(numbered(Duration(0)));
  ASSERT_TRUE(comes_true([&] { return n2.answered(first); }));
  pass(5s);

  kill(n2);
  seal(n3, 3);
  appoint({3, {&n3}, {&n1, &n2}});
  ASSERT_TRUE(comes_true([&] { return serves(n3); }));
  const RequestId retry = n3.ask(numbered(9s));
  ASSERT_TRUE(comes_true([&] { return n3.answered(retry); }));
  ASSERT_TRUE(n3.succeeded(retry)) << n3.error(retry).to_string();
  EXPECT_EQ(n3.outcome(retry).number, 1);
}

// --- Starts without a coordinator ---

TEST_F(PartitionHostRestartTest, AMemberFollowsAndGivesLeasesByTheMapItRemembers) {
  serve();
  write(n1, "v", kAckAll);
  coordinator_down = true;
  kill(n2);
  ASSERT_TRUE(comes_true([&] { return !serves(n1); })) << "a member that is silent";
  start(n2);
  pass(1s);
  EXPECT_FALSE(serves(n1)) << "without a map it says nothing";
  n2.host->on_map(newest, MapSource::memory);
  ASSERT_TRUE(comes_true([&] { return serves(n1); }, 2s));
  const Position written = write(n1, "w", kAckAll);
  EXPECT_EQ(n2.value(read(n2, {.level = ReadLevel::session, .seen = written})), "w");

  coordinator_down = false;
  n2.host->on_map(newest);  // nothing has changed meanwhile
  admit(n2);
  publish();
  write(n1, "x", kAckAll);
  EXPECT_TRUE(comes_true([&] { return n2.host->settled(); }));
  EXPECT_TRUE(in_sync(n2));
}

TEST_F(PartitionHostRestartTest, APrimaryDoesNotServeByTheMapItRemembers) {
  serve();
  write(n1, "v", kAckAll);
  coordinator_down = true;
  kill(n1);
  start(n1);
  n1.host->on_map(newest, MapSource::memory);
  pass(10s);
  EXPECT_EQ(n1.host->partitions_served(), 0u);
  const RequestId refused = n1.settled(n1.write({put(key_in(0), "w")}));
  EXPECT_EQ(n1.error(refused).code, ErrorCode::unavailable);

  coordinator_down = false;
  admit(n1);
  appoint({2, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::linearizable})), "v");
}

TEST_F(PartitionHostRestartTest, AMemberThatMayHaveLostWritesIsSilentUntilTheStoreSpeaks) {
  serve();
  write(n1, "v", kAckAll);
  kill(n2);
  start(n2, /*loses_nothing=*/false);
  n2.host->on_map(newest, MapSource::memory);
  coordinator_down = true;
  ASSERT_TRUE(comes_true([&] { return !serves(n1); }));
  pass(2s);
  EXPECT_FALSE(serves(n1));
  EXPECT_FALSE(n2.host->settled());
  coordinator_down = false;
  admit(n2);
  publish();
  EXPECT_TRUE(comes_true([&] { return serves(n1); }));
}

}  // namespace
}  // namespace gyre::runtime
