#include "node/coordinator_link.h"

#include <atomic>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "support.h"

namespace gyre::node {
namespace {

using messages::HeartbeatRequest;
using messages::HeartbeatResponse;
using messages::JoinRequest;
using messages::JoinResponse;
using testing::HasSubstr;

ring::ClusterMapPtr map_of(std::uint64_t epoch) {
  auto map = std::make_shared<ring::ClusterMap>();
  map->cluster = Uuid::from_words(1, 1);
  map->epoch = Epoch(epoch);
  map->shape.partitions = 1;
  map->entries.resize(1);
  return map;
}

// A coordinator that says what it is told to, with its own loop; it lives as long as this.
class FakeCoordinator {
 public:
  explicit FakeCoordinator(const std::string& address = "127.0.0.1:0") : loop_("coordinator") {
    wait_until([&] {  // its address may belong to the one before for another moment
      auto opened = net::Listener::open(address, {&loop_}, {}, [this](const net::ConnectionPtr& connection) {
        connections_.push_back(connection);
        const bool dead = first_is_dead && connections_.size() == 1;
        connection->start(std::make_shared<Session>(*this, connection, dead));
      });
      if (opened) listener_ = *std::move(opened);
      return listener_ != nullptr;
    });
    loop_.start();
  }
  ~FakeCoordinator() {
    run_on(loop_, [this] {
      listener_->close();
      for (const auto& weak : connections_) {
        if (const auto open = weak.lock()) open->close({ErrorCode::unavailable, Outcome::not_applied, "dead", {}});
      }
    });
    let_turns_pass(loop_);
    listener_.reset();
    loop_.stop();
    loop_.join();
  }

  const std::string& address() const { return listener_->address(); }

  std::atomic<int> joins = 0;
  std::atomic<int> heartbeats = 0;
  std::atomic<std::uint64_t> epoch = 1;      // of the map it gives
  std::atomic<bool> forgetful = false;       // asks the next heartbeat to join again
  std::atomic<bool> silent = false;          // answers nothing
  std::atomic<bool> refuses = false;         // denies every join
  std::atomic<bool> first_is_dead = false;   // the first connection never answers

 private:
  class Session final : public net::ConnectionHandler {
   public:
    Session(FakeCoordinator& coordinator, const net::ConnectionPtr& connection, bool dead)
        : coordinator_(coordinator), connection_(connection), dead_(dead) {}
    void on_frame(messages::Frame frame) override {
      for (const auto& request : frame.requests) {
        auto body = coordinator_.answer(request);
        if (coordinator_.silent || dead_) continue;
        connection_.lock()->send(messages::Response{request.id, Epoch(1), std::move(body)});
      }
    }
    void on_closed(const Error&) override {}

   private:
    FakeCoordinator& coordinator_;
    std::weak_ptr<net::Connection> connection_;
    bool dead_;
  };

  messages::ResponseBody answer(const messages::Request& request) {
    if (const auto* heartbeat = std::get_if<HeartbeatRequest>(&request.body)) {
      ++heartbeats;
      const bool newer = Epoch(epoch) > heartbeat->known;
      return HeartbeatResponse{forgetful.exchange(false), newer ? map_of(epoch) : nullptr};
    }
    ++joins;
    if (refuses) return Error{ErrorCode::denied, Outcome::not_applied, "this id is taken", {}};
    return JoinResponse{map_of(epoch)};
  }

  net::Loop loop_;
  std::vector<std::weak_ptr<net::Connection>> connections_;
  std::unique_ptr<net::Listener> listener_;
};

class CoordinatorLinkTest : public testing::Test {
 protected:
  CoordinatorLinkTest() {
    spdlog::set_level(spdlog::level::off);
    loop.start();
  }
  ~CoordinatorLinkTest() override {
    if (link) run_on(loop, [this] { link->stop(); });
    let_turns_pass(loop);
    loop.stop();
    loop.join();
  }

  void start(std::vector<std::string> coordinators) {
    ring::NodeInfo self;
    self.id = NodeId("n1");
    self.incarnation = Incarnation(1);
    control::Agent agent(self, {}, Epoch(0), coordinators.size(), net::steady_now());
    CoordinatorLink::Callbacks callbacks;
    callbacks.on_map = [this](const ring::ClusterMapPtr& map) {
      EXPECT_TRUE(loop.on_this_thread());
      EXPECT_GT(map->epoch.value(), epoch.load());
      epoch = map->epoch.value();
    };
    callbacks.on_refused = [this](const Error& error) {
      EXPECT_TRUE(refused_codes.empty());
      refused_codes.push_back(error.code);
      ++refusals;
    };
    link = std::make_shared<CoordinatorLink>(loop, std::move(coordinators), std::move(agent), std::move(callbacks));
    run_on(loop, [this] { link->start(); });
  }
  bool joined() {
    return run_on(loop, [this] { return link->agent().joined(); });
  }

