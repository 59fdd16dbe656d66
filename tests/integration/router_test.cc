// Redis clients that know no clusters, and a router before real nodes.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/redis_clients.h"
#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using wire::RespValue;
using namespace std::chrono_literals;

class RouterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Output up = sandbox_.up({"--routers", "1"});
    ASSERT_EQ(up.status, 0) << up.err;
    EXPECT_THAT(up.out, HasSubstr("Any Redis client: "));
    resp_ = sandbox_.process("r1")["resp"].get<std::string>();
    for (const char* node : {"n1", "n2", "n3"}) keys_.push_back(sandbox_.key_on(node));
  }

  Sandbox sandbox_;
  std::string resp_;
  std::vector<std::string> keys_;  // one on each node
};

TEST_F(RouterTest, TheClusterIsOneRedis) {
  RespClient client(resp_);
  EXPECT_THAT(client.ask("INFO").text, HasSubstr("redis_mode:standalone"));
  EXPECT_EQ(client.ask("CLUSTER SLOTS").text, "ERR This instance has cluster support disabled");
  for (const std::string& key : keys_) {
    EXPECT_EQ(client.ask("SET " + key + " of-" + key).text, "OK");
    EXPECT_EQ(client.ask("GET " + key).text, "of-" + key);
  }
  EXPECT_EQ(sandbox_.gyre({"get", keys_[1]}).out, "of-" + keys_[1]);
}

TEST_F(RouterTest, CommandsOfManyKeysAreDividedAndJoined) {
  RespClient client(resp_);
  EXPECT_EQ(client.ask("MSET " + keys_[0] + " a " + keys_[1] + " b " + keys_[2] + " c").text, "OK");
  const RespValue all = client.ask("MGET " + keys_[2] + " nothing " + keys_[0] + " " + keys_[1]);
  ASSERT_EQ(all.items.size(), 4u);
  EXPECT_EQ(all.items[0].text, "c");
  EXPECT_EQ(all.items[1].kind, RespValue::Kind::null);
  EXPECT_EQ(all.items[2].text, "a");
  EXPECT_EQ(all.items[3].text, "b");
  EXPECT_EQ(client.ask("EXISTS " + keys_[0] + " " + keys_[1] + " nothing").integer, 2);
  EXPECT_EQ(client.ask("DEL " + keys_[0] + " nothing " + keys_[2]).integer, 2);
  EXPECT_EQ(client.ask("GET " + keys_[1]).text, "b");
}

TEST_F(RouterTest, NativeClientsSeeTheRouterAlone) {
  const std::string native = sandbox_.process("r1")["native"].get<std::string>();
  const auto through = [&](Words words) {
    words.insert(words.end(), {"--seeds", native});
    return sandbox_.gyre_anywhere(words);
  };
  for (const std::string& key : keys_) {
    EXPECT_EQ(through({"put", key, "native-" + key, "--ack", "all"}).status, 0);
    EXPECT_EQ(through({"get", key, "--read", "linearizable"}).out, "native-" + key);
    EXPECT_EQ(RespClient(resp_).ask("GET " + key).text, "native-" + key);
    EXPECT_EQ(through({"where", key, "--json"}).json()["primary"], "router");
  }
  EXPECT_EQ(through({"get", "nothing"}).status, 1);
  EXPECT_EQ(through({"incr", "count"}).out, "1\n");
  EXPECT_THAT(through({"scan"}).out, HasSubstr(keys_[0]));
  EXPECT_NE(through({"lost", "list"}).status, 0) << "a router has no ledger";
  // A failover behind it is waited for.
  ASSERT_EQ(sandbox_.gyre({"cluster", "kill", "n1"}).status, 0);
  EXPECT_EQ(through({"put", keys_[0], "again"}).status, 0);
  EXPECT_EQ(through({"get", keys_[0]}).out, "again");
}

