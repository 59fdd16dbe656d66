#include "node/resp_backend.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "net/listener.h"
#include "node/loop_environment.h"
#include "resp/session.h"
#include "storage/memory_engine.h"
#include "support.h"
#include "tests/unit/resp/raw_client.h"

namespace gyre::node {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint32_t kRespPartitions = 4;
constexpr Duration kTakeLimit = std::chrono::milliseconds(300);

// A node of two loops, each with a host and a pool thread of its own; the first loop has all sessions.
class RespBackendTest : public testing::Test {
 protected:
  struct Shard {
    explicit Shard(const char* name) : loop(name) {}
    net::Loop loop;
    storage::MemoryEngine engine;
    net::BlockingPool pool{"pool", 1};
    std::shared_ptr<PeerLinks> peers = std::make_shared<PeerLinks>(loop, PeerLinksOptions{}, nullptr);
    LoopEnvironment environment{loop, pool, *peers, [](messages::Message) {}};
    std::unique_ptr<runtime::PartitionHost> host;
  };

  RespBackendTest() {
    spdlog::set_level(spdlog::level::off);
    for (std::uint32_t i = 0; i < 2; ++i) {
      shards.push_back(std::make_unique<Shard>(i == 0 ? "shard-0" : "shard-1"));
      Shard& shard = *shards[i];
      runtime::HostOptions options;
      options.self = NodeId("n1");
      options.incarnation = Incarnation(1);
      options.shard = i;
      options.shards = 2;
      shard.host = *runtime::PartitionHost::open(options, shard.engine, *ledger, shard.environment, metrics);
      shard.loop.on_turn_end([host = shard.host.get()] { host->end_turn(); });
      slots.push_back({&shard.loop, shard.host.get()});
    }
    view.loop = &front();
    view.hosts = &slots;
    view.malformed = &malformed;
    node.self = NodeId("n1");
    backend.emplace(view, node.self);
    shared.emplace(front(), *backend, node, malformed);
    net::ByteLimits limits;
    limits.take_limit = kTakeLimit;
    listener = *net::Listener::open_bytes("127.0.0.1:0", {&front()}, limits, [this](const auto& accepted) {
      const auto session = std::make_shared<resp::Session>(*shared, accepted);
      sessions.push_back(session);
      accepted->start(session);
    });
    for (auto& shard : shards) shard->loop.start();
    client.emplace(listener->address());
    wait_until([&] { return run_on(front(), [&] { return !sessions.empty(); }); });
  }
  ~RespBackendTest() override {
    client.reset();
    run_on(front(), [&] { listener.reset(); });
    wait_until([&] {
      return run_on(front(), [&] { return std::ranges::all_of(sessions, [](auto& each) { return each.expired(); }); });
    });
    for (auto& shard : shards) shard->loop.stop();
    for (auto& shard : shards) shard->loop.join();
  }

  net::Loop& front() { return shards[0]->loop; }

  void adopt_map(const NodeId& primary = NodeId("n1")) {
    auto map = std::make_shared<ring::ClusterMap>();
    map->cluster = Uuid::from_words(1, 1);
    map->epoch = Epoch(1);
    map->shape.partitions = kRespPartitions;
    map->shape.replication_factor = 2;
    map->nodes = {{.id = NodeId("n1")}, {.id = NodeId("n2")}};
    map->nodes[0].addresses.resp = "127.0.0.1:7402";
    map->nodes[1].addresses.resp = "127.0.0.1:7412";
    map->entries.resize(kRespPartitions);
    for (auto& entry : map->entries) {
      entry.term = Term(1);
      entry.primary = primary;
      entry.primary_incarnation = Incarnation(1);
      if (!primary.empty()) entry.in_sync = {{primary, Generation(0)}};
    }
    run_on(front(), [&] { view.map = map; });
    for (auto& shard : shards) run_on(shard->loop, [&] { shard->host->on_map(map); });
    if (primary == NodeId("n1")) wait_until([&] { return served() == kRespPartitions; });
  }
  std::size_t served() {
    std::size_t sum = 0;
    for (auto& shard : shards) sum += run_on(shard->loop, [&] { return shard->host->partitions_served(); });
    return sum;
  }
  void expect(std::string_view request, std::string_view answer) {
    EXPECT_EQ(client->answer(request, answer), answer) << request.substr(0, 100);
  }