  net::Loop loop{"node"};
  std::atomic<std::uint64_t> epoch = 0;
  std::atomic<int> refusals = 0;
  std::vector<ErrorCode> refused_codes;
  std::shared_ptr<CoordinatorLink> link;
};

TEST_F(CoordinatorLinkTest, AConnectionThatOwesAnAnswerIsReplaced) {
  FakeCoordinator coordinator;
  coordinator.first_is_dead = true;
  start({coordinator.address()});
  wait_until([&] { return joined(); });
  EXPECT_EQ(coordinator.joins, 2);
}

TEST_F(CoordinatorLinkTest, JoinsThenSendsHeartbeats) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return coordinator.heartbeats >= 2; });
  EXPECT_EQ(coordinator.joins, 1);
  EXPECT_EQ(epoch, 1u);
  EXPECT_TRUE(joined());
}

TEST_F(CoordinatorLinkTest, LearnsANewerMapFromAHeartbeat) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return epoch == 1; });
  coordinator.epoch = 5;
  wait_until([&] { return epoch == 5; });
}

TEST_F(CoordinatorLinkTest, JoinsAgainWhenAskedTo) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return coordinator.heartbeats >= 1; });
  coordinator.forgetful = true;
  wait_until([&] { return coordinator.joins == 2; });
  wait_until([&] { return joined(); });
}

TEST_F(CoordinatorLinkTest, ARefusalIsToldOnceAndEndsTheAsking) {
  FakeCoordinator coordinator;
  coordinator.refuses = true;
  start({coordinator.address()});
  wait_until([&] { return refusals == 1; });
  let_turns_pass(loop);
  EXPECT_EQ(coordinator.joins, 1);
  EXPECT_EQ(run_on(loop, [this] { return refused_codes; }), std::vector{ErrorCode::denied});
  EXPECT_EQ(run_on(loop, [this] { return link->agent().next_deadline(); }), kNever);
}

TEST_F(CoordinatorLinkTest, WaitsForACoordinatorThatIsNotThereYet) {
  std::string address;
  {
    address = FakeCoordinator().address();
  }
  start({address});
  EXPECT_FALSE(joined());
  FakeCoordinator coordinator(address);
  wait_until([&] { return joined(); });
}

TEST_F(CoordinatorLinkTest, GoesOnWhenItsCoordinatorDiesAndReturns) {
  auto coordinator = std::make_unique<FakeCoordinator>();
  const std::string address = coordinator->address();
  start({address});
  wait_until([&] { return coordinator->heartbeats >= 1; });
  coordinator.reset();
  EXPECT_TRUE(joined());  // it keeps the map it has
  coordinator = std::make_unique<FakeCoordinator>(address);
  coordinator->epoch = 2;
  wait_until([&] { return epoch == 2; });
  EXPECT_GE(coordinator->heartbeats, 1);
}

TEST_F(CoordinatorLinkTest, ChangesToTheSecondCoordinatorWhenTheFirstDies) {
  auto first = std::make_unique<FakeCoordinator>();
  FakeCoordinator second;
  second.epoch = 7;
  start({first->address(), second.address()});
  wait_until([&] { return first->heartbeats >= 1; });
  EXPECT_EQ(second.joins + second.heartbeats, 0);
  first.reset();
  wait_until([&] { return epoch == 7; });
}

TEST_F(CoordinatorLinkTest, ChangesToTheSecondCoordinatorWhenTheFirstFallsSilent) {
  FakeCoordinator first;
  FakeCoordinator second;
  first.silent = true;
  second.epoch = 3;
  start({first.address(), second.address()});
  wait_until([&] { return epoch == 3; });
  EXPECT_EQ(first.joins, 1);
  wait_until([&] { return second.heartbeats >= 1; });
}

TEST_F(CoordinatorLinkTest, StoppedItAsksNothingMore) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return coordinator.heartbeats >= 1; });
  run_on(loop, [this] { link->stop(); });
  let_turns_pass(loop);
  const std::weak_ptr<CoordinatorLink> watched = link;
  link.reset();
  wait_until([&] { return watched.expired(); });
}

}  // namespace
}  // namespace gyre::node