TEST_F(RouterTest, ScanFindsEveryKeyOfTheClusterOnce) {
  RespClient client(resp_);
  std::string many = "MSET";
  for (int i = 0; i < 500; ++i) many += " scanned:" + std::to_string(i) + " v";
  ASSERT_EQ(client.ask(many).text, "OK");
  ASSERT_EQ(client.ask("SET other v").text, "OK");
  std::set<std::string> found;
  std::string cursor = "0";
  int calls = 0;
  do {
    const RespValue page = client.ask("SCAN " + cursor + " MATCH scanned:* COUNT 20");
    ASSERT_EQ(page.items.size(), 2u) << page.text;
    for (const RespValue& key : page.items[1].items) EXPECT_TRUE(found.insert(key.text).second) << key.text;
    cursor = page.items[0].text;
    ASSERT_LT(++calls, 200);
  } while (cursor != "0");
  EXPECT_EQ(found.size(), 500u);
  EXPECT_GE(calls, 20);
  EXPECT_EQ(client.ask("KEYS scanned:*9").items.size(), 50u);
  EXPECT_EQ(client.ask("DBSIZE").integer, 501);
  EXPECT_EQ(client.ask("SCAN 0 TYPE list").items.at(1).items.size(), 0u);
}

TEST_F(RouterTest, WhatBindsKeysTogetherNeedsOneSlot) {
  RespClient client(resp_);
  EXPECT_THAT(client.ask("MSETNX " + keys_[0] + " a " + keys_[1] + " b").text, StartsWith("CROSSSLOT"));
  EXPECT_THAT(client.ask("RENAME " + keys_[0] + " " + keys_[1]).text, StartsWith("CROSSSLOT"));
  EXPECT_EQ(client.ask("MSETNX {x}1 a {x}2 b").integer, 1);
}

TEST_F(RouterTest, APipelineIsAnsweredInItsOrder) {
  RespClient client(resp_);
  constexpr int kRounds = 200;
  std::string pipeline;
  for (int i = 0; i < kRounds; ++i) {
    const std::string key = keys_[static_cast<std::size_t>(i) % keys_.size()];
    pipeline += "SET " + key + " " + std::to_string(i) + "\r\nGET " + key + "\r\nINCR n\r\nMGET " + key + " n\r\n";
  }
  client.send(pipeline);
  for (int i = 0; i < kRounds; ++i) {
    EXPECT_EQ(client.receive().text, "OK");
    EXPECT_EQ(client.receive().text, std::to_string(i));
    EXPECT_EQ(client.receive().integer, i + 1);
    const RespValue both = client.receive();
    ASSERT_EQ(both.items.size(), 2u);
    EXPECT_EQ(both.items[0].text, std::to_string(i));
    EXPECT_EQ(both.items[1].text, std::to_string(i + 1));
  }
}

