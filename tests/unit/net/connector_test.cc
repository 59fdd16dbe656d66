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
  EXPECT_GE(steady_now() - begun, 30ms);
}

TEST_F(ConnectorTest, ABadAddressIsRefusedWithoutTrying) {
  const auto connection = connect_and_wait(client_loop, "nowhere");
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::invalid_argument);
}

TEST_F(ConnectorTest, ConnectionIdsAreNeverUsedTwice) {
  listen(std::make_shared<Recorder>());
  const auto first = connect_and_wait(client_loop, listener->address());
  const auto second = connect_and_wait(client_loop, listener->address());
  EXPECT_NE((*first)->id(), (*second)->id());
}

}  // namespace
}  // namespace gyre::net
