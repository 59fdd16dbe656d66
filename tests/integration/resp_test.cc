// Redis clients and a whole cluster: a raw socket, redis-cli and redis-benchmark.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/redis_clients.h"
#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using wire::RespValue;

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

// Each moves what it finds from one key to the other and counts its success; with one update lost, the sum would be
// off.
TEST_F(RespTest, TransactionsOfManyClientsLoseNothing) {
  constexpr int kClients = 4;
  constexpr int kTimes = 50;
  const std::string tag = "{" + sandbox_.key_on("n1") + "}";
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([this, &tag] {
      RespClient client(resp_of("n1"));
      for (int done = 0; done < kTimes;) {
        client.ask("WATCH " + tag + "count");
        const std::string count = client.ask("GET " + tag + "count").text;
        client.ask("MULTI");
        client.ask("SET " + tag + "count " + std::to_string((count.empty() ? 0 : std::stoi(count)) + 1));
        client.ask("INCR " + tag + "sum");
        done += client.ask("EXEC").items.size() == 2;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  RespClient client(resp_of("n1"));
  EXPECT_EQ(client.ask("GET " + tag + "count").text, std::to_string(kClients * kTimes));
  EXPECT_EQ(client.ask("GET " + tag + "sum").text, std::to_string(kClients * kTimes));
}

TEST_F(RespTest, WaitTellsOfTheReplicasThatAreThere) {
  RespClient client(resp_of("n1"));
  const std::string key = sandbox_.key_on("n1");
  const auto held = [&](const std::string& wait) {
    EXPECT_EQ(client.ask("SET " + key + " v").text, "OK");
    return client.ask(wait).integer;
  };
  EXPECT_TRUE(eventually(10s, [&] { return held("WAIT 2 1000") == 2; }));
  EXPECT_EQ(held("WAIT 1 0"), 1);
  ASSERT_EQ(sandbox_.gyre({"cluster", "kill", "n3"}).status, 0);
  EXPECT_EQ(held("WAIT 2 0"), 1);
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
