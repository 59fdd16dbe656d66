// Injected faults on real connections over loopback.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "support.h"

namespace gyre::net {
namespace {

using namespace std::chrono_literals;
using messages::FaultRule;
using Direction = FaultRule::Direction;

const messages::Sender kFromN1{Uuid::from_words(1, 1), NodeId("n1"), Incarnation(1)};

messages::Message message_of(std::uint16_t number) { return messages::Retired{PartitionId(number)}; }

std::vector<std::uint16_t> numbers_in(const Recorder& recorder) {
  std::vector<std::uint16_t> numbers;
  for (const auto& message : recorder.messages()) {
    numbers.push_back(std::get<messages::Retired>(message).partition.value());
  }
  return numbers;
}

class ConnectionFaultsTest : public LoopbackTest {
 protected:
  ConnectionFaultsTest() { spdlog::set_level(spdlog::level::off); }

  void set(std::vector<FaultRule> rules) { ASSERT_TRUE(faults.serve({.show = false, .rules = std::move(rules)})); }
  // In a frame of its own, that has left when this returns.
  void tell(const ConnectionPtr& connection, std::uint16_t number) {
    run_on(connection->loop(), [&] {
      connection->set_sender(kFromN1);
      connection->send(message_of(number));
    });
    end_of_turn(connection->loop());
  }
  // Waits until everything that was sent to the server before has arrived there, but for what faults keep.
  void settle() {
    let_turns_pass(client_loop);
    let_turns_pass(server_loop);
  }

