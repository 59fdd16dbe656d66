#include "node/coordinator_link.h"

#include <atomic>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
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
  // To every node that is connected.
  void say(messages::Message message, messages::Sender sender = {map_of(1)->cluster, NodeId(), Incarnation()}) {
    run_on(loop_, [&] {
      for (const auto& weak : connections_) {
        const auto connection = weak.lock();
        if (!connection) continue;
        connection->set_sender(sender);
        connection->send(message);
      }
    });
    let_turns_pass(loop_);  // it has left: the next one may have another sender
  }
  // What was told, and by whom.
  std::vector<std::pair<messages::Sender, messages::Message>> told() {
    return run_on(loop_, [this] { return told_; });
  }

  std::atomic<int> joins = 0;
  std::atomic<int> heartbeats = 0;
  std::atomic<std::uint64_t> epoch = 1;      // of the map it gives
  std::atomic<bool> forgetful = false;       // asks the next heartbeat to join again
  std::atomic<bool> silent = false;          // answers nothing
  std::atomic<bool> fails = false;           // answers with an error that may pass
  std::atomic<bool> refuses = false;         // denies every join
  std::atomic<bool> first_is_dead = false;   // the first connection never answers

 private:
  class Session final : public net::ConnectionHandler {
   public:
    Session(FakeCoordinator& coordinator, const net::ConnectionPtr& connection, bool dead)
        : coordinator_(coordinator), connection_(connection), dead_(dead) {}
    void on_frame(messages::Frame frame) override {
      for (auto& message : frame.messages) coordinator_.told_.emplace_back(frame.sender, std::move(message));
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
      if (fails) return Error{ErrorCode::unavailable, Outcome::not_applied, "the store does not answer", {}};
      const bool newer = Epoch(epoch) > heartbeat->known;
      return HeartbeatResponse{forgetful.exchange(false), {newer ? map_of(epoch) : nullptr, nullptr}};
    }
    ++joins;
    if (refuses) return Error{ErrorCode::denied, Outcome::not_applied, "this id is taken", {}};
    return JoinResponse{map_of(epoch)};
  }

  net::Loop loop_;
  std::vector<std::weak_ptr<net::Connection>> connections_;
  std::vector<std::pair<messages::Sender, messages::Message>> told_;
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
    callbacks.on_message = [this](const messages::Sender& sender, messages::Message message) {
      EXPECT_TRUE(sender.node.empty());
      said.push_back(std::move(message));
      ++messages_said;
    };
    link = std::make_shared<CoordinatorLink>(loop, std::move(coordinators), std::move(agent),
                                             messages::Sender{{}, NodeId("n1"), Incarnation(1)}, std::move(callbacks),
                                             &faults);
    run_on(loop, [this] { link->start(); });
  }
  // The `number`th; they are told apart by their count.
  static messages::NodeEvent event(std::uint64_t number) {
    return {messages::NodeEvent::Kind::lost_writes, PartitionId(0), Term(1), number, {}};
  }
  static std::vector<std::uint64_t> events_told(FakeCoordinator& coordinator) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [sender, message] : coordinator.told()) {
      if (const auto* event = std::get_if<messages::NodeEvent>(&message)) numbers.push_back(event->count);
    }
    return numbers;
  }
  bool in_contact() {
    return run_on(loop, [this] { return link->in_contact(); });
  }

  net::Faults faults{true, 1};
  net::Loop loop{"node"};
  std::atomic<std::uint64_t> epoch = 0;
  std::atomic<int> refusals = 0;
  std::vector<ErrorCode> refused_codes;
  std::vector<messages::Message> said;
  std::atomic<int> messages_said = 0;
  std::shared_ptr<CoordinatorLink> link;
};

TEST_F(CoordinatorLinkTest, AConnectionThatOwesAnAnswerIsReplaced) {
  FakeCoordinator coordinator;
  coordinator.first_is_dead = true;
  start({coordinator.address()});
  wait_until([&] { return in_contact(); });
  EXPECT_EQ(coordinator.joins, 2);
}

