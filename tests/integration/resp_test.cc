// Redis clients and a whole cluster: a raw socket, redis-cli and redis-benchmark.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"
#include "wire/resp_reader.h"

namespace gyre::integration {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using wire::RespValue;

std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

class RespClient {
 public:
  explicit RespClient(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port_of(address))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~RespClient() { ::close(fd_); }
  RespClient(const RespClient&) = delete;
  RespClient& operator=(const RespClient&) = delete;

  // Of an inline command.
  RespValue ask(const std::string& line) {
    const std::string request = line + "\r\n";
    EXPECT_EQ(::send(fd_, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    while (true) {
      const auto reply = reader_.next(received_);
      if (!reply) return {.kind = RespValue::Kind::error, .text = reply.error().message};
      received_.erase(0, reply->consumed);
      if (reply->value) return *reply->value;
      std::array<char, 4096> more{};
      const ssize_t bytes = ::recv(fd_, more.data(), more.size(), 0);
      if (bytes <= 0) return {.kind = RespValue::Kind::error, .text = "no answer"};
      received_.append(more.data(), static_cast<std::size_t>(bytes));
    }
  }

 private:
  int fd_;
  wire::RespReader reader_;
  std::string received_;
};

// Both outputs of a shell command.
std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> part{};
  while (const std::size_t bytes = std::fread(part.data(), 1, part.size(), pipe)) out.append(part.data(), bytes);
  ::pclose(pipe);
  return out;
}

bool installed(const std::string& program) { return !run("command -v " + program).empty(); }

class RespTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Output up = sandbox_.up();
    ASSERT_EQ(up.status, 0) << up.err;
  }
  std::string resp_of(const std::string& id) const { return sandbox_.process(id)["resp"].get<std::string>(); }

  Sandbox sandbox_;
};

TEST_F(RespTest, ANodeAnswersForItsSlotsAndSendsElsewhereForOthers) {
  RespClient n1(resp_of("n1"));
  EXPECT_EQ(n1.ask("PING").text, "PONG");
  EXPECT_EQ(n1.ask("HELLO 3").kind, RespValue::Kind::map);
  const std::string here = sandbox_.key_on("n1");
  const std::string there = sandbox_.key_on("n2");
  EXPECT_EQ(n1.ask("SET " + here + " value").text, "OK");
  EXPECT_EQ(n1.ask("GET " + here).text, "value");
  const RespValue moved = n1.ask("SET " + there + " value");
  EXPECT_THAT(moved.text, StartsWith("MOVED "));
  EXPECT_THAT(moved.text, HasSubstr(resp_of("n2")));
  EXPECT_EQ(sandbox_.gyre({"get", here}).out, "value");
}

TEST_F(RespTest, SlotsAreThoseOfTheMap) {
  RespClient n1(resp_of("n1"));
  std::int64_t next = 0;
  for (const RespValue& range : n1.ask("CLUSTER SLOTS").items) {
    EXPECT_EQ(range.items.at(0).integer, next);
    next = range.items.at(1).integer + 1;
  }
  EXPECT_EQ(next, 16384);
  EXPECT_THAT(n1.ask("CLUSTER INFO").text, HasSubstr("cluster_state:ok"));
}

TEST_F(RespTest, RedisCliFollowsRedirections) {
  if (!installed("redis-cli")) GTEST_SKIP() << "no redis-cli";
  const std::string cli = "redis-cli -c -p " + port_of(resp_of("n1")) + " ";
  for (const char* node : {"n1", "n2", "n3"}) {
    const std::string key = sandbox_.key_on(node);
    EXPECT_EQ(run(cli + "SET " + key + " " + node), "OK\n");
    EXPECT_EQ(run(cli + "GET " + key), std::string(node) + "\n");
  }
}

TEST_F(RespTest, RedisBenchmarkRunsWithoutErrors) {
  if (!installed("redis-benchmark")) GTEST_SKIP() << "no redis-benchmark";
  const std::string out = run("redis-benchmark --cluster -t set,get -n 20000 -c 20 --csv -p " + port_of(resp_of("n1")));
  EXPECT_THAT(out, HasSubstr("\"SET\","));
  EXPECT_THAT(out, HasSubstr("\"GET\","));
  EXPECT_THAT(out, Not(HasSubstr("rror")));
}

}  // namespace
}  // namespace gyre::integration
