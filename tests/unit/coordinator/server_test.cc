#include "coordinator/server.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "base/assert.h"

namespace gyre::coordinator {
namespace {

using namespace std::chrono_literals;
using messages::HeartbeatResponse;
using messages::JoinResponse;
using messages::MapResponse;
using messages::StatusResponse;
using testing::HasSubstr;

constexpr auto kPatience = 10s;

// A connection that asks and waits for the answer.
class Asker : public net::ConnectionHandler, public std::enable_shared_from_this<Asker> {
 public:
  static std::shared_ptr<Asker> connect(net::Loop& loop, const std::string& address) {
    auto asker = std::make_shared<Asker>();
    std::promise<void> connected;
    loop.post([&] {
      net::connect(loop, address, 5s, wire::Limits{}, [&](Result<net::ConnectionPtr> connection) {
        GYRE_ASSERT(connection);
        asker->connection_ = *connection;
        (*connection)->start(asker);
        connected.set_value();
      });
    });
    GYRE_ASSERT(connected.get_future().wait_for(kPatience) == std::future_status::ready);
    return asker;
  }

  std::future<messages::Response> ask(messages::RequestBody body) { return std::move(ask_times(1, body).front()); }
  // In one frame.
  std::vector<std::future<messages::Response>> ask_times(std::size_t times, const messages::RequestBody& body) {
    std::vector<std::shared_ptr<std::promise<messages::Response>>> promises;
    std::vector<std::future<messages::Response>> answers;
    for (std::size_t i = 0; i < times; ++i) {
      promises.push_back(std::make_shared<std::promise<messages::Response>>());
      answers.push_back(promises.back()->get_future());
    }
    connection_->loop().post([self = shared_from_this(), promises = std::move(promises), body] {
      for (const auto& promise : promises) {
        const RequestId id(++self->last_id_);
        self->open_.emplace(id, promise);
        self->connection_->send(messages::Request{.id = id, .epoch = {}, .body = body});
      }
    });
    return answers;
  }
  template <class T>
  T ask_for(messages::RequestBody body) {
    auto answer = ask(std::move(body));
    GYRE_ASSERT(answer.wait_for(kPatience) == std::future_status::ready);
    messages::Response response = answer.get();
    GYRE_ASSERT(std::holds_alternative<T>(response.body));
    return std::get<T>(std::move(response.body));
  }

  void on_frame(messages::Frame frame) override {
    for (messages::Message& message : frame.messages) {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(message));
    }
    for (messages::Response& response : frame.responses) {
      open_.at(response.id)->set_value(std::move(response));
    }
  }
  void on_closed(const Error&) override { connection_.reset(); }
  void tell(messages::Sender sender, messages::Message message) {
    connection_->loop().post([self = shared_from_this(), sender, message = std::move(message)]() mutable {
      self->connection_->set_sender(sender);
      self->connection_->send(std::move(message));
    });
  }
  // How many messages of this kind have come.
  template <class M>
  std::size_t received() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(messages_, [](const auto& m) { return std::holds_alternative<M>(m); }));
  }
  void close() {
    connection_->loop().post([self = shared_from_this()] {
      if (self->connection_) self->connection_->close(Error{.code = ErrorCode::unavailable, .message = "done"});
    });
  }

 private:
  net::ConnectionPtr connection_;
  std::uint64_t last_id_ = 0;
  std::mutex mutex_;
  std::vector<messages::Message> messages_;  // guarded by mutex_
  std::map<RequestId, std::shared_ptr<std::promise<messages::Response>>> open_;
};

messages::JoinRequest join_of(const std::string& id) {
  messages::JoinRequest join;
  join.node.id = NodeId(id);
  join.node.data_id = Uuid::from_words(1, id.back());
  join.node.incarnation = Incarnation(1);
  join.node.addresses.native = id + ".test:7400";
  return join;
}

class CoordinatorServerTest : public testing::Test {
 protected:
  CoordinatorServerTest() {
    spdlog::set_level(spdlog::level::off);
    std::string pattern = std::filesystem::temp_directory_path() / "gyre-coordinator-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    options.data_dir = pattern;
    options.listen = "127.0.0.1:0";
    options.http = "127.0.0.1:0";
    options.shape.partitions = 16;
    client_loop.start();
    start();
  }
  ~CoordinatorServerTest() override {
    if (asker) asker->close();
    server.reset();
    client_loop.stop();
    client_loop.join();
    std::filesystem::remove_all(options.data_dir);
  }

  void start() {
    auto started = Server::start(options);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
    asker = Asker::connect(client_loop, server->native_address());
  }
  void restart() {
    asker->close();
    server.reset();
    start();
  }