  std::shared_ptr<Recorder> server = std::make_shared<Recorder>();
  std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
};

TEST_F(ConnectionFaultsTest, WhatLeavesForAPeerVanishes) {
  listen(server);
  const auto connection = connect_with(client, "n2");
  set({{.peer = "n2", .direction = Direction::out, .drop = 1}});
  tell(connection, 1);
  set({{.peer = "n3", .drop = 1}, {.peer = "n2", .direction = Direction::in, .drop = 1}});
  tell(connection, 2);
  server->wait_for_messages(1);
  EXPECT_EQ(numbers_in(*server), std::vector<std::uint16_t>{2});
}

TEST_F(ConnectionFaultsTest, WhatArrivesFromThePeerItNamesVanishes) {
  server_has_faults = true;
  listen(server);
  const auto connection = connect_with(client);
  set({{.peer = "n1", .direction = Direction::in, .drop = 1}});
  tell(connection, 1);
  settle();
  set({{.peer = "n1", .direction = Direction::out, .drop = 1}});
  tell(connection, 2);
  server->wait_for_messages(1);
  EXPECT_EQ(numbers_in(*server), std::vector<std::uint16_t>{2});
}

TEST_F(ConnectionFaultsTest, AnswersToTheProcessThatNamedItselfVanish) {
  server_has_faults = true;
  listen(server);
  const auto connection = connect_with(client);
  tell(connection, 1);
  server->wait_for_messages(1);
  set({{.peer = "n1", .direction = Direction::out, .drop = 1}});
  const auto at_server = accepted();
  send(at_server, answer_of(RequestId(1), "lost"));
  end_of_turn(server_loop);
  set({});
  send(at_server, answer_of(RequestId(2), "not lost"));
  client->wait_for_responses(1);
  EXPECT_EQ(client->responses().at(0).id, RequestId(2));
}

TEST_F(ConnectionFaultsTest, OutgoingFramesComeLateAndInOrder) {
  listen(server);
  const auto connection = connect_with(client, "n2");
  const Instant begin = steady_now();
  set({{.peer = "n2", .delay = 30ms}});
  tell(connection, 1);
  tell(connection, 2);
  set({});
  tell(connection, 3);  // must not overtake
  server->wait_for_messages(3);
  EXPECT_GE(steady_now() - begin, 30ms);
  EXPECT_EQ(numbers_in(*server), (std::vector<std::uint16_t>{1, 2, 3}));
  tell(connection, 4);
  server->wait_for_messages(4);
}

TEST_F(ConnectionFaultsTest, IncomingFramesComeLateAndInOrder) {
  server_has_faults = true;
  listen(server);
  const auto connection = connect_with(client);
  set({{.peer = "n1", .delay = 20ms, .jitter = 20ms}});
  const Instant begin = steady_now();
  std::vector<std::uint16_t> all;
  for (std::uint16_t i = 0; i < 20; ++i) {
    tell(connection, i);
    all.push_back(i);
  }
  settle();
  set({});
  tell(connection, 20);
  all.push_back(20);
  server->wait_for_messages(all.size());
  EXPECT_GE(steady_now() - begin, 20ms);
  EXPECT_EQ(numbers_in(*server), all);
}

TEST_F(ConnectionFaultsTest, WhatIsLateStillLeavesBeforeTheConnectionCloses) {
  listen(server);
  const auto connection = connect_with(client, "n2");
  set({{.peer = "n2", .delay = 20ms}});
  tell(connection, 1);
  run_on(client_loop, [&] { connection->close({ErrorCode::unavailable, Outcome::not_applied, "done", {}}); });
  server->wait_for_close();
  EXPECT_EQ(numbers_in(*server), std::vector<std::uint16_t>{1});
}

TEST_F(ConnectionFaultsTest, WhatIsLateCountsAsWaitingToLeave) {
  listen(server);
  const auto connection = connect_with(client, "n2");
  set({{.peer = "n2", .delay = 1min}});
  tell(connection, 1);
  EXPECT_GT(run_on(client_loop, [&] { return connection->output_bytes(); }), 0u);
}

TEST_F(ConnectionFaultsTest, LateFramesWaitWhileReadingIsHeld) {
  server_has_faults = true;
  listen(server);
  const auto connection = connect_with(client);
  tell(connection, 1);
  server->wait_for_messages(1);
  const auto at_server = accepted();
  set({{.peer = "n1", .delay = 5ms}});
  tell(connection, 2);
  settle();
  run_on(server_loop, [&] { at_server->hold_reading(); });
  set({});
  tell(connection, 3);
  run_on(server_loop, [&] { at_server->resume_reading(); });
  server->wait_for_messages(3);
  EXPECT_EQ(numbers_in(*server), (std::vector<std::uint16_t>{1, 2, 3}));
}

TEST_F(ConnectionFaultsTest, ClientsAreConcernedOnlyByTheirOwnName) {
  server_has_faults = true;
  listen(server);
  const auto connection = connect_with(client);
  set({{.peer = "*", .drop = 1}});
  send(connection, get_of(1, "key"));
  server->wait_for_requests(1);
  set({{.peer = "clients", .direction = Direction::out, .drop = 1}});
  const auto at_server = accepted();
  send(at_server, answer_of(RequestId(1), "lost"));
  end_of_turn(server_loop);
  set({});
  send(at_server, answer_of(RequestId(2), "not lost"));
  client->wait_for_responses(1);
  EXPECT_EQ(client->responses().at(0).id, RequestId(2));
}

TEST_F(ConnectionFaultsTest, WhatIsAboutFaultsPassesAll) {
  server_has_faults = true;
  listen(server);
  const auto connection = connect_with(client);
  set({{.peer = "clients", .drop = 1}});
  send(connection, messages::Request{.id = RequestId(1), .epoch = {}, .body = messages::FaultsRequest{}});
  server->wait_for_requests(1);
  const auto at_server = accepted();
  run_on(server_loop, [&] {
    at_server->send(answer_of(RequestId(2), "lost"));
    at_server->send(messages::Response{RequestId(1), Epoch(1), messages::FaultsResponse{}});
  });
  client->wait_for_responses(1);
  EXPECT_EQ(client->responses().at(0).id, RequestId(1));
}

}  // namespace
}  // namespace gyre::net
