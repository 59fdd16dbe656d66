#include "net/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::net {
namespace {

using testing::HasSubstr;
using testing::Not;

class ListenerTest : public LoopbackTest {};

TEST_F(ListenerTest, GivesTheRealPort) {
  listen(std::make_shared<Recorder>());
  EXPECT_THAT(listener->address(), Not(HasSubstr(":0")));
  EXPECT_NE(parse_host_port(listener->address())->port, 0);
}

TEST_F(ListenerTest, AnAddressInUseIsRefusedWithWhatToDo) {
  listen(std::make_shared<Recorder>());
  const auto second = Listener::open(listener->address(), {&server_loop}, {}, [](const ConnectionPtr&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr(listener->address()));
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
  EXPECT_THAT(second.error().message, HasSubstr("choose another address"));
}

TEST_F(ListenerTest, AnAddressOfAnotherMachineIsRefused) {
  const auto opened = Listener::open("192.0.2.1:0", {&server_loop}, {}, [](const ConnectionPtr&) {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("192.0.2.1:0"));
}

TEST_F(ListenerTest, ABadAddressIsRefused) {
  const auto opened = Listener::open("7400", {&server_loop}, {}, [](const ConnectionPtr&) {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_argument);
}

TEST_F(ListenerTest, SharesConnectionsOutOverItsLoopsEachOnItsOwn) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Loop*> seen;
  auto opened = Listener::open("127.0.0.1:0", {&server_loop, &client_loop}, {}, [&](const ConnectionPtr& connection) {
    EXPECT_TRUE(connection->loop().on_this_thread());
    const std::lock_guard lock(mutex);
    seen.push_back(&connection->loop());
    changed.notify_all();
  });
  ASSERT_TRUE(opened);
  const std::string address = (*opened)->address();
  const PlainSocket a(address), b(address), c(address), d(address);
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, kPatience, [&] { return seen.size() == 4; }));
  EXPECT_EQ(std::ranges::count(seen, &server_loop), 2);
  EXPECT_EQ(std::ranges::count(seen, &client_loop), 2);
}

TEST_F(ListenerTest, ClosedItRefusesNewConnectionsAndKeepsTheOpenOnes) {
  const auto server = std::make_shared<Recorder>();
  listen(server);
  const auto connection = connect_with(std::make_shared<Recorder>());
  const ConnectionPtr kept = accepted();
  listener->close();
  const auto refused = connect_and_wait(client_loop, listener->address());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("refused"));
  send(connection, get_of(1, "still here"));
  server->wait_for_requests(1);
}

TEST_F(ListenerTest, ItsPortIsFreeAgainOnceItIsClosed) {
  listen(std::make_shared<Recorder>());
  const std::string address = listener->address();
  listener.reset();
  const auto again = Listener::open(address, {&server_loop}, {}, [](const ConnectionPtr&) {});
  EXPECT_TRUE(again) << again.error().message;
}

}  // namespace
}  // namespace gyre::net
