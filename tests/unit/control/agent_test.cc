#include "control/agent.h"

#include <algorithm>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/assert.h"
#include "base/timing.h"
#include "support.h"

namespace gyre::control {
namespace {

using messages::HeartbeatRequest;
using messages::HeartbeatResponse;
using messages::JoinRequest;
using messages::JoinResponse;
using testing::HasSubstr;

const ClusterId kOtherCluster = Uuid::from_words(2, 2);
const Error kSilent{ErrorCode::unavailable, Outcome::not_applied, "nobody listens there", {}};

ring::ClusterMapPtr map_of(std::uint64_t epoch, const ClusterId& cluster = kCluster) {
  auto map = std::make_shared<ring::ClusterMap>();
  map->cluster = cluster;
  map->epoch = Epoch(epoch);
  return map;
}

// Drives one agent, and sorts what it wants.
class Driver {
 public:
  explicit Driver(std::size_t coordinators = 1, ClusterId cluster = {}, Epoch known = {})
      : agent(self(), std::move(cluster), known, coordinators, now) {}

  static ring::NodeInfo self() {
    ring::NodeInfo node;
    node.id = NodeId("n1");
    node.incarnation = Incarnation(5);
    return node;
  }

  // Lets time run to the agent's next deadline.
  void next() {
    GYRE_ASSERT(agent.next_deadline() != kNever);
    now = std::max(now, agent.next_deadline());
    agent.on_deadline(now);
    collect();
  }
  void answer(Result<messages::ResponseBody> with) {
    asked.reset();
    agent.on_answer(now, std::move(with));
    collect();
  }
  void join(std::uint64_t epoch = 1) {
    next();
    answer(messages::ResponseBody(JoinResponse{map_of(epoch)}));
  }
  void heartbeat(ring::ClusterMapPtr map = nullptr) {
    next();
    answer(messages::ResponseBody(HeartbeatResponse{.join_again = false, .update = {std::move(map), nullptr}}));
  }
  void fail_with(const Error& error) {
    next();
    answer(gyre::fail(error));
  }

  void collect() {
    for (AgentEffect& effect : agent.take_effects()) {
      if (auto* ask = std::get_if<AskCoordinator>(&effect)) {
        asked = std::move(*ask);
        ++requests;
      } else if (auto* adopt = std::get_if<AdoptMap>(&effect)) {
        adopted.push_back(adopt->map);
      } else if (auto* refusal = std::get_if<Refused>(&effect)) {
        refused.push_back(refusal->error);
      } else {
        events.push_back(std::get<AgentEvent>(std::move(effect)));
      }
    }
    agent.check_invariants();
  }
  std::size_t announcements(bool waiting) const {
    return static_cast<std::size_t>(std::ranges::count(events, waiting, &AgentEvent::waiting));
  }
  template <class T>
  const T& request() const {
    return std::get<T>(asked->body);
  }

