// Members that nobody asks anything are asked whether they are well.
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;

using Addresses = std::set<std::string>;

// Knows two members of every partition, and has a connection to each.
class DispatcherHealth : public ::testing::Test {
 protected:
  explicit DispatcherHealth(bool checks_health = true)
      : client({.seeds = {"seed:1"}, .random_seed = 1, .checks_health = checks_health, .metrics = &registry}) {
    client.learn(make_replicated_map(1, {"a", "b"}));
    client.pass(kHealthCheckEvery);
    client.connect_all();
  }
  // Whom it has asked since; they answer.
  Addresses asked() {
    Addresses addresses;
    for (const Send& send : client.take_questions()) {
      addresses.insert(client.address_of(send));
      client.answer(send, messages::MapResponse{});
    }
    return addresses;
  }
  // Everybody asked answers, but `silent`.
  void answer_all(const std::string& silent = {}) {
    for (const Send& send : client.take_questions()) {
      if (client.address_of(send) != silent) client.answer(send, messages::MapResponse{});
    }
  }

  MetricsRegistry registry;
  ScriptedClient client;
};

class DispatcherWithoutHealth : public DispatcherHealth {
 protected:
  DispatcherWithoutHealth() : DispatcherHealth(false) {}
};

TEST_F(DispatcherHealth, MembersThatNobodyAsksAreConnectedToAndAsked) {
  EXPECT_EQ(client.addresses.size(), 2u);
  client.pass(kHealthCheckEvery);
  EXPECT_EQ(asked(), (Addresses{"a:1", "b:1"}));
}

TEST_F(DispatcherWithoutHealth, NobodyIsAskedUnlessItIsWanted) {
  client.pass(10 * kHealthCheckEvery);
  EXPECT_THAT(client.addresses, IsEmpty());
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(DispatcherHealth, WhoAnswersCallsIsNotAsked) {
  for (int i = 0; i < 20; ++i) {
    client.call(read(0, messages::ReadLevel::primary));  // a is it
    for (const Send& send : client.take_calls()) client.answer(send, messages::GetResponse{});
    client.pass(kHealthCheckEvery / 4);
    EXPECT_FALSE(asked().contains("a:1"));
  }
}

TEST_F(DispatcherHealth, ReadsPassOverAMemberThatDoesNotAnswer) {
  client.pass(kHealthCheckEvery);
  answer_all("b:1");
  client.pass(kUnansweredMax);
  for (int i = 0; i < 20; ++i) {
    client.call(read(0, messages::ReadLevel::any));
    for (const Send& send : client.take_calls()) {
      EXPECT_EQ(client.address_of(send), "a:1");
      client.answer(send, got(at(1, 1)));
    }
  }
}

TEST_F(DispatcherHealth, TheConnectionToOneThatStaysSilentIsGivenUpAndMadeAnew) {
  for (int i = 0; i < 7; ++i) {
    client.pass(kHealthCheckEvery);
    answer_all("b:1");
  }
  ASSERT_EQ(client.disconnects.size(), 1u);
  EXPECT_EQ(client.addresses.at(client.disconnects[0]), "b:1");
  client.pass(kHealthCheckEvery);
  EXPECT_THAT(client.connects, Contains(Field(&Connect::address, "b:1")));
}

// Its kernel takes connections, and it answers nothing.
TEST_F(DispatcherHealth, AMemberThatHangsIsPassedOverUntilItAnswers) {
  const auto readers = [&] {
    Addresses addresses;
    for (int i = 0; i < 20; ++i) {
      client.call(read(0, messages::ReadLevel::any));
      for (const Send& send : client.take_calls()) {
        addresses.insert(client.address_of(send));
        client.answer(send, got(at(1, 1)));
      }
    }
    return addresses;
  };
  client.pass(kHealthCheckEvery + kUnansweredMax);
  answer_all("b:1");
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(readers(), Addresses{"a:1"});
    client.pass(kUnansweredMax);
    answer_all("b:1");
    client.connect_all();
  }
  EXPECT_GE(client.disconnects.size(), 2u);
  const PeerMetrics b(registry, NodeId("b"));
  EXPECT_EQ(b.breakers_open.value(), 1) << "it is shown as down";
  for (int i = 0; i < 12; ++i) {
    client.pass(kUnansweredMax);
    answer_all();
    client.connect_all();
  }
  EXPECT_EQ(readers(), (Addresses{"a:1", "b:1"}));
  EXPECT_EQ(b.breakers_open.value(), 0);
}

TEST_F(DispatcherHealth, AnAnswerThatTakesLongerThanAReadIsWorthEndsNothing) {
  for (int i = 0; i < 10; ++i) {
    client.pass(kHealthSilenceMax - kHealthCheckEvery);
    answer_all();
  }
  EXPECT_THAT(client.disconnects, IsEmpty());
}

TEST_F(DispatcherHealth, ACallThatTakesLongIsNoSignOfIllness) {
  const CallId call = client.call(put(0), 30s);
  for (int i = 0; i < 10; ++i) {
    client.pass(kHealthCheckEvery);
    answer_all();
  }
  EXPECT_THAT(client.disconnects, IsEmpty());
  EXPECT_FALSE(client.done(call));
}

TEST_F(DispatcherHealth, ANewerMapInTheAnswerIsTakenOver) {
  client.pass(kHealthCheckEvery);
  const auto questions = client.take_questions();
  ASSERT_FALSE(questions.empty());
  client.answer(questions[0], messages::MapResponse{{make_replicated_map(2, {"a", "b"}), nullptr}});
  EXPECT_EQ(client.machine.map()->epoch, Epoch(2));
}

TEST_F(DispatcherHealth, WhoIsNoMemberAnyMoreIsLeftAlone) {
  client.pass(kHealthCheckEvery);
  answer_all();
  client.learn(make_replicated_map(2, {"a"}));
  client.pass(3 * kHealthCheckEvery);
  EXPECT_FALSE(asked().contains("b:1"));
}

}  // namespace
}  // namespace gyre::routing::testing