TEST_F(CoordinatorLinkTest, JoinsThenSendsHeartbeats) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return coordinator.heartbeats >= 2; });
  EXPECT_EQ(coordinator.joins, 1);
  EXPECT_EQ(epoch, 1u);
  wait_until([&] { return in_contact(); });
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
  wait_until([&] { return in_contact(); });
}

TEST_F(CoordinatorLinkTest, ARefusalIsToldOnceAndEndsTheAsking) {
  FakeCoordinator coordinator;
  coordinator.refuses = true;
  start({coordinator.address()});
  wait_until([&] { return refusals == 1; });
  let_turns_pass(loop);
  EXPECT_EQ(coordinator.joins, 1);
  EXPECT_EQ(run_on(loop, [this] { return refused_codes; }), std::vector{ErrorCode::denied});
  EXPECT_FALSE(in_contact());
}

TEST_F(CoordinatorLinkTest, WaitsForACoordinatorThatIsNotThereYet) {
  std::string address;
  {
    address = FakeCoordinator().address();
  }
  start({address});
  EXPECT_FALSE(in_contact());
  FakeCoordinator coordinator(address);
  wait_until([&] { return in_contact(); });
}

TEST_F(CoordinatorLinkTest, GoesOnWhenItsCoordinatorDiesAndReturns) {
  auto coordinator = std::make_unique<FakeCoordinator>();
  const std::string address = coordinator->address();
  start({address});
  wait_until([&] { return coordinator->heartbeats >= 1; });
  coordinator.reset();
  wait_until([&] { return !in_contact(); });
  EXPECT_EQ(epoch, 1u) << "it keeps the map it has";
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

TEST_F(CoordinatorLinkTest, ACoordinatorThatFallsSilentIsNotCountedOn) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return in_contact(); });
  coordinator.silent = true;
  wait_until([&] { return !in_contact(); });
  coordinator.silent = false;
  wait_until([&] { return in_contact(); });
}

TEST_F(CoordinatorLinkTest, TellsInItsOwnNameOnceItHasJoined) {
  FakeCoordinator coordinator;
  coordinator.silent = true;
  start({coordinator.address()});
  wait_until([&] { return coordinator.joins >= 1; });
  run_on(loop, [this] { link->tell(messages::Leaving{}); });  // too early: lost
  coordinator.silent = false;
  wait_until([&] { return in_contact(); });
  run_on(loop, [this] { link->tell(messages::Accounted{PartitionId(3), Term(4)}); });
  wait_until([&] { return !coordinator.told().empty(); });
  const auto [sender, message] = coordinator.told().at(0);
  EXPECT_EQ(sender, (messages::Sender{map_of(1)->cluster, NodeId("n1"), Incarnation(1)}));
  EXPECT_TRUE(std::holds_alternative<messages::Accounted>(message));
}

TEST_F(CoordinatorLinkTest, AnEventWaitsUntilItHasJoined) {
  FakeCoordinator coordinator;
  coordinator.silent = true;
  start({coordinator.address()});
  wait_until([&] { return coordinator.joins >= 1; });
  run_on(loop, [this] { link->tell(event(1)); });
  let_turns_pass(loop);
  EXPECT_THAT(events_told(coordinator), testing::IsEmpty());
  coordinator.silent = false;
  run_on(loop, [this] { link->tell(event(2)); });
  wait_until([&] { return events_told(coordinator).size() == 2; });
  EXPECT_THAT(events_told(coordinator), testing::ElementsAre(1, 2));
  EXPECT_EQ(coordinator.told().at(0).first, (messages::Sender{map_of(1)->cluster, NodeId("n1"), Incarnation(1)}));
}

