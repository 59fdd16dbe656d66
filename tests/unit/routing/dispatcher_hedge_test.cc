// Reads that are asked for a second time because the first answer is slow.
#include <set>

#include <gtest/gtest.h>

#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

using messages::ReadLevel;

// Three members of every partition, which have answered enough reads within 1 ms to know what is slow.
ScriptedClient measured(double budget = 1) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .hedge_budget = budget});
  client.learn(make_replicated_map(1, {"a", "b", "c"}));
  for (std::uint32_t i = 0; i < 3; ++i) client.call(get(i));
  client.connect_all();
  for (const auto& send : client.take_calls()) client.answer(send, messages::GetResponse{});
  for (int i = 0; i < 200; ++i) {
    client.call(read(0, ReadLevel::any));
    client.pass(1ms);
    for (const auto& send : client.take_calls()) client.answer(send, got(at(1, 1)));
  }
  return client;
}

struct Two {
  CallId call;
  Send first;
  Send second;
};

Two hedged(ScriptedClient& client) {
  const CallId call = client.call(read(0, ReadLevel::any));
  const Send first = client.take_calls().at(0);
  client.pass(5ms);
  return {call, first, client.take_calls().at(0)};
}

TEST(DispatcherHedge, ASlowReadIsAskedOfAnotherMemberAsWell) {
  ScriptedClient client = measured();
  const auto [call, first, second] = hedged(client);
  EXPECT_NE(client.address_of(second), client.address_of(first));
  client.pass(50ms);
  EXPECT_TRUE(client.take_calls().empty()) << "once";
  client.answer(second, got(at(1, 7)));
  ASSERT_TRUE(client.done(call));
  EXPECT_EQ(std::get<messages::GetResponse>(*client.result(call)).standing.position, at(1, 7));
  client.answer(first, got(at(1, 6)));  // late: nobody waits
}

TEST(DispatcherHedge, TheFirstAnswerMayStillComeFirst) {
  ScriptedClient client = measured();
  const auto [call, first, second] = hedged(client);
  client.answer(first, got(at(1, 6)));
  ASSERT_TRUE(client.done(call));
  EXPECT_EQ(std::get<messages::GetResponse>(*client.result(call)).standing.position, at(1, 6));
  client.answer(second, got(at(1, 7)));
}

TEST(DispatcherHedge, OneOfTwoMayFail) {
  for (const bool first_fails : {true, false}) {
    for (const bool by_loss : {true, false}) {
      ScriptedClient client = measured();
      const auto [call, first, second] = hedged(client);
      const Send& failing = first_fails ? first : second;
      if (by_loss) {
        client.lose(failing.link);
      } else {
        client.answer(failing, error(ErrorCode::behind));
      }
      EXPECT_FALSE(client.done(call));
      EXPECT_TRUE(client.take_calls().empty()) << "the other is on its way";
      client.answer(first_fails ? second : first, got(at(1, 7)));
      ASSERT_TRUE(client.done(call));
      EXPECT_TRUE(client.result(call));
    }
  }
}

TEST(DispatcherHedge, WhereBothFailTheThirdIsAsked) {
  ScriptedClient client = measured();
  const auto [call, first, second] = hedged(client);
  client.answer(first, error(ErrorCode::behind));
  client.answer(second, error(ErrorCode::unavailable));
  const Send third = client.take_calls().at(0);
  EXPECT_EQ((std::set{client.address_of(first), client.address_of(second), client.address_of(third)}).size(), 3U);
  client.answer(third, got(at(1, 7)));
  EXPECT_TRUE(client.result(call));
}

TEST(DispatcherHedge, ReadsOfThePrimaryAndWritesAreNot) {
  ScriptedClient client = measured();
  client.call(read(0, ReadLevel::primary));
  client.call(put(0));
  EXPECT_EQ(client.take_calls().size(), 2U);
  client.pass(100ms);
  EXPECT_TRUE(client.take_calls().empty());
}

TEST(DispatcherHedge, TheBudgetBoundsThem) {
  ScriptedClient client = measured(0.1);
  for (int i = 0; i < 1000; ++i) client.call(read(0, ReadLevel::any));
  EXPECT_EQ(client.take_calls().size(), 1000U);
  client.pass(100ms);
  const std::size_t second = client.take_calls().size();
  EXPECT_LE(second, static_cast<std::size_t>(kHedgeTokensMax));
  EXPECT_GE(second, static_cast<std::size_t>(kHedgeTokensMax) - 1);
}

TEST(DispatcherHedge, NoneWithoutABudget) {
  ScriptedClient client = measured(0);
  client.call(read(0, ReadLevel::any));
  EXPECT_EQ(client.take_calls().size(), 1U);
  client.pass(100ms);
  EXPECT_TRUE(client.take_calls().empty());
}

}  // namespace
}  // namespace gyre::routing::testing