  messages::HeartbeatRequest heartbeat_of(const std::string& id, std::uint64_t incarnation = 1) {
    return {asker->ask_for<MapResponse>(messages::MapRequest{}).update.map->cluster, NodeId(id),
            Incarnation(incarnation), Epoch(0)};
  }
  bool recorded(const std::string& kind) {
    const auto events = asker->ask_for<messages::EventsResponse>(messages::EventsRequest{}).events;
    return std::ranges::find(events, kind, &messages::ClusterEvent::kind) != events.end();
  }
  template <class Condition>
  static void wait_until(Condition condition) {
    const Instant limit = net::steady_now() + kPatience;
    while (!condition()) {
      ASSERT_LT(net::steady_now(), limit);
      std::this_thread::yield();
    }
  }

  CoordinatorOptions options;
  net::Loop client_loop{"client"};
  std::unique_ptr<Server> server;
  std::shared_ptr<Asker> asker;
};

TEST_F(CoordinatorServerTest, AdmitsANodeAndKeepsItAcrossARestart) {
  const auto joined = asker->ask_for<JoinResponse>(join_of("n1"));
  EXPECT_EQ(joined.map->entries.at(0).primary, NodeId("n1"));
  EXPECT_EQ(joined.map->coordinators, std::vector{server->native_address()});
  restart();
  auto map = asker->ask_for<MapResponse>(messages::MapRequest{}).update.map;
  EXPECT_EQ(map->cluster, joined.map->cluster);
  EXPECT_EQ(map->entries, joined.map->entries);
}

TEST_F(CoordinatorServerTest, AnswersCarryTheNewestEpoch) {
  asker->ask_for<JoinResponse>(join_of("n1"));
  auto answer = asker->ask(messages::MapRequest{.known = Epoch(100)});
  const messages::Response response = answer.get();
  EXPECT_GE(response.epoch, Epoch(2));
  EXPECT_TRUE(std::get<MapResponse>(response.body).update.empty());
}

TEST_F(CoordinatorServerTest, SeesANodeGoDownWhenItsHeartbeatsEnd) {
  asker->ask_for<JoinResponse>(join_of("n1"));
  const auto heartbeat = heartbeat_of("n1");
  EXPECT_FALSE(asker->ask_for<HeartbeatResponse>(heartbeat).join_again);
  EXPECT_TRUE(asker->ask_for<StatusResponse>(messages::StatusRequest{}).nodes.at(0).up);
  const Instant limit = net::steady_now() + kPatience;
  while (asker->ask_for<StatusResponse>(messages::StatusRequest{}).nodes.at(0).up) {
    ASSERT_LT(net::steady_now(), limit);
    std::this_thread::yield();
  }
}

TEST_F(CoordinatorServerTest, ManyRequestsInFlightAreAllAnswered) {
  std::vector<std::future<messages::Response>> answers;
  for (int i = 0; i < 1000; ++i) answers.push_back(asker->ask(messages::StatusRequest{}));
  for (int i = 0; i < 100; ++i) answers.push_back(asker->ask(join_of("n" + std::to_string(i))));
  for (auto& answer : answers) ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
}

TEST_F(CoordinatorServerTest, AFloodOfRequestsIsNotAnsweredWithAFloodOfMaps) {
  asker->ask_for<JoinResponse>(join_of("n1"));
  std::size_t maps = 0;
  auto answers = asker->ask_times(1000, messages::MapRequest{});
  for (auto& answer : answers) {
    ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
    const messages::Response response = answer.get();
    if (std::holds_alternative<MapResponse>(response.body)) {
      ++maps;
    } else {
      EXPECT_EQ(std::get<Error>(response.body).code, ErrorCode::busy);
    }
  }
  EXPECT_GE(maps, 1u);
  EXPECT_LE(maps, 100u);
  asker->ask_for<MapResponse>(messages::MapRequest{});
}

TEST_F(CoordinatorServerTest, ANewMapIsPushedOnTheNodesOwnConnection) {
  asker->ask_for<JoinResponse>(join_of("n1"));
  asker->ask_for<HeartbeatResponse>(heartbeat_of("n1"));
  const auto other = Asker::connect(client_loop, server->native_address());
  other->ask_for<HeartbeatResponse>(heartbeat_of("n1", 9));   // a process that was never admitted
  other->ask_for<HeartbeatResponse>(heartbeat_of("stranger"));
  other->ask_for<JoinResponse>(join_of("n2"));
  wait_until([&] { return asker->received<messages::MapPush>() > 0; });
  EXPECT_EQ(other->received<messages::MapPush>(), 0u);
  other->close();
}