  MetricsRegistry registry;
  runtime::HostMetrics metrics{registry};
  std::unique_ptr<storage::Ledger> ledger = storage::make_memory_ledger();
  std::vector<std::unique_ptr<Shard>> shards;
  std::vector<HostSlot> slots;
  Counter malformed;
  LoopView view;
  resp::Server node;
  std::optional<RespBackend> backend;
  std::optional<resp::Session::Shared> shared;
  std::vector<std::weak_ptr<resp::Session>> sessions;
  std::unique_ptr<net::Listener> listener;
  std::optional<resp::RawClient> client;
};

TEST_F(RespBackendTest, BeforeAMapItAnswersWhatNeedsNone) {
  expect("PING\r\nGET k\r\nPING a\r\n",
         "+PONG\r\n-LOADING this node has no cluster map yet: it waits for its coordinator\r\n$1\r\na\r\n");
}

TEST_F(RespBackendTest, AnswersAPipelineOverBothLoopsInOrder) {
  adopt_map();
  std::string request;
  std::string answer;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "k" + std::to_string(i);
    request += "SET " + key + " " + key + "\r\nGET " + key + "\r\nECHO " + key + "\r\n";
    const std::string bulk = "$" + std::to_string(key.size()) + "\r\n" + key + "\r\n";
    answer += "+OK\r\n" + bulk + bulk;
  }
  expect(request, answer);
}

TEST_F(RespBackendTest, WhatUpdatesKeepsItsPlaceAmongReadsAndWritesOfItsKey) {
  adopt_map();
  std::string request;
  std::string answer;
  std::string value;
  for (int i = 0; i < 100; ++i) {
    value += 'x';
    request += "APPEND k x\r\nSTRLEN k\r\nAPPEND other y\r\n";
    const std::string length = ":" + std::to_string(value.size()) + "\r\n";
    answer += length + length + length;
  }
  expect(request + "SET k v\r\nGET k\r\nGETSET k w\r\nGET k\r\n", answer + "+OK\r\n$1\r\nv\r\n$1\r\nv\r\n$1\r\nw\r\n");
}

TEST_F(RespBackendTest, SendsToWhereTheSlotIsServed) {
  adopt_map(NodeId("n2"));
  expect("GET foo\r\nSET foo bar\r\n", "-MOVED 12182 127.0.0.1:7412\r\n-MOVED 12182 127.0.0.1:7412\r\n");
}

TEST_F(RespBackendTest, ASlotThatNobodyServesIsDown) {
  adopt_map(NodeId());
  expect("GET foo\r\n", "-CLUSTERDOWN Hash slot not served\r\n");
}

TEST_F(RespBackendTest, KeysOfTwoSlotsAreRefused) {
  adopt_map();
  EXPECT_THAT(client->answer("MGET a b\r\n", "-CROSSSLOT"), "-CROSSSLOT");
}

