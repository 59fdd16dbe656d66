// Maps and what changed of them.
#include <memory>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "ring/map_delta.h"
#include "tests/unit/wire/generators.h"
#include "wire/codec.h"

namespace gyre::wire {
namespace {

using ring::ClusterMap;
using ring::ClusterMapPtr;
using ring::MapDelta;
using ring::MapUpdate;

Bytes encode_push(MapUpdate update) {
  messages::Frame frame;
  frame.messages.push_back(messages::MapPush{std::move(update)});
  return encode(frame);
}

MapUpdate travelled(const MapUpdate& update) {
  const auto frame = decode(encode_push(update), {});
  EXPECT_TRUE(frame) << frame.error().message;
  return std::get<messages::MapPush>(frame->messages.at(0)).update;
}

ErrorCode refusal_of(MapDelta delta) {
  const auto decoded = decode(encode_push({nullptr, std::make_shared<const MapDelta>(std::move(delta))}), {});
  return decoded ? ErrorCode() : decoded.error().code;
}

NodeId node_of(std::size_t number) { return NodeId("n" + std::to_string(100 + number)); }

// As large as maps get in a cluster of 200 nodes, three copies each.
ClusterMap large_map(std::uint64_t epoch) {
  ClusterMap map;
  map.cluster = Uuid::from_words(1, 2);
  map.epoch = Epoch(epoch);
  map.shape = {.partitions = 4096, .replication_factor = 3};
  map.coordinators = {"10.0.0.1:7300"};
  for (std::size_t i = 0; i < 200; ++i) {
    ring::NodeInfo& node = map.nodes.emplace_back();
    node.id = node_of(i);
    node.data_id = Uuid::from_words(3, i);
    node.zone = "zone-" + std::to_string(i % 4);
    node.addresses = {"10.0.0.1:7400", "10.0.0.1:7401", {}};
  }
  for (std::size_t i = 0; i < 4096; ++i) {
    ring::PartitionEntry& entry = map.entries.emplace_back();
    entry.term = Term(3);
    entry.version = 7;
    entry.primary = node_of(i % 200);
    for (std::size_t copy = 0; copy < 3; ++copy) entry.in_sync.push_back({node_of((i + copy) % 200), Generation(1)});
  }
  return map;
}

// One swap that `change` makes of a large map: what those who know the one before are told.
struct Swap {
  explicit Swap(auto change) {
    history.adopt(before);
    ClusterMap next = large_map(6);
    change(next);
    after = std::make_shared<const ClusterMap>(std::move(next));
    history.adopt(after);
  }

  ClusterMapPtr before = std::make_shared<const ClusterMap>(large_map(5));
  ClusterMapPtr after;
  ring::MapHistory history;
};

TEST(MapCodec, AFewChangedEntriesOfALargeMapTakeLessThanTwoKilobytes) {
  const Swap swap([](ClusterMap& map) {
    for (const std::size_t partition : {5, 700, 701, 1500, 2048, 3000, 4000, 4095}) {
      ring::PartitionEntry& entry = map.entries[partition];
      entry.learners.push_back(node_of((partition + 50) % 200));
      ++entry.version;
    }
  });
  const MapUpdate told = swap.history.since(Epoch(5));
  ASSERT_TRUE(told.delta);
  const std::size_t bytes = encode_push(told).size();
  EXPECT_LT(bytes, 2048u);
  EXPECT_GT(encode_push({swap.after, nullptr}).size(), 200 * bytes);
  EXPECT_EQ(**ring::apply(swap.before, travelled(told)), *swap.after);
}

TEST(MapCodec, ANodeThatChangedTakesLessThanAKilobyte) {
  const Swap swap([](ClusterMap& map) { map.nodes[7].membership = ring::Membership::away; });
  const MapUpdate told = swap.history.since(Epoch(5));
  EXPECT_LT(encode_push(told).size(), 1024u);
  EXPECT_EQ(**ring::apply(swap.before, travelled(told)), *swap.after);
}

TEST(MapCodec, NodesThatLeftAreToldAndMayStillBeNamedAsDeposed) {
  const Swap swap([](ClusterMap& map) {
    const NodeId gone = map.nodes.back().id;
    map.nodes.pop_back();
    for (auto& entry : map.entries) {
      if (entry.primary == gone) entry.deposed = {{gone, entry.term}};
      std::erase_if(entry.in_sync, [&](const auto& member) { return member.node == gone; });
      if (entry.primary == gone) entry.primary = entry.in_sync[0].node;
    }
  });
  const MapUpdate told = swap.history.since(Epoch(5));
  ASSERT_TRUE(told.delta);
  EXPECT_EQ(told.delta->gone.size(), 1u);
  EXPECT_EQ(**ring::apply(swap.before, travelled(told)), *swap.after);
  EXPECT_EQ(*travelled({swap.after, nullptr}).map, *swap.after);
}

// A map as those wrote it that knew no limits of moves has the defaults.
TEST(MapCodec, LimitsThatNobodySetAreTheDefaults) {
  const ring::MoveLimits defaults;
  EXPECT_EQ(defaults.moves_per_node, 4u);
  EXPECT_EQ(defaults.bytes_per_second, 0u);
  EXPECT_EQ(defaults.p99_factor, 2.0);
  EXPECT_EQ((*decode_map(encode_map(large_map(1))))->moves, defaults);
  EXPECT_EQ(decode_settings(encode_settings({}))->policy, messages::MovePolicy());
}

TEST(MapCodec, RefusesChangesThatAreOutOfOrder) {
  const ClusterMap map = large_map(6);
  MapDelta delta{.cluster = map.cluster, .from = Epoch(5), .to = Epoch(6), .shape = map.shape};
  EXPECT_EQ(refusal_of(delta), ErrorCode());
  const auto with = [&](auto change) {
    MapDelta changed = delta;
    change(changed);
    return refusal_of(std::move(changed));
  };
  EXPECT_EQ(with([&](MapDelta& d) { d.nodes = {map.nodes[1], map.nodes[2]}; }), ErrorCode());
  EXPECT_EQ(with([&](MapDelta& d) { d.nodes = {map.nodes[2], map.nodes[1]}; }), ErrorCode::invalid_argument);
  EXPECT_EQ(with([&](MapDelta& d) { d.nodes = {map.nodes[1], map.nodes[1]}; }), ErrorCode::invalid_argument);
  EXPECT_EQ(with([](MapDelta& d) { d.gone = {NodeId("a"), NodeId("b")}; }), ErrorCode());
  EXPECT_EQ(with([](MapDelta& d) { d.gone = {NodeId("b"), NodeId("a")}; }), ErrorCode::invalid_argument);
  EXPECT_EQ(with([](MapDelta& d) { d.from = Epoch(7); }), ErrorCode::invalid_argument);
  const auto entry_of = [&](std::uint16_t number) { return std::pair(PartitionId(number), map.entries[1]); };
  EXPECT_EQ(with([&](MapDelta& d) { d.entries = {entry_of(1), entry_of(2)}; }), ErrorCode());
  EXPECT_EQ(with([&](MapDelta& d) { d.entries = {entry_of(2), entry_of(1)}; }), ErrorCode::invalid_argument);
  EXPECT_EQ(with([&](MapDelta& d) { d.entries = {entry_of(1), entry_of(1)}; }), ErrorCode::invalid_argument);
  EXPECT_EQ(with([&](MapDelta& d) { d.entries = {entry_of(4096)}; }), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gyre::wire
