// Writes of unknown outcome: made again under their id, and certain only where every attempt was.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

const messages::WriteRequest& write_of(const Send& send) { return std::get<messages::WriteRequest>(send.request.body); }

TEST(DispatcherWrite, IsMadeAgainUnderItsIdAfterALostConnection) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const CallId id = client.call(put(0));
  client.connect_all();
  const Send first = client.take_calls().at(0);
  ASSERT_TRUE(write_of(first).id.given());
  EXPECT_EQ(write_of(first).age, Duration(0));
  client.pass(30ms);
  client.lose(first.link);
  EXPECT_FALSE(client.done(id));
  client.pass(kBackoffFirst);
  client.connect_all();
  const Send second = client.take_calls().at(0);
  EXPECT_EQ(write_of(second).id, write_of(first).id);
  EXPECT_GE(write_of(second).age, 30ms);
  client.answer(second, wrote(at(1, 1)));
  EXPECT_TRUE(client.result(id));
}

TEST(DispatcherWrite, IsMadeAgainWhenTheServerDoesNotKnowItsOutcome) {
  for (const ErrorCode code : {ErrorCode::outcome_unknown, ErrorCode::busy, ErrorCode::internal}) {
    ScriptedClient client;
    client.learn(make_map(1, {"a"}));
    const CallId id = client.call(put(0));
    client.connect_all();
    const Send first = client.take_calls().at(0);
    client.answer(first, error(code, Outcome::unknown));
    client.pass(kBackoffFirst);
    const Send second = client.take_calls().at(0);
    EXPECT_EQ(write_of(second).id, write_of(first).id);
    client.answer(second, wrote(at(1, 1)));
    EXPECT_TRUE(client.result(id));
  }
}

TEST(DispatcherWrite, StaysUnknownWhateverALaterAttemptIsRefusedFor) {
  for (const ErrorCode code :
       {ErrorCode::condition_failed, ErrorCode::invalid_argument, ErrorCode::too_large, ErrorCode::denied}) {
    ScriptedClient client;
    client.learn(make_map(1, {"a"}));
    const CallId id = client.call(put(0));
    client.connect_all();
    client.lose(client.take_calls().at(0).link);
    client.pass(kBackoffFirst);
    client.connect_all();
    client.answer(client.take_calls().at(0), error(code));
    ASSERT_TRUE(client.done(id));
    EXPECT_EQ(client.result(id).error().code, ErrorCode::outcome_unknown) << to_string(code);
    EXPECT_EQ(client.result(id).error().outcome, Outcome::unknown);
  }
}

TEST(DispatcherWrite, IsOfUnknownOutcomeAtTheDeadlineOnly) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const CallId id = client.call(put(0), 1s);
  client.connect_all();
  client.lose(client.take_calls().at(0).link);
  for (int i = 0; i < 99; ++i) {
    client.refuse_all();
    client.pass(10ms);
  }
  EXPECT_FALSE(client.done(id));
  client.pass(10ms);
  ASSERT_TRUE(client.done(id));
  EXPECT_EQ(client.result(id).error().outcome, Outcome::unknown);
}

TEST(DispatcherWrite, NumbersItsWritesAndSaysWhichMayComeAgain) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  for (int i = 0; i < 3; ++i) client.call(put(0));
  client.connect_all();
  const auto calls = client.take_calls();
  ASSERT_EQ(calls.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(write_of(calls[i]).id.client, write_of(calls[0]).id.client);
    EXPECT_EQ(write_of(calls[i]).id.number, WriteNumber(i + 1));
    EXPECT_EQ(write_of(calls[i]).lowest_open, WriteNumber(1));
  }
  client.answer(calls[1], wrote(at(1, 1)));
  client.call(put(0));
  EXPECT_EQ(write_of(client.take_calls().at(0)).lowest_open, WriteNumber(1));
  client.answer(calls[0], wrote(at(1, 2)));
  client.call(put(0));
  EXPECT_EQ(write_of(client.take_calls().at(0)).lowest_open, WriteNumber(3));
}

TEST(DispatcherWrite, KeepsTheCallersIdAndAddsToItsAge) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  auto body = std::get<messages::WriteRequest>(put(0));
  body.id = {ClientId(77), WriteNumber(5)};
  body.age = 3s;
  client.call(body);
  client.connect_all();
  const Send first = client.take_calls().at(0);
  EXPECT_EQ(write_of(first).id, body.id);
  EXPECT_EQ(write_of(first).lowest_open, WriteNumber());
  EXPECT_EQ(write_of(first).age, 3s);
  client.pass(100ms);
  client.answer(first, error(ErrorCode::outcome_unknown, Outcome::unknown));
  client.pass(kBackoffFirst);
  const Send second = client.take_calls().at(0);
  EXPECT_EQ(write_of(second).id, body.id);
  EXPECT_GE(write_of(second).age, 3s + 100ms);
}

