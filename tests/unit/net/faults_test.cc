#include "net/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "base/limits.h"

namespace gyre::net {
namespace {

using namespace std::chrono_literals;
using messages::FaultRule;
using messages::FaultsRequest;
using testing::HasSubstr;
using Direction = FaultRule::Direction;

class FaultsTest : public testing::Test {
 protected:
  FaultsTest() { spdlog::set_level(spdlog::level::off); }

  void set(std::vector<FaultRule> rules) { ASSERT_TRUE(faults.serve({.show = false, .rules = std::move(rules)})); }
  Error refusal(FaultRule rule) {
    const auto served = faults.serve({.show = false, .rules = {std::move(rule)}});
    EXPECT_FALSE(served);
    return served ? Error() : served.error();
  }

  Faults faults{true, 1};
};

TEST_F(FaultsTest, WithoutTheFlagNothingIsSetAndTheFlagIsNamed) {
  Faults forbidden(false, 1);
  const auto served = forbidden.serve({.show = false, .rules = {{.peer = "n1", .drop = 1}}});
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code, ErrorCode::denied);
  EXPECT_THAT(served.error().message, HasSubstr("--allow-fault-injection"));
  EXPECT_EQ(forbidden.count(), 0u);
  EXPECT_EQ(forbidden.fate("n1", Direction::in), Duration(0));
  EXPECT_TRUE(forbidden.serve({.show = true, .rules = {}})->rules.empty()) << "showing is allowed";
}

TEST_F(FaultsTest, NewRulesTakeThePlaceOfAllThatWereOn) {
  set({{.peer = "n1", .drop = 1}, {.peer = "n2", .drop = 1}});
  EXPECT_EQ(faults.count(), 2u);
  set({{.peer = "n3", .drop = 1}});
  EXPECT_EQ(faults.serve({})->rules, (std::vector<FaultRule>{{.peer = "n3", .drop = 1}}));
  EXPECT_EQ(faults.fate("n1", Direction::in), Duration(0));
  EXPECT_EQ(faults.fate("n3", Direction::in), std::nullopt);
  set({});
  EXPECT_EQ(faults.count(), 0u);
  EXPECT_EQ(faults.fate("n3", Direction::in), Duration(0));
}

TEST_F(FaultsTest, AFaultConcernsItsPeerAndItsDirection) {
  set({{.peer = "n1", .direction = Direction::in, .drop = 1}});
  EXPECT_EQ(faults.fate("n1", Direction::in), std::nullopt);
  EXPECT_EQ(faults.fate("n1", Direction::out), Duration(0));
  EXPECT_EQ(faults.fate("n2", Direction::in), Duration(0));
  set({{.peer = "n1", .direction = Direction::out, .drop = 1}});
  EXPECT_EQ(faults.fate("n1", Direction::in), Duration(0));
  EXPECT_EQ(faults.fate("n1", Direction::out), std::nullopt);
}

TEST_F(FaultsTest, AStarIsEveryPeerButClients) {
  set({{.peer = "*", .drop = 1}});
  EXPECT_EQ(faults.fate("n1", Direction::in), std::nullopt);
  EXPECT_EQ(faults.fate(kCoordinatorPeer, Direction::out), std::nullopt);
  EXPECT_EQ(faults.fate(kClientPeers, Direction::out), Duration(0));
  set({{.peer = "clients", .drop = 1}});
  EXPECT_EQ(faults.fate(kClientPeers, Direction::out), std::nullopt);
  EXPECT_EQ(faults.fate("n1", Direction::out), Duration(0));
}

TEST_F(FaultsTest, DelaysAddUpAndJitterStaysWithinItsBounds) {
  set({{.peer = "n1", .delay = 30ms, .jitter = 10ms}, {.peer = "*", .delay = 5ms}});
  EXPECT_EQ(faults.fate("n2", Direction::in), 5ms);
  Duration least = 1h;
  Duration most{0};
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = *faults.fate("n1", Direction::in);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, 35ms);
  EXPECT_LT(least, 37ms);
  EXPECT_GT(most, 43ms);
  EXPECT_LE(most, 45ms);
}

