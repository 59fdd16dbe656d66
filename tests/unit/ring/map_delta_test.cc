#include "ring/map_delta.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/rng.h"

namespace gyre::ring {
namespace {

const ClusterId kCluster = Uuid::from_words(1, 1);

NodeId node_id(std::size_t number) { return NodeId(fmt::format("n{}", number)); }

NodeInfo node(std::size_t number) {
  NodeInfo info;
  info.id = node_id(number);
  info.incarnation = Incarnation(1);
  info.addresses.native = fmt::format("{}.test:7400", info.id.str());
  return info;
}

// So many nodes, each partition on one of them.
ClusterMap map_of(std::uint64_t epoch, std::uint32_t partitions = 16, std::size_t nodes = 4) {
  ClusterMap map;
  map.cluster = kCluster;
  map.epoch = Epoch(epoch);
  map.shape.partitions = partitions;
  for (std::size_t i = 1; i <= nodes; ++i) map.nodes.push_back(node(i));
  std::ranges::sort(map.nodes, {}, &NodeInfo::id);
  map.entries.resize(partitions);
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    PartitionEntry& entry = map.entries[i];
    entry.term = Term(1);
    entry.primary = node_id(1 + i % nodes);
    entry.in_sync = {{entry.primary, Generation(1)}};
  }
  return map;
}

ClusterMapPtr shared(ClusterMap map) { return std::make_shared<const ClusterMap>(std::move(map)); }

// The next map, with `change` made.
template <class Change>
ClusterMapPtr after(const ClusterMapPtr& map, Change change) {
  ClusterMap next = *map;
  next.epoch = next.epoch.next();
  change(next);
  return shared(std::move(next));
}

TEST(MapHistory, TellsNothingToWhoeverIsAsNew) {
  MapHistory history;
  EXPECT_TRUE(history.since(Epoch(0)).empty());
  history.adopt(shared(map_of(5)));
  EXPECT_TRUE(history.since(Epoch(5)).empty());
  EXPECT_TRUE(history.since(Epoch(9)).empty());
}

TEST(MapHistory, GivesAWholeMapToWhoHasNoneOrAnOlderOneThanItRemembers) {
  MapHistory history;
  history.adopt(shared(map_of(5)));
  history.adopt(after(history.map(), [](ClusterMap& map) { ++map.entries[3].version; }));
  EXPECT_EQ(history.since(Epoch(0)).map, history.map());
  EXPECT_EQ(history.since(Epoch(4)).map, history.map());
  EXPECT_EQ(history.since(Epoch(5)).map, nullptr);
}

TEST(MapHistory, ADeltaHasWhatChangedAndNoMore) {
  MapHistory history;
  history.adopt(shared(map_of(5)));
  const ClusterMapPtr first = history.map();
  history.adopt(after(history.map(), [](ClusterMap& map) {
    ++map.entries[3].version;
    map.shape.min_in_sync = 1;
    map.moves.moves_per_node = 9;
  }));
  history.adopt(after(history.map(), [](ClusterMap& map) {
    ++map.entries[7].version;
    map.nodes[2].weight = 3;
    map.nodes.push_back(node(9));
  }));
  const MapUpdate update = history.since(Epoch(5));
  ASSERT_NE(update.delta, nullptr);
  EXPECT_EQ(update.map, nullptr);
  const MapDelta& delta = *update.delta;
  EXPECT_EQ(delta.from, Epoch(5));
  EXPECT_EQ(delta.to, Epoch(7));
  ASSERT_EQ(delta.entries.size(), 2u);
  EXPECT_EQ(delta.entries[0].first, PartitionId(3));
  EXPECT_EQ(delta.entries[1].first, PartitionId(7));
  ASSERT_EQ(delta.nodes.size(), 2u);
  EXPECT_EQ(delta.nodes[0].id, node_id(3));
  EXPECT_EQ(delta.nodes[1].id, node_id(9));
  EXPECT_TRUE(delta.gone.empty());
  EXPECT_EQ(history.since(Epoch(6)).delta->entries.size(), 1u);
  EXPECT_EQ(**ring::apply(first, update), *history.map());
}

TEST(MapHistory, NamesNodesThatAreGoneAndTheirReturn) {
  MapHistory history;
  history.adopt(shared(map_of(5, 16, 3)));
  history.adopt(after(history.map(), [](ClusterMap& map) { map.nodes.push_back(node(7)); }));
  const ClusterMapPtr with = history.map();
  history.adopt(after(history.map(), [](ClusterMap& map) { map.nodes.pop_back(); }));
  EXPECT_EQ(history.since(Epoch(6)).delta->gone, std::vector{node_id(7)});
  EXPECT_EQ(**ring::apply(with, history.since(Epoch(6))), *history.map());
  history.adopt(after(history.map(), [](ClusterMap& map) { map.nodes.push_back(node(7)); }));
  EXPECT_TRUE(history.since(Epoch(6)).delta->gone.empty());
  EXPECT_EQ(**ring::apply(with, history.since(Epoch(6))), *history.map());
}

TEST(MapHistory, GivesAWholeMapWhereADeltaWouldBeNoSmaller) {
  MapHistory history;
  history.adopt(shared(map_of(5)));
  history.adopt(after(history.map(), [](ClusterMap& map) {
    for (PartitionEntry& entry : map.entries) ++entry.version;
    for (NodeInfo& info : map.nodes) info.weight = 2;
  }));
  EXPECT_EQ(history.since(Epoch(5)).map, history.map());
}

TEST(MapHistory, BeginsAnewWithAnotherCluster) {
  MapHistory history;
  history.adopt(shared(map_of(5)));
  ClusterMap other = map_of(3);
  other.cluster = Uuid::from_words(2, 2);
  history.adopt(shared(other));
  EXPECT_EQ(history.since(Epoch(2)).map, history.map());
}

TEST(MapHistory, RemembersABoundedNumberOfNodesThatAreGone) {
  MapHistory history;
  history.adopt(shared(map_of(1)));
  const ClusterMapPtr first = history.map();
  for (std::size_t i = 0; i <= limits::kNodesMax; ++i) {
    ClusterMap with = *history.map();
    with.epoch = with.epoch.next();
    with.nodes.push_back(node(1000 + i));
    std::ranges::sort(with.nodes, {}, &NodeInfo::id);
    history.adopt(shared(with));
    history.adopt(after(history.map(), [&](ClusterMap& map) {
      std::erase_if(map.nodes, [&](const NodeInfo& info) { return info.id == node_id(1000 + i); });
    }));
  }
  EXPECT_EQ(history.since(Epoch(1)).map, history.map()) << "what was forgotten might be missing in a delta";
  EXPECT_NE(history.since(Epoch(history.map()->epoch.value() - 3)).delta, nullptr);
}

TEST(Apply, RefusesADeltaThatBeginsLaterOrIsOfAnotherCluster) {
  MapHistory history;
  history.adopt(shared(map_of(5)));
  history.adopt(after(history.map(), [](ClusterMap& map) { ++map.entries[0].version; }));
  history.adopt(after(history.map(), [](ClusterMap& map) { ++map.entries[1].version; }));
  const MapUpdate update = history.since(Epoch(6));
  EXPECT_EQ(ring::apply(shared(map_of(5)), update).error().code, ErrorCode::stale_map);
  EXPECT_EQ(ring::apply(nullptr, update).error().code, ErrorCode::stale_map);
  ClusterMap other = map_of(6);
  other.cluster = Uuid::from_words(2, 2);
  EXPECT_EQ(ring::apply(shared(other), update).error().code, ErrorCode::stale_map);
}

TEST(Apply, LeavesAMapThatIsAsNewAlone) {
  MapHistory history;
  history.adopt(shared(map_of(5)));
  history.adopt(after(history.map(), [](ClusterMap& map) { ++map.entries[0].version; }));
  const MapUpdate update = history.since(Epoch(5));
  EXPECT_EQ(*ring::apply(history.map(), update), history.map());
  EXPECT_EQ(**ring::apply(*history.map(), *update.delta), *history.map());
  const ClusterMapPtr newer = shared(map_of(9));
  EXPECT_EQ(*ring::apply(newer, update), newer);
  EXPECT_EQ(*ring::apply(newer, MapUpdate{history.map(), nullptr}), newer);
  EXPECT_EQ(*ring::apply(newer, MapUpdate{}), newer);
  EXPECT_EQ(*ring::apply(nullptr, MapUpdate{newer, nullptr}), newer);
}

TEST(Apply, RefusesWhatMakesNoValidMap) {
  const ClusterMapPtr map = shared(map_of(5));
  const MapDelta good{.cluster = kCluster,
                      .from = Epoch(5),
                      .to = Epoch(6),
                      .shape = map->shape,
                      .moves = map->moves,
                      .coordinators = {},
                      .nodes = {},
                      .gone = {},
                      .entries = {}};
  EXPECT_TRUE(ring::apply(*map, good));
  MapDelta bad = good;
  bad.entries = {{PartitionId(99), map->entries[0]}};
  EXPECT_EQ(ring::apply(*map, bad).error().code, ErrorCode::invalid_argument);
  bad = good;
  bad.entries = {{PartitionId(0), map->entries[0]}};
  bad.entries[0].second.learners = {node_id(77)};
  EXPECT_EQ(ring::apply(*map, bad).error().code, ErrorCode::invalid_argument);
  bad = good;
  bad.gone = {node_id(1)};
  EXPECT_EQ(ring::apply(*map, bad).error().code, ErrorCode::invalid_argument) << "others still name it";
  bad = good;
  bad.shape.partitions = 32;
  EXPECT_EQ(ring::apply(*map, bad).error().code, ErrorCode::invalid_argument);
  bad = good;
  bad.nodes = {node(9), node(8)};
  EXPECT_EQ(ring::apply(*map, bad).error().code, ErrorCode::invalid_argument);
  bad = good;
  bad.moves.moves_per_node = 0;
  EXPECT_EQ(ring::apply(*map, bad).error().code, ErrorCode::invalid_argument);
}

// Some of what may change from one map to the next.
void change_something(Rng& rng, ClusterMap& map) {
  const auto partition = rng.below(map.entries.size());
  PartitionEntry& entry = map.entries[partition];
  switch (rng.below(6)) {
    case 0:
      if (map.nodes.size() < 12) map.nodes.push_back(node(100 + rng.below(1000)));
      break;
    case 1: {
      const NodeId gone = map.nodes[rng.below(map.nodes.size())].id;
      const bool named = std::ranges::any_of(map.entries, [&](const auto& e) { return e.has_member(gone); });
      if (!named) std::erase_if(map.nodes, [&](const NodeInfo& info) { return info.id == gone; });
      break;
    }
    case 2: map.nodes[rng.below(map.nodes.size())].weight = static_cast<double>(1 + rng.below(5)); break;
    case 3: {
      const NodeId& learner = map.nodes[rng.below(map.nodes.size())].id;
      if (!entry.has_member(learner)) entry.learners.push_back(learner);
      break;
    }
    case 4: entry.learners.clear(); break;
    default: map.moves.bytes_per_second = rng.below(100); break;
  }
  ++entry.version;
  std::ranges::sort(map.nodes, {}, &NodeInfo::id);
  const auto same = std::ranges::unique(map.nodes, {}, &NodeInfo::id);
  map.nodes.erase(same.begin(), same.end());
}

RC_GTEST_PROP(MapHistoryProperty, WhateverOneKnowsAnUpdateLeadsToTheNewest, (std::uint64_t seed)) {
  Rng rng(seed);
  MapHistory history;
  std::vector<ClusterMapPtr> all;
  history.adopt(shared(map_of(1 + rng.below(5), 16, 1 + rng.below(6))));
  all.push_back(history.map());
  const std::uint64_t epochs = 1 + rng.below(20);
  for (std::uint64_t i = 0; i < epochs; ++i) {
    ClusterMap next = *history.map();
    next.epoch = Epoch(next.epoch.value() + 1 + rng.below(3));
    for (std::uint64_t changes = rng.below(4); changes > 0; --changes) change_something(rng, next);
    RC_ASSERT(bool(validate(next)));
    history.adopt(shared(next));
    all.push_back(history.map());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const MapUpdate update = history.since(all[i]->epoch);
    RC_ASSERT(update.empty() == (i + 1 == all.size()));
    // Maps between the one named and the newest are led there, too.
    for (std::size_t later = i; later < all.size(); ++later) {
      const auto led = ring::apply(all[later], update);
      RC_ASSERT(bool(led));
      RC_ASSERT(**led == *history.map());
    }
  }
}

// What a change costs.
TEST(MapHistoryReport, ADeltaOfALargeMapIsSmall) {
  MapHistory history;
  history.adopt(shared(map_of(1, 4096, 200)));
  history.adopt(after(history.map(), [](ClusterMap& map) {
    for (std::size_t i = 0; i < 8; ++i) ++map.entries[i * 100].version;
  }));
  const MapUpdate update = history.since(Epoch(1));
  ASSERT_NE(update.delta, nullptr);
  EXPECT_EQ(update.delta->entries.size(), 8u);
  EXPECT_TRUE(update.delta->nodes.empty());
}

}  // namespace
}  // namespace gyre::ring