// What no node would take does not even leave: it would end the connection that all clients of the router share.
TEST_F(RouterTest, WhatIsTooLargeIsRefusedAndHarmsNobodyElse) {
  RespClient other(resp_);
  std::string pipeline;
  for (int i = 0; i < 100; ++i) pipeline += "INCR other\r\n";
  other.send(pipeline);
  RespClient client(resp_);
  const std::string long_key(17'000, 'k');
  EXPECT_THAT(client.ask("GET " + long_key).text, HasSubstr("a key of 17000 bytes"));
  EXPECT_THAT(client.ask("SET " + long_key + " v").text, HasSubstr("a key of 17000 bytes"));
  EXPECT_THAT(client.ask("MSET fine v " + long_key + " v").text, HasSubstr("a key of 17000 bytes"));
  EXPECT_EQ(client.ask("GET fine").kind, RespValue::Kind::null) << "no part of it was written";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(other.receive().integer, i + 1);
}

// Each is applied once, however often the router had to send it.
TEST_F(RouterTest, CountersAreExactThroughAFailover) {
  RespClient client(resp_);
  ASSERT_EQ(client.ask("GYRE.ACK all").text, "OK");
  std::string pipeline;
  constexpr int kRounds = 2000;
  for (int i = 0; i < kRounds; ++i) pipeline += "INCR " + keys_[static_cast<std::size_t>(i) % keys_.size()] + "\r\n";
  client.send(pipeline);
  ASSERT_EQ(sandbox_.gyre({"cluster", "kill", "n1"}).status, 0);
  for (int i = 0; i < kRounds; ++i) {
    const RespValue counted = client.receive();
    ASSERT_EQ(counted.integer, i / 3 + 1) << counted.text;
  }
}

// No command fails: the router waits for the node that takes over.
TEST_F(RouterTest, AFailoverIsNotSeen) {
  RespClient client(resp_);
  EXPECT_EQ(client.ask("GYRE.ACK all").text, "OK");
  EXPECT_EQ(client.ask("GYRE.READ linearizable").text, "OK");
  ASSERT_EQ(sandbox_.gyre({"cluster", "kill", "n1"}).status, 0);
  for (int i = 0; i < 300; ++i) {
    const std::string key = keys_[static_cast<std::size_t>(i) % keys_.size()];
    ASSERT_EQ(client.ask("SET " + key + " " + std::to_string(i)).text, "OK");
    ASSERT_EQ(client.ask("GET " + key).text, std::to_string(i));
  }
}

// What one connection has written another one reads, whichever member answers.
TEST_F(RouterTest, ASessionGoesOnInAnotherConnection) {
  RespClient writer(resp_);
  RespClient reader(resp_);
  ASSERT_EQ(writer.ask("GYRE.READ session").text, "OK");
  ASSERT_EQ(reader.ask("GYRE.READ session").text, "OK");
  for (int i = 0; i < 100; ++i) {
    const std::string key = keys_[static_cast<std::size_t>(i) % keys_.size()];
    ASSERT_EQ(writer.ask("SET " + key + " " + std::to_string(i)).text, "OK");
    ASSERT_EQ(writer.ask("GET " + key).text, std::to_string(i));
    const std::string token = writer.ask("GYRE.SESSION").text;
    ASSERT_THAT(token, StartsWith("gs1."));
    ASSERT_EQ(reader.ask("GYRE.SESSION " + token).text, "OK");
    ASSERT_EQ(reader.ask("GET " + key).text, std::to_string(i));
  }
  EXPECT_THAT(reader.ask("GYRE.SESSION nonsense").text, StartsWith("ERR "));
}

TEST_F(RouterTest, AMemberThatIsDrainedGetsNoReads) {
  const auto requests = [&] {
    return sandbox_.gyre({"router", "status", "--json"}).json()["routers"][0]["members"][1]["requests"].get<int>();
  };
  RespClient client(resp_);
  ASSERT_EQ(client.ask("GYRE.READ any").text, "OK");
  const auto read = [&] {
    for (int i = 0; i < 300; ++i) client.ask("GET " + keys_[static_cast<std::size_t>(i) % keys_.size()]);
  };
  // The policy may find it slow at first.
  const auto read_until_asked = [&](int before) {
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (requests() == before && std::chrono::steady_clock::now() < limit) read();
  };
  read_until_asked(0);
  const int before = requests();
  EXPECT_GT(before, 0);
  ASSERT_EQ(sandbox_.gyre({"router", "set", "n2", "--drain"}).status, 0);
  read();
  EXPECT_EQ(requests(), before);
  ASSERT_EQ(sandbox_.gyre({"router", "set", "n2", "--undrain"}).status, 0);
  read_until_asked(before);
  EXPECT_GT(requests(), before);
  const Output unknown = sandbox_.gyre({"router", "set", "n9", "--drain"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("the cluster has no node n9"));
}

TEST_F(RouterTest, TheLoadGeneratorDrivesIt) {
  const Output run = sandbox_.gyre({"bench", "--resp", resp_, "--duration", "500ms", "--warmup", "0s", "--keys", "100",
                                    "--connections", "4", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_GT(run.json()["operations"], 100);
  EXPECT_EQ(run.json()["errors"], 0);
  // Connections that run idle, before and between.
  const Output one = sandbox_.gyre({"bench", "--resp", resp_, "--duration", "500ms", "--warmup", "0s", "--keys", "100",
                                    "--connections", "2", "--depth", "1", "--preload", "--json"});
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_GT(one.json()["operations"], 10);
  EXPECT_EQ(one.json()["errors"], 0);
  EXPECT_EQ(one.json()["reads"]["misses"], 0);
  const Output nobody = sandbox_.gyre({"bench", "--resp", "127.0.0.1:1", "--duration", "1s"});
  EXPECT_EQ(nobody.status, 3);
  EXPECT_THAT(nobody.err, HasSubstr("cannot connect to 127.0.0.1:1"));
}

TEST(RouterWithUsers, AsksWhoOneIs) {
  const Sandbox sandbox;
  const auto users = sandbox.dir() / "users.toml";
  // echo -n secret | sha256sum
  std::ofstream(users) << "[app]\n"
                          "password_sha256 = \"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\"\n";
  const Output up = sandbox.up({"--nodes", "1", "--rf", "1", "--routers", "1", "--users", users.string()});
  ASSERT_EQ(up.status, 0) << up.err;
  for (const char* process : {"r1", "n1"}) {
    const auto resp = sandbox.process(process)["resp"].get<std::string>();
    RespClient client(resp);
    EXPECT_EQ(client.ask("GET k").text, "NOAUTH Authentication required.");
    EXPECT_EQ(client.ask("AUTH app secret").text, "OK");
    EXPECT_EQ(client.ask("SET k v").text, "OK");
    const Words bench{"bench", "--resp", resp, "--resp-user", "app", "--duration", "300ms", "--warmup", "0s", "--json"};
    ::setenv("REDISCLI_AUTH", "wrong", 1);
    const Output refused = sandbox.gyre(bench);
    EXPECT_EQ(refused.status, 3);
    EXPECT_THAT(refused.err, HasSubstr("WRONGPASS"));
    ::setenv("REDISCLI_AUTH", "secret", 1);
    const Output run = sandbox.gyre(bench);
    ::unsetenv("REDISCLI_AUTH");
    ASSERT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.json()["errors"], 0);
    EXPECT_GT(run.json()["operations"], 10);
  }
  EXPECT_EQ(sandbox.gyre({"bench", "--resp-user", "app"}).status, 2);
}

TEST_F(RouterTest, WithoutNodesItSaysSo) {
  ASSERT_EQ(sandbox_.gyre({"cluster", "stop", "n1", "n2", "n3"}).status, 0);
  RespClient client(resp_);
  const RespValue answer = client.ask("GET k");
  EXPECT_EQ(answer.kind, RespValue::Kind::error) << answer.text;
  EXPECT_EQ(client.ask("PING").text, "PONG");
  const Output stop = sandbox_.gyre({"cluster", "stop", "r1"});
  EXPECT_EQ(stop.status, 0) << stop.err;
  EXPECT_EQ(sandbox_.process("r1")["state"], "down");
}

TEST_F(RouterTest, RedisBenchmarkRunsWithoutErrors) {
  if (!installed("redis-benchmark")) GTEST_SKIP() << "no redis-benchmark";
  const std::string out =
      run("redis-benchmark -t set,get,incr,mset -n 20000 -c 20 -P 8 -r 10000 --csv -p " + port_of(resp_));
  EXPECT_THAT(out, HasSubstr("\"SET\","));
  EXPECT_THAT(out, HasSubstr("\"MSET (10 keys)\","));
  EXPECT_THAT(out, Not(HasSubstr("rror")));
}

}  // namespace
}  // namespace gyre::integration
