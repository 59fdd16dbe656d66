// A writer is told of what failovers took back, in whatever order things happen, also where it asks for nothing more.
#include <gtest/gtest.h>

#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

using messages::TermHistory;

// A client that wrote to partition 0 once, at `version`, in a map where a, b and c are members.
ScriptedClient writer_of(Position version) {
  ScriptedClient client;
  client.learn(make_replicated_map(1, {"a", "b", "c"}, version.term.value()));
  client.call(put(0));
  client.connect_all();
  client.answer(client.take_calls().at(0), wrote(version));
  return client;
}

// What it asks of its own within the time of one question, if it asks.
std::vector<Send> questions_of(ScriptedClient& client) {
  client.connect_all();
  client.pass(kCheckSpread);
  client.connect_all();
  return client.take_calls();
}

std::vector<Position> told(const ScriptedClient& client) {
  std::vector<Position> versions;
  for (const Lost& lost : client.losses) {
    for (const auto& write : lost.writes) versions.push_back(write.version);
  }
  return versions;
}

TEST(DispatcherLosses, ATermThatEndsBeforeItIsCopiedTakesBackWhatItsStartHadKept) {
  ScriptedClient client = writer_of(at(4, 99));
  client.learn(make_replicated_map(2, {"a", "b"}, 6));
  client.answer(questions_of(client).at(0), got(at(6, 99), {{Term(4), Sequence(1)}, {Term(6), Sequence(100)}}), 2);
  EXPECT_TRUE(client.losses.empty());
  client.learn(make_replicated_map(3, {"b"}, 7));
  const auto questions = questions_of(client);
  ASSERT_EQ(questions.size(), 1U);
  client.answer(questions[0], got(at(7, 97), {{Term(7), Sequence(98)}}), 3);
  EXPECT_EQ(told(client), std::vector{at(4, 99)});
  EXPECT_EQ(client.machine.calls_in_flight(), 0U);
}

TEST(DispatcherLosses, AnAcknowledgementThatComesAfterTheNewMapIsAskedAbout) {
  ScriptedClient client;
  client.learn(make_replicated_map(1, {"a", "b"}, 4));
  const CallId id = client.call(put(0));
  client.connect_all();
  const Send sent = client.take_calls().at(0);
  client.learn(make_replicated_map(2, {"b"}, 5));
  client.answer(sent, wrote(at(4, 99)));
  ASSERT_TRUE(client.result(id));
  const auto questions = questions_of(client);
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(client.address_of(questions[0]), "b:1");
  client.answer(questions[0], got(at(5, 99), {{Term(5), Sequence(99)}}), 2);
  EXPECT_EQ(told(client), std::vector{at(4, 99)});
}

TEST(DispatcherLosses, AnAnswerOfATermThatHasEndedMeanwhileIsFollowedByAnotherQuestion) {
  ScriptedClient client = writer_of(at(4, 99));
  client.learn(make_replicated_map(2, {"b"}, 6));
  const Send question = questions_of(client).at(0);
  client.learn(make_replicated_map(3, {"b"}, 7));  // the same node: the question stays where it is
  client.answer(question, got(at(6, 99), {{Term(4), Sequence(1)}, {Term(6), Sequence(100)}}), 3);
  const auto questions = questions_of(client);
  ASSERT_EQ(questions.size(), 1U);
  client.answer(questions[0], got(at(7, 97), {{Term(7), Sequence(98)}}), 3);
  EXPECT_EQ(told(client), std::vector{at(4, 99)});
}

TEST(DispatcherLosses, AQuestionThatFailsIsRepeatedLater) {
  ScriptedClient client = writer_of(at(4, 99));
  client.learn(make_replicated_map(2, {"b"}, 6));
  client.answer(questions_of(client).at(0), error(ErrorCode::corrupt), 2);
  EXPECT_TRUE(questions_of(client).empty()) << "not at once";
  client.pass(kCheckAgain);
  const auto again = client.take_calls();
  ASSERT_EQ(again.size(), 1U);
  client.answer(again[0], got(at(6, 98), {{Term(6), Sequence(99)}}), 2);
  EXPECT_EQ(told(client), std::vector{at(4, 99)});
  EXPECT_EQ(client.machine.calls_in_flight(), 0U);
}

TEST(DispatcherLosses, AQuestionThatWaitsToBeRepeatedIsAskedSoonOfTheNextPrimary) {
  ScriptedClient client = writer_of(at(4, 99));
  client.learn(make_replicated_map(2, {"b"}, 6));
  client.answer(questions_of(client).at(0), error(ErrorCode::corrupt), 2);
  client.learn(make_replicated_map(3, {"c"}, 7));
  const auto questions = questions_of(client);
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_EQ(client.address_of(questions[0]), "c:1");
}

TEST(DispatcherLosses, AreAskedAboutOnceThereIsRoomAmongTheCalls) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .calls_in_flight_max = 2});
  client.learn(make_replicated_map(1, {"a", "b"}, 4));
  client.call(put(0));
  client.connect_all();
  client.answer(client.take_calls().at(0), wrote(at(4, 99)));
  client.call(get(1));
  client.call(get(1));
  client.connect_all();
  client.learn(make_replicated_map(2, {"b"}, 5));
  const auto calls = questions_of(client);
  ASSERT_EQ(calls.size(), 2U) << "the caller's";
  client.answer(calls[0], got(at(4, 1)), 2);
  const auto questions = questions_of(client);
  ASSERT_EQ(questions.size(), 1U);
  client.answer(questions[0], got(at(5, 98), {{Term(5), Sequence(99)}}), 2);
  EXPECT_EQ(told(client), std::vector{at(4, 99)});
}

TEST(DispatcherLosses, NothingIsAskedAfterAShutdown) {
  ScriptedClient client = writer_of(at(4, 99));
  client.learn(make_replicated_map(2, {"b"}, 6));
  client.shut_down();
  EXPECT_EQ(client.machine.calls_in_flight(), 0U);
  client.pass(1h);
  EXPECT_TRUE(client.take_calls().empty());
}

}  // namespace
}  // namespace gyre::routing::testing