TEST_F(CoordinatorLinkTest, EventsOfTheTimeWithoutACoordinatorAreToldToTheNext) {
  auto coordinator = std::make_unique<FakeCoordinator>();
  const std::string address = coordinator->address();
  start({address});
  wait_until([&] { return in_contact(); });
  coordinator.reset();
  wait_until([&] { return !in_contact(); });
  run_on(loop, [this] {
    for (std::uint64_t i = 1; i <= 3; ++i) link->tell(event(i));
    link->tell(messages::Leaving{});  // repeated by its sender
  });
  coordinator = std::make_unique<FakeCoordinator>(address);
  wait_until([&] { return events_told(*coordinator).size() == 3; });
  EXPECT_THAT(events_told(*coordinator), testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(coordinator->told().size(), 3u);
}

TEST_F(CoordinatorLinkTest, EventsAreNotToldToACoordinatorThatDoesNotKnowTheNode) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return in_contact(); });
  coordinator.fails = true;
  const int asked = coordinator.heartbeats;
  wait_until([&] { return coordinator.heartbeats > asked + 1; });
  run_on(loop, [this] { link->tell(event(1)); });
  let_turns_pass(loop);
  EXPECT_THAT(events_told(coordinator), testing::IsEmpty());
  coordinator.fails = false;
  wait_until([&] { return events_told(coordinator).size() == 1; });
}

TEST_F(CoordinatorLinkTest, KeepsTheNewestOfMoreEventsThanItHasRoomFor) {
  FakeCoordinator coordinator;
  coordinator.silent = true;
  start({coordinator.address()});
  run_on(loop, [this] {
    for (std::uint64_t i = 1; i <= limits::kNodeEventsQueuedMax + 2; ++i) link->tell(event(i));
  });
  coordinator.silent = false;
  wait_until([&] { return events_told(coordinator).size() == limits::kNodeEventsQueuedMax; });
  EXPECT_EQ(events_told(coordinator).front(), 3u);
  EXPECT_EQ(events_told(coordinator).back(), limits::kNodeEventsQueuedMax + 2);
}

TEST_F(CoordinatorLinkTest, HandsOnWhatTheCoordinatorSays) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return in_contact(); });
  const messages::Poll poll{NodeId("n2"), {}};
  messages::Order order;
  order.node = NodeId("n2");
  coordinator.say(messages::Seal{});
  coordinator.say(poll, {Uuid::from_words(9, 9), NodeId(), Incarnation()});       // of another cluster
  coordinator.say(poll, {map_of(1)->cluster, NodeId("n2"), Incarnation(1)});  // of a node
  coordinator.say(order);
  wait_until([&] { return messages_said == 2; });
  run_on(loop, [this] {
    EXPECT_TRUE(std::holds_alternative<messages::Seal>(said[0]));
    EXPECT_TRUE(std::holds_alternative<messages::Order>(said[1]));
  });
}

TEST_F(CoordinatorLinkTest, AdoptsAMapThatIsPushed) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return in_contact(); });
  coordinator.say(messages::MapPush{{map_of(6), nullptr}});
  wait_until([&] { return epoch == 6; });
}

TEST_F(CoordinatorLinkTest, AdoptsWhatChangedAndAWholeMapWhereThatDoesNotFit) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return in_contact(); });
  const auto change_of = [](std::uint64_t from, std::uint64_t to) {
    ring::MapHistory history;
    history.adopt(map_of(from));
    history.adopt(map_of(to));
    return messages::MapPush{history.since(Epoch(from))};
  };
  ASSERT_NE(change_of(1, 2).update.delta, nullptr);
  coordinator.say(change_of(1, 2));
  wait_until([&] { return epoch == 2; });
  coordinator.epoch = 5;
  coordinator.say(change_of(4, 5));  // does not fit: the next heartbeat asks for all of it
  wait_until([&] { return epoch == 5; });
}

TEST_F(CoordinatorLinkTest, AFaultThatConcernsTheCoordinatorCutsItOff) {
  FakeCoordinator coordinator;
  start({coordinator.address()});
  wait_until([&] { return in_contact(); });
  ASSERT_TRUE(faults.serve({.show = false, .rules = {{.peer = "coordinator", .drop = 1}}}));
  wait_until([&] { return !in_contact(); });
  coordinator.say(messages::Seal{});
  EXPECT_EQ(messages_said, 0);
  ASSERT_TRUE(faults.serve({.show = false, .rules = {}}));
  wait_until([&] { return in_contact(); });
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