  Instant now{std::chrono::seconds(100)};
  Agent agent;
  std::optional<AskCoordinator> asked;
  std::size_t requests = 0;
  std::vector<ring::ClusterMapPtr> adopted;
  std::vector<Error> refused;
  std::vector<AgentEvent> events;
};

TEST(Agent, JoinsAtOnceAndAdoptsTheMapItIsGiven) {
  Driver d;
  EXPECT_EQ(d.agent.next_deadline(), d.now);
  d.next();
  EXPECT_EQ(d.request<JoinRequest>().node, Driver::self());
  EXPECT_TRUE(d.request<JoinRequest>().cluster.empty());
  d.answer(messages::ResponseBody(JoinResponse{map_of(3)}));
  EXPECT_TRUE(d.agent.joined());
  EXPECT_EQ(d.agent.cluster(), kCluster);
  ASSERT_EQ(d.adopted.size(), 1u);
  EXPECT_EQ(d.adopted[0]->epoch, Epoch(3));
  EXPECT_EQ(d.announcements(false), 1u);
  EXPECT_THAT(d.events.back().detail, HasSubstr("joined cluster"));
}

TEST(Agent, SendsHeartbeatsOnceJoined) {
  Driver d;
  d.join(4);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(d.agent.next_deadline(), d.now + Timing().heartbeat);
    d.next();
    EXPECT_EQ(d.request<HeartbeatRequest>().node, NodeId("n1"));
    EXPECT_EQ(d.request<HeartbeatRequest>().incarnation, Incarnation(5));
    EXPECT_EQ(d.request<HeartbeatRequest>().known, Epoch(4));
    d.answer(messages::ResponseBody(HeartbeatResponse{}));
  }
}

TEST(Agent, AsksNothingWhileARequestIsOpen) {
  Driver d;
  d.next();
  d.agent.on_deadline(d.now);
  d.collect();
  EXPECT_EQ(d.requests, 1u);
}

TEST(Agent, LearnsNewerMapsFromHeartbeatsAndIgnoresOthers) {
  Driver d;
  d.join(4);
  d.heartbeat(map_of(6));
  d.heartbeat(map_of(5));
  d.heartbeat(map_of(6));
  d.heartbeat(map_of(7));
  ASSERT_EQ(d.adopted.size(), 3u);
  EXPECT_EQ(d.adopted[1]->epoch, Epoch(6));
  EXPECT_EQ(d.adopted[2]->epoch, Epoch(7));
}

TEST(Agent, JoinsAgainAtOnceWhenTheCoordinatorForgotIt) {
  Driver d;
  d.join();
  d.next();
  d.answer(messages::ResponseBody(HeartbeatResponse{.join_again = true, .update = {}}));
  EXPECT_FALSE(d.agent.joined());
  EXPECT_EQ(d.agent.next_deadline(), d.now);
  d.next();
  EXPECT_EQ(d.request<JoinRequest>().cluster, kCluster);
  d.answer(messages::ResponseBody(JoinResponse{map_of(2)}));
  EXPECT_TRUE(d.agent.joined());
}

TEST(Agent, TriesTheNextCoordinatorWhenOneFails) {
  Driver d(3);
  for (const std::size_t expected : {0u, 1u, 2u, 0u}) {
    d.next();
    EXPECT_EQ(d.asked->coordinator, expected);
    d.answer(gyre::fail(kSilent));
    EXPECT_GT(d.agent.next_deadline(), d.now);
  }
  EXPECT_TRUE(d.refused.empty());
}

TEST(Agent, AnErrorOfTheCoordinatorsCountsAsAFailureToo) {
  Driver d(2);
  d.next();
  d.answer(messages::ResponseBody(kSilent));
  d.next();
  EXPECT_EQ(d.asked->coordinator, 1u);
}

TEST(Agent, ACoordinatorThatFallsSilentIsGivenUpAndItsLateAnswerIgnored) {
  Driver d(2);
  d.join();
  d.next();
  EXPECT_EQ(d.asked->coordinator, 0u);
  d.next();  // no answer came
  d.answer(messages::ResponseBody(HeartbeatResponse{.join_again = true, .update = {map_of(9), nullptr}}));
  EXPECT_TRUE(d.agent.joined());
  EXPECT_EQ(d.adopted.size(), 1u);
  d.next();
  EXPECT_EQ(d.asked->coordinator, 1u);
  EXPECT_TRUE(std::holds_alternative<HeartbeatRequest>(d.asked->body));
}

TEST(Agent, StaysWithTheCoordinatorThatAnswers) {
  Driver d(3);
  d.fail_with(kSilent);
  d.join();
  for (int i = 0; i < 3; ++i) {
    d.next();
    EXPECT_EQ(d.asked->coordinator, 1u);
    d.answer(messages::ResponseBody(HeartbeatResponse{}));
  }
}

TEST(Agent, SaysOnceThatItWaitsAndOnceThatItWaitsNoLonger) {
  Driver d;
  for (int i = 0; i < 5; ++i) d.fail_with(kSilent);
  EXPECT_EQ(d.announcements(true), 1u);
  EXPECT_THAT(d.events[0].detail, HasSubstr(kSilent.message));
  d.join();
  EXPECT_EQ(d.announcements(false), 1u);
}

TEST(Agent, SaysEachTimeItLosesItsCoordinatorAndFindsOneAgain) {
  Driver d;
  d.join();
  for (std::size_t outage = 1; outage <= 3; ++outage) {
    d.fail_with(kSilent);
    d.fail_with(kSilent);
    EXPECT_EQ(d.announcements(true), outage);
    d.heartbeat();
    d.heartbeat();
    EXPECT_EQ(d.announcements(false), 1 + outage);
  }
}

TEST(Agent, IsRefusedForGoodByWhatWaitingCannotHelp) {
  for (const ErrorCode code : {ErrorCode::denied, ErrorCode::wrong_cluster, ErrorCode::invalid_argument,
                               ErrorCode::too_large, ErrorCode::unsupported}) {
    Driver d(2);
    d.next();
    d.answer(messages::ResponseBody(Error{code, Outcome::not_applied, "change the id", {}}));
    ASSERT_EQ(d.refused.size(), 1u) << to_string(code);
    EXPECT_EQ(d.refused[0].message, "change the id");
    EXPECT_EQ(d.agent.next_deadline(), kNever);
    d.agent.on_deadline(d.now + std::chrono::hours(1));
    d.answer(messages::ResponseBody(JoinResponse{map_of(1)}));
    EXPECT_EQ(d.requests, 1u);
    EXPECT_TRUE(d.adopted.empty());
  }
}

TEST(Agent, AMemberGoesOnWhenItsCoordinatorComesBackWithAnotherCluster) {
  Driver d;
  d.join(4);
  d.next();
  d.answer(messages::ResponseBody(HeartbeatResponse{.join_again = true, .update = {}}));
  for (int i = 0; i < 3; ++i) {
    d.next();
    d.answer(messages::ResponseBody(Error{ErrorCode::wrong_cluster, Outcome::not_applied, "another cluster", {}}));
  }
  EXPECT_TRUE(d.refused.empty());
  EXPECT_EQ(d.announcements(true), 1u);
  EXPECT_THAT(d.events.back().detail, HasSubstr("another cluster"));
  d.join(4);  // the right coordinator is back
  EXPECT_TRUE(d.agent.joined());
  EXPECT_EQ(d.announcements(false), 2u);
}

TEST(Agent, AMapOfAnotherClusterIsRefusedWithBothNames) {
  Driver d(1, kCluster);
  d.next();
  EXPECT_EQ(d.request<JoinRequest>().cluster, kCluster);
  d.answer(messages::ResponseBody(JoinResponse{map_of(9, kOtherCluster)}));
  ASSERT_EQ(d.refused.size(), 1u);
  EXPECT_EQ(d.refused[0].code, ErrorCode::wrong_cluster);
  EXPECT_THAT(d.refused[0].message, HasSubstr(kCluster.str()));
  EXPECT_THAT(d.refused[0].message, HasSubstr(kOtherCluster.str()));
  EXPECT_TRUE(d.adopted.empty());
}

TEST(Agent, WhatIsNoCoordinatorIsRefused) {
  Driver d;
  d.next();
  d.answer(messages::ResponseBody(messages::GetResponse{}));
  ASSERT_EQ(d.refused.size(), 1u);
  EXPECT_THAT(d.refused[0].message, HasSubstr("is no coordinator"));
}

TEST(Agent, AMapOlderThanWhatEarlierProcessesKnewIsNotAdopted) {
  Driver d(1, kCluster, Epoch(10));
  d.next();
  EXPECT_EQ(d.request<JoinRequest>().known, Epoch(10));
  d.answer(messages::ResponseBody(JoinResponse{map_of(9)}));
  EXPECT_TRUE(d.adopted.empty());
  d.heartbeat(map_of(10));  // known by number, not yet read by this process
  EXPECT_EQ(d.adopted.size(), 1u);
  d.heartbeat(map_of(10));
  EXPECT_EQ(d.adopted.size(), 1u);
}

TEST(Agent, AdoptsAPushedMapOnceItHasJoined) {
  Driver d(1, kCluster);
  d.agent.on_map(d.now, {map_of(5), nullptr});
  d.collect();
  EXPECT_TRUE(d.adopted.empty()) << "it may be older than this process";
  d.join(6);
  d.agent.on_map(d.now, {map_of(7), nullptr});
  d.agent.on_map(d.now, {map_of(6), nullptr});
  d.agent.on_map(d.now, {map_of(9, kOtherCluster), nullptr});
  d.collect();
  ASSERT_EQ(d.adopted.size(), 2u);
  EXPECT_EQ(d.adopted[1]->epoch, Epoch(7));
  EXPECT_TRUE(d.refused.empty());
}

// A map that names these nodes, and what turns an older one into it.
ring::ClusterMapPtr map_with(std::uint64_t epoch, const std::vector<std::string>& nodes) {
  auto map = std::make_shared<ring::ClusterMap>(*map_of(epoch));
  map->shape.partitions = 1;
  map->entries.resize(1);
  for (const std::string& id : nodes) {
    ring::NodeInfo& node = map->nodes.emplace_back();
    node.id = NodeId(id);
  }
  return map;
}
ring::MapUpdate change(std::uint64_t from, std::uint64_t to) {
  auto delta = std::make_shared<ring::MapDelta>();
  delta->cluster = kCluster;
  delta->from = Epoch(from);
  delta->to = Epoch(to);
  delta->shape = map_with(to, {})->shape;
  return {nullptr, std::move(delta)};
}

TEST(Agent, AppliesWhatChangedToTheMapItHas) {
  Driver d;
  d.next();
  d.answer(messages::ResponseBody(JoinResponse{map_with(4, {"n1"})}));
  d.agent.on_map(d.now, change(4, 5));
  d.next();
  d.answer(messages::ResponseBody(HeartbeatResponse{.join_again = false, .update = change(3, 7)}));
  d.agent.on_map(d.now, change(5, 6));
  d.collect();
  ASSERT_EQ(d.adopted.size(), 3u);
  EXPECT_EQ(d.adopted[1]->epoch, Epoch(5));
  EXPECT_EQ(d.adopted[2]->epoch, Epoch(7));
  EXPECT_EQ(d.adopted[2]->nodes.size(), 1u);
}

TEST(Agent, AsksAtOnceForAWholeMapWhereAChangeDoesNotFit) {
  Driver d;
  d.next();
  d.answer(messages::ResponseBody(JoinResponse{map_with(4, {"n1"})}));
  d.agent.on_map(d.now, change(6, 7));
  d.collect();
  EXPECT_EQ(d.adopted.size(), 1u);
  EXPECT_EQ(d.agent.next_deadline(), d.now);
  d.next();
  EXPECT_EQ(d.request<HeartbeatRequest>().known, Epoch(0));
  d.agent.on_map(d.now, change(7, 8));
  d.answer(messages::ResponseBody(HeartbeatResponse{.join_again = false, .update = {map_with(8, {"n1"}), nullptr}}));
  ASSERT_EQ(d.adopted.size(), 2u);
  EXPECT_EQ(d.agent.next_deadline(), d.now + Timing().heartbeat) << "not again at once";
  d.next();
  EXPECT_EQ(d.request<HeartbeatRequest>().known, Epoch(8));
}

TEST(Agent, AChangeBeforeAnyMapOrOfAnotherClusterIsNoHarm) {
  Driver d;
  d.agent.on_map(d.now, change(1, 2));
  d.next();
  d.answer(messages::ResponseBody(JoinResponse{map_with(4, {"n1"})}));
  ring::MapUpdate other = change(4, 5);
  auto delta = std::make_shared<ring::MapDelta>(*other.delta);
  delta->cluster = kOtherCluster;
  d.agent.on_map(d.now, {nullptr, delta});
  d.agent.on_map(d.now, {});
  d.collect();
  EXPECT_EQ(d.adopted.size(), 1u);
  d.next();
  EXPECT_EQ(d.request<HeartbeatRequest>().known, Epoch(4));
}

TEST(Agent, AMapWithoutItselfTellsThatItWasRemoved) {
  for (const bool by_heartbeat : {false, true}) {
    Driver d;
    d.next();
    d.answer(messages::ResponseBody(JoinResponse{map_with(4, {"n1", "n2"})}));
    const ring::MapUpdate without{map_with(5, {"n2"}), nullptr};
    if (by_heartbeat) {
      d.next();
      d.answer(messages::ResponseBody(HeartbeatResponse{.join_again = true, .update = without}));
    } else {
      d.agent.on_map(d.now, without);
      d.collect();
    }
    ASSERT_EQ(d.refused.size(), 1u);
    EXPECT_EQ(d.refused[0].code, ErrorCode::denied);
    EXPECT_THAT(d.refused[0].message, HasSubstr("node n1 was removed from the cluster"));
    EXPECT_EQ(d.agent.next_deadline(), kNever);
  }
}

TEST(Agent, HeartbeatsNameTheClusterAndComeAsOftenAsTheMapSays) {
  Driver d;
  d.next();
  auto map = std::make_shared<ring::ClusterMap>(*map_of(1));
  map->shape.timing.heartbeat = std::chrono::milliseconds(30);
  d.answer(messages::ResponseBody(JoinResponse{map}));
  EXPECT_EQ(d.agent.next_deadline(), d.now + std::chrono::milliseconds(30));
  d.next();
  EXPECT_EQ(d.request<HeartbeatRequest>().cluster, kCluster);
}

// Anything a network and a coordinator may do, in any order.
messages::ResponseBody random_answer() {
  const ring::ClusterMapPtr map =
      *rc::gen::inRange(0, 3) == 0 ? nullptr : map_of(static_cast<std::uint64_t>(*rc::gen::inRange(1, 30)));
  switch (*rc::gen::inRange(0, 4)) {
    case 0: return JoinResponse{map};
    case 1:
      return Error{*rc::gen::element(ErrorCode::busy, ErrorCode::unavailable, ErrorCode::internal),
                   Outcome::not_applied,
                   "error",
                   {}};
    default: return HeartbeatResponse{.join_again = *rc::gen::inRange(0, 4) == 0, .update = {map, nullptr}};
  }
}

RC_GTEST_PROP(AgentProperty, AsksOneThingAtATimeAndItsEpochsOnlyGoUp, ()) {
  const auto coordinators = static_cast<std::size_t>(*rc::gen::inRange(1, 4));
  const Epoch known(static_cast<std::uint64_t>(*rc::gen::inRange(0, 10)));
  Driver d(coordinators, *rc::gen::arbitrary<bool>() ? kCluster : ClusterId{}, known);
  const int steps = *rc::gen::inRange(1, 150);
  for (int i = 0; i < steps; ++i) {
    const std::size_t requests = d.requests;
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        d.now += std::chrono::milliseconds(*rc::gen::inRange(0, 1500));
        d.agent.on_deadline(d.now);
        d.collect();
        break;
      case 1: d.answer(gyre::fail(kSilent)); break;
      case 2: d.next(); break;
      default: d.answer(random_answer()); break;
    }
    RC_ASSERT(d.requests <= requests + 1);
    if (d.asked) RC_ASSERT(d.asked->coordinator < coordinators);
    RC_ASSERT(d.agent.next_deadline() != kNever);
  }
  Epoch last = known;
  for (std::size_t i = 0; i < d.adopted.size(); ++i) {
    const Epoch epoch = d.adopted[i]->epoch;
    RC_ASSERT(bool(epoch > last || (i == 0 && epoch == last)));
    last = d.adopted[i]->epoch;
  }
  RC_ASSERT(d.refused.empty());
  for (std::size_t i = 1; i < d.events.size(); ++i) {  // never "waiting" twice in a row
    RC_ASSERT(!(d.events[i].waiting && d.events[i - 1].waiting));
  }
  // Heal: it joins and stays.
  for (int i = 0; i < 10 && !d.agent.joined(); ++i) {
    d.next();
    if (!d.asked) continue;
    if (std::holds_alternative<JoinRequest>(d.asked->body)) {
      d.answer(messages::ResponseBody(JoinResponse{map_of(40)}));
    } else {
      d.answer(messages::ResponseBody(HeartbeatResponse{}));
    }
  }
  RC_ASSERT(d.agent.joined());
}

}  // namespace
}  // namespace gyre::control
