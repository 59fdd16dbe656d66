#include <gtest/gtest.h>

#include "routing/dispatcher.h"
#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

TEST(DispatcherFailure, AReadWhoseConnectionIsLostIsSentAgain) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const CallId read = client.call(get(0));
  client.connect_all();
  client.lose(client.take_calls().at(0).link);
  EXPECT_FALSE(client.done(read));
  client.pass(kBackoffFirst * 2);
  client.connect_all();
  client.answer(client.take_calls().at(0), messages::GetResponse{});
  EXPECT_TRUE(client.result(read));
}

TEST(DispatcherFailure, AWriteThatWasNeverSentIsTriedAgainAfterARefusedConnection) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const CallId write = client.call(put(0));
  client.refuse_all();
  EXPECT_FALSE(client.done(write));
  client.pass(kBackoffFirst * 2);
  client.connect_all();
  client.answer(client.take_calls().at(0), messages::WriteResponse{});
  EXPECT_TRUE(client.result(write));
}

TEST(DispatcherFailure, SurelyNotAppliedErrorsAreRetriedAndFinalOnesAreNot) {
  for (const ErrorCode code : {ErrorCode::not_primary, ErrorCode::stale_map, ErrorCode::busy, ErrorCode::unavailable,
                               ErrorCode::no_replicas, ErrorCode::storage_failed}) {
    ScriptedClient client;
    client.learn(make_map(1, {"a"}));
    const CallId write = client.call(put(0));
    client.connect_all();
    client.answer(client.take_calls().at(0), error(code));
    EXPECT_FALSE(client.done(write)) << to_string(code);
    client.pass(kBackoffFirst * 2);
    EXPECT_EQ(client.take_calls().size(), 1) << to_string(code);
  }
  for (const ErrorCode code :
       {ErrorCode::not_found, ErrorCode::condition_failed, ErrorCode::too_large, ErrorCode::corrupt}) {
    ScriptedClient client;
    client.learn(make_map(1, {"a"}));
    const CallId write = client.call(put(0));
    client.connect_all();
    client.answer(client.take_calls().at(0), error(code));
    ASSERT_TRUE(client.done(write)) << to_string(code);
    EXPECT_EQ(client.result(write).error().code, code);
  }
}

TEST(DispatcherFailure, BusyWaitsAsLongAsTheServerSays) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  client.call(put(0));
  client.connect_all();
  Error busy = error(ErrorCode::busy);
  busy.retry_after = 300ms;
  client.answer(client.take_calls().at(0), busy);
  client.pass(299ms);
  EXPECT_TRUE(client.take_calls().empty());
  client.pass(1ms);
  EXPECT_EQ(client.take_calls().size(), 1);
}

// Its own backoff has grown beyond that by then.
TEST(DispatcherFailure, WhoWillServeSoonIsAskedWhenItSays) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  client.call(put(0), 60s);
  client.connect_all();
  Error taking_office = error(ErrorCode::unavailable);
  taking_office.retry_after = 20ms;
  for (int asked = 0; asked < 12; ++asked) {
    client.answer(client.take_calls().at(0), taking_office);
    client.pass(20ms + 2 * kBackoffFirst);
  }
  EXPECT_EQ(client.take_calls().size(), 1);
}

TEST(DispatcherFailure, WhoServesAtTheLatestThenIsAskedBefore) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  client.call(put(0), 60s);
  client.connect_all();
  Error taking_office = error(ErrorCode::unavailable);
  taking_office.retry_after = 2s;
  client.answer(client.take_calls().at(0), taking_office);
  client.pass(2 * kBackoffFirst);
  EXPECT_EQ(client.take_calls().size(), 1);
}

TEST(DispatcherFailure, BusyBeyondTheDeadlineIsAnsweredAtOnce) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const CallId write = client.call(put(0), 100ms);
  client.connect_all();
  Error busy = error(ErrorCode::busy);
  busy.retry_after = 300ms;
  client.answer(client.take_calls().at(0), busy);
  ASSERT_TRUE(client.done(write));
  EXPECT_EQ(client.result(write).error().code, ErrorCode::busy);
}

TEST(DispatcherFailure, TheDeadlineLeavesAnUnknownOutcomeOnlyToAWriteThatWasSent) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const CallId unsent = client.call(put(0), 100ms);
  client.pass(100ms);
  client.connect_all();
  const CallId write = client.call(put(0), 100ms);
  const CallId read = client.call(get(0), 100ms);
  client.pass(99ms);
  EXPECT_FALSE(client.done(write));
  client.pass(1ms);
  for (const CallId id : {unsent, write, read}) {
    ASSERT_TRUE(client.done(id));
    EXPECT_EQ(client.result(id).error().code, ErrorCode::timeout);
    EXPECT_EQ(client.result(id).error().outcome, id == write ? Outcome::unknown : Outcome::not_applied);
  }
}

TEST(DispatcherFailure, WithoutAnyMapTheErrorSaysWhatEachSeedSaid) {
  ScriptedClient client({.seeds = {"x:1", "y:1"}, .random_seed = 1});
  const CallId id = client.call(messages::MapRequest{}, 500ms);
  for (int i = 0; i < 50; ++i) {
    client.refuse_all();
    client.pass(10ms);
  }
  ASSERT_TRUE(client.done(id));
  EXPECT_EQ(client.result(id).error().code, ErrorCode::unavailable);
  EXPECT_NE(client.result(id).error().message.find("x:1: "), std::string::npos) << client.result(id).error().message;
  EXPECT_NE(client.result(id).error().message.find("y:1: "), std::string::npos);
}

