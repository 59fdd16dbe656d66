// How throughput and latency grow with the number of nodes: what was measured, as text, JSON and a plot.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

struct ScalingOptions {
  std::uint32_t nodes_max = 4;
  std::uint32_t capacity = 2000;  // requests a second that each node serves
  std::chrono::milliseconds duration{3000};  // of each load
  double read_percent = 50;
  std::uint64_t keys = 10'000;
  std::uint64_t value_bytes = 100;
  std::string svg = "scaling.svg";  // where the plot goes; empty: nowhere
};

// One load on a cluster of so many nodes.
struct ScalingStep {
  std::uint32_t nodes = 0;
  double offered = 0;  // operations a second, begun whatever the answers did
  double served = 0;   // of these, a second
  Duration p50{0};     // of those served, from when they were due
  Duration p99{0};
  std::uint64_t failed = 0;
};

// The loads that a cluster of `nodes` is put under, rising: from well below what it can serve to well above.
std::vector<double> scaling_loads(std::uint32_t nodes, std::uint32_t capacity);
// The most that clusters of so many nodes served. REQUIRES: there is a step of them.
double most_served(const std::vector<ScalingStep>& steps, std::uint32_t nodes);

std::string scaling_text(const ScalingOptions& options, const std::vector<ScalingStep>& steps);
Json scaling_json(const ScalingOptions& options, const std::vector<ScalingStep>& steps);
// Two charts side by side: served, and p99, by what was offered; a line for each number of nodes.
std::string scaling_svg(const ScalingOptions& options, const std::vector<ScalingStep>& steps);

}  // namespace gyre::cli
