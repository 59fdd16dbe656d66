// Reads that other members than the primary may serve, and what a session makes of answers.
#include <set>

#include <gtest/gtest.h>

#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

using messages::ReadLevel;

messages::ReadConsistency asked(const Send& send) { return std::get<messages::GetRequest>(send.request.body).read; }

// Three members of every partition; a is the primary of partition 0. All connections are open.
ScriptedClient replicated() {
  ScriptedClient client;
  client.learn(make_replicated_map(1, {"a", "b", "c"}));
  for (std::uint32_t i = 0; i < 3; ++i) client.call(get(i));
  client.connect_all();
  for (const auto& send : client.take_calls()) client.answer(send, messages::GetResponse{});
  return client;
}

std::string answer_one(ScriptedClient& client, messages::ResponseBody body) {
  const Send send = client.take_calls().at(0);
  const std::string address = client.address_of(send);
  client.answer(send, std::move(body));
  return address;
}

TEST(DispatcherRead, GoesToThePrimaryWhereOnlyThatMayServeIt) {
  for (const ReadLevel level : {ReadLevel::primary, ReadLevel::linearizable}) {
    ScriptedClient client = replicated();
    for (int i = 0; i < 50; ++i) {
      client.call(read(0, level));
      EXPECT_EQ(answer_one(client, got(at(1, 1))), "a:1");
    }
  }
}

TEST(DispatcherRead, IsSpreadOverAllMembersInSync) {
  for (const ReadLevel level : {ReadLevel::session, ReadLevel::bounded, ReadLevel::any}) {
    ScriptedClient client = replicated();
    std::map<std::string, int> served;
    for (int i = 0; i < 300; ++i) client.call(read(0, level));
    for (const auto& send : client.take_calls()) ++served[client.address_of(send)];
    EXPECT_EQ(served.size(), 3U);
    for (const auto& [address, count] : served) EXPECT_GT(count, 60) << address;
  }
}

TEST(DispatcherRead, NeverGoesToALearnerOrToAMemberWithOtherDataThanItWasCountedInWith) {
  ScriptedClient client;
  ring::ClusterMap map = *make_replicated_map(1, {"a", "b", "c", "d"});
  map.nodes[2].generation = Generation(2);
  for (auto& entry : map.entries) {
    entry.in_sync.pop_back();
    entry.learners = {NodeId("d")};
  }
  client.learn(std::make_shared<const ring::ClusterMap>(map));
  for (int i = 0; i < 100; ++i) client.call(read(0, ReadLevel::any));
  client.connect_all();
  for (const auto& send : client.take_calls()) {
    EXPECT_TRUE(client.address_of(send) == "a:1" || client.address_of(send) == "b:1") << client.address_of(send);
  }
}

TEST(DispatcherRead, PrefersTheMemberThatAnswersFaster) {
  ScriptedClient client = replicated();
  std::map<std::string, int> served;
  for (int i = 0; i < 300; ++i) {
    client.call(read(0, ReadLevel::any));
    const Send send = client.take_calls().at(0);
    client.pass(client.address_of(send) == "b:1" ? 1ms : 20ms);
    client.answer(send, got(at(1, 1)));
    if (i >= 20) ++served[client.address_of(send)];
  }
  EXPECT_GT(served["b:1"], 150);
}

TEST(DispatcherRead, GoesToThePrimaryWhenAMemberIsBehind) {
  ScriptedClient client = replicated();
  for (int i = 0; i < 50; ++i) {
    const CallId id = client.call(read(0, ReadLevel::session));
    const std::string first = answer_one(client, error(ErrorCode::behind));
    ASSERT_FALSE(client.done(id));
    const std::string second = answer_one(client, got(at(1, 1)));
    EXPECT_NE(first, second);
    EXPECT_TRUE(first == "a:1" || second == "a:1") << "it surely has what the session has seen";
    EXPECT_TRUE(client.result(id));
  }
}

TEST(DispatcherRead, TriesEveryMemberBeforeItWaits) {
  for (const ErrorCode code : {ErrorCode::behind, ErrorCode::unavailable, ErrorCode::busy, ErrorCode::corrupt}) {
    ScriptedClient client = replicated();
    const CallId id = client.call(read(0, ReadLevel::any));
    std::set<std::string> tried;
    for (int i = 0; i < 3; ++i) tried.insert(answer_one(client, error(code)));
    EXPECT_EQ(tried.size(), 3U) << to_string(code);
    EXPECT_TRUE(client.take_calls().empty());
    if (code == ErrorCode::corrupt) {
      EXPECT_EQ(client.result(id).error().code, code);
      continue;
    }
    client.pass(kBackoffFirst);
    answer_one(client, got(at(1, 1)));
    EXPECT_TRUE(client.result(id)) << to_string(code);
  }
}

