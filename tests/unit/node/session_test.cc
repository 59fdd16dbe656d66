#include "node/session.h"

#include <algorithm>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "node/loop_environment.h"
#include "storage/memory_engine.h"
#include "support.h"

namespace gyre::node {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kPartitions = 4;

// Some key of `partition`.
std::string key_in(std::uint16_t partition) {
  const ring::Partitioning partitioning(kPartitions);
  for (int i = 0;; ++i) {
    std::string key = "k" + std::to_string(i);
    if (partitioning.of(key) == PartitionId(partition)) return key;
  }
}

messages::RequestBody put(const std::string& key, const std::string& value) {
  messages::WriteOperation operation;
  operation.key = Bytes::copy_of(key);
  operation.value = Bytes::copy_of(value);
  return messages::WriteRequest{{operation}};
}

messages::RequestBody get(const std::string& key) { return messages::GetRequest{Bytes::copy_of(key)}; }

// A node of two loops, each with a host and a pool thread of its own; the first loop has all sessions.
class SessionTest : public testing::Test {
 protected:
  // One loop and what lives on it.
  struct Shard {
    explicit Shard(const char* name) : loop(name) {}
    net::Loop loop;
    storage::MemoryEngine engine;
    net::BlockingPool pool{"pool", 1};
    std::shared_ptr<PeerLinks> peers = std::make_shared<PeerLinks>(loop, PeerLinksOptions{}, nullptr);
    LoopEnvironment environment{loop, pool, *peers, [](messages::Message) {}};
    std::unique_ptr<runtime::PartitionHost> host;
  };

