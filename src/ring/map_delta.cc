#include "ring/map_delta.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::ring {

namespace {

// Nodes that are gone and still remembered; beyond, who knows an older map than the oldest of them gets a whole one.
constexpr std::size_t kGoneMax = limits::kNodesMax;

std::unexpected<Error> does_not_fit(const ClusterMap& map, const MapDelta& delta) {
  if (delta.cluster != map.cluster) {
    return fail(ErrorCode::stale_map, fmt::format("a change of the map of cluster {} does not fit that of cluster {}",
                                                  delta.cluster.str(), map.cluster.str()));
  }
  return fail(ErrorCode::stale_map, fmt::format("a change of the cluster map from epoch {} does not fit epoch {}",
                                                delta.from.value(), map.epoch.value()));
}

// `nodes`, with those of the delta in place of theirs, and without those that are gone.
std::vector<NodeInfo> merge(const std::vector<NodeInfo>& nodes, const MapDelta& delta) {
  std::vector<NodeInfo> merged;
  merged.reserve(nodes.size() + delta.nodes.size());
  const auto keep = [&](const NodeInfo& node) {
    if (!std::ranges::binary_search(delta.gone, node.id)) merged.push_back(node);
  };
  auto changed = delta.nodes.begin();
  for (const NodeInfo& node : nodes) {
    while (changed != delta.nodes.end() && changed->id < node.id) keep(*changed++);
    const bool replaced = changed != delta.nodes.end() && changed->id == node.id;
    keep(replaced ? *changed++ : node);
  }
  while (changed != delta.nodes.end()) keep(*changed++);
  return merged;
}

}  // namespace

Result<ClusterMapPtr> apply(const ClusterMap& map, const MapDelta& delta) {
  if (delta.cluster != map.cluster || map.epoch < delta.from) return does_not_fit(map, delta);
  auto next = std::make_shared<ClusterMap>(map);
  if (map.epoch >= delta.to) return ClusterMapPtr(std::move(next));
  next->epoch = delta.to;
  next->shape = delta.shape;
  next->moves = delta.moves;
  next->coordinators = delta.coordinators;
  next->nodes = merge(map.nodes, delta);
  std::vector<PartitionId> changed;
  changed.reserve(delta.entries.size());
  for (const auto& [partition, entry] : delta.entries) {
    if (partition.value() >= next->entries.size()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("a change of partition {}, where there are {}", partition.value(), next->entries.size()));
    }
    next->entries[partition.value()] = entry;
    changed.push_back(partition);
  }
  const bool others_concerned = !delta.gone.empty() || delta.shape.min_in_sync != map.shape.min_in_sync ||
                                delta.shape.partitions != map.shape.partitions;
  GYRE_TRY(others_concerned ? validate(*next) : validate_changed(*next, changed));
  return ClusterMapPtr(std::move(next));
}

Result<ClusterMapPtr> apply(const ClusterMapPtr& known, const MapUpdate& update) {
  if (update.map) {
    const bool newer = !known || known->cluster != update.map->cluster || update.map->epoch > known->epoch;
    return newer ? update.map : known;
  }
  if (!update.delta) return known;
  if (!known) return fail(ErrorCode::stale_map, "a change of the cluster map came before any map");
  if (known->cluster == update.delta->cluster && known->epoch >= update.delta->to) return known;
  return apply(*known, *update.delta);
}

void MapHistory::adopt(ClusterMapPtr map) {
  const bool continues = map_ && map_->cluster == map->cluster && map_->entries.size() == map->entries.size();
  GYRE_ASSERT(!continues || map->epoch > map_->epoch);
  const ClusterMapPtr before = std::exchange(map_, std::move(map));
  if (!continues) {
    first_ = map_->epoch;
    entry_changed_.assign(map_->entries.size(), first_);
    node_changed_.clear();
    for (const NodeInfo& node : map_->nodes) node_changed_.emplace_back(node.id, first_);
    return;
  }
  for (std::size_t i = 0; i < map_->entries.size(); ++i) {
    if (map_->entries[i] != before->entries[i]) entry_changed_[i] = map_->epoch;
  }
  note_nodes(*before);
}

void MapHistory::note_nodes(const ClusterMap& before) {
  const auto note = [&](const NodeId& node) {
    const auto at = std::ranges::lower_bound(node_changed_, node, {}, &std::pair<NodeId, Epoch>::first);
    if (at != node_changed_.end() && at->first == node) {
      at->second = map_->epoch;
    } else {
      node_changed_.emplace(at, node, map_->epoch);
    }
  };
  for (const NodeInfo& node : map_->nodes) {
    const NodeInfo* old = before.find_node(node.id);
    if (old == nullptr || *old != node) note(node.id);
  }
  for (const NodeInfo& node : before.nodes) {
    if (map_->find_node(node.id) == nullptr) note(node.id);
  }
  while (node_changed_.size() > map_->nodes.size() + kGoneMax) forget_oldest_gone();
}

void MapHistory::forget_oldest_gone() {
  auto oldest = node_changed_.end();
  for (auto each = node_changed_.begin(); each != node_changed_.end(); ++each) {
    if (map_->find_node(each->first) != nullptr) continue;
    if (oldest == node_changed_.end() || each->second < oldest->second) oldest = each;
  }
  first_ = std::max(first_, oldest->second);
  node_changed_.erase(oldest);
}

MapUpdate MapHistory::since(Epoch known) const {
  if (!map_ || known >= map_->epoch) return {};
  if (known < first_) return {map_, nullptr};
  auto delta = std::make_shared<MapDelta>();
  for (std::size_t i = 0; i < map_->entries.size(); ++i) {
    if (entry_changed_[i] > known) delta->entries.emplace_back(static_cast<std::uint16_t>(i), map_->entries[i]);
  }
  for (const auto& [id, changed] : node_changed_) {
    if (changed <= known) continue;
    if (const NodeInfo* node = map_->find_node(id)) {
      delta->nodes.push_back(*node);
    } else {
      delta->gone.push_back(id);
    }
  }
  if (delta->entries.size() + delta->nodes.size() >= map_->entries.size() + map_->nodes.size()) return {map_, nullptr};
  delta->cluster = map_->cluster;
  delta->from = known;
  delta->to = map_->epoch;
  delta->shape = map_->shape;
  delta->moves = map_->moves;
  delta->coordinators = map_->coordinators;
  return {nullptr, std::move(delta)};
}

}  // namespace gyre::ring
