// The busiest partitions and keys of a cluster, put together from what each node says. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "messages/request.h"
#include "ring/cluster_map.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

struct HotPartition {
  PartitionId partition;
  double reads_per_second = 0;  // that any member answered
  double writes_per_second = 0;  // that its primary took
  std::uint64_t bytes = 0;  // of its largest copy

  double operations_per_second() const { return reads_per_second + writes_per_second; }
};

struct HotView {
  std::vector<HotPartition> partitions;  // hottest first
  std::vector<messages::HotKey> keys;  // hottest first; none whose rate would be shown as 0
  double operations_per_second = 0;  // of all partitions that were named
  std::vector<NodeId> silent;  // nodes that gave no answer
};

// Adds up what nodes say of the same partition or key: each counts what it answered itself.
HotView merge_hot(const std::vector<messages::HotResponse>& answers);

struct HotLimits {
  std::size_t partitions = 10;
  std::size_t keys = 20;
};
// Several lines, the last with a line end.
std::string hot_text(const HotView& view, const ring::ClusterMap& map, const HotLimits& limits);
Json hot_json(const HotView& view, const ring::ClusterMap& map, const HotLimits& limits);

}  // namespace gyre::cli
