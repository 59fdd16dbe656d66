#include "net/request_session.h"

#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/unit/net/support.h"

namespace gyre::net {
namespace {

using messages::Request;
using testing::ElementsAre;
using testing::HasSubstr;

// Answers a get with the length of its key, at once or when it is told to.
class Echo : public RequestSession {
 public:
  Echo(ConnectionPtr connection, Counter& malformed, bool answers)
      : RequestSession(std::move(connection), malformed, "the echo is over"), answers_(answers) {}

  void answer_all(const Bytes& value) {
    for (const RequestId id : std::exchange(open_, {})) {
      messages::GetResponse found;
      found.record.emplace().value = value;
      send({id, Epoch(1), found});
    }
  }

  std::vector<std::size_t> expected;  // how many were announced each time
  std::vector<std::size_t> seen_then;  // how many requests had come by then
  std::size_t seen = 0;

 private:
  void on_request(Request request) override {
    ++seen;
    open_.push_back(request.id);
    if (answers_) answer_all(Bytes::copy_of("v"));
  }
  void expect(std::span<const Request> requests) override {
    expected.push_back(requests.size());
    seen_then.push_back(seen);
  }

  bool answers_;
  std::vector<RequestId> open_;
};

class RequestSessionTest : public LoopbackTest {
 protected:
  // A client of a session that answers at once, or not before it is told to.
  void begin(bool answers) {
    listen_with([this, answers](const ConnectionPtr& accepted) {
      session = std::make_shared<Echo>(accepted, malformed, answers);
      return session;
    });
    connection = connect_with(client);
    server = accepted();
  }
  // In one turn, and so in one frame.
  void ask(std::size_t count) {
    run_on(client_loop, [&] {
      for (std::size_t i = 0; i < count; ++i) connection->send(get_of(++last_, "k"));
    });
  }
  // Asks, and waits until all of it has come.
  void ask_and_wait(std::size_t count) {
    ask(count);
    const Instant limit = steady_now() + kPatience;
    while (run_on(server_loop, [&] { return session->seen; }) < last_) GYRE_ASSERT(steady_now() < limit);
  }

  Counter malformed;
  std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
  std::shared_ptr<Echo> session;
  ConnectionPtr connection;
  ConnectionPtr server;

 private:
  std::uint64_t last_ = 0;
};

TEST_F(RequestSessionTest, SaysWhatFollowsAFewAtATime) {
  begin(true);
  ask(2 * limits::kKeysAhead + 3);
  client->wait_for_responses(2 * limits::kKeysAhead + 3);
  run_on(server_loop, [&] {
    EXPECT_THAT(session->expected, ElementsAre(limits::kKeysAhead, limits::kKeysAhead, 3));
    EXPECT_THAT(session->seen_then, ElementsAre(0, limits::kKeysAhead, 2 * limits::kKeysAhead));
  });
}

TEST_F(RequestSessionTest, WhatAPeerDoesNotTakeIsNotHeapedUp) {
  begin(false);
  const std::string large(16 << 20, 'v');
  const Bytes value = Bytes::copy_of(large);
  const std::size_t fit = limits::kConnectionAnswerBytesMax / large.size() + 1;
  ask_and_wait(fit + 2);
  run_on(server_loop, [&] { session->answer_all(value); });
  client->wait_for_responses(fit + 2);
  std::size_t refused = 0;
  for (const messages::Response& response : client->responses()) {
    const auto* error = std::get_if<Error>(&response.body);
    if (error == nullptr) continue;
    ++refused;
    EXPECT_EQ(error->code, ErrorCode::busy);
    EXPECT_THAT(error->message, HasSubstr("ask for less at once"));
  }
  EXPECT_EQ(refused, 2u);
}

TEST_F(RequestSessionTest, FinishedItReadsNothingMoreAndEndsWithItsLastAnswer) {
  begin(false);
  ask_and_wait(1);
  run_on(server_loop, [&] { session->finish(); });
  ask(1);
  let_turns_pass(client_loop);
  let_turns_pass(server_loop);
  EXPECT_EQ(client->times_closed(), 0u);
  run_on(server_loop, [&] { session->answer_all(Bytes::copy_of("v")); });
  client->wait_for_close();
  EXPECT_EQ(client->responses().size(), 1u);
  run_on(server_loop, [&] { EXPECT_EQ(session->seen, 1u); });
}

TEST_F(RequestSessionTest, OneThatSendsWhatIsNoFrameIsCounted) {
  begin(true);
  PlainSocket peer(listener->address());
  peer.send(std::string(64, 'x'));
  peer.read();
  let_turns_pass(server_loop);
  EXPECT_EQ(malformed.value(), 1u);
}

}  // namespace
}  // namespace gyre::net
