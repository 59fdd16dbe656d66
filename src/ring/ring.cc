#include "ring/ring.h"

#include <cmath>

#include "base/hash.h"

namespace gyre::ring {

Ring::Ring(const std::vector<RingNode>& nodes, std::uint32_t vnodes) : nodes_(nodes.size()) {
  double wanted = 0;
  for (const RingNode& node : nodes) wanted += node.weight * vnodes;
  const double scale = std::min(1.0, static_cast<double>(kPointsMax) / wanted);
  for (NodeIndex index = 0; index < nodes.size(); ++index) {
    const double points = std::max(1.0, std::round(nodes[index].weight * vnodes * scale));
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(points); ++i) {
      points_.push_back({hash64(nodes[index].name, i), index});
    }
  }
  std::ranges::sort(points_);
}

std::uint64_t Ring::point_of(PartitionId partition) {
  return hash64("/partition", partition.value());  // no node id contains '/'
}

}  // namespace gyre::ring
