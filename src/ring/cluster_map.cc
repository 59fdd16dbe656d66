#include "ring/cluster_map.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace gyre::ring {

namespace {

std::unexpected<Error> invalid(std::string what_is_wrong) {
  return fail(ErrorCode::invalid_argument, "the cluster map is not usable: " + std::move(what_is_wrong));
}

Result<void> validate_shape(const ClusterShape& shape) {
  if (!Partitioning::valid(shape.partitions)) {
    return invalid(
        fmt::format("{} partitions, where a power of two from 1 to {} is wanted", shape.partitions, limits::kSlots));
  }
  if (shape.replication_factor < 1 || shape.replication_factor > limits::kReplicationFactorMax) {
    return invalid(fmt::format("replication factor {}, where 1 to {} is wanted", shape.replication_factor,
                               limits::kReplicationFactorMax));
  }
  if (shape.min_in_sync < 1 || shape.min_in_sync > shape.replication_factor) {
    return invalid(fmt::format("{} members in sync for an `all` write, where 1 to {} are wanted", shape.min_in_sync,
                               shape.replication_factor));
  }
  if (const auto timing = check(shape.timing); !timing) return invalid(timing.error().message);
  if (shape.vnodes < 1 || shape.vnodes > limits::kVnodesMax) {
    return invalid(fmt::format("{} virtual nodes, where 1 to {} are wanted", shape.vnodes, limits::kVnodesMax));
  }
  if (!(shape.load_slack >= 0 && shape.load_slack <= 1)) {
    return invalid(fmt::format("load slack {}, where 0 to 1 is wanted", shape.load_slack));
  }
  return {};
}

Result<void> validate_moves(const MoveLimits& moves) {
  if (moves.moves_per_node < 1 || moves.moves_per_node > limits::kMovesPerNodeMax) {
    return invalid(
        fmt::format("{} moves of one node, where 1 to {} are wanted", moves.moves_per_node, limits::kMovesPerNodeMax));
  }
  if (!(moves.p99_factor == 0 || (moves.p99_factor >= 1 && std::isfinite(moves.p99_factor)))) {
    return invalid(fmt::format("p99 factor {}, where 0 or at least 1 is wanted", moves.p99_factor));
  }
  return {};
}

Result<void> validate_nodes(const std::vector<NodeInfo>& nodes) {
  if (nodes.size() > limits::kNodesMax) {
    return invalid(fmt::format("{} nodes, where at most {} are allowed", nodes.size(), limits::kNodesMax));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const NodeInfo& node = nodes[i];
    if (!NodeId::valid(node.id.str())) return invalid("a node has no id");
    if (i > 0 && !(nodes[i - 1].id < node.id)) {
      return invalid(fmt::format("node {} is out of order or there twice", node.id.str()));
    }
    if (!(node.weight > 0 && node.weight <= limits::kWeightMax)) {
      return invalid(fmt::format("node {} has weight {}, where more than 0 and at most {} is wanted", node.id.str(),
                                 node.weight, limits::kWeightMax));
    }
    if (node.membership > Membership::gone) {
      return invalid(fmt::format("node {} has a membership this version does not know", node.id.str()));
    }
  }
  return {};
}

std::unexpected<Error> names_stranger(std::size_t index, const NodeId& node) {
  return invalid(fmt::format("partition {} names node '{}', which is not in the cluster", index, node.str()));
}

// Of those who left the in-sync set and primaries who were deposed.
Result<void> validate_absent(const ClusterMap& map, const PartitionEntry& entry, std::size_t index) {
  if (!entry.departed.empty() && entry.in_sync.size() >= map.shape.min_in_sync) {
    return invalid(fmt::format("partition {} remembers who left its in-sync set, which is large enough", index));
  }
  std::vector<NodeId> departed = entry.departed;
  std::ranges::sort(departed);
  if (const auto twice = std::ranges::adjacent_find(departed); twice != departed.end()) {
    return invalid(fmt::format("partition {} remembers twice that node {} left", index, twice->str()));
  }
  for (const NodeId& node : departed) {
    if (!map.find_node(node)) return names_stranger(index, node);
    if (entry.find_in_sync(node)) {
      return invalid(fmt::format("node {} left the in-sync set of partition {} and is in it", node.str(), index));
    }
  }
  if (entry.deposed.size() > limits::kDeposedMax) {
    return invalid(fmt::format("{} deposed primaries of partition {}, where at most {} are allowed",
                               entry.deposed.size(), index, limits::kDeposedMax));
  }
  for (std::size_t i = 0; i < entry.deposed.size(); ++i) {
    const DeposedPrimary& deposed = entry.deposed[i];
    if (!NodeId::valid(deposed.node.str())) return names_stranger(index, deposed.node);
    if (deposed.term > entry.term || (i > 0 && deposed.term <= entry.deposed[i - 1].term)) {
      return invalid(
          fmt::format("term {} of a deposed primary of partition {} is out of order", deposed.term.value(), index));
    }
  }
  return {};
}

// All but the entries.
Result<void> validate_head(const ClusterMap& map) {
  GYRE_TRY(validate_shape(map.shape));
  GYRE_TRY(validate_moves(map.moves));
  return validate_nodes(map.nodes);
}

Result<void> validate_entry(const ClusterMap& map, std::size_t index) {
  const PartitionEntry& entry = map.entries[index];
  if (!entry.primary.empty() && !entry.find_in_sync(entry.primary)) {
    return invalid(fmt::format("primary {} of partition {} is not in its in-sync set", entry.primary.str(), index));
  }
  std::vector<NodeId> members = entry.members();
  if (members.size() > limits::kMembersMax || entry.departed.size() > limits::kMembersMax) {
    return invalid(fmt::format("partition {} has or had more than {} members", index, limits::kMembersMax));
  }
  for (const NodeId& member : members) {
    if (!map.find_node(member)) return names_stranger(index, member);
  }
  std::ranges::sort(members);
  if (const auto twice = std::ranges::adjacent_find(members); twice != members.end()) {
    return invalid(fmt::format("partition {} names node {} twice", index, twice->str()));
  }
  return validate_absent(map, entry, index);
}

}  // namespace

