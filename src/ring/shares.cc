#include "ring/shares.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gyre::ring {

namespace {

constexpr double kRounding = 1e-9;  // what sums of shares may be off by

// Shares `total` out over `nodes` by weight, none above 1. REQUIRES: total <= nodes.size().
void fill(const std::vector<double>& weights, std::vector<NodeIndex> nodes, double total, std::vector<double>& shares) {
  while (!nodes.empty()) {
    double weight = 0;
    for (const NodeIndex node : nodes) weight += weights[node];
    const double level = total / weight;
    const auto full = std::ranges::partition(nodes, [&](NodeIndex node) { return weights[node] * level < 1; });
    for (const NodeIndex node : full) shares[node] = 1;
    total -= static_cast<double>(full.size());
    nodes.erase(full.begin(), nodes.end());
    if (!full.empty()) continue;
    for (const NodeIndex node : nodes) shares[node] = weights[node] * level;
    return;
  }
}

}  // namespace

std::vector<double> replica_shares(const ShareInput& input) {
  const bool zones_enough = input.zones >= input.copies;  // a zone holds at most one copy; else at least one
  std::vector<double> shares(input.weights.size());
  std::vector<NodeIndex> pending(input.weights.size());
  std::iota(pending.begin(), pending.end(), 0);
  double total = input.copies;

  // Zones whose nodes' weights ask for too much (or too little) are fixed at one copy; the others share the rest.
  for (bool changed = true; changed;) {
    fill(input.weights, pending, total, shares);
    std::vector<double> of_zone(input.zones);
    for (const NodeIndex node : pending) of_zone[input.zone[node]] += shares[node];
    const auto fixed = std::ranges::partition(pending, [&](NodeIndex node) {
      const double copies = of_zone[input.zone[node]];
      return zones_enough ? copies <= 1 + kRounding : copies >= 1 - kRounding;
    });
    std::vector<std::vector<NodeIndex>> by_zone(input.zones);
    for (const NodeIndex node : fixed) by_zone[input.zone[node]].push_back(node);
    for (auto& zone : by_zone) {
      if (zone.empty()) continue;
      fill(input.weights, std::move(zone), 1, shares);
      total -= 1;
    }
    changed = !fixed.empty();
    pending.erase(fixed.begin(), pending.end());
  }
  for (double& share : shares) share *= input.partitions;
  return shares;
}

std::vector<double> primary_shares(const ShareInput& input) {
  const double weight = std::accumulate(input.weights.begin(), input.weights.end(), 0.0);
  std::vector<double> shares = input.weights;
  for (double& share : shares) share *= input.partitions / weight;
  return shares;
}

Bounds::Bounds(double share_wanted, double slack, std::uint32_t partitions) : share(share_wanted) {
  const auto down = [](double x) { return static_cast<std::uint32_t>(std::floor(x + kRounding)); };
  const auto up = [](double x) { return static_cast<std::uint32_t>(std::ceil(x - kRounding)); };
  share_down = down(share);
  share_up = up(share);
  lower = std::min(share_down, up((1 - slack) * share));
  upper = std::min(partitions, std::max(share_up, down((1 + slack) * share)));
}

Loads::Loads(const std::vector<double>& shares, double slack, std::uint32_t partitions) : counts_(shares.size()) {
  bounds_.reserve(shares.size());
  for (const double share : shares) bounds_.emplace_back(share, slack, partitions);
}

}  // namespace gyre::ring
