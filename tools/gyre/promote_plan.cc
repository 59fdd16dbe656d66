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
  std::vector<std::string> costs;
  for (const PartitionId partition : partitions) {
    const ring::PartitionEntry& entry = map.entry(partition);
    if (entry.find_in_sync(node) != nullptr) continue;
    std::vector<std::string> in_sync;
    for (const auto& member : entry.in_sync) in_sync.push_back(member.node.str());
    const auto position = holdings.positions.find(partition);
    costs.push_back(fmt::format(
        "partition {}: {} has {}; {} may hold acknowledged writes behind that, which would be lost", partition.value(),
        node.str(),
        position == holdings.positions.end() ? "nothing" : "everything up to " + to_string(position->second),
        fmt::join(in_sync, ", ")));
  }
  return costs;
}

}  // namespace gyre::cli