TEST_F(CoordinatorServerTest, MessagesOfAnAdmittedProcessAreHeardAndOthersAreNot) {
  asker->ask_for<JoinResponse>(join_of("n1"));
  const auto cluster = heartbeat_of("n1").cluster;
  messages::NodeEvent event;
  event.kind = messages::NodeEvent::Kind::rewound;
  asker->tell({Uuid::from_words(9, 9), NodeId("n1"), Incarnation(1)}, event);
  asker->tell({cluster, NodeId("n9"), Incarnation(1)}, event);
  asker->tell({cluster, NodeId("n1"), Incarnation(8)}, event);
  EXPECT_FALSE(recorded("rewound"));
  asker->tell({cluster, NodeId("n1"), Incarnation(1)}, event);
  wait_until([&] { return recorded("rewound"); });
}

TEST_F(CoordinatorServerTest, ANodeWhosePortRefusesOnceItsConnectionIsGoneIsDead) {
  std::string dead_port;
  {
    net::Loop loop("dead");
    dead_port = (*net::Listener::open("127.0.0.1:0", {&loop}, {}, nullptr))->address();
  }
  auto join = join_of("n1");
  join.node.addresses.native = dead_port;
  const auto node = Asker::connect(client_loop, server->native_address());
  node->ask_for<JoinResponse>(join);
  node->ask_for<HeartbeatResponse>(heartbeat_of("n1"));
  EXPECT_FALSE(recorded("node_dead"));
  node->close();
  wait_until([&] { return recorded("node_dead"); });
}

TEST_F(CoordinatorServerTest, ANodeThatStillListensIsNotDead) {
  auto join = join_of("n1");
  join.node.addresses.native = server->native_address();  // somebody answers there
  const auto node = Asker::connect(client_loop, server->native_address());
  node->ask_for<JoinResponse>(join);
  node->ask_for<HeartbeatResponse>(heartbeat_of("n1"));
  node->close();
  wait_until([&] { return recorded("node_down"); });
  EXPECT_FALSE(recorded("node_dead"));
}

TEST_F(CoordinatorServerTest, EventsAreGivenInOrderAndKeptAcrossARestart) {
  asker->ask_for<JoinResponse>(join_of("n1"));
  const auto before = asker->ask_for<messages::EventsResponse>(messages::EventsRequest{}).events;
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(before.front().kind, "cluster_created");
  EXPECT_TRUE(std::ranges::is_sorted(before, {}, &messages::ClusterEvent::id));
  const messages::EventsRequest news{before.back().id};
  EXPECT_TRUE(asker->ask_for<messages::EventsResponse>(news).events.empty());
  restart();
  const auto after = asker->ask_for<messages::EventsResponse>(messages::EventsRequest{}).events;
  ASSERT_GE(after.size(), before.size());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
}

TEST_F(CoordinatorServerTest, FaultsAreRefusedUnlessTheyWereAllowed) {
  const messages::FaultsRequest faults{.show = false, .rules = {{.peer = "n1", .drop = 1}}};
  const Error refused = asker->ask_for<Error>(faults);
  EXPECT_EQ(refused.code, ErrorCode::denied);
  EXPECT_THAT(refused.message, HasSubstr("--allow-fault-injection"));
  EXPECT_TRUE(asker->ask_for<messages::FaultsResponse>(messages::FaultsRequest{}).rules.empty());
}

TEST_F(CoordinatorServerTest, AFaultThatConcernsANodeMakesItSilentAndItsHealingHeard) {
  options.allow_fault_injection = true;
  restart();
  const auto node = Asker::connect(client_loop, server->native_address());
  node->ask_for<JoinResponse>(join_of("n1"));
  const auto heartbeat = heartbeat_of("n1");
  node->ask_for<HeartbeatResponse>(heartbeat);
  const messages::FaultsRequest faults{.show = false, .rules = {{.peer = "n1", .drop = 1}}};
  EXPECT_EQ(asker->ask_for<messages::FaultsResponse>(faults).rules, faults.rules);
  auto lost = node->ask(heartbeat);
  wait_until([&] { return recorded("node_down"); });
  EXPECT_EQ(lost.wait_for(0s), std::future_status::timeout);
  asker->ask_for<messages::FaultsResponse>(messages::FaultsRequest{.show = false, .rules = {}});
  EXPECT_FALSE(node->ask_for<HeartbeatResponse>(heartbeat).join_again);
  node->close();
}

TEST_F(CoordinatorServerTest, ADirectoryOrAddressInUseIsRefused) {
  const auto second = Server::start(options);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("in use by process"));
  CoordinatorOptions same_port = options;
  same_port.data_dir += "/other";
  same_port.listen = server->native_address();
  const auto third = Server::start(same_port);
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().message, HasSubstr(server->native_address()));
}

}  // namespace
}  // namespace gyre::coordinator