  SessionTest() {
    spdlog::set_level(spdlog::level::off);
    for (std::uint32_t i = 0; i < 2; ++i) {
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
    view = {.loop = &front(),
            .map = nullptr,
            .history = nullptr,
            .hosts = &slots,
            .malformed = &malformed,
            .ledger = ledger.get(),
            .environment = &shards[0]->environment,
            .faults = &faults};
    listener = *net::Listener::open("127.0.0.1:0", {&front()}, {}, [this](const net::ConnectionPtr& accepted) {
      const auto session = std::make_shared<Session>(view, accepted);
      sessions.push_back(session);
      accepted->set_faults(&faults, {});
      accepted->start(session);
    });
    for (auto& shard : shards) shard->loop.start();
    client_loop.start();
    connection = connect_with(answers);
  }
  ~SessionTest() override {
    run_on(client_loop, [&] { connection->close({ErrorCode::unavailable, Outcome::not_applied, "done", {}}); });
    answers->wait_for_close();
    run_on(front(), [&] { listener.reset(); });
    wait_until([&] { return run_on(front(), [&] { return std::ranges::all_of(sessions, expired); }); });
    for (auto& shard : shards) shard->loop.stop();
    for (auto& shard : shards) shard->loop.join();
    client_loop.stop();
    client_loop.join();
  }
  // Returns once the connection is accepted: its session is the last of `sessions`.
  net::ConnectionPtr connect_with(std::shared_ptr<Answers> handler) {
    const auto accepted = [this] { return run_on(front(), [this] { return sessions.size(); }); };
    const std::size_t before = accepted();
    auto made = connect_to(client_loop, listener->address(), std::move(handler));
    wait_until([&] { return accepted() > before; });
    return made;
  }
  static bool expired(const std::weak_ptr<Session>& session) { return session.expired(); }

  net::Loop& front() { return shards[0]->loop; }

  // The node serves all partitions; or n2 does, and it is a member.
  void adopt_map(const NodeId& primary = NodeId("n1"), std::uint64_t epoch = 1) {
    auto map = std::make_shared<ring::ClusterMap>();
    map->cluster = Uuid::from_words(1, 1);
    map->epoch = Epoch(epoch);
    map->shape.partitions = kPartitions;
    map->shape.replication_factor = 2;
    map->nodes = {{.id = NodeId("n1")}, {.id = NodeId("n2")}};
    map->entries.resize(kPartitions);
    for (auto& entry : map->entries) {
      entry.term = Term(epoch);
      entry.primary = primary;
      entry.primary_incarnation = Incarnation(1);
      entry.in_sync = {{primary, Generation(0)}};
      if (primary != NodeId("n1")) entry.in_sync.push_back({NodeId("n1"), Generation(0)});
    }
    run_on(front(), [&] {
      history.adopt(map);
      view.map = map;
      view.history = std::make_shared<const ring::MapHistory>(history);
    });
    for (auto& shard : shards) {
      run_on(shard->loop, [&] { shard->host->on_map(map); });
      let_turns_pass(shard->loop);
    }
    // It serves once its term is stored, which the pool does.
    if (primary == NodeId("n1")) wait_until([&] { return served() == kPartitions; });
  }
  std::size_t served() {
    std::size_t sum = 0;
    for (auto& shard : shards) sum += run_on(shard->loop, [&] { return shard->host->partitions_served(); });
    return sum;
  }

  RequestId send(messages::RequestBody body) {
    return run_on(client_loop, [&] {
      const RequestId id(++last_id);
      connection->send(messages::Request{.id = id, .epoch = {}, .body = std::move(body)});
      return id;
    });
  }
  messages::Response ask(messages::RequestBody body) { return answers->wait_for(send(std::move(body))); }
  Error error_of(messages::RequestBody body) { return std::get<Error>(ask(std::move(body)).body); }
  std::size_t open_requests() {
    return run_on(front(), [&] { return shards[0]->host->open_requests(); });
  }
  // Keeps the first shard's pool from working until the promise is kept, or goes.
  std::promise<void> block_pool() {
    std::promise<void> release;
    std::promise<void> begun;
    GYRE_ASSERT(shards[0]->pool.submit([&begun, blocked = release.get_future()] {
      begun.set_value();
      blocked.wait();
    }));
    ready(begun.get_future());
    return release;
  }

  // A heartbeat of the primary of each partition.
  void send_appends(const messages::Sender& sender) {
    run_on(client_loop, [&] {
      connection->set_sender(sender);
      for (std::uint16_t p = 0; p < kPartitions; ++p) {
        messages::Append append;
        append.partition = PartitionId(p);
        append.term = Term(1);
        connection->send(append);
      }
    });
  }
  // Everything that was sent before is handled.
  void settle() {
    ask(messages::MapRequest{});
    for (auto& shard : shards) let_turns_pass(shard->loop);
  }

  MetricsRegistry registry;
  runtime::HostMetrics metrics{registry};
  std::unique_ptr<storage::Ledger> ledger = storage::make_memory_ledger();
  std::vector<std::unique_ptr<Shard>> shards = make_shards();
  std::vector<HostSlot> slots;
  Counter malformed;
  net::Faults faults{true, 1};
  ring::MapHistory history;
  LoopView view;
  std::vector<std::weak_ptr<Session>> sessions;
  std::unique_ptr<net::Listener> listener;
  net::Loop client_loop{"client"};
  std::shared_ptr<Answers> answers = std::make_shared<Answers>();
  net::ConnectionPtr connection;
  std::uint64_t last_id = 0;

 private:
  static std::vector<std::unique_ptr<Shard>> make_shards() {
    std::vector<std::unique_ptr<Shard>> made;
    made.push_back(std::make_unique<Shard>("shard-0"));
    made.push_back(std::make_unique<Shard>("shard-1"));
    return made;
  }
};

TEST_F(SessionTest, WithoutAMapDataIsUnavailableAndTheMapIsNone) {
  const Error error = error_of(get("k"));
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  EXPECT_THAT(error.message, HasSubstr("no cluster map yet"));
  const auto map = ask(messages::MapRequest{});
  EXPECT_TRUE(std::get<messages::MapResponse>(map.body).update.empty());
  EXPECT_EQ(map.epoch, Epoch(0));
}

TEST_F(SessionTest, GivesTheMapToWhoeverHasAnOlderOne) {
  adopt_map();
  const auto newer = ask(messages::MapRequest{Epoch(0)});
  ASSERT_NE(std::get<messages::MapResponse>(newer.body).update.map, nullptr);
  EXPECT_EQ(*std::get<messages::MapResponse>(newer.body).update.map, *view.map);
  EXPECT_EQ(newer.epoch, Epoch(1));
  EXPECT_TRUE(std::get<messages::MapResponse>(ask(messages::MapRequest{Epoch(1)}).body).update.empty());
}

TEST_F(SessionTest, ServesPartitionsOfItsOwnAndOfOtherLoops) {
  adopt_map();
  for (std::uint16_t p = 0; p < kPartitions; ++p) {
    const auto wrote = ask(put(key_in(p), "value"));
    EXPECT_TRUE(std::holds_alternative<messages::WriteResponse>(wrote.body)) << p;
    const auto read = ask(get(key_in(p)));
    EXPECT_EQ(std::get<messages::GetResponse>(read.body).record->value.str(), "value") << p;
    const auto page = ask(messages::ScanRequest{.partition = PartitionId(p)});
    EXPECT_EQ(std::get<messages::ScanResponse>(page.body).items.size(), 1u) << p;
  }
}

TEST_F(SessionTest, AnswersEveryRequestOfAPipeline) {
  adopt_map();
  constexpr std::size_t kRequests = 2000;
  run_on(client_loop, [&] {
    for (std::size_t i = 0; i < kRequests; ++i) {
      const std::string key = "key" + std::to_string(i);
      connection->send(
          messages::Request{.id = RequestId(++last_id), .epoch = {}, .body = i % 2 == 0 ? put(key, "v") : get(key)});
    }
  });
  answers->wait_for_count(kRequests);
}

TEST_F(SessionTest, WhatBelongsToTheCoordinatorIsRefused) {
  adopt_map();
  messages::JoinRequest join;
  join.node.id = NodeId("n2");
  for (const messages::RequestBody& body :
       {messages::RequestBody(messages::StatusRequest{}), messages::RequestBody(join),
        messages::RequestBody(messages::HeartbeatRequest{{}, NodeId("n2"), Incarnation(1), Epoch(0)}),
        messages::RequestBody(messages::EventsRequest{}),
        messages::RequestBody(messages::PromoteRequest{.node = NodeId("n2"), .partitions = {}}),
        messages::RequestBody(messages::PlanRequest{}), messages::RequestBody(messages::ApplyRequest{1}),
        messages::RequestBody(messages::MovesRequest{}), messages::RequestBody(messages::ClusterSetRequest{}),
        messages::RequestBody(messages::NodeSetRequest{.node = NodeId("n2")})}) {
    const Error error = error_of(body);
    EXPECT_EQ(error.code, ErrorCode::unsupported);
    EXPECT_THAT(error.message, HasSubstr("to the coordinator"));
  }
}

TEST_F(SessionTest, APartitionBeyondTheLastIsRefused) {
  adopt_map();
  for (const std::uint16_t p : {4, 5, 16383}) {
    EXPECT_EQ(error_of(messages::ScanRequest{.partition = PartitionId(p)}).code, ErrorCode::invalid_argument) << p;
  }
}

TEST_F(SessionTest, CountsThoseThatSendWhatIsNoFrame) {
  const auto before = malformed.value();
  const int plain = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(net::parse_host_port(listener->address())->port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(plain, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  ASSERT_EQ(::send(plain, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
  wait_until([&] { return malformed.value() == before + 1; });
  ::close(plain);
}

TEST_F(SessionTest, GivesTheMapOncePerTurn) {
  adopt_map();
  run_on(client_loop, [&] {
    for (int i = 0; i < 100; ++i) {
      connection->send(messages::Request{.id = RequestId(++last_id), .epoch = {}, .body = messages::MapRequest{}});
    }
  });
  answers->wait_for_count(100);
  std::size_t maps = 0;
  for (std::uint64_t id = last_id - 99; id <= last_id; ++id) {
    const auto response = answers->wait_for(RequestId(id));
    if (std::holds_alternative<messages::MapResponse>(response.body)) {
      ++maps;
    } else {
      EXPECT_EQ(std::get<Error>(response.body).code, ErrorCode::busy);
    }
  }
  EXPECT_EQ(maps, 1u);
}

TEST_F(SessionTest, TooManyOpenRequestsHoldFurtherReading) {
  adopt_map();
  constexpr std::size_t kScans = limits::kConnectionRequestsInFlightMax + 1;
  auto release = block_pool();
  run_on(client_loop, [&] {
    for (std::size_t i = 0; i < kScans; ++i) {
      connection->send(messages::Request{
          .id = RequestId(++last_id), .epoch = {}, .body = messages::ScanRequest{.partition = PartitionId(0)}});
    }
  });
  wait_until([&] { return open_requests() == kScans; });
  const RequestId held = send(messages::MapRequest{});
  let_turns_pass(client_loop);
  let_turns_pass(front());
  EXPECT_EQ(answers->count(), 0u);
  release.set_value();
  answers->wait_for_count(kScans + 1);
  answers->wait_for(held);
}

TEST_F(SessionTest, MessagesReachTheHostsOfTheirPartitions) {
  adopt_map(NodeId("n2"));
  send_appends({view.map->cluster, NodeId("n2"), Incarnation(1)});
  wait_until([&] { return metrics.appends_received.value() == kPartitions; });
}

TEST_F(SessionTest, MessagesOfAnotherClusterOrOfStrangersAreDropped) {
  adopt_map(NodeId("n2"));
  send_appends({Uuid::from_words(9, 9), NodeId("n2"), Incarnation(1)});
  settle();
  send_appends({view.map->cluster, NodeId("n3"), Incarnation(1)});
  settle();
  send_appends({view.map->cluster, NodeId(), Incarnation(1)});
  settle();
  EXPECT_EQ(metrics.appends_received.value(), 0u);
}

TEST_F(SessionTest, MessagesThatNodesDoNotSendEachOtherAreDropped) {
  send_appends({Uuid::from_words(1, 1), NodeId("n2"), Incarnation(1)});  // without a map
  settle();
  adopt_map(NodeId("n2"));
  run_on(client_loop, [&] {
    connection->set_sender({view.map->cluster, NodeId("n2"), Incarnation(1)});
    connection->send(messages::MapPush{{view.map, nullptr}});
    connection->send(messages::Seal{{{PartitionId(0), Term(9)}}});
    messages::Append beyond;
    beyond.partition = PartitionId(kPartitions);
    connection->send(beyond);
  });
  settle();
  EXPECT_EQ(metrics.appends_received.value(), 0u);
  const auto report = ask(messages::PartitionsRequest{});
  EXPECT_EQ(std::get<messages::PartitionsResponse>(report.body).partitions.at(0).promised, Term(1));
}

TEST_F(SessionTest, ReportsOnThePartitionsOfAllLoopsInOrder) {
  adopt_map();
  messages::PartitionsResponse report;
  // Taking office waits for a sync.
  wait_until([&] {
    report = std::get<messages::PartitionsResponse>(ask(messages::PartitionsRequest{}).body);
    return std::ranges::all_of(report.partitions, &messages::PartitionStatus::serving);
  });
  ASSERT_EQ(report.partitions.size(), kPartitions);
  for (std::uint16_t p = 0; p < kPartitions; ++p) {
    EXPECT_EQ(report.partitions[p].partition, PartitionId(p));
    EXPECT_EQ(report.partitions[p].role, messages::PartitionStatus::Role::primary);
    EXPECT_TRUE(report.partitions[p].serving);
  }
}

TEST_F(SessionTest, TellsWhatChangedToWhoeverKnowsAMapOfLate) {
  adopt_map(NodeId("n2"));
  const ring::ClusterMap before = *view.map;
  adopt_map(NodeId("n2"), 2);
  ring::ClusterMap after = before;  // all but one partition stay as they are
  after.epoch = Epoch(3);
  for (std::size_t p = 1; p < kPartitions; ++p) after.entries[p] = view.map->entries[p];
  after.entries[0].term = Term(3);
  run_on(front(), [&] {
    view.map = std::make_shared<const ring::ClusterMap>(after);
    history.adopt(view.map);
    view.history = std::make_shared<const ring::MapHistory>(history);
  });
  const auto told = std::get<messages::MapResponse>(ask(messages::MapRequest{Epoch(2)}).body).update;
  ASSERT_NE(told.delta, nullptr);
  EXPECT_EQ(told.delta->entries.size(), 1u);
  EXPECT_EQ(std::get<messages::MapResponse>(ask(messages::MapRequest{}).body).update.map->epoch, Epoch(3));
}

TEST_F(SessionTest, TellsTheBusiestOfAllLoopsInOrder) {
  adopt_map();
  for (int i = 0; i < 50; ++i) {
    for (std::uint16_t p = 0; p < kPartitions; ++p) {
      if (i % (p + 1) == 0) ask(put(key_in(p), "v"));
    }
  }
  const auto hot = std::get<messages::HotResponse>(ask(messages::HotRequest{3}).body);
  EXPECT_LE(hot.keys.size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(hot.keys, std::greater(), &messages::HotKey::per_second));
  const auto per_second = [](const auto& item) { return item.reads_per_second + item.writes_per_second; };
  EXPECT_TRUE(std::ranges::is_sorted(hot.partitions, std::greater(), per_second));
}

TEST_F(SessionTest, FaultsAreSetAndShownWithoutAMap) {
  const messages::FaultRule rule{.peer = "n2", .drop = 1};
  const auto set = ask(messages::FaultsRequest{.show = false, .rules = {rule}});
  EXPECT_EQ(std::get<messages::FaultsResponse>(set.body).rules, std::vector{rule});
  EXPECT_EQ(std::get<messages::FaultsResponse>(ask(messages::FaultsRequest{}).body).rules, std::vector{rule});
  EXPECT_EQ(faults.count(), 1u);
}

TEST_F(SessionTest, AFaultThatConcernsANodeStopsItsMessagesAndNoRequests) {
  adopt_map(NodeId("n2"));
  ask(messages::FaultsRequest{.show = false, .rules = {{.peer = "n2", .drop = 1}}});
  const messages::Sender n2{view.map->cluster, NodeId("n2"), Incarnation(1)};
  const auto peer_answers = std::make_shared<Answers>();
  const auto peer = connect_with(peer_answers);
  const auto send_append = [&](std::uint64_t term) {
    run_on(client_loop, [&] {
      peer->set_sender(n2);
      peer->send(messages::Append{.partition = PartitionId(0), .term = Term(term)});
    });
    let_turns_pass(client_loop);
    let_turns_pass(front());
  };
  send_append(1);
  settle();
  EXPECT_EQ(metrics.appends_received.value(), 0u);
  EXPECT_TRUE(std::holds_alternative<messages::PartitionsResponse>(ask(messages::PartitionsRequest{}).body));
  ask(messages::FaultsRequest{.show = false, .rules = {}});
  send_append(1);
  wait_until([&] { return metrics.appends_received.value() >= 1; });
  settle();
  EXPECT_EQ(metrics.appends_received.value(), 1u);
  run_on(client_loop, [&] { peer->close({ErrorCode::unavailable, Outcome::not_applied, "done", {}}); });
  peer_answers->wait_for_close();
}

TEST_F(SessionTest, AFaultThatConcernsClientsStopsAnswersButThoseAboutFaults) {
  adopt_map();
  ask(messages::FaultsRequest{
      .show = false, .rules = {{.peer = "clients", .direction = messages::FaultRule::Direction::out, .drop = 1}}});
  const RequestId lost = send(messages::MapRequest{});
  EXPECT_EQ(std::get<messages::FaultsResponse>(ask(messages::FaultsRequest{}).body).rules.size(), 1u);
  ask(messages::FaultsRequest{.show = false, .rules = {}});
  ask(messages::MapRequest{});
  EXPECT_EQ(answers->count(), last_id - 1) << "all but " << lost.value();
}

TEST_F(SessionTest, GivesItsLossLedger) {
  messages::LostRange range;
  range.partition = PartitionId(3);
  const std::vector<messages::Loss> losses{range};
  ASSERT_TRUE(ledger->append(losses, UnixMillis{1}));
  const auto page = std::get<messages::LostResponse>(ask(messages::LostRequest{}).body);
  ASSERT_EQ(page.items.size(), 1u);
  EXPECT_EQ(page.items[0].loss, losses[0]);
  const auto none = ask(messages::LostRequest{std::numeric_limits<std::uint64_t>::max()});
  EXPECT_TRUE(std::get<messages::LostResponse>(none.body).items.empty());
}

TEST_F(SessionTest, AFloodOfQuestionsForReportsIsRefused) {
  adopt_map();
  auto release = block_pool();
  run_on(client_loop, [&] {
    for (int i = 0; i < 1000; ++i) {
      connection->send(messages::Request{.id = RequestId(++last_id), .epoch = {}, .body = messages::LostRequest{}});
    }
    for (int i = 0; i < 1000; ++i) {
      connection->send(
          messages::Request{.id = RequestId(++last_id), .epoch = {}, .body = messages::PartitionsRequest{}});
    }
  });
  answers->wait_for_count(1999);
  release.set_value();
  answers->wait_for_count(2000);
  EXPECT_TRUE(std::holds_alternative<messages::LostResponse>(answers->wait_for(RequestId(1)).body));
  EXPECT_EQ(std::get<Error>(answers->wait_for(RequestId(2)).body).code, ErrorCode::busy);
  EXPECT_EQ(std::get<Error>(answers->wait_for(RequestId(2000)).body).code, ErrorCode::busy);
  EXPECT_TRUE(std::holds_alternative<messages::LostResponse>(ask(messages::LostRequest{}).body)) << "one at a time";
}

TEST_F(SessionTest, WhileItStopsRequestsAreRefusedAndMessagesGoOn) {
  adopt_map(NodeId("n2"));
  run_on(front(), [&] { sessions[0].lock()->refuse_requests(); });
  const Error error = error_of(get("k"));
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  EXPECT_EQ(error.outcome, Outcome::not_applied);
  send_appends({view.map->cluster, NodeId("n2"), Incarnation(1)});
  wait_until([&] { return metrics.appends_received.value() == kPartitions; });
  EXPECT_TRUE(run_on(front(), [&] { return sessions[0].lock()->idle(); }));
}

TEST_F(SessionTest, FinishesOpenRequestsThenCloses) {
  adopt_map();
  auto release = block_pool();
  const RequestId open = send(messages::ScanRequest{.partition = PartitionId(0)});
  wait_until([&] { return open_requests() == 1; });
  run_on(front(), [&] { sessions[0].lock()->finish(); });
  let_turns_pass(front());
  EXPECT_FALSE(answers->closed());
  release.set_value();
  answers->wait_for_close();
  EXPECT_TRUE(std::holds_alternative<messages::ScanResponse>(answers->wait_for(open).body));
}

TEST_F(SessionTest, FinishedWithNothingOpenItClosesAtOnce) {
  ask(messages::MapRequest{});
  run_on(front(), [&] { sessions[0].lock()->finish(); });
  answers->wait_for_close();
}

TEST_F(SessionTest, AnswersToAClientThatIsGoneAreDropped) {
  adopt_map();
  auto release = block_pool();
  send(messages::ScanRequest{.partition = PartitionId(0)});
  wait_until([&] { return open_requests() == 1; });
  run_on(client_loop, [&] { connection->close({ErrorCode::unavailable, Outcome::not_applied, "gone", {}}); });
  answers->wait_for_close();
  let_turns_pass(front());
  release.set_value();
  wait_until([&] { return open_requests() == 0; });
}

}  // namespace
}  // namespace gyre::node
