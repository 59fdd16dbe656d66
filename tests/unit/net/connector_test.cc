#include <memory>
#include <tuple>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ConnectorTest : public LoopbackTest {};

TEST_F(ConnectorTest, ADnsNameStandsForItsAddresses) {
  listen(std::make_shared<Recorder>());
  const auto port = parse_host_port(listener->address())->port;
  const auto connection = connect_and_wait(client_loop, HostPort{"localhost", port}.str());
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ((*connection)->peer(), listener->address());
}

TEST_F(ConnectorTest, ARefusedConnectionNamesTheAddressAndTheReason) {
  PlainSocket held;
  const std::string address = held.bind(-1);
  const auto connection = connect_and_wait(client_loop, address);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::unavailable);
  EXPECT_THAT(connection.error().message, HasSubstr(address));
  EXPECT_THAT(connection.error().message, HasSubstr("refused"));
  EXPECT_TRUE(connection.error().refused);
}

TEST_F(ConnectorTest, ANameIsRefusedWhereEachOfItsAddressesRefuses) {
  PlainSocket held;
  const auto port = parse_host_port(held.bind(-1))->port;
  const auto connection = connect_and_wait(client_loop, HostPort{"localhost", port}.str());
  ASSERT_FALSE(connection);
  EXPECT_TRUE(connection.error().refused) << connection.error().message;
}

TEST_F(ConnectorTest, AnAddressThatNoConnectionReachesIsNotRefused) {
  const auto connection = connect_and_wait(client_loop, "255.255.255.255:1");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(connection.error().refused) << connection.error().message;
}

TEST_F(ConnectorTest, WhoAsksNoMoreTakesAPlainResult) {
  PlainSocket held;
  const std::string address = held.bind(-1);
  std::promise<Error> failed;
  client_loop.post([&] {
    connect(client_loop, address, 5s, wire::Limits{},
            [&](Result<ConnectionPtr> connection) { failed.set_value(connection.error()); });
  });
  EXPECT_EQ(ready(failed.get_future()).code, ErrorCode::unavailable);
}

TEST_F(ConnectorTest, APeerThatDoesNotAnswerIsGivenUpAtTheTimeout) {
  PlainSocket full;
  const std::string address = full.bind(0);
  const sockaddr_in to = loopback(parse_host_port(address)->port);
  std::vector<std::unique_ptr<PlainSocket>> waiting;
  for (int i = 0; i < 4; ++i) {  // nobody accepts: the queue is full after the first or second
    waiting.push_back(std::make_unique<PlainSocket>());
    ::fcntl(waiting.back()->fd(), F_SETFL, O_NONBLOCK);
    std::ignore = ::connect(waiting.back()->fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  const Instant begun = steady_now();
  const auto connection = connect_and_wait(client_loop, address, 30ms);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::unavailable);
  EXPECT_THAT(connection.error().message, HasSubstr("no answer within 30 ms"));
  EXPECT_FALSE(connection.error().refused);
  EXPECT_GE(steady_now() - begun, 30ms);
}

TEST_F(ConnectorTest, ABadAddressIsRefusedWithoutTrying) {
  const auto connection = connect_and_wait(client_loop, "nowhere");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(connection.error().refused);
}

TEST_F(ConnectorTest, ConnectionIdsAreNeverUsedTwice) {
  listen(std::make_shared<Recorder>());
  const auto first = connect_and_wait(client_loop, listener->address());
  const auto second = connect_and_wait(client_loop, listener->address());
  EXPECT_NE((*first)->id(), (*second)->id());
}

}  // namespace
}  // namespace gyre::net
