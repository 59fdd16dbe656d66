#include "routing/dispatcher.h"

#include <gtest/gtest.h>

#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

TEST(Dispatcher, AsksASeedForTheMapAndThenSendsTheCallToThePrimary) {
  ScriptedClient client;
  const CallId id = client.call(get(1));
  ASSERT_EQ(client.connects.size(), 1);
  EXPECT_EQ(client.connects.front().address, "seed:1");
  client.connect_all();
  const auto questions = client.take_questions();
  ASSERT_EQ(questions.size(), 1);
  client.answer(questions[0], messages::MapResponse{{make_map(3, {"a", "b"}), nullptr}}, 3);
  client.connect_all();
  const auto calls = client.take_calls();
  ASSERT_EQ(calls.size(), 1);
  EXPECT_EQ(client.address_of(calls[0]), "b:1");
  EXPECT_EQ(calls[0].request.epoch, Epoch(3));
  client.answer(calls[0], messages::GetResponse{}, 3);
  ASSERT_TRUE(client.done(id));
  EXPECT_TRUE(client.result(id));
}

TEST(Dispatcher, SendsManyCallsOnOneConnectionAndMatchesAnswersOutOfOrder) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  std::vector<CallId> ids;
  for (std::uint32_t i = 0; i < 16; ++i) ids.push_back(client.call(get(i)));
  EXPECT_EQ(client.connects.size(), 1);
  client.connect_all();
  const auto calls = client.take_calls();
  ASSERT_EQ(calls.size(), 16);
  for (std::size_t i = calls.size(); i-- > 0;) {
    client.answer(calls[i], messages::GetResponse{.record = {}, .ttl_ms = static_cast<std::int64_t>(i)});
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(std::get<messages::GetResponse>(*client.result(ids[i])).ttl_ms, static_cast<std::int64_t>(i));
  }
}

TEST(Dispatcher, SpreadsOverTheConnectionsItMayHave) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .connections_per_node = 2});
  client.learn(make_map(1, {"a"}));
  client.call(get(0));
  client.call(get(0));
  EXPECT_EQ(client.connects.size(), 2);
  client.connect_all();
  client.take_calls();
  for (int i = 0; i < 10; ++i) client.call(get(0));
  std::map<LinkId, int> by_link;
  for (const auto& send : client.take_calls()) ++by_link[send.link];
  ASSERT_EQ(by_link.size(), 2);
  for (const auto& [link, count] : by_link) EXPECT_EQ(count, 5);
}

TEST(Dispatcher, OneQuestionForTheMapHoweverManyCallsHitAStaleOne) {
  ScriptedClient client;
  client.learn(make_map(1, {"a", "b"}));
  std::vector<CallId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(client.call(i % 2 ? get(0) : put(0)));
  client.connect_all();
  const auto calls = client.take_calls();
  ASSERT_EQ(calls.size(), 1000);
  for (const auto& send : calls) client.answer(send, error(ErrorCode::not_primary), 2);
  const auto questions = client.take_questions();
  ASSERT_EQ(questions.size(), 1);
  EXPECT_EQ(client.address_of(questions[0]), "a:1");
  client.answer(questions[0], messages::MapResponse{{make_map(2, {"b"}, 2), nullptr}}, 2);
  client.connect_all();
  const auto again = client.take_calls();
  ASSERT_EQ(again.size(), 1000);
  for (const auto& send : again) {
    EXPECT_EQ(client.address_of(send), "b:1");
    if (std::holds_alternative<messages::GetRequest>(send.request.body)) {
      client.answer(send, messages::GetResponse{}, 2);
    } else {
      client.answer(send, messages::WriteResponse{}, 2);
    }
  }
  for (const CallId id : ids) EXPECT_TRUE(client.result(id)) << client.result(id).error().message;
  EXPECT_TRUE(client.take_questions().empty());
}

TEST(Dispatcher, FetchesANewerMapMentionedInASuccessfulAnswerSoonAfter) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  client.call(get(0));
  client.connect_all();
  client.answer(client.take_calls().at(0), messages::GetResponse{}, 5);
  EXPECT_TRUE(client.take_questions().empty());
  client.pass(kMapFetchSpread);
  EXPECT_EQ(client.take_questions().size(), 1);
}

TEST(Dispatcher, AsksAnotherNodeForTheMapWhenAnAttemptStaysUnanswered) {
  ScriptedClient client;
  client.learn(make_map(1, {"a", "b"}));
  const CallId id = client.call(get(0));
  client.connect_all();
  ASSERT_EQ(client.take_calls().size(), 1);
  client.pass(kUnansweredMax - 1ms);
  EXPECT_TRUE(client.connects.empty());
  client.pass(2ms);
  client.connect_all();
  const auto questions = client.take_questions();
  ASSERT_EQ(questions.size(), 1);
  EXPECT_NE(client.address_of(questions[0]), "a:1");
  client.answer(questions[0], messages::MapResponse{{make_map(2, {"b"}, 2), nullptr}}, 2);
  client.connect_all();
  const auto again = client.take_calls();
  ASSERT_EQ(again.size(), 1) << "a read turns to the new primary";
  EXPECT_EQ(client.address_of(again[0]), "b:1");
  client.answer(again[0], messages::GetResponse{}, 2);
  EXPECT_TRUE(client.result(id));
}

