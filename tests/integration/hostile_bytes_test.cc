// Rubbish at the native port of a node and of a coordinator: the connection may suffer, nobody else does.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

// A plain TCP connection to a loopback address.
class RawConnection {
 public:
  explicit RawConnection(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  ~RawConnection() { ::close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // What the server has closed before all is sent is no failure here.
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // Reads until the server closes; false: it did not within `limit`.
  bool closed_within(std::chrono::milliseconds limit) const {
    return eventually(limit, [&] {
      pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
      char bytes[4096];
      while (::poll(&wanted, 1, 0) > 0) {
        if (::recv(fd_, bytes, sizeof bytes, 0) <= 0) return true;
      }
      return false;
    });
  }

 private:
  int fd_;
};

std::string u32(std::uint32_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

class HostileBytes : public ::testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    sandbox_ = std::make_unique<Sandbox>();
    const auto up = sandbox_->up({"--nodes", "1"});
    ASSERT_EQ(up.status, 0) << up.err;
    ASSERT_EQ(sandbox_->gyre({"put", "k", "v"}).status, 0);
  }
  static void TearDownTestSuite() { sandbox_.reset(); }

  void SetUp() override {
    before_ = sandbox_->process(GetParam());
    ASSERT_EQ(before_["state"], "up");
  }
  // Whatever was sent, the same process serves everybody else.
  void TearDown() override {
    const Json after = sandbox_->process(GetParam());
    EXPECT_EQ(after["state"], "up");
    EXPECT_EQ(after["pid"], before_["pid"]);
    EXPECT_EQ(sandbox_->gyre({"put", "k", "v"}).status, 0);
    EXPECT_EQ(sandbox_->gyre({"get", "k"}).out, "v");
  }

  std::string native() const { return before_["native"]; }
  // Sum of the samples whose name contains "malformed".
  double malformed() const {
    double sum = 0;
    std::istringstream lines(http_get(before_["http"], "/metrics").body);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#') || line.find("malformed") == std::string::npos) continue;
      sum += std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
  }

  static inline std::unique_ptr<Sandbox> sandbox_;
  Json before_;
};

TEST_P(HostileBytes, AnHttpRequestIsClosedAndCounted) {
  const double before = malformed();
  const RawConnection connection(native());
  connection.send("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: lost\r\nAccept: */*\r\n\r\n");
  EXPECT_TRUE(connection.closed_within(5s));
  EXPECT_TRUE(eventually(5s, [&] { return malformed() > before; }));
}

TEST_P(HostileBytes, ARespCommandIsClosed) {
  const RawConnection connection(native());
  connection.send("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
  EXPECT_TRUE(connection.closed_within(5s));
}

TEST_P(HostileBytes, RandomBytesFromManyConnectionsHurtNobody) {
  std::mt19937_64 random(20240607);
  for (int i = 0; i < 200; ++i) {
    const RawConnection connection(native());
    std::string bytes(1 + random() % 5000, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    connection.send(bytes);
  }
}

TEST_P(HostileBytes, AHeaderThatAnnouncesTooMuchIsClosedAtOnce) {
  for (const std::uint32_t words : {0x08000000u, 0x7fffffffu, 0xffffffffu}) {
    const RawConnection connection(native());
    connection.send(u32(0) + u32(words));
    EXPECT_TRUE(connection.closed_within(5s)) << words;
  }
  const RawConnection connection(native());
  connection.send(u32(0xffffffff) + u32(1));  // segments
  EXPECT_TRUE(connection.closed_within(5s));
}

TEST_P(HostileBytes, AFrameOfZeroesIsAnsweredOrClosed) {
  const RawConnection connection(native());
  connection.send(u32(0) + u32(0));                                // one empty segment
  connection.send(u32(0) + u32(1) + std::string(8, '\0'));         // a null root
  connection.send(u32(0) + u32(2) + std::string(16, '\xff'));      // a root that points nowhere
  EXPECT_TRUE(connection.closed_within(5s));
}

TEST_P(HostileBytes, HalfAFrameAndSilenceHoldsUpNobodyElse) {
  const RawConnection header(native()), part(native()), nothing(native());
  header.send(u32(0));
  part.send(u32(0) + u32(1024) + std::string(100, 'x'));
  EXPECT_EQ(sandbox_->gyre({"get", "k"}).out, "v");
}

TEST_P(HostileBytes, ConnectionsThatComeAndGoLeaveNothingBehind) {
  for (int i = 0; i < 300; ++i) {
    const RawConnection connection(native());
    if (i % 2 == 0) connection.send("x");
  }
}

INSTANTIATE_TEST_SUITE_P(Roles, HostileBytes, ::testing::Values("n1", "c1"),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace gyre::integration
