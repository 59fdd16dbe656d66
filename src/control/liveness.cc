#include "control/liveness.h"

#include <algorithm>

#include "control/timing.h"

namespace gyre::control {

bool Liveness::heard(const NodeId& node, Instant now) {
  const auto [at, is_new] = seen_.try_emplace(node, Seen{now, true});
  const bool was_up = !is_new && at->second.up;
  at->second = {now, true};
  return !was_up;
}

std::vector<NodeId> Liveness::expire(Instant now) {
  std::vector<NodeId> down;
  for (auto& [node, seen] : seen_) {
    if (!seen.up || now - seen.last < kDetection) continue;
    seen.up = false;
    down.push_back(node);
  }
  return down;
}

Instant Liveness::next_expiry() const {
  Instant next = kNever;
  for (const auto& [node, seen] : seen_) {
    if (seen.up) next = std::min(next, seen.last + kDetection);
  }
  return next;
}

bool Liveness::up(const NodeId& node) const {
  const auto found = seen_.find(node);
  return found != seen_.end() && found->second.up;
}

Duration Liveness::until_down(const NodeId& node, Instant now) const {
  const auto found = seen_.find(node);
  if (found == seen_.end() || !found->second.up) return Duration{0};
  return std::max(Duration{0}, found->second.last + kDetection - now);
}

messages::NodeStatus Liveness::status(const NodeId& node, Instant now) const {
  const auto found = seen_.find(node);
  if (found == seen_.end()) return {node, false, -1};
  return {node, found->second.up, to_ms(now - found->second.last)};
}

}  // namespace gyre::control