TEST(Dispatcher, ASentWriteIsGivenTimeForItsAnswerBeforeItTurnsToANewPrimary) {
  ScriptedClient client;
  client.learn(make_map(1, {"a", "b"}));
  const CallId answered = client.call(put(0));
  client.connect_all();
  const auto calls = client.take_calls();
  client.learn(make_map(2, {"b"}, 2));
  EXPECT_TRUE(client.take_calls().empty());
  client.answer(calls.at(0), messages::WriteResponse{}, 2);
  EXPECT_TRUE(client.result(answered));

  client.learn(make_map(3, {"a", "b"}, 3));
  const CallId turned = client.call(put(0));
  const Send first = client.take_calls().at(0);
  client.learn(make_map(4, {"b"}, 4));
  client.pass(kUnansweredMax);
  client.connect_all();
  const auto again = client.take_calls();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(client.address_of(again[0]), "b:1");
  EXPECT_EQ(std::get<messages::WriteRequest>(again[0].request.body).id,
            std::get<messages::WriteRequest>(first.request.body).id);
  client.answer(again[0], messages::WriteResponse{}, 4);
  EXPECT_TRUE(client.result(turned));
}

TEST(Dispatcher, AnAnswerToAnAttemptThatWasGivenUpIsIgnored) {
  ScriptedClient client;
  client.learn(make_map(1, {"a", "b"}));
  const CallId id = client.call(get(0));
  client.connect_all();
  const auto first = client.take_calls();
  client.learn(make_map(2, {"b"}, 2));
  client.connect_all();
  client.answer(first.at(0), error(ErrorCode::not_found), 1);
  EXPECT_FALSE(client.done(id));
  client.answer(client.take_calls().at(0), messages::GetResponse{}, 2);
  EXPECT_TRUE(client.result(id));
}

TEST(Dispatcher, RefusesTheMapOfAnotherClusterAndAsksElsewhere) {
  ScriptedClient client({.seeds = {"x:1", "y:1"}, .random_seed = 4});
  client.learn(make_map(1, {"a"}));
  client.call(get(0));
  client.connect_all();
  client.answer(client.take_calls().at(0), error(ErrorCode::not_primary), 9);
  const auto question = client.take_questions().at(0);
  client.answer(question, messages::MapResponse{{make_map(9, {"z"}, 1, 8), nullptr}}, 9);
  EXPECT_EQ(client.machine.map()->epoch, Epoch(1));
  ASSERT_EQ(client.connects.size(), 1);
  EXPECT_NE(client.connects.front().address, "z:1");
}

TEST(Dispatcher, AMapCallCompletesOnceANewerMapIsThere) {
  ScriptedClient client;
  const CallId first = client.call(messages::MapRequest{});
  client.connect_all();
  client.answer(client.take_questions().at(0), messages::MapResponse{{make_map(4, {"a"}), nullptr}}, 4);
  ASSERT_TRUE(client.done(first));
  EXPECT_EQ(std::get<messages::MapResponse>(*client.result(first)).update.map->epoch, Epoch(4));
  const CallId second = client.call(messages::MapRequest{Epoch(4)});
  EXPECT_FALSE(client.done(second));
  client.learn(make_map(5, {"a"}));
  EXPECT_TRUE(client.done(second));
}

TEST(Dispatcher, TakesWhatChangedAndAsksForAWholeMapWhereItDoesNotFit) {
  ring::MapHistory history;
  history.adopt(make_map(4, {"a", "b"}));
  auto next = *history.map();
  next.epoch = Epoch(5);
  next.entries[0].primary = next.entries[1].primary;
  next.entries[0].in_sync = next.entries[1].in_sync;
  history.adopt(std::make_shared<const ring::ClusterMap>(next));
  for (const std::uint64_t known : {4, 3}) {
    ScriptedClient client;
    client.learn(make_map(known, {"a", "b"}));
    client.call(get(0));
    client.connect_all();
    client.answer(client.take_calls().at(0), error(ErrorCode::not_primary), 5);
    const auto question = client.take_questions().at(0);
    EXPECT_EQ(std::get<messages::MapRequest>(question.request.body).known, Epoch(known));
    client.answer(question, messages::MapResponse{history.since(Epoch(4))}, 5);
    if (known == 3) {
      const auto again = client.take_questions().at(0);
      EXPECT_EQ(client.address_of(again), client.address_of(question));
      EXPECT_EQ(std::get<messages::MapRequest>(again.request.body).known, Epoch(0));
      client.answer(again, messages::MapResponse{history.since(Epoch(0))}, 5);
    }
    EXPECT_EQ(*client.machine.map(), next);
    client.connect_all();
    EXPECT_EQ(client.address_of(client.take_calls().at(0)), "b:1");
  }
}

TEST(Dispatcher, RefusesABatchOverTwoPartitionsAndAPartitionThatIsNone) {
  ScriptedClient client;
  client.learn(make_map(1, {"a"}));
  auto batch = std::get<messages::WriteRequest>(put(0));
  batch.operations.push_back(std::get<messages::WriteRequest>(put(1)).operations[0]);
  EXPECT_EQ(client.result(client.call(batch)).error().code, ErrorCode::invalid_argument);
  messages::ScanRequest scan;
  scan.partition = PartitionId(16);
  EXPECT_EQ(client.result(client.call(scan)).error().code, ErrorCode::invalid_argument);
}

TEST(Dispatcher, AnswersBusyBeyondTheCallsInFlight) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .calls_in_flight_max = 2});
  client.call(get(0));
  client.call(get(0));
  const CallId third = client.call(get(0));
  ASSERT_TRUE(client.done(third));
  EXPECT_EQ(client.result(third).error().code, ErrorCode::busy);
}

TEST(Dispatcher, SameSeedSameRun) {
  const auto run = [] {
    ScriptedClient client({.seeds = {"s:1", "t:1", "u:1"}, .random_seed = 42});
    client.call(get(0));
    std::vector<std::string> asked;
    for (int i = 0; i < 20; ++i) {
      for (const auto& connect : client.connects) asked.push_back(connect.address);
      client.refuse_all();
      client.pass(10ms);
    }
    return asked;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace gyre::routing::testing
