#include "control/cluster_settings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/invalid.h"
#include "base/limits.h"

namespace gyre::control {

namespace {

using Kind = CoordinatorEvent::Kind;
using ring::Membership;
using Action = messages::NodeSetRequest::Action;

std::unexpected<Error> refused(std::string message) { return fail(ErrorCode::condition_failed, std::move(message)); }

bool placed(const ClusterState& state) { return !state.target.partitions.empty(); }

// Collects what a request changes, as a list for people.
class Changes {
 public:
  template <class T>
  void set(T& what, const std::optional<T>& to, std::string text) {
    if (!to || what == *to) return;
    what = *to;
    text_ += (text_.empty() ? "" : ", ") + std::move(text);
  }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

const char* on_off(const std::optional<bool>& value) { return value.value_or(false) ? "on" : "off"; }

// --- The cluster ---

Result<void> check_copies(const ClusterState& state, const messages::ClusterSetRequest& request) {
  const ring::ClusterShape& shape = state.map.shape;
  const std::uint32_t copies = request.replication_factor.value_or(shape.replication_factor);
  const std::uint32_t in_sync = request.min_in_sync.value_or(shape.min_in_sync);
  if (copies < 1 || copies > limits::kReplicationFactorMax) {
    return invalid(fmt::format("{} copies: choose 1 to {}", copies, limits::kReplicationFactorMax));
  }
  const std::size_t nodes = state.map.active_nodes();
  if (copies > shape.replication_factor && placed(state) && copies > nodes) {
    return invalid(fmt::format("{} copies need {} nodes that hold data, and the cluster has {}: add nodes first",
                               copies, copies, nodes));
  }
  if (in_sync < 1 || in_sync > copies) {
    return invalid(fmt::format("an `all` write cannot wait for {} of {} copies: choose a min-in-sync from 1 to {}",
                               in_sync, copies, copies));
  }
  return {};
}

Result<void> check_limits(const ring::ClusterMap& map, const messages::ClusterSetRequest& request) {
  if (const auto moves = request.moves_per_node; moves && (*moves < 1 || *moves > limits::kMovesPerNodeMax)) {
    return invalid(fmt::format("{} moves per node: choose 1 to {}", *moves, limits::kMovesPerNodeMax));
  }
  if (const auto factor = request.p99_factor; factor && *factor != 0 && !(*factor >= 1 && std::isfinite(*factor))) {
    return invalid(fmt::format("p99 factor {}: choose 1 or more, or 0 to never slow down for requests", *factor));
  }
  const Duration least = 2 * map.shape.timing.detection;
  if (const auto after = request.replace_after; after && *after != Duration(0) && *after < least) {
    return invalid(
        fmt::format("nodes cannot be replaced after {} ms: choose at least {} ms (twice the time it takes to "
                    "find out that one is down), or 0 for never",
                    to_ms(*after), to_ms(least)));
  }
  return {};
}

// INVARIANT 4 of PartitionEntry, by the new number.
void forget_departed(ring::ClusterMap& map) {
  for (ring::PartitionEntry& entry : map.entries) {
    if (entry.departed.empty() || entry.in_sync.size() < map.shape.min_in_sync) continue;
    entry.departed.clear();
    ++entry.version;
  }
}

// --- One node ---

Result<void> check_weight_and_zone(const messages::NodeSetRequest& request) {
  const std::string& id = request.node.str();
  if (request.weight && !(*request.weight > 0 && *request.weight <= limits::kWeightMax)) {
    return invalid(fmt::format("weight {} for node {}: choose more than 0 and at most {}", *request.weight, id,
                               limits::kWeightMax));
  }
  if (request.zone && !request.zone->empty() && !NodeId::valid(*request.zone)) {
    return invalid(
        fmt::format("that zone for node {} cannot be: use 1 to 63 letters, digits, '.', '_' or '-', or "
                    "nothing for none",
                    id));
  }
  return {};
}

// Without `node`, are enough nodes left to hold all copies?
Result<void> check_enough_stay(const ClusterState& state, const ring::NodeInfo& node) {
  if (node.membership != Membership::active || !placed(state)) return {};
  const std::size_t stay = state.map.active_nodes() - 1;
  const std::uint32_t copies = state.map.shape.replication_factor;
  if (stay >= copies) return {};
  return refused(fmt::format(
      "without {}, {} node{} would be left for {} cop{} of each partition: add a node first, or keep "
      "fewer copies (`gyre cluster set --rf {}`)",
      node.id.str(), stay, stay == 1 ? "" : "s", copies, copies == 1 ? "y" : "ies", std::max<std::size_t>(stay, 1)));
}

// A node that is gone takes nothing with it that somebody was promised.
Result<void> check_dispensable(const ClusterState& state, const Liveness& nodes, const ring::NodeInfo& node) {
  const std::string& id = node.id.str();
  if (nodes.well(node)) {
    return refused(
        fmt::format("{} is up: remove it without force, so that it gives away what it has, or stop it first", id));
  }
  if (node.membership == Membership::active && state.map.active_nodes() == 1) {
    return refused(fmt::format("{} is the last node that holds data", id));
  }
  std::vector<std::uint16_t> alone;
  for (std::size_t i = 0; i < state.map.entries.size(); ++i) {
    const ring::PartitionEntry& entry = state.map.entries[i];
    if (entry.find_in_sync(node.id) == nullptr) continue;
    const bool others = std::ranges::any_of(entry.in_sync, [&](const ring::InSyncMember& member) {
      return member.node != node.id && nodes.well(*state.map.find_node(member.node));
    });
    if (!others) alone.push_back(static_cast<std::uint16_t>(i));
  }
  if (alone.empty()) return {};
  return refused(
      fmt::format("what was acknowledged of {} (partition {}{}) may be on {} alone: start it again, or give that up "
                  "first with `gyre promote --unclean --stopped {} NODE`",
                  alone.size() == 1 ? "a partition" : fmt::format("{} partitions", alone.size()), alone.front(),
                  alone.size() == 1 ? "" : ", ...", id, id));
}

Result<Membership> next_membership(const ClusterState& state, const Liveness& nodes, const ring::NodeInfo& node,
                                   Action action) {
  switch (action) {
    case Action::none: return node.membership;
    case Action::drain: {
      GYRE_TRY(check_enough_stay(state, node));
      return Membership::draining;
    }
    case Action::remove: {
      GYRE_TRY(check_enough_stay(state, node));
      return Membership::removing;
    }
    case Action::forget: {
      if (node.membership == Membership::gone) return Membership::gone;
      GYRE_TRY(check_dispensable(state, nodes, node));
      return Membership::gone;
    }
    case Action::resume: break;
  }
  if (node.membership == Membership::away) {
    return refused(fmt::format("{} is away: it takes part again by itself once it is up", node.id.str()));
  }
  return Membership::active;
}

void note_settings(ClusterState& state, const messages::NodeSetRequest& request) {
  if (!request.weight && !request.zone) return;
  const auto at = std::ranges::lower_bound(state.settings, request.node, {}, &NodeSettings::node);
  const bool known = at != state.settings.end() && at->node == request.node;
  NodeSettings& settings = known ? *at : *state.settings.insert(at, NodeSettings{request.node, {}, {}});
  if (request.weight) settings.weight = request.weight;
  if (request.zone) settings.zone = request.zone;
}

CoordinatorEvent tell(const ring::NodeInfo& node, Action action, const Changes& changes, bool moves_on) {
  const std::string& id = node.id.str();
  if (!moves_on) return {Kind::node_updated, node.id, fmt::format("{} has {} now", id, changes.text())};
  switch (action) {
    case Action::drain: return {Kind::node_draining, node.id, id + " gives away what it has"};
    case Action::remove:
      return {Kind::node_draining, node.id, id + " gives away what it has, and leaves the cluster then"};
    case Action::forget:
      return {Kind::node_draining, node.id, id + " is gone for good, an operator says: what it had is replaced"};
    case Action::resume:
    case Action::none: break;
  }
  return {Kind::node_updated, node.id, id + " takes part again"};
}

}  // namespace

Changed change_cluster(ClusterState& state, const messages::ClusterSetRequest& request) {
  GYRE_TRY(check_copies(state, request));
  GYRE_TRY(check_limits(state.map, request));
  ring::ClusterMap& map = state.map;
  Changes changes;
  changes.set(map.shape.replication_factor, request.replication_factor,
              fmt::format("{} copies", request.replication_factor.value_or(0)));
  changes.set(map.shape.min_in_sync, request.min_in_sync,
              fmt::format("{} in sync for `all`", request.min_in_sync.value_or(0)));
  changes.set(map.moves.moves_per_node, request.moves_per_node,
              fmt::format("{} moves per node", request.moves_per_node.value_or(0)));
  changes.set(map.moves.bytes_per_second, request.bytes_per_second,
              request.bytes_per_second.value_or(0) == 0
                  ? "moves as fast as they can"
                  : fmt::format("moves at {} bytes per second and node", *request.bytes_per_second));
  changes.set(map.moves.p99_factor, request.p99_factor, fmt::format("p99 factor {}", request.p99_factor.value_or(0)));
  changes.set(state.policy.automatic, request.automatic,
              fmt::format("automatic rebalancing {}", on_off(request.automatic)));
  changes.set(state.policy.paused, request.paused,
              std::string(request.paused.value_or(false) ? "moves are paused" : "moves go on"));
  changes.set(state.policy.spread_hot, request.spread_hot,
              fmt::format("spreading of hot primaries {}", on_off(request.spread_hot)));
  const Duration after = request.replace_after.value_or(Duration(0));
  changes.set(state.policy.replace_after, request.replace_after,
              after == Duration(0) ? "silent nodes are never replaced"
                                   : fmt::format("silent nodes are replaced after {} s", to_ms(after) / 1000.0));
  if (changes.empty()) return std::nullopt;
  forget_departed(map);
  return CoordinatorEvent{Kind::settings_changed, {}, changes.text()};
}

Changed change_node(ClusterState& state, const Liveness& nodes, const messages::NodeSetRequest& request) {
  const auto node = std::ranges::find(state.map.nodes, request.node, &ring::NodeInfo::id);
  if (node == state.map.nodes.end()) return invalid(fmt::format("the cluster has no node {}", request.node.str()));
  GYRE_TRY(check_weight_and_zone(request));
  GYRE_TRY_SET(const Membership membership, next_membership(state, nodes, *node, request.action));
  note_settings(state, request);
  Changes changes;
  changes.set(node->weight, request.weight, fmt::format("weight {}", request.weight.value_or(0)));
  changes.set(node->zone, request.zone,
              request.zone.value_or("").empty() ? "no zone" : "zone " + request.zone.value_or(""));
  const bool moves_on = std::exchange(node->membership, membership) != membership;
  if (!moves_on && changes.empty()) return std::nullopt;
  return tell(*node, request.action, changes, moves_on);
}

}  // namespace gyre::control
