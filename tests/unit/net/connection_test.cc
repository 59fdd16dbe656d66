#include "net/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "support.h"

namespace gyre::net {
namespace {

using testing::HasSubstr;

const Error kDone{ErrorCode::unavailable, Outcome::not_applied, "done", {}};

// Answers every get with its key, and every write with the value of its first operation.
class Echo : public Recorder, public std::enable_shared_from_this<Echo> {
 public:
  void bind(const ConnectionPtr& connection) { connection_ = connection; }
  void on_frame(messages::Frame frame) override {
    const auto connection = connection_.lock();
    for (const auto& request : frame.requests) {
      const auto* write = std::get_if<messages::WriteRequest>(&request.body);
      connection->send(
          answer_of(request.id, write ? write->operations[0].value : std::get<messages::GetRequest>(request.body).key));
    }
    Recorder::on_frame(std::move(frame));
  }

 private:
  std::weak_ptr<Connection> connection_;
};

class ConnectionTest : public LoopbackTest {
 protected:
  // Connects; the server echoes.
  void open() {
    listen(server);
    connection = connect_with(client);
    far_end = accepted();
    run_on(server_loop, [this] { server->bind(far_end); });
  }
  std::string value_of(const messages::Response& response) {
    return std::get<messages::GetResponse>(response.body).record->value.str();
  }