TEST(DispatcherRead, AMemberThatCannotBeReachedIsFollowedByAnother) {
  ScriptedClient client = replicated();
  std::vector<CallId> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(client.call(read(0, ReadLevel::any)));
  const auto calls = client.take_calls();
  LinkId lost{};
  for (const auto& send : calls) {
    if (client.address_of(send) == "b:1") lost = send.link;
  }
  client.lose(lost);
  for (const auto& send : calls) client.answer(send, got(at(1, 1)));
  for (const auto& send : client.take_calls()) {
    EXPECT_NE(client.address_of(send), "b:1");
    client.answer(send, got(at(1, 1)));
  }
  for (const CallId id : ids) EXPECT_TRUE(client.done(id) && client.result(id));
}

TEST(DispatcherRead, AMemberThatDoesNotAnswerIsFollowedByAnotherSoon) {
  ScriptedClient client = replicated();
  const CallId id = client.call(read(0, ReadLevel::any));
  const std::string silent = client.address_of(client.take_calls().at(0));
  client.pass(kUnansweredMax);
  EXPECT_NE(answer_one(client, got(at(1, 1))), silent);
  EXPECT_TRUE(client.result(id));
}

TEST(DispatcherRead, IsServedWithoutPrimary) {
  ScriptedClient client = replicated();
  ring::ClusterMap map = *make_replicated_map(2, {"a", "b", "c"});
  for (auto& entry : map.entries) entry.primary = NodeId();
  client.learn(std::make_shared<const ring::ClusterMap>(map));
  const CallId id = client.call(read(0, ReadLevel::any));
  answer_one(client, got(at(1, 1)));
  EXPECT_TRUE(client.result(id));
}

TEST(DispatcherRead, OfASessionGoesWhereItHasJustWritten) {
  ScriptedClient client = replicated();
  for (int i = 0; i < 30; ++i) {
    client.call(put(0));
    answer_one(client, wrote(at(1, static_cast<std::uint64_t>(i) + 1)));
    client.call(read(0, ReadLevel::session));
    EXPECT_EQ(answer_one(client, got(at(1, 1))), "a:1");
  }
}

TEST(DispatcherRead, CarriesWhatTheSessionHasSeenOfItsPartition) {
  ScriptedClient client = replicated();
  client.call(put(0));
  answer_one(client, wrote(at(1, 42)));
  for (const ReadLevel level : {ReadLevel::session, ReadLevel::primary, ReadLevel::any}) {
    client.call(read(0, level));
    const Send send = client.take_calls().at(0);
    EXPECT_EQ(asked(send).level, level);
    EXPECT_EQ(asked(send).seen, at(1, 42));
  }
  client.call(read(1, ReadLevel::session));
  EXPECT_EQ(asked(client.take_calls().at(0)).seen, Position());
}

TEST(DispatcherRead, AnAbsentKeyIsAnAnswerThatTheSessionHasSeen) {
  ScriptedClient client = replicated();
  const CallId id = client.call(read(0, ReadLevel::session));
  answer_one(client, messages::GetResponse{.record = {}, .standing = {at(1, 9), {}}});
  EXPECT_FALSE(std::get<messages::GetResponse>(*client.result(id)).record);
  client.call(read(0, ReadLevel::session));
  EXPECT_EQ(asked(client.take_calls().at(0)).seen, at(1, 9));
}

// --- Losses ---

TEST(DispatcherSession, TellsTheWriterWhatAFailoverTookBackAndTheNextSessionReadThatItWasLost) {
  ScriptedClient client = replicated();
  client.call(put(0));
  answer_one(client, wrote(at(1, 9)));
  client.call(put(0));
  answer_one(client, wrote(at(2, 9), {{Term(2), Sequence(9)}}));
  ASSERT_EQ(client.losses.size(), 1U);
  EXPECT_EQ(client.losses[0].writes.at(0).key, key_in(0));
  EXPECT_EQ(client.losses[0].writes.at(0).version, at(1, 9));

  const CallId other = client.call(read(0, ReadLevel::any));
  answer_one(client, got(at(2, 9)));
  EXPECT_TRUE(client.result(other)) << "only session reads are told";
  const CallId told = client.call(read(0, ReadLevel::session));
  ASSERT_TRUE(client.done(told));
  EXPECT_EQ(client.result(told).error().code, ErrorCode::session_lost);
  const CallId next = client.call(read(0, ReadLevel::session));
  answer_one(client, got(at(2, 9)));
  EXPECT_TRUE(client.result(next));
}

