#include "client/network_backend.h"

#include <functional>
#include <future>
#include <mutex>

#include <gtest/gtest.h>

#include "gyre/client.h"
#include "test_server.h"

namespace gyre {
namespace {

using client::testing::connect_to;
using client::testing::TestServer;
using namespace std::chrono_literals;

bool is_write(const messages::Request& request) { return std::holds_alternative<messages::WriteRequest>(request.body); }
bool is_read(const messages::Request& request) { return std::holds_alternative<messages::GetRequest>(request.body); }

TEST(NetworkBackend, RetriesWhatWasSurelyNotApplied) {
  std::atomic<int> refusals = 3;
  const TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (!is_write(request) || refusals-- <= 0) return std::nullopt;
    return Error{ErrorCode::busy, Outcome::not_applied, "stalled", 1ms};
  });
  EXPECT_TRUE(connect_to(server)->put("k", "v"));
}

TEST(NetworkBackend, AWriteWhoseConnectionBreaksIsMadeAgainAndAppliedOnce) {
  std::atomic<int> writes = 0;
  std::function<void(const messages::Request&)> apply;
  TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (!is_write(request) || writes++ > 0) return std::nullopt;
    apply(request);
    return TestServer::hang_up();
  });
  apply = [&](const messages::Request& request) {
    server.node().submit(request.body, {}, [](const auto& result) { EXPECT_TRUE(result); });
  };
  const auto client = connect_to(server);
  EXPECT_EQ(*client->incr("n"), 1);
  EXPECT_EQ(writes, 2);
  EXPECT_EQ(client->get("n")->data, "1");
}

TEST(NetworkBackend, AWriteWithTheCallersIdIsAppliedOnceHoweverOftenItIsMade) {
  const TestServer server;
  const CallOptions once{.id = WriteId{.client = 5, .number = 6}};
  EXPECT_EQ(*connect_to(server)->incr("n", 1, once), 1);
  EXPECT_EQ(*connect_to(server)->incr("n", 1, once), 1);
  EXPECT_EQ(connect_to(server)->incr("n", 2, once).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(connect_to(server)->get("n")->data, "1");
}

TEST(NetworkBackend, TellsOnLostAndThenTheNextSessionRead) {
  const TestServer server([](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    const Position before{Term(1), Sequence(9)};
    const Position after{Term(2), Sequence(9)};
    if (is_write(request)) return messages::WriteResponse{{{before, false, true, 0}}, {before, {}}};
    if (!is_read(request)) return std::nullopt;
    return messages::GetResponse{.record = {}, .standing = {after, {{Term(2), Sequence(9)}}}};
  });
  std::vector<LostWrites> losses;
  auto client = *Client::connect(
      {.seeds = {server.address()}, .on_lost = [&](const LostWrites& lost) { losses.push_back(lost); }});
  ASSERT_TRUE(client->put("k", "v"));
  EXPECT_EQ(client->get("k", {.read = Read::primary()}).error().code, ErrorCode::not_found);
  EXPECT_EQ(client->get("k").error().code, ErrorCode::session_lost);
  EXPECT_EQ(client->get("k").error().code, ErrorCode::not_found);
  const auto partition = client->locate("k")->partition;
  client.reset();
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].partition, partition);
  EXPECT_EQ(losses[0].count, 1U);
  EXPECT_EQ(losses[0].writes.at(0).key, "k");
  EXPECT_EQ(losses[0].writes.at(0).version, (Version{1, 9}));
}

TEST(NetworkBackend, ASessionGoesFromClientToClientAsAText) {
  std::mutex mutex;
  std::vector<Position> seen;
  const TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    if (const auto* get = std::get_if<messages::GetRequest>(&request.body)) {
      const std::lock_guard lock(mutex);
      seen.push_back(get->read.seen);
    }
    return std::nullopt;
  });
  const auto writer = connect_to(server);
  const auto version = writer->put("k", "v");
  ASSERT_TRUE(version);
  const auto reader = connect_to(server);
  ASSERT_TRUE(reader->resume_session(writer->session_token()));
  EXPECT_TRUE(reader->get("k"));
  EXPECT_EQ(reader->session_token(), writer->session_token());
  reader->reset_session();
  EXPECT_TRUE(reader->get("k"));
  EXPECT_EQ(reader->resume_session("nonsense").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(seen, (std::vector<Position>{{Term(version->term), Sequence(version->sequence)}, {}}));
  std::promise<std::string> inside;
  reader->get("k", {}, [&](const Result<Value>&) { inside.set_value(reader->session_token()); });
  EXPECT_EQ(inside.get_future().get(), writer->session_token()) << "also on the client's own thread";
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
  auto client = connect_to(server, {.deadline = 1h});
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
  const auto client = connect_to(server, {.deadline = std::chrono::milliseconds::max()});
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
