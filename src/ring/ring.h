// The ring: the circle of 2^64 points on which nodes own virtual nodes and every partition has one point.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace gyre::ring {

// A node's place in a list ordered by id.
using NodeIndex = std::uint32_t;

struct RingNode {
  std::string_view name;
  double weight = 1.0;
};

class Ring {
 public:
  // Gives each node `weight x vnodes` points, at least one. Only proportions count: where there would be more than
  // kPointsMax points in all, every node gets proportionally fewer.
  Ring(const std::vector<RingNode>& nodes, std::uint32_t vnodes);

  static std::uint64_t point_of(PartitionId partition);

  // Walks clockwise from `from` over distinct nodes and gives the first that is `wanted`, if any is.
  template <class Wanted>
  std::optional<NodeIndex> find(std::uint64_t from, Wanted wanted) const;

  static constexpr std::size_t kPointsMax = std::size_t{1} << 20;  // 16 MiB, sorted in about 100 ms

 private:
  struct Point {
    std::uint64_t at;
    NodeIndex node;

    auto operator<=>(const Point&) const = default;
  };

  std::vector<Point> points_;  // ordered
  std::size_t nodes_;
};

template <class Wanted>
std::optional<NodeIndex> Ring::find(std::uint64_t from, Wanted wanted) const {
  std::vector<bool> met(nodes_);
  std::size_t left = nodes_;
  auto point = std::ranges::lower_bound(points_, from, {}, &Point::at);
  for (; left > 0; ++point) {
    if (point == points_.end()) point = points_.begin();
    if (met[point->node]) continue;
    if (wanted(point->node)) return point->node;
    met[point->node] = true;
    --left;
  }
  return std::nullopt;
}

}  // namespace gyre::ring