TEST(DispatcherWrite, EndsOnceItsIdIsForgottenByTheMembers) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .retries_max = 1000});
  client.learn(make_map(1, {"a"}));
  const CallId id = client.call(put(0), 1h);
  client.connect_all();
  const Instant start = client.now;
  while (!client.done(id) && client.now < start + 2 * limits::kWriteIdLife) {
    for (const auto& send : client.take_calls())
      client.answer(send, error(ErrorCode::outcome_unknown, Outcome::unknown));
    client.pass(100ms);
  }
  ASSERT_TRUE(client.done(id));
  EXPECT_EQ(client.result(id).error().outcome, Outcome::unknown);
  EXPECT_LE(client.now, start + limits::kWriteIdLife + 1s);
}

TEST(DispatcherWrite, ThatWasSurelyNotAppliedTakesAFreshIdBeforeItsOwnIsForgotten) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .retries_max = 1000});
  client.learn(make_map(1, {"a"}));
  const CallId id = client.call(put(0), 1h);
  client.connect_all();
  std::map<WriteNumber, Duration> ages;
  for (int i = 0; i < 1000; ++i) {
    for (const auto& send : client.take_calls()) {
      ages[write_of(send).id.number] = write_of(send).age;
      EXPECT_EQ(write_of(send).lowest_open, write_of(send).id.number);
      Error busy = error(ErrorCode::busy);
      busy.retry_after = 5s;
      client.answer(send, busy);
    }
    client.pass(100ms);
  }
  EXPECT_FALSE(client.done(id));
  EXPECT_GE(ages.size(), 3U);
  for (const auto& [number, age] : ages) EXPECT_EQ(age, Duration(0)) << "there is nothing that it could repeat";
}

TEST(DispatcherWrite, TooFewReplicasAreWaitedForAMomentOnly) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  const Instant start = client.now;
  const CallId id = client.call(put(0), 1h);
  client.connect_all();
  int sendings = 0;
  while (!client.done(id)) {
    for (const auto& send : client.take_calls()) {
      ++sendings;
      client.answer(send, error(ErrorCode::no_replicas));
    }
    client.pass(10ms);
  }
  EXPECT_GT(sendings, 3);
  EXPECT_EQ(client.result(id).error().code, ErrorCode::no_replicas);
  EXPECT_EQ(client.result(id).error().outcome, Outcome::not_applied);
  EXPECT_GE(client.now - start, kPatience);
  EXPECT_LE(client.now - start, kPatience + kBackoffMax + 10ms);
}

// A kill of the primary with many writes open: none fails, whatever the budget, and all go on at once with the map.
TEST(DispatcherWrite, ManyOpenWritesOutliveAFailover) {
  ScriptedClient client({.seeds = {"b:1"}, .random_seed = 1});
  client.learn(make_map(1, {"a", "b"}));
  client.call(put(1));  // opens the connection to b
  std::vector<CallId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(client.call(put(0)));
  client.connect_all();
  LinkId to_a{};
  for (const auto& send : client.take_calls()) {
    if (client.address_of(send) == "a:1") to_a = send.link;
  }
  client.lose(to_a);
  auto map = make_map(1, {"a", "b"});
  for (int ms = 0; ms < 300; ms += 10) {
    client.refuse_all();
    for (const auto& question : client.take_questions()) client.answer(question, messages::MapResponse{}, 1);
    client.pass(10ms);
  }
  map = make_map(2, {"b"}, 2);
  const Instant promoted = client.now;
  int refusals_left = 2;  // the new primary is not ready at once
  std::size_t done = 0;
  while (done < ids.size() && client.now < promoted + 1s) {
    client.refuse_all();
    for (const auto& question : client.take_questions()) {
      client.answer(question, messages::MapResponse{{map, nullptr}}, 2);
    }
    client.connect_all();
    for (const auto& send : client.take_calls()) {
      if (refusals_left > 0) {
        client.answer(send, error(ErrorCode::unavailable), 2);
      } else {
        client.answer(send, wrote(at(2, ++done)), 2);
      }
    }
    if (refusals_left > 0 && client.machine.map()->epoch == Epoch(2)) --refusals_left;
    client.pass(5ms);
  }
  for (const CallId id : ids) {
    ASSERT_TRUE(client.done(id));
    EXPECT_TRUE(client.result(id)) << client.result(id).error().message;
  }
  EXPECT_LE(client.now - promoted, 150ms);
}

}  // namespace
}  // namespace gyre::routing::testing
