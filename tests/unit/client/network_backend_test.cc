#include "client/network_backend.h"

#include <future>

#include <gtest/gtest.h>

#include "gyre/client.h"
#include "test_server.h"

namespace gyre {
namespace {

using client::testing::TestServer;
using namespace std::chrono_literals;

bool is_write(const messages::Request& request) { return std::holds_alternative<messages::WriteRequest>(request.body); }
bool is_read(const messages::Request& request) { return std::holds_alternative<messages::GetRequest>(request.body); }

std::unique_ptr<Client> connect_to(const TestServer& server, std::chrono::milliseconds deadline = 2s) {
  return *Client::connect({.seeds = {server.address()}, .deadline = deadline});
}

TEST(NetworkBackend, RetriesWhatWasSurelyNotApplied) {
  std::atomic<int> refusals = 3;
  const TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (!is_write(request) || refusals-- <= 0) return std::nullopt;
    return Error{ErrorCode::busy, Outcome::not_applied, "stalled", 1ms};
  });
  EXPECT_TRUE(connect_to(server)->put("k", "v"));
}

TEST(NetworkBackend, AWriteWhoseConnectionBreaksHasAnUnknownOutcomeAndIsNotSentAgain) {
  std::atomic<int> writes = 0;
  const TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (!is_write(request)) return std::nullopt;
    ++writes;
    return TestServer::hang_up();
  });
  const auto client = connect_to(server);
  const auto version = client->put("k", "v");
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(version.error().outcome, Outcome::unknown);
  EXPECT_EQ(client->get("k").error().code, ErrorCode::not_found);
  EXPECT_EQ(writes, 1);
}

TEST(NetworkBackend, AReadWhoseConnectionBreaksIsSentAgainOnANewOne) {
  std::atomic<bool> broken = false;
  const TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (is_read(request) && !broken.exchange(true)) return TestServer::hang_up();
    return std::nullopt;
  });
  const auto client = connect_to(server);
  ASSERT_TRUE(client->put("k", "v"));
  EXPECT_EQ(client->get("k")->data, "v");
  EXPECT_EQ(server.connections, 2);
}

TEST(NetworkBackend, ACallThatIsNeverAnsweredEndsAtItsDeadline) {
  const TestServer server([](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (is_read(request) || is_write(request)) return TestServer::no_answer();
    return std::nullopt;
  });
  const auto client = connect_to(server);
  const auto read = client->get("k", {.deadline = 20ms});
  EXPECT_EQ(read.error().code, ErrorCode::timeout);
  EXPECT_EQ(read.error().outcome, Outcome::not_applied);
  const auto write = client->put("k", "v", {.deadline = 20ms});
  EXPECT_EQ(write.error().code, ErrorCode::timeout);
  EXPECT_EQ(write.error().outcome, Outcome::unknown);
}

TEST(NetworkBackend, DestructionCompletesEveryOpenCall) {
  std::promise<void> arrived;
  const TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (is_write(request)) arrived.set_value();
    if (is_read(request) || is_write(request)) return TestServer::no_answer();
    return std::nullopt;
  });
  auto client = connect_to(server, 1h);
  auto read = client->get("k", {}, use_future);
  auto write = client->put("k", "v", {}, use_future);
  std::promise<Result<Value>> late;
  client->get("k", {}, [&late, same = client.get()](const Result<Value>&) {
    same->get("k", {}, [&](Result<Value> value) { late.set_value(std::move(value)); });
  });
  arrived.get_future().wait();
  client.reset();
  EXPECT_EQ(read.get().error().code, ErrorCode::unavailable);
  EXPECT_EQ(write.get().error().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(late.get_future().get().error().code, ErrorCode::unavailable);
}

TEST(NetworkBackend, TheLongestDeadlineIsNoOverflow) {
  const TestServer server;
  const auto client = connect_to(server, std::chrono::milliseconds::max());
  EXPECT_TRUE(client->put("k", "v"));
  EXPECT_TRUE(client->get("k", {.deadline = std::chrono::milliseconds::max()}));
  EXPECT_EQ(client->get("k", {.deadline = std::chrono::milliseconds::min()}).error().code, ErrorCode::timeout);
}

TEST(NetworkBackend, AnswersBusyBeyondTheCallsInFlight) {
  const TestServer server([](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (is_read(request)) return TestServer::no_answer();
    return std::nullopt;
  });
  auto client = *Client::connect({.seeds = {server.address()}, .deadline = 1h, .calls_in_flight_max = 10});
  std::vector<std::future<Result<Value>>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(client->get("k", {}, use_future));
  EXPECT_EQ(client->get("k").error().code, ErrorCode::busy);
  client.reset();
  for (auto& read : waiting) EXPECT_EQ(read.get().error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace gyre