TEST_F(FaultsTest, DropsAboutSoManyFramesAsItSays) {
  set({{.peer = "n1", .drop = 0.25}});
  int lost = 0;
  for (int i = 0; i < 10'000; ++i) lost += faults.fate("n1", Direction::in) ? 0 : 1;
  EXPECT_GT(lost, 2200);
  EXPECT_LT(lost, 2800);
}

TEST_F(FaultsTest, RefusesWhatMakesNoSenseAndKeepsWhatWasOn) {
  set({{.peer = "n1", .drop = 1}});
  EXPECT_THAT(refusal({.peer = ""}).message, HasSubstr("'' is no peer"));
  EXPECT_THAT(refusal({.peer = "n 1"}).message, HasSubstr("name a node, coordinator, clients"));
  EXPECT_THAT(refusal({.peer = "n1", .drop = 1.5}).message, HasSubstr("0 to 1"));
  EXPECT_THAT(refusal({.peer = "n1", .delay = 2min}).message, HasSubstr("0 to 60000"));
  EXPECT_THAT(refusal({.peer = "n1", .delay = 1min, .jitter = 1ms}).message, HasSubstr("0 to 60000"));
  EXPECT_THAT(refusal({.peer = "n1", .delay = -1ms}).message, HasSubstr("0 to 60000"));
  FaultsRequest many{.show = false, .rules = {}};
  many.rules.assign(limits::kFaultRulesMax + 1, {.peer = "n1"});
  EXPECT_EQ(faults.serve(many).error().code, ErrorCode::too_large);
  EXPECT_EQ(faults.count(), 1u);
}

TEST(FaultsOfFrames, AFrameNamesItsSenderOrTheNodeThatAsks) {
  messages::Frame frame;
  EXPECT_EQ(peer_named_in(frame), "");
  frame.requests.push_back({.id = RequestId(1), .epoch = {}, .body = messages::StatusRequest{}});
  EXPECT_EQ(peer_named_in(frame), "");
  frame.requests.push_back({.id = RequestId(2), .epoch = {}, .body = messages::HeartbeatRequest{.node = NodeId("n1")}});
  EXPECT_EQ(peer_named_in(frame), "n1");
  messages::JoinRequest join;
  join.node.id = NodeId("n2");
  frame.requests = {{.id = RequestId(1), .epoch = {}, .body = join}};
  EXPECT_EQ(peer_named_in(frame), "n2");
  frame.messages.push_back(messages::Leaving{});
  EXPECT_EQ(peer_named_in(frame), "coordinator");
  frame.sender.node = NodeId("n3");
  EXPECT_EQ(peer_named_in(frame), "n3");
}

TEST(FaultsOfFrames, WhatIsAboutFaultsIsTakenOut) {
  messages::Frame frame;
  frame.requests.push_back({.id = RequestId(1), .epoch = {}, .body = messages::StatusRequest{}});
  frame.responses.push_back({.id = RequestId(1), .epoch = {}, .body = messages::PromoteResponse{}});
  EXPECT_FALSE(is_about_faults(frame));
  frame.requests.push_back({.id = RequestId(2), .epoch = {}, .body = messages::FaultsRequest{}});
  EXPECT_TRUE(is_about_faults(frame));
  frame.responses.push_back({.id = RequestId(2), .epoch = {}, .body = messages::FaultsResponse{}});
  const auto taken = take_about_faults(frame);
  EXPECT_EQ(taken.requests.at(0).id, RequestId(2));
  EXPECT_EQ(taken.responses.at(0).id, RequestId(2));
  EXPECT_EQ(frame.requests.size(), 1u);
  EXPECT_EQ(frame.responses.size(), 1u);
  EXPECT_FALSE(is_about_faults(frame));
}

}  // namespace
}  // namespace gyre::net