TEST(DispatcherFailure, RetriesAtTheSamePlaceStopWhenTheBudgetIsSpent) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .retry_budget = 0.1});
  client.learn(make_map(1, {"a"}));
  constexpr int kCalls = 2000;
  int sendings = 0;
  for (int i = 0; i < kCalls; ++i) client.call(get(0), 10s);
  client.connect_all();
  for (int round = 0; round < 200; ++round) {
    for (const auto& send : client.take_calls()) {
      ++sendings;
      client.answer(send, error(ErrorCode::busy));
    }
    client.pass(50ms);
  }
  EXPECT_EQ(client.completed.size(), kCalls);
  EXPECT_LE(sendings, kCalls + kRetryTokensMax + kCalls * 0.1 + 1);
  EXPECT_GT(sendings, kCalls);
}

TEST(DispatcherFailure, NoMoreSendingsThanRetriesMax) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .retries_max = 3});
  client.learn(make_map(1, {"a"}));
  const CallId id = client.call(get(0), 1h);
  client.connect_all();
  int sendings = 0;
  while (!client.done(id)) {
    for (const auto& send : client.take_calls()) {
      ++sendings;
      client.answer(send, error(ErrorCode::busy));
    }
    client.pass(1s);
  }
  EXPECT_EQ(sendings, 4);
  EXPECT_EQ(client.result(id).error().code, ErrorCode::busy);
}

TEST(DispatcherFailure, AReadThatMayNotBeSentAgainWaitsWhereItIsWhenItsPrimaryMoves) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .retries_max = 0});
  client.learn(make_map(1, {"a"}));
  const CallId read = client.call(get(0));
  client.connect_all();
  const auto sent = client.take_calls();
  client.learn(make_map(2, {"b"}));
  EXPECT_FALSE(client.done(read));
  client.answer(sent.at(0), messages::GetResponse{});
  EXPECT_TRUE(client.result(read));
}

TEST(DispatcherFailure, AnAnswerToNobodysRequestEndsNoQuestion) {
  // Among these some ask the seed, to which no connection is open yet.
  int waiting = 0;
  for (std::uint64_t seed = 1; seed <= 16; ++seed) {
    ScriptedClient client({.seeds = {"seed:1"}, .random_seed = seed});
    client.learn(make_map(1, {"a"}));
    client.call(get(0));
    client.connect_all();
    Send stray = client.take_calls().at(0);
    stray.request.id = RequestId(0);
    client.call(messages::MapRequest{Epoch(1)});
    if (client.connects.empty()) continue;
    ++waiting;
    client.answer(stray, error(ErrorCode::invalid_argument));
    EXPECT_TRUE(client.take_questions().empty());
    client.connect_all();
    EXPECT_EQ(client.take_questions().size(), 1U);
  }
  EXPECT_GT(waiting, 0);
}

TEST(DispatcherFailure, ADeadAddressIsNotHammeredAndFoundAgain) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const CallId id = client.call(put(0), 20s);
  int attempts = 0;
  for (int ms = 0; ms < 10'000; ms += 10) {
    for (const auto& connect : client.connects) attempts += connect.address == "a:1";
    client.refuse_all();
    client.pass(10ms);
  }
  EXPECT_LT(attempts, 40);
  EXPECT_GT(attempts, 8);
  for (int ms = 0; ms < 2'000; ms += 10) {
    client.connect_all();
    client.pass(10ms);
  }
  const auto calls = client.take_calls();
  ASSERT_EQ(calls.size(), 1) << "found again within the breaker's longest pause";
  client.answer(calls[0], messages::WriteResponse{});
  EXPECT_TRUE(client.result(id));
}

TEST(DispatcherFailure, APartitionWithoutPrimaryIsWaitedFor) {
  ScriptedClient client;
  client.learn(make_map(1, {}));
  const CallId id = client.call(put(0));
  client.pass(100ms);
  EXPECT_FALSE(client.done(id));
  client.learn(make_map(2, {"a"}));
  client.connect_all();
  client.answer(client.take_calls().at(0), messages::WriteResponse{}, 2);
  EXPECT_TRUE(client.result(id));
}

TEST(DispatcherFailure, ASilentConnectionIsGivenUp) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  client.call(get(0), 600ms);
  client.connect_all();
  const LinkId link = client.take_calls().at(0).link;
  client.pass(600ms);
  EXPECT_TRUE(client.disconnects.empty());
  const CallId write = client.call(put(0), 10s);
  client.call(get(0), 600ms);
  client.pass(600ms);
  ASSERT_EQ(client.disconnects.size(), 1);
  EXPECT_EQ(client.disconnects[0], link);
  EXPECT_FALSE(client.done(write)) << "it is made again on another connection";
  client.pass(kBackoffFirst);
  client.connect_all();
  client.answer(client.take_calls().back(), messages::WriteResponse{});
  EXPECT_TRUE(client.result(write));
}

TEST(DispatcherFailure, ShutdownCompletesEveryCall) {
  ScriptedClient client;
  client.learn(make_map(1, {"a", "b"}));
  const CallId queued = client.call(put(1));
  const CallId write = client.call(put(0));
  const CallId read = client.call(get(0));
  for (const auto& connect : client.connects) {
    if (connect.address == "a:1") client.connected(connect.link);
  }
  client.shut_down();
  EXPECT_EQ(client.result(queued).error().code, ErrorCode::unavailable);
  EXPECT_EQ(client.result(write).error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(client.result(read).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace gyre::routing::testing
