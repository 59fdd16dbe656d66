#include "observe/deadline_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "net/loop.h"

namespace gyre::observe {
namespace {

using namespace std::chrono_literals;

class DeadlineStreamTest : public testing::Test {
 protected:
  DeadlineStreamTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0); }
  ~DeadlineStreamTest() override {
    for (const int end : ends) ::close(end);
  }

  DeadlineStream stream(Duration limit, std::size_t read_bytes_max = 1000) const {
    return {ends[0], net::steady_now() + limit, read_bytes_max};
  }
  void send(const std::string& text) const {
    ASSERT_EQ(::send(ends[1], text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  std::array<int, 2> ends{};
};

TEST_F(DeadlineStreamTest, ReadsWhatIsThereInSmallAndInLargePieces) {
  send("hello");
  DeadlineStream s = stream(10s);
  std::array<char, 10> to{};
  EXPECT_EQ(s.read(to.data(), 1), 1);
  EXPECT_EQ(to[0], 'h');
  EXPECT_TRUE(s.is_readable());
  EXPECT_EQ(s.read(to.data(), to.size()), 4);
  EXPECT_EQ(std::string(to.data(), 4), "ello");
  ::shutdown(ends[1], SHUT_WR);
  EXPECT_EQ(s.read(to.data(), to.size()), 0);
}

TEST_F(DeadlineStreamTest, ReadsNoMoreThanIsAllowed) {
  send("0123456789");
  DeadlineStream s = stream(10s, 4);
  std::array<char, 10> to{};
  EXPECT_EQ(s.read(to.data(), to.size()), 4);
  EXPECT_LT(s.read(to.data(), to.size()), 0);
}

TEST_F(DeadlineStreamTest, APeerThatSendsAByteNowAndThenIsNotWaitedForBeyondTheDeadline) {
  const Instant begin = net::steady_now();
  DeadlineStream s = stream(50ms, std::size_t{1} << 40);
  char byte = 0;
  do {
    send("x");
    if (net::steady_now() - begin > 10s) break;
  } while (s.read(&byte, 1) > 0);
  EXPECT_GE(net::steady_now() - begin, 50ms);
  EXPECT_LT(net::steady_now() - begin, 10s);
}

TEST_F(DeadlineStreamTest, WritesEverythingToAPeerThatReads) {
  const std::string text(1 << 20, 'x');
  std::size_t received = 0;
  std::jthread peer([&] {
    std::array<char, 4096> chunk;
    while (received < text.size()) received += static_cast<std::size_t>(::recv(ends[1], chunk.data(), chunk.size(), 0));
  });
  DeadlineStream s = stream(10s);
  EXPECT_EQ(s.write(text.data(), text.size()), static_cast<ssize_t>(text.size()));
  peer.join();
  EXPECT_EQ(received, text.size());
}

TEST_F(DeadlineStreamTest, GivesUpAPeerThatReadsNothing) {
  const std::string text(16 << 20, 'x');
  DeadlineStream s = stream(50ms);
  EXPECT_LT(s.write(text.data(), text.size()), 0);
}

TEST_F(DeadlineStreamTest, NoticesAPeerThatIsGone) {
  ::shutdown(ends[1], SHUT_RDWR);
  DeadlineStream s = stream(10s);
  EXPECT_LT(s.write("x", 1), 0);
}

}  // namespace
}  // namespace gyre::observe