  std::shared_ptr<Echo> server = std::make_shared<Echo>();
  std::shared_ptr<Recorder> client = std::make_shared<Recorder>();
  ConnectionPtr connection;
  ConnectionPtr far_end;
};

TEST_F(ConnectionTest, CarriesRequestsAndAnswers) {
  open();
  send(connection, get_of(7, "hello"));
  client->wait_for_responses(1);
  const auto answers = client->responses();
  EXPECT_EQ(answers[0].id, RequestId(7));
  EXPECT_EQ(value_of(answers[0]), "hello");
}

TEST_F(ConnectionTest, WhatATurnSendsLeavesAsOneFrame) {
  open();
  run_on(client_loop, [&] {
    for (std::uint64_t i = 1; i <= 500; ++i) connection->send(get_of(i, "k" + std::to_string(i)));
  });
  client->wait_for_responses(500);
  EXPECT_EQ(server->frames(), 1u);
  EXPECT_EQ(client->frames(), 1u);
  const auto answers = client->responses();
  for (std::uint64_t i = 0; i < 500; ++i) EXPECT_EQ(answers[i].id, RequestId(i + 1));
}

TEST_F(ConnectionTest, MoreRequestsThanAFrameMayCarryAreSplit) {
  open();
  run_on(client_loop, [&] {
    for (std::uint64_t i = 0; i < limits::kFrameRequestsMax + 1; ++i) connection->send(get_of(i, "k"));
  });
  client->wait_for_responses(limits::kFrameRequestsMax + 1);
  EXPECT_EQ(server->frames(), 2u);
}

TEST_F(ConnectionTest, CarriesMessagesAndNamesTheirSender) {
  open();
  const messages::Sender sender{Uuid::from_words(1, 2), NodeId("n1"), Incarnation(3)};
  run_on(client_loop, [&] {
    connection->set_sender(sender);
    connection->send(messages::GivenUp{PartitionId(4), Term(5)});
    connection->send(messages::SnapshotAsk{.partition = PartitionId(6)});
  });
  server->wait_for_messages(2);
  EXPECT_EQ(server->frames(), 1u);
  EXPECT_EQ(server->sender(), sender);
  EXPECT_EQ(std::get<messages::GivenUp>(server->messages()[0]).term, Term(5));
  EXPECT_EQ(std::get<messages::SnapshotAsk>(server->messages()[1]).partition, PartitionId(6));

  run_on(client_loop, [&] { connection->send(messages::Leaving{}); });
  server->wait_for_messages(3);
  EXPECT_EQ(server->sender(), sender);
}

TEST_F(ConnectionTest, MessagesCountAsOutputUntilTheyLeave) {
  open();
  messages::LoggedWrite write;
  write.position = {Term(1), Sequence(1)};
  write.mutations.emplace_back().record.value = Bytes::copy_of(std::string(1 << 20, 'v'));
  messages::Append append;
  append.previous.term = Term(1);
  append.writes.push_back(std::make_shared<const messages::LoggedWrite>(write));
  run_on(client_loop, [&] {
    connection->send(append);
    EXPECT_GE(connection->output_bytes(), 1u << 20);
  });
  server->wait_for_messages(1);
  end_of_turn(client_loop);
  EXPECT_EQ(run_on(client_loop, [&] { return connection->output_bytes(); }), 0u);
}

TEST_F(ConnectionTest, LargeValuesPassBothWays) {
  open();
  const std::string value(1 << 20, 'v');
  messages::WriteOperation put;
  put.key = Bytes::copy_of("k");
  for (std::uint64_t i = 0; i < 20; ++i) {
    put.value = Bytes::copy_of(value + std::to_string(i));
    send(connection, messages::Request{.id = RequestId(i), .epoch = {}, .body = messages::WriteRequest{{put}}});
  }
  client->wait_for_responses(20);
  const auto answers = client->responses();
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(value_of(answers[i]) == value + std::to_string(i)) << i;
}

TEST_F(ConnectionTest, AFrameMayComeByteByByteAndManyMayComeAtOnce) {
  open();
  PlainSocket plain(listener->address());
  const Bytes one = wire::encode({.requests = {get_of(1, "a")}, .responses = {}, .sender = {}, .messages = {}});
  for (const char byte : one.view()) plain.send({&byte, 1});
  server->wait_for_requests(1);
  std::string many;
  for (int i = 0; i < 50; ++i) many += one.view();
  plain.send(many);
  server->wait_for_requests(51);
  EXPECT_EQ(server->frames(), 51u);
}

TEST_F(ConnectionTest, CloseSendsWhatWasSentBefore) {
  open();
  const std::string value(4 << 20, 'v');
  run_on(server_loop, [&] {
    for (std::uint64_t i = 0; i < 4; ++i) far_end->send(answer_of(RequestId(i), value));
    far_end->close(kDone);
    far_end->close({ErrorCode::internal, Outcome::not_applied, "a second reason", {}});
    EXPECT_TRUE(far_end->open());
  });
  EXPECT_EQ(client->reason().code, ErrorCode::unavailable);
  EXPECT_EQ(client->responses().size(), 4u);
  EXPECT_EQ(server->reason().message, "done");
  EXPECT_FALSE(run_on(server_loop, [&] { return far_end->open(); }));
  EXPECT_EQ(server->times_closed(), 1u);
  EXPECT_EQ(client->times_closed(), 1u);
}

TEST_F(ConnectionTest, ThePeersCloseIsToldOnceAndWhatIsSentAfterwardsIsDropped) {
  open();
  run_on(client_loop, [&] { connection->close(kDone); });
  const Error why = server->reason();
  EXPECT_EQ(why.code, ErrorCode::unavailable);
  EXPECT_THAT(why.message, HasSubstr("closed the connection"));
  run_on(server_loop, [&] {
    far_end->send(answer_of(RequestId(1), "late"));
    far_end->close(kDone);
  });
  let_turns_pass(server_loop);
  EXPECT_EQ(server->times_closed(), 1u);
  EXPECT_TRUE(client->responses().empty());
}

TEST_F(ConnectionTest, APeerThatDiesInTheMiddleOfAFrameIsNoOffender) {
  open();
  {
    PlainSocket plain(listener->address());
    const Bytes frame = wire::encode({.requests = {get_of(1, "a")}, .responses = {}, .sender = {}, .messages = {}});
    plain.send(frame.view().substr(0, frame.size() / 2));
  }
  EXPECT_EQ(server->reason().code, ErrorCode::unavailable);
  EXPECT_TRUE(server->requests().empty());
}

TEST_F(ConnectionTest, HeldItDeliversNothingUntilResumed) {
  open();
  run_on(server_loop, [&] { far_end->hold_reading(); });
  send(connection, get_of(1, "first"));
  send(connection, get_of(2, "second"));
  let_turns_pass(client_loop);
  let_turns_pass(server_loop);
  EXPECT_EQ(server->requests().size(), 0u);
  run_on(server_loop, [&] { far_end->resume_reading(); });
  server->wait_for_requests(2);
}

TEST_F(ConnectionTest, HeldInTheMiddleOfAReadTheFramesBehindWait) {
  class HoldsAfterEachFrame final : public Recorder {
   public:
    void on_frame(messages::Frame frame) override {
      connection.lock()->hold_reading();
      Recorder::on_frame(std::move(frame));
    }
    std::weak_ptr<Connection> connection;
  };
  const auto holder = std::make_shared<HoldsAfterEachFrame>();
  listen(holder);
  PlainSocket plain(listener->address());
  const ConnectionPtr served = accepted();
  run_on(server_loop, [&] { holder->connection = served; });
  std::string three;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    three += wire::encode({.requests = {get_of(id, "k")}, .responses = {}, .sender = {}, .messages = {}}).view();
  }
  plain.send(three);
  for (std::size_t expected = 1; expected <= 3; ++expected) {
    holder->wait_for_requests(expected);
    let_turns_pass(server_loop);
    EXPECT_EQ(holder->requests().size(), expected);
    run_on(server_loop, [&] { served->resume_reading(); });
  }
}

TEST_F(ConnectionTest, APeerThatReadsNothingIsNotReadFrom) {
  const auto more_than_the_limit = limits::kConnectionOutputBytesMax / (1 << 20) + 16;
  const std::string value(1 << 20, 'v');
  const auto asked = std::make_shared<Recorder>();
  listen(asked);
  PlainSocket plain(listener->address());
  const ConnectionPtr served = accepted();
  run_on(server_loop, [&] {
    for (std::uint64_t i = 0; i < more_than_the_limit; ++i) served->send(answer_of(RequestId(i), value));
  });
  end_of_turn(server_loop);
  const auto ask = [&](std::uint64_t id) {
    plain.send(wire::encode({.requests = {get_of(id, "k")}, .responses = {}, .sender = {}, .messages = {}}).view());
  };
  ask(1);
  let_turns_pass(server_loop);
  EXPECT_EQ(asked->requests().size(), 0u);
  // It is read from again once few enough wait, not only when all have left.
  std::size_t taken = 0;
  while (run_on(server_loop, [&] { return served->output_bytes(); }) > limits::kConnectionOutputBytesMax) {
    taken += plain.read(1 << 20).size();
  }
  asked->wait_for_requests(1);
  EXPECT_GT(run_on(server_loop, [&] { return served->output_bytes(); }), 0u);
  plain.read((more_than_the_limit << 20) - taken);
}

TEST_F(ConnectionTest, KnowsItsPeer) {
  open();
  EXPECT_EQ(connection->peer(), listener->address());
  EXPECT_THAT(far_end->peer(), HasSubstr("127.0.0.1:"));
}

}  // namespace
}  // namespace gyre::net
