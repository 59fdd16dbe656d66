#include "control/handover.h"

#include <set>

#include <gtest/gtest.h>

#include "scripted_cluster.h"

namespace gyre::control {
namespace {

using Kind = CoordinatorEvent::Kind;
using Order = messages::Order;
using Names = std::vector<std::string>;

std::size_t count(const ScriptedCluster& c, Order::Kind kind) {
  return static_cast<std::size_t>(
      std::ranges::count_if(c.orders, [&](const auto& order) { return order.second.kind == kind; }));
}

CoordinatorConfig balancing() {
  CoordinatorConfig config = ScriptedCluster::config_for(3);
  config.balance_primaries = true;
  return config;
}

// The primaries do as they were told.
void obey(ScriptedCluster& c) {
  for (const auto& [id, order] : std::exchange(c.orders, {})) {
    if (c.entry(order.partition.value()).term != order.term) continue;
    if (order.kind == Order::Kind::hand_over) {
      c.send(id, messages::HandedOver{order.partition, order.term, order.node});
      continue;
    }
    Names stay = c.in_sync(order.partition.value());
    std::erase(stay, order.node.str());
    messages::SetInSync release = c.in_sync_request(order.partition.value(), stay);
    release.release = true;
    c.send(id, release);
  }
}

TEST(HandOver, MakesTheSuccessorPrimaryWithoutDeposingAnybody) {
  ScriptedCluster c;
  const std::string before = c.primary();
  const std::string successor = c.other(0, 0);
  c.send(before, messages::HandedOver{PartitionId(0), Term(1), NodeId(successor)});
  EXPECT_EQ(c.primary(), successor);
  EXPECT_EQ(c.entry().term, Term(2));
  EXPECT_EQ(c.in_sync().size(), 3u);
  EXPECT_TRUE(c.entry().deposed.empty());
  EXPECT_EQ(c.h.count(Kind::handed_over), 1u);
  c.send(before, messages::HandedOver{PartitionId(0), Term(1), NodeId(c.other(0, 1))});
  EXPECT_EQ(c.primary(), successor) << "a late one changes nothing";
}

TEST(HandOver, WithoutASuccessorAnotherIsElected) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string broken = c.primary();
  c.node[broken].seals = false;
  c.send(broken, messages::HandedOver{PartitionId(0), Term(1), NodeId()});
  c.run(2 * kTiming.detection);
  EXPECT_NE(c.primary(), broken);
  EXPECT_EQ(c.entry().deposed.size(), 1u);
}

TEST(HandOver, ToASuccessorThatLeftMeanwhileEndsInAnElection) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string before = c.primary();
  const std::string left = c.other(0, 0);
  c.set_in_sync(0, {before, c.other(0, 1)});
  c.node[before].position = {Term(1), Sequence(3)};
  c.send(before, messages::HandedOver{PartitionId(0), Term(1), NodeId(left)});
  EXPECT_EQ(c.primary(), before) << "it is well, and has most";
  EXPECT_EQ(c.entry().term, Term(2));
}

TEST(Leaving, SpreadsThePrimariesThenReleasesTheMember) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string leaver = c.primary();
  const auto mine = c.partitions_of(leaver);
  c.send(leaver, messages::Leaving{});
  EXPECT_EQ(c.h.count(Kind::node_leaving), 1u);
  for (int i = 0; i < 4; ++i) {
    obey(c);
    c.send(leaver, messages::Leaving{});
    c.run(2 * kTiming.heartbeat);
  }
  EXPECT_EQ(c.h.count(Kind::node_leaving), 1u);
  std::set<std::string> successors;
  for (const std::uint16_t p : mine) successors.insert(c.primary(p));
  EXPECT_FALSE(successors.contains(leaver));
  ASSERT_GT(mine.size(), 1u);
  EXPECT_EQ(successors.size(), 2u);
  for (std::uint16_t p = 0; p < c.map().entries.size(); ++p) {
    EXPECT_EQ(c.entry(p).find_in_sync(NodeId(leaver)), nullptr);
  }
}

TEST(Leaving, OfEverybodyChangesNothing) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  for (const auto& [id, script] : c.node) c.h.send(id, messages::Leaving{});
  c.orders.clear();
  c.h.sent.clear();
  c.run(5 * kTiming.heartbeat);
  EXPECT_TRUE(c.orders.empty()) << "nobody can take over, and the sets stay whole";
}

TEST(Leaving, IsOverWithANewProcess) {
  ScriptedCluster c;
  c.run(kTiming.heartbeat);
  const std::string id = c.primary();
  c.send(id, messages::Leaving{});
  c.restart(id);
  c.orders.clear();
  c.run(5 * kTiming.heartbeat);
  EXPECT_TRUE(c.orders.empty());
}

TEST(Drift, BringsPrimariesHomeAFewAtATimeOnceAllIsSteady) {
  CoordinatorConfig config = balancing();
  config.shape.partitions = 32;
  ScriptedCluster c(3, config);
  c.run(kTiming.heartbeat);
  const auto mine = c.partitions_of("n1");
  ASSERT_GT(mine.size(), kDriftsAtOnce);
  c.kill("n1");
  c.restart("n1");
  c.all_in_sync();
  c.run(kSteady - kTiming.detection);
  EXPECT_TRUE(c.orders.empty());
  c.run(kTiming.promotion_pause() - kSteady + kTiming.detection + kHandOverPatience / 4);
  const std::set<std::uint16_t> asked = [&] {
    std::set<std::uint16_t> partitions;
    for (const auto& [id, order] : c.orders) partitions.insert(order.partition.value());
    return partitions;
  }();
  EXPECT_EQ(asked.size(), kDriftsAtOnce);
  for (int i = 0; i < 60; ++i) {
    c.run(2 * kTiming.heartbeat);
    obey(c);
  }
  EXPECT_EQ(c.partitions_of("n1"), mine);
}

TEST(Drift, IsOffWhenToldSoAndForMembersThatAreNotInSync) {
  for (const bool balance : {false, true}) {
    CoordinatorConfig config = balancing();
    config.balance_primaries = balance;
    ScriptedCluster c(3, config);
    c.run(kTiming.heartbeat);
    c.kill("n1");
    c.restart("n1");
    if (!balance) c.all_in_sync();
    c.run(4 * kSteady);
    EXPECT_EQ(count(c, Order::Kind::hand_over), 0u);
  }
}

TEST(HandOver, APrimaryWhoseCopyIsDamagedIsRelieved) {
  ScriptedCluster c;
  const std::string damaged = c.primary();
  messages::NodeEvent event{messages::NodeEvent::Kind::storage_failed, PartitionId(0), c.entry().term, 0, "checksum"};
  c.send(c.other(0, 0), event);
  EXPECT_TRUE(c.orders.empty()) << "only its primary may say so";
  c.send(damaged, event);
  ASSERT_FALSE(c.orders.empty());
  EXPECT_EQ(c.orders.back().first, damaged);
  EXPECT_EQ(c.orders.back().second.kind, messages::Order::Kind::hand_over);
  EXPECT_NE(c.orders.back().second.node, NodeId(damaged));
}

}  // namespace
}  // namespace gyre::control