std::vector<NodeId> PartitionEntry::members() const {
  std::vector<NodeId> all;
  all.reserve(in_sync.size() + learners.size());
  for (const InSyncMember& member : in_sync) all.push_back(member.node);
  all.insert(all.end(), learners.begin(), learners.end());
  const auto first = std::ranges::find(all, primary);
  if (first != all.end()) std::rotate(all.begin(), first, first + 1);
  return all;
}

bool PartitionEntry::has_member(const NodeId& node) const { return find_in_sync(node) || among(learners, node); }

const InSyncMember* PartitionEntry::find_in_sync(const NodeId& node) const {
  const auto found = std::ranges::find(in_sync, node, &InSyncMember::node);
  return found != in_sync.end() ? &*found : nullptr;
}

const NodeInfo* ClusterMap::find_node(const NodeId& id) const {
  const auto found = std::ranges::lower_bound(nodes, id, {}, &NodeInfo::id);
  return found != nodes.end() && found->id == id ? &*found : nullptr;
}

std::size_t ClusterMap::active_nodes() const {
  return static_cast<std::size_t>(std::ranges::count(nodes, Membership::active, &NodeInfo::membership));
}

Result<void> validate(const ClusterMap& map) {
  GYRE_TRY(validate_head(map));
  if (map.entries.size() != map.shape.partitions) {
    return invalid(fmt::format("{} entries for {} partitions", map.entries.size(), map.shape.partitions));
  }
  for (std::size_t i = 0; i < map.entries.size(); ++i) GYRE_TRY(validate_entry(map, i));
  return {};
}

Result<void> validate_changed(const ClusterMap& map, const std::vector<PartitionId>& changed) {
  GYRE_TRY(validate_head(map));
  for (const PartitionId partition : changed) GYRE_TRY(validate_entry(map, partition.value()));
  return {};
}

}  // namespace gyre::ring