TEST_F(RespBackendTest, TakesACommandInSinglePieces) {
  adopt_map();
  const std::string value(100'000, 'v');
  for (const char c : std::string_view("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n")) client->send({&c, 1});
  for (std::size_t at = 0; at < value.size(); at += 10'000) {
    client->send(std::string_view(value).substr(at, 10'000));
    let_turns_pass(front());
  }
  expect("\r\n", "+OK\r\n");
  expect("GET k\r\n", "$100000\r\n" + value + "\r\n");
}

TEST_F(RespBackendTest, AProtocolErrorIsAnsweredInItsPlaceThenCloses) {
  adopt_map();
  client->send("SET k v\r\n*1\r\n$-5\r\nPING\r\n");
  EXPECT_EQ(client->rest(), "+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
  wait_until([&] { return malformed.value() == 1; });
}

TEST_F(RespBackendTest, ABrowserIsToldNothing) {
  client->send("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nPING\r\n");
  EXPECT_EQ(client->rest(), "");
}

TEST_F(RespBackendTest, QuitAnswersThenCloses) {
  client->send("PING\r\nQUIT\r\nPING\r\n");
  EXPECT_EQ(client->rest(), "+PONG\r\n+OK\r\n");
}

TEST_F(RespBackendTest, HelloChangesTheVersionOfWhatFollows) {
  adopt_map();
  expect("GET k\r\n", "$-1\r\n");
  EXPECT_THAT(client->answer("HELLO 3 SETNAME me\r\n", "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n"), StartsWith("%7\r\n"));
  client->send("QUIT\r\n");
  EXPECT_THAT(client->rest(), HasSubstr("$5\r\nproto\r\n:3\r\n"));
  client.emplace(listener->address());
  EXPECT_EQ(client->answer("HELLO 4\r\n", "-NOPROTO"), "-NOPROTO");
  client.emplace(listener->address());
  EXPECT_EQ(client->answer("HELLO -1\r\n", "-NOPROTO"), "-NOPROTO");
}

TEST_F(RespBackendTest, RepliesAreLeftOutAsAsked) {
  expect("CLIENT REPLY SKIP\r\nPING 1\r\nPING 2\r\nCLIENT REPLY OFF\r\nPING 3\r\nCLIENT REPLY ON\r\nPING 4\r\n",
         "$1\r\n2\r\n+OK\r\n$1\r\n4\r\n");
}

TEST_F(RespBackendTest, ARepliesOnIsAnsweredEvenWhereItWasToBeSkipped) {
  expect("CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING 1\r\n", "+OK\r\n$1\r\n1\r\n");
}

TEST_F(RespBackendTest, WhoSendsNoMoreGetsWhatItIsOwed) {
  adopt_map();
  client->send("SET k v\r\nGET k\r\nGET");
  client->send_no_more();
  EXPECT_EQ(client->rest(), "+OK\r\n$1\r\nv\r\n");
}

// What members would refuse must not get into a history.
TEST_F(RespBackendTest, WhatNoMemberWouldTakeIsRefused) {
  adopt_map();
  const std::string key(limits::kKeyBytesMax + 1, 'k');
  EXPECT_THAT(client->answer(fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n$1\r\nv\r\n", key.size(), key), "-ERR a key"),
              "-ERR a key");
  client.emplace(listener->address());
  std::string many = fmt::format("*{}\r\n$3\r\nDEL\r\n", limits::kBatchOperationsMax + 2);
  for (std::size_t i = 0; i <= limits::kBatchOperationsMax; ++i) many += "$1\r\nk\r\n";
  EXPECT_THAT(client->answer(many, "-ERR "), "-ERR ");
  client.emplace(listener->address());
  std::string reads = fmt::format("*{}\r\n$4\r\nMGET\r\n", limits::kBatchOperationsMax + 2);
  for (std::size_t i = 0; i <= limits::kBatchOperationsMax; ++i) reads += "$1\r\nk\r\n";
  EXPECT_THAT(client->answer(reads, "-ERR 10001 keys"), "-ERR 10001 keys");
}

TEST_F(RespBackendTest, WhoTakesNoAnswersIsCutOff) {
  adopt_map();
  const std::string value(100'000, 'v');
  expect("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n" + value + "\r\n", "+OK\r\n");
  std::string request;
  for (int i = 0; i < 400; ++i) request += "GET k\r\n";
  client->send(request);
  wait_until([&] { return run_on(front(), [&] { return sessions[0].expired(); }); });
}

TEST_F(RespBackendTest, FinishesWhatIsOpenThenCloses) {
  adopt_map();
  expect("SET k v\r\n", "+OK\r\n");
  run_on(front(), [&] { sessions[0].lock()->finish(); });
  EXPECT_EQ(client->rest(), "");
}

}  // namespace
}  // namespace gyre::node
