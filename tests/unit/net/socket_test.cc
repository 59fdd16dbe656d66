#include "net/socket.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::net {
namespace {

using testing::HasSubstr;

// A loop's end of a connection to a plain socket. All of it is on the loop.
class SocketTest : public testing::Test {
 protected:
  struct End : SocketOwner, std::enable_shared_from_this<End> {
    End(Loop& loop, asio::ip::tcp::socket accepted) : socket(loop, std::move(accepted)) {}

    void on_readable() override {
      ++readable;
      if (!reads) return;
      std::vector<char> room(room_bytes);
      const auto bytes = socket.read(room);
      if (bytes && *bytes > 0) {
        received.append(room.data(), *bytes);
      } else if (bytes) {
        ended = true;
        socket.want_reading(false);
      }
    }
    void on_writable() override {
      ++writable;
      socket.want_writing(false);
    }

    Socket socket;
    std::string received;
    std::size_t room_bytes = 4096;
    bool reads = true;
    bool ended = false;
    int readable = 0;
    int writable = 0;
  };

  SocketTest() {
    loop.start();
    asio::ip::tcp::acceptor acceptor(loop.beside(), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    address = HostPort{"127.0.0.1", acceptor.local_endpoint().port()}.str();
    plain = std::make_unique<PlainSocket>(address);
    end = std::make_shared<End>(loop, acceptor.accept());
    run_on(loop, [&] { end->socket.open(end); });
  }
  ~SocketTest() override {
    run_on(loop, [&] { end->socket.close(); });
    end.reset();
    loop.stop();
    loop.join();
  }

  std::uint64_t turns_of_an_idle_loop() {
    const std::uint64_t before = run_on(loop, [&] { return loop.turn(); });
    std::promise<void> later;
    run_on(loop, [&] { loop.after(std::chrono::milliseconds(20), [&] { later.set_value(); }); });
    ready(later.get_future());
    return run_on(loop, [&] { return loop.turn(); }) - before;
  }
  template <class Condition>
  void until(Condition condition) {
    const Instant give_up = steady_now() + kPatience;
    while (!run_on(loop, condition)) GYRE_ASSERT(steady_now() < give_up);
  }

  Loop loop{"loop"};
  std::string address;
  std::unique_ptr<PlainSocket> plain;
  std::shared_ptr<End> end;
};

TEST_F(SocketTest, KnowsBothItsEnds) {
  EXPECT_EQ(end->socket.local(), address);
  EXPECT_THAT(end->socket.peer(), HasSubstr("127.0.0.1:"));
}

TEST_F(SocketTest, IsToldUntilAllIsRead) {
  end->room_bytes = 2;
  plain->send("abcdefg");
  run_on(loop, [&] { end->socket.want_reading(true); });
  until([&] { return end->received == "abcdefg"; });
  EXPECT_GE(run_on(loop, [&] { return end->readable; }), 4);
}

TEST_F(SocketTest, WhoWantsNothingIsNotToldAndDoesNotKeepTheLoopBusy) {
  run_on(loop, [&] {
    end->reads = false;
    end->socket.want_reading(true);
    end->socket.want_reading(false);
  });
  plain->send("x");
  EXPECT_LT(turns_of_an_idle_loop(), 20u);
  EXPECT_EQ(run_on(loop, [&] { return end->readable; }), 0);
  run_on(loop, [&] { end->socket.want_reading(true); });
  until([&] { return end->readable > 0; });
}

TEST_F(SocketTest, APeerThatIsGoneKeepsNoLoopBusyWhereNothingIsWanted) {
  run_on(loop, [&] {
    end->socket.want_reading(true);
    end->socket.want_writing(true);
  });
  until([&] { return end->writable > 0; });
  run_on(loop, [&] { end->socket.want_reading(false); });
  plain.reset();
  EXPECT_LT(turns_of_an_idle_loop(), 20u);
  run_on(loop, [&] { end->socket.want_reading(true); });
  until([&] { return end->ended; });
  EXPECT_LT(turns_of_an_idle_loop(), 20u);
}

TEST_F(SocketTest, ThePeersLastBytesComeBeforeItsEnd) {
  run_on(loop, [&] { end->socket.want_reading(true); });
  plain->send("last");
  plain->close();
  until([&] { return end->ended; });
  EXPECT_EQ(end->received, "last");
}

TEST_F(SocketTest, AFullSocketSaysSoAndWhenThereIsRoom) {
  const std::string much(1 << 20, 'm');
  std::size_t sent = 0;
  const std::error_code full = run_on(loop, [&] {
    for (;;) {
      const auto bytes = end->socket.write(much);
      if (!bytes) return bytes.error();
      sent += *bytes;
    }
  });
  EXPECT_TRUE(Socket::not_yet(full));
  run_on(loop, [&] { end->socket.want_writing(true); });
  let_turns_pass(loop);
  EXPECT_EQ(run_on(loop, [&] { return end->writable; }), 0);
  EXPECT_EQ(plain->read(sent).size(), sent);
  until([&] { return end->writable > 0; });
}

TEST_F(SocketTest, ManyPartsLeaveAsOne) {
  run_on(loop, [&] {
    std::string a = "one ", b = "two";
    const iovec parts[] = {{a.data(), a.size()}, {b.data(), b.size()}};
    EXPECT_EQ(end->socket.write(std::span(parts)), 7u);
  });
  EXPECT_EQ(plain->read(7), "one two");
}

TEST_F(SocketTest, ItKeepsItsOwnerUntilItIsClosed) {
  const std::weak_ptr<End> watched = end;
  Socket& socket = end->socket;
  end.reset();
  let_turns_pass(loop);
  ASSERT_FALSE(watched.expired());
  run_on(loop, [&] {
    socket.close();
    EXPECT_FALSE(watched.expired());  // not within its own call
  });
  end_of_turn(loop);
  run_on(loop, [] {});
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(plain->read(), "");
  end = std::make_shared<End>(loop, asio::ip::tcp::socket(loop.beside()));
}

TEST_F(SocketTest, ItsEndIsToldWithThePeerAndTheReason) {
  EXPECT_THAT(end->socket.end().message, HasSubstr("closed the connection"));
  const auto reset = end->socket.end(std::make_error_code(std::errc::connection_reset));
  EXPECT_THAT(reset.message, HasSubstr("closed the connection"));
  const auto broken = end->socket.end(std::make_error_code(std::errc::timed_out));
  EXPECT_THAT(broken.message, HasSubstr(end->socket.peer()));
  EXPECT_THAT(broken.message, HasSubstr("failed"));
  EXPECT_EQ(broken.code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace gyre::net
