#include "routing/read_policy.h"

#include <array>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

using messages::ReadLevel;

constexpr std::array kAllPolicies{ReadPolicy::latency, ReadPolicy::least_outstanding, ReadPolicy::round_robin,
                                  ReadPolicy::weighted, ReadPolicy::sticky};

// Of every partition a, b and c are members. Reads of level any go out over open connections.
ScriptedClient replicated(DispatcherOptions options) {
  options.seeds = {"seed:1"};
  options.random_seed = 1;
  ScriptedClient client(std::move(options));
  client.learn(make_replicated_map(1, {"a", "b", "c"}));
  for (std::uint32_t i = 0; i < 3; ++i) client.call(get(i));
  client.connect_all();
  for (const auto& send : client.take_calls()) client.answer(send, messages::GetResponse{});
  return client;
}

std::string served_by(ScriptedClient& client, std::uint64_t affinity = 0) {
  client.call(read(0, ReadLevel::any), 2s, affinity);
  const Send send = client.take_calls().at(0);
  client.answer(send, got(at(1, 1)));
  return client.address_of(send);
}

std::map<std::string, int> served(ScriptedClient& client, int reads) {
  std::map<std::string, int> by;
  for (int i = 0; i < reads; ++i) ++by[served_by(client, static_cast<std::uint64_t>(i))];
  return by;
}

TEST(ReadPolicy, SpreadsReadsOverAllMembers) {
  for (const ReadPolicy policy : kAllPolicies) {
    ScriptedClient client = replicated({.read_policy = policy});
    const auto by = served(client, 300);
    EXPECT_EQ(by.size(), 3U) << to_string(policy);
    for (const auto& [address, count] : by) EXPECT_GT(count, 60) << to_string(policy) << ' ' << address;
  }
}

TEST(ReadPolicy, RoundRobinTakesOneAfterTheOther) {
  ScriptedClient client = replicated({.read_policy = ReadPolicy::round_robin});
  for (int round = 0; round < 5; ++round) {
    std::set<std::string> seen;
    for (int i = 0; i < 3; ++i) seen.insert(served_by(client));
    EXPECT_EQ(seen.size(), 3U);
  }
}

TEST(ReadPolicy, LeastOutstandingFillsTheEmptiest) {
  ScriptedClient client = replicated({.read_policy = ReadPolicy::least_outstanding});
  std::map<std::string, int> open;
  for (int i = 0; i < 9; ++i) {
    client.call(read(0, ReadLevel::any));
    ++open[client.address_of(client.take_calls().at(0))];
  }
  EXPECT_EQ(open, (std::map<std::string, int>{{"a:1", 3}, {"b:1", 3}, {"c:1", 3}}));
}

TEST(ReadPolicy, WeightsSayHowOften) {
  for (const ReadPolicy policy : {ReadPolicy::weighted, ReadPolicy::sticky}) {
    ScriptedClient client = replicated({.read_policy = policy});
    client.machine.set_weight(NodeId("a"), 3);
    auto by = served(client, 1000);  // 600, 200, 200
    EXPECT_NEAR(by["a:1"], 600, 80) << to_string(policy);
    EXPECT_NEAR(by["b:1"], 200, 60) << to_string(policy);
  }
}

TEST(ReadPolicy, StickyKeepsACallerWhereItIs) {
  ScriptedClient client = replicated({.read_policy = ReadPolicy::sticky});
  std::map<std::uint64_t, std::string> before;
  for (std::uint64_t caller = 0; caller < 100; ++caller) {
    before[caller] = served_by(client, caller);
    EXPECT_EQ(served_by(client, caller), before[caller]);
  }
  client.machine.set_weight(NodeId("a"), 0);
  for (const auto& [caller, address] : before) {
    const std::string now = served_by(client, caller);
    EXPECT_NE(now, "a:1");
    if (address != "a:1") {
      EXPECT_EQ(now, address) << "only the callers of a move";
    }
  }
}

TEST(ReadPolicy, AMemberOfNoWeightIsReadOnlyWhereNothingElseIsLeft) {
  for (const ReadPolicy policy : kAllPolicies) {
    ScriptedClient client = replicated({.read_policy = policy});
    client.machine.set_weight(NodeId("a"), 0);
    client.machine.set_weight(NodeId("b"), 0);
    EXPECT_EQ(served(client, 50), (std::map<std::string, int>{{"c:1", 50}})) << to_string(policy);
    client.machine.set_weight(NodeId("c"), 0);
    served(client, 50);
    client.machine.set_weight(NodeId("a"), 1);
    EXPECT_EQ(served(client, 50), (std::map<std::string, int>{{"a:1", 50}})) << to_string(policy);
  }
}

TEST(ReadPolicy, AWeightIsKeptForAMemberThatIsNotKnownYet) {
  ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1});
  client.machine.set_weight(NodeId("a"), 0);
  client.learn(make_replicated_map(1, {"a", "b"}));
  for (int i = 0; i < 20; ++i) client.call(read(0, ReadLevel::any));
  client.connect_all();
  for (const auto& send : client.take_calls()) EXPECT_EQ(client.address_of(send), "b:1");
}

TEST(ReadPolicy, TheOwnZoneServesWhileItCan) {
  ring::ClusterMap map = *make_replicated_map(1, {"a", "b", "c"});
  map.nodes[1].zone = "here";
  map.nodes[2].zone = "here";
  for (const ReadPolicy policy : kAllPolicies) {
    ScriptedClient client({.seeds = {"seed:1"}, .random_seed = 1, .read_policy = policy, .zone = "here"});
    client.learn(std::make_shared<const ring::ClusterMap>(map));
    for (std::uint64_t i = 0; i < 40; ++i) client.call(read(0, ReadLevel::any), 2s, i);
    client.connect_all();
    std::set<std::string> asked;
    for (const auto& send : client.take_calls()) {
      asked.insert(client.address_of(send));
      client.answer(send, error(ErrorCode::unavailable));
    }
    EXPECT_EQ(asked, (std::set<std::string>{"b:1", "c:1"})) << to_string(policy);
    client.connect_all();
    for (const auto& send : client.take_calls()) client.answer(send, error(ErrorCode::unavailable));
    client.connect_all();
    for (const auto& send : client.take_calls()) EXPECT_EQ(client.address_of(send), "a:1") << to_string(policy);
  }
}

TEST(ReadPolicy, WhatMembersDoIsCounted) {
  MetricsRegistry registry;
  ScriptedClient client = replicated({.metrics = &registry});
  PeerMetrics a(registry, NodeId("a"));
  EXPECT_EQ(a.requests.value(), 1U);
  EXPECT_EQ(a.latency.count(), 1U);
  client.call(get(0));
  EXPECT_EQ(a.outstanding.value(), 1);
  client.answer(client.take_calls().at(0), error(ErrorCode::corrupt));
  EXPECT_EQ(a.outstanding.value(), 0);
  EXPECT_EQ(a.errors.value(), 1U);
  EXPECT_EQ(a.breakers_open.value(), 0);

  client.call(get(0));
  const LinkId link = client.take_calls().at(0).link;
  client.lose(link);
  EXPECT_EQ(a.errors.value(), 2U);
  for (int i = 0; i < 50 && a.breakers_open.value() == 0; ++i) {
    client.refuse_all();
    client.pass(20ms);
  }
  EXPECT_EQ(a.breakers_open.value(), 1);
}

}  // namespace
}  // namespace gyre::routing::testing
