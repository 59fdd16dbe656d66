#include "client/rpc.h"

#include <gtest/gtest.h>

#include "test_server.h"

namespace gyre::client {
namespace {

using namespace std::chrono_literals;
using testing::TestServer;

TEST(Rpc, AsksOneProcessOneQuestion) {
  const TestServer server;
  const auto answer = call(server.address(), messages::MapRequest{}, 2s);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(std::get<messages::MapResponse>(*answer).update.map->epoch, Epoch(1));
}

TEST(Rpc, AnErrorInTheAnswerIsTheResult) {
  const TestServer server([](const messages::Request&) -> std::optional<messages::ResponseBody> {
    return Error{ErrorCode::unsupported, Outcome::not_applied, "not here", {}};
  });
  EXPECT_EQ(call(server.address(), messages::StatusRequest{}, 2s).error().code, ErrorCode::unsupported);
}

TEST(Rpc, GivesUpAtTheDeadlineAndWhenThePeerHangsUp) {
  const TestServer silent([](const messages::Request&) { return std::optional(TestServer::no_answer()); });
  const auto unanswered = call(silent.address(), messages::MapRequest{}, 20ms);
  EXPECT_EQ(unanswered.error().code, ErrorCode::timeout);
  EXPECT_EQ(unanswered.error().outcome, Outcome::unknown);
  const TestServer rude([](const messages::Request&) { return std::optional(TestServer::hang_up()); });
  EXPECT_EQ(call(rude.address(), messages::MapRequest{}, 2s).error().code, ErrorCode::unavailable);
}

TEST(Rpc, TriesSeedsUntilOneAnswers) {
  const TestServer server;
  EXPECT_TRUE(call_any({"127.0.0.1:1", server.address()}, messages::MapRequest{}, 2s));
  const auto none = call_any({"127.0.0.1:1", "127.0.0.1:2"}, messages::MapRequest{}, 2s);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::unavailable);
  EXPECT_NE(none.error().message.find("127.0.0.1:2"), std::string::npos);
  EXPECT_EQ(call_any({}, messages::MapRequest{}, 2s).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gyre::client