TEST(DispatcherSession, AsksThePrimaryWhatSurvivedWhenAMemberSaysTheSessionIsLost) {
  ScriptedClient client = replicated();
  client.call(put(0));
  answer_one(client, wrote(at(1, 9)));
  client.pass(kUsualLag);
  const CallId id = client.call(read(0, ReadLevel::session));
  answer_one(client, error(ErrorCode::session_lost));
  EXPECT_FALSE(client.done(id));
  const Send question = client.take_calls().at(0);
  EXPECT_EQ(client.address_of(question), "a:1");
  EXPECT_EQ(asked(question).level, ReadLevel::primary);
  EXPECT_EQ(asked(question).seen, at(1, 9));
  client.answer(question, got(at(2, 12), {{Term(2), Sequence(8)}}));
  ASSERT_TRUE(client.done(id));
  EXPECT_EQ(client.result(id).error().code, ErrorCode::session_lost);
  EXPECT_EQ(client.losses.size(), 1U);

  const CallId next = client.call(read(0, ReadLevel::session));
  const Send send = client.take_calls().at(0);
  EXPECT_EQ(asked(send).seen, at(2, 12)) << "it goes on from what survived";
  client.answer(send, got(at(2, 12)));
  EXPECT_TRUE(client.result(next));
}

TEST(DispatcherSession, GoesOnFromThePrimaryWhereNobodyKnowsWhatBecameOfWhatItSaw) {
  ScriptedClient client = replicated();
  client.call(put(0));
  answer_one(client, wrote(at(1, 9)));
  client.pass(kUsualLag);
  const CallId id = client.call(read(0, ReadLevel::session));
  answer_one(client, error(ErrorCode::session_lost));
  answer_one(client, got(at(50, 400), {{Term(40), Sequence(300)}, {Term(50), Sequence(400)}}));
  EXPECT_EQ(client.result(id).error().code, ErrorCode::session_lost);
  client.call(read(0, ReadLevel::session));
  EXPECT_EQ(asked(client.take_calls().at(0)).seen, at(50, 400));
}

TEST(DispatcherSession, AsksANewPrimaryWhatBecameOfItsWritesWithoutBeingCalled) {
  ScriptedClient client = replicated();
  client.call(put(0));
  answer_one(client, wrote(at(1, 9)));
  client.learn(make_replicated_map(2, {"b", "c"}, 2));
  client.pass(kCheckSpread);
  const auto questions = client.take_calls();
  ASSERT_EQ(questions.size(), 1U) << "of the one partition that it wrote to";
  EXPECT_EQ(client.address_of(questions[0]), "b:1");
  client.answer(questions[0], got(at(2, 9), {{Term(2), Sequence(9)}}), 2);
  ASSERT_EQ(client.losses.size(), 1U);
  EXPECT_EQ(client.losses[0].writes.size(), 1U);
  EXPECT_EQ(client.machine.calls_in_flight(), 0U);
  client.learn(make_replicated_map(3, {"b", "c"}, 2));
  client.pass(kCheckSpread);
  EXPECT_TRUE(client.take_calls().empty()) << "it knows";
}

TEST(DispatcherSession, IsResumedByATokenAndForgottenByAReset) {
  ScriptedClient client = replicated();
  client.call(put(0));
  answer_one(client, wrote(at(1, 9)));
  ScriptedClient other = replicated();
  ASSERT_TRUE(other.machine.resume_session(client.machine.session_token()));
  other.call(read(0, ReadLevel::session));
  EXPECT_EQ(asked(other.take_calls().at(0)).seen, at(1, 9));
  other.machine.reset_session();
  other.call(read(0, ReadLevel::session));
  EXPECT_EQ(asked(other.take_calls().at(0)).seen, Position());

  ScriptedClient stranger;
  stranger.learn(make_map(1, {"a"}, 1, 8));
  EXPECT_EQ(stranger.machine.resume_session(client.machine.session_token()).error().code, ErrorCode::wrong_cluster);
  EXPECT_EQ(stranger.machine.resume_session("nonsense").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gyre::routing::testing
