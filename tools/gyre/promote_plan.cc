#include "tools/gyre/promote_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gyre::cli {

Result<std::vector<PartitionId>> partitions_to_promote(const ring::ClusterMap& map, const NodeId& node,
                                                       const std::vector<std::uint32_t>& wanted,
                                                       const Holdings& holdings) {
  std::vector<PartitionId> partitions;
  for (const std::uint32_t number : wanted) {
    if (number >= map.shape.partitions) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("there is no partition {}: the cluster has {}", number, map.shape.partitions));
    }
    const PartitionId partition(static_cast<std::uint16_t>(number));
    if (!map.entry(partition).has_member(node)) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("{} is no member of partition {}: `gyre cluster partitions` shows who is", node.str(), number));
    }
    partitions.push_back(partition);
  }
  if (!wanted.empty()) return partitions;
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    if (map.entries[i].has_member(node) && !holdings.served.contains(partition)) partitions.push_back(partition);
  }
  return partitions;
}

std::vector<std::string> costs_of_promotion(const ring::ClusterMap& map, const NodeId& node,
                                            const std::vector<PartitionId>& partitions, const Holdings& holdings) {
  const ring::NodeInfo* info = map.find_node(node);
  std::vector<std::string> costs;
  for (const PartitionId partition : partitions) {
    const ring::PartitionEntry& entry = map.entry(partition);
    const ring::InSyncMember* counted = entry.find_in_sync(node);
    if (counted != nullptr && info != nullptr && counted->generation == info->generation) continue;
    std::vector<std::string> others;
    for (const auto& member : entry.in_sync) {
      if (member.node != node) others.push_back(member.node.str());
    }
    const auto position = holdings.positions.find(partition);
    std::string cost = fmt::format(
        "partition {}: {} has {}", partition.value(), node.str(),
        position == holdings.positions.end() ? "nothing" : "everything up to " + to_string(position->second));
    if (counted != nullptr) {
      cost += ", and may have lost what it acknowledged behind that: its data is not that of then";
    }
    if (!others.empty()) {
      cost +=
          fmt::format("; {} may hold acknowledged writes behind that, which would be lost", fmt::join(others, ", "));
    }
    costs.push_back(std::move(cost));
  }
  return costs;
}

}  // namespace gyre::cli
