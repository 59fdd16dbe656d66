#include "control/liveness.h"

namespace gyre::control {

bool Liveness::heard(const NodeId& node, Instant now) {
  // What a process sent before it died may arrive a little after the proof.
  if (const auto death = dead_.find(node); death != dead_.end() && now - death->second.at > 2 * timing_.heartbeat) {
    dead_.erase(death);
  }
  Seen& seen = seen_.try_emplace(node, Seen{now, now, false}).first->second;
  const bool was_up = seen.up;
  seen = {was_up ? seen.since : now, now, true};
  return !was_up;
}

void Liveness::on_refused(const NodeId& node, Incarnation incarnation, Instant now) {
  dead_.insert_or_assign(node, Death{incarnation, now});
}

std::vector<NodeId> Liveness::expire(Instant now) {
  std::vector<NodeId> down;
  for (auto& [node, seen] : seen_) {
    if (!seen.up || now < silent_at(seen)) continue;
    seen.up = false;
    down.push_back(node);
  }
  return down;
}

Instant Liveness::next_expiry() const {
  Instant next = kNever;
  for (const auto& [node, seen] : seen_) {
    if (seen.up) next = std::min(next, silent_at(seen));
  }
  return next;
}

bool Liveness::up(const NodeId& node) const {
  const auto found = seen_.find(node);
  return found != seen_.end() && found->second.up;
}

bool Liveness::heard_lately(const ring::NodeInfo& node, Instant now) const {
  return well(node) && now - seen_.at(node.id).last <= 3 * timing_.heartbeat;
}

bool Liveness::silent(const NodeId& node, Instant now) const {
  const auto found = seen_.find(node);
  return now >= (found == seen_.end() ? awake_since_ + timing_.detection : silent_at(found->second));
}

Duration Liveness::silence(const NodeId& node, Instant now) const {
  const auto found = seen_.find(node);
  if (found == seen_.end()) return now - awake_since_;
  return found->second.up ? Duration{0} : now - std::max(found->second.last, awake_since_);
}

bool Liveness::dead(const NodeId& node, Incarnation incarnation) const {
  const auto found = dead_.find(node);
  return found != dead_.end() && found->second.incarnation == incarnation;
}

Instant Liveness::up_since(const NodeId& node) const {
  const auto found = seen_.find(node);
  return found != seen_.end() && found->second.up ? found->second.since : kNever;
}

Duration Liveness::until_down(const NodeId& node, Instant now) const {
  const auto found = seen_.find(node);
  if (found == seen_.end() || !found->second.up) return Duration{0};
  return std::max(Duration{0}, silent_at(found->second) - now);
}

messages::NodeStatus Liveness::status(const NodeId& node, Instant now) const {
  const auto found = seen_.find(node);
  if (found == seen_.end()) return {node, false, -1};
  return {node, found->second.up, to_ms(now - found->second.last)};
}

void Liveness::forget(const NodeId& node) {
  seen_.erase(node);
  dead_.erase(node);
}

}  // namespace gyre::control
