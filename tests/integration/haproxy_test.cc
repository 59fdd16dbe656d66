// Two routers behind HAProxy, by the configuration that is shipped.
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/program.h"
#include "tests/integration/redis_clients.h"
#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using ::testing::HasSubstr;
using wire::RespValue;

// Sends a command again over another connection where one was lost, as Redis clients do.
class Reconnecting {
 public:
  explicit Reconnecting(std::string address) : address_(std::move(address)) {}

  RespValue ask(const std::string& line) {
    RespValue answer;
    const auto answered = [&] {
      if (!client_) client_ = std::make_unique<RespClient>(address_);
      answer = client_->ask(line);
      if (answer.text != kNoAnswer) return true;
      client_.reset();
      ++reconnects_;
      return false;
    };
    EXPECT_TRUE(eventually(10s, answered));
    return answer;
  }
  int reconnects() const { return reconnects_; }

 private:
  std::string address_;
  std::unique_ptr<RespClient> client_;
  int reconnects_ = 0;
};

class HaproxyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!installed("haproxy")) GTEST_SKIP() << "no haproxy";
    const Output up = sandbox_.up({"--routers", "2"});
    ASSERT_EQ(up.status, 0) << up.err;
    const std::uint16_t port = Sandbox::free_ports(2);
    address_ = "127.0.0.1:" + std::to_string(port);
    stats_ = "127.0.0.1:" + std::to_string(port + 1);
    std::string text = sandbox_.read_file(HAPROXY_CONFIGURATION);
    const auto replace = [&](const std::string& shipped, const std::string& here) {
      const auto at = text.find(shipped);
      ASSERT_NE(at, std::string::npos) << shipped;
      text.replace(at, shipped.size(), here);
    };
    replace("127.0.0.1:6379", address_);
    replace("bind 127.0.0.1:8404", "bind " + stats_);
    for (const auto& [router, shipped] :
         {std::pair{"r1", "127.0.0.1:7402 port 7403"}, {"r2", "127.0.0.1:7405 port 7406"}}) {
      const Json process = sandbox_.process(router);
      replace(shipped, process["resp"].get<std::string>() + " port " + port_of(process["http"].get<std::string>()));
    }
    haproxy_ = std::make_unique<Program>(Words{"haproxy", "-f", sandbox_.write_file("haproxy.cfg", text)});
  }
  // HAProxy wants its semicolon as it is, which the HTTP library does not.
  std::string stats() const {
    return run("bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port_of(stats_) +
               " && printf \"GET /;csv HTTP/1.0\\r\\n\\r\\n\" >&3 && cat <&3'");
  }
  // As HAProxy sees it: "UP", "DOWN".
  std::string state_of(const std::string& router) const {
    const std::string all = stats();
    const auto line = all.find("routers," + router + ",");
    if (line == std::string::npos) return "unknown";
    const std::string fields = all.substr(line, all.find('\n', line) - line);
    return fields.find(",UP,") != std::string::npos ? "UP" : "DOWN";
  }

  Sandbox sandbox_;
  std::string address_;
  std::string stats_;
  std::unique_ptr<Program> haproxy_;
};

TEST_F(HaproxyTest, ClientsOfARouterThatIsKilledGoOnWithTheOther) {
  ASSERT_TRUE(eventually(10s, [&] { return state_of("r1") == "UP" && state_of("r2") == "UP"; })) << stats();
  std::vector<Reconnecting> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(address_);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    ASSERT_EQ(clients[i].ask("SET key" + std::to_string(i) + " before").text, "OK");
  }
  ASSERT_EQ(sandbox_.gyre({"cluster", "kill", "r1"}).status, 0);
  int reconnects = 0;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_EQ(clients[i].ask("GET key" + std::to_string(i)).text, "before");
    EXPECT_EQ(clients[i].ask("SET key" + std::to_string(i) + " after").text, "OK");
    reconnects += clients[i].reconnects();
  }
  EXPECT_EQ(reconnects, 2) << "half of them had the router that was killed, and nobody has to wait for a check";
  EXPECT_TRUE(eventually(10s, [&] { return state_of("r1") == "DOWN"; }));
  ASSERT_EQ(sandbox_.gyre({"cluster", "start", "r1"}).status, 0);
  EXPECT_TRUE(eventually(10s, [&] { return state_of("r1") == "UP"; }));
}

}  // namespace
}  // namespace gyre::integration
