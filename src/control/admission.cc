#include "control/admission.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/invalid.h"
#include "base/limits.h"
#include "control/in_sync.h"
#include "control/planner.h"

namespace gyre::control {

namespace {

constexpr std::size_t kZoneBytesMax = 63;
constexpr std::size_t kAddressBytesMax = 260;  // a DNS name of 253 bytes and its port

// "HOST:PORT" that somebody else can connect to.
bool usable_address(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || address.size() > kAddressBytesMax) return false;
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  const bool printable = std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; });
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return printable && error == std::errc{} && end == port.data() + port.size() && number > 0 && host != "0.0.0.0" &&
         host != "[::]";
}

Result<void> check_node(const ring::NodeInfo& node) {
  const std::string& id = node.id.str();
  if (!NodeId::valid(id)) return invalid("a node without an id cannot join");
  if (node.data_id.empty() || node.incarnation == Incarnation{}) {
    return invalid(fmt::format("node {} names no data directory or no incarnation", id));
  }
  if (!(node.weight > 0 && node.weight <= limits::kWeightMax)) {
    return invalid(
        fmt::format("node {} has weight {}: choose more than 0 and at most {}", id, node.weight, limits::kWeightMax));
  }
  if (!node.zone.empty() && !NodeId::valid(node.zone)) {
    return invalid(fmt::format("node {} has zone '{}': use 1 to {} letters, digits, '.', '_' or '-'", id,
                               node.zone.substr(0, kZoneBytesMax), kZoneBytesMax));
  }
  if (!usable_address(node.addresses.native)) {
    return invalid(fmt::format("node {} advertises '{}': name a HOST:PORT that the others can reach", id,
                               node.addresses.native.substr(0, kAddressBytesMax)));
  }
  for (const std::string& optional : {node.addresses.http, node.addresses.resp}) {
    if (optional.empty() || usable_address(optional)) continue;
    return invalid(fmt::format("node {} advertises '{}', which is no HOST:PORT that others can reach", id,
                               optional.substr(0, kAddressBytesMax)));
  }
  return {};
}

std::unexpected<Error> seems_alive(std::string message, Duration until_down) {
  return fail(Error{.code = ErrorCode::busy,
                    .outcome = Outcome::not_applied,
                    .message = std::move(message),
                    .retry_after = std::chrono::milliseconds(to_ms(until_down) + 1)});
}

// The directory and the native address of a node that joins must be nobody else's.
Result<void> check_unique(const ring::ClusterMap& map, const ring::NodeInfo& node, const Liveness& liveness,
                          Instant now) {
  for (const ring::NodeInfo& other : map.nodes) {
    if (other.id == node.id) continue;
    if (other.data_id == node.data_id) {
      return fail(ErrorCode::denied,
                  fmt::format("this data directory belongs to node {}: start it under that id, or give node {} a "
                              "directory of its own (never a copy)",
                              other.id.str(), node.id.str()));
    }
    if (other.addresses.native == node.addresses.native && liveness.up(other.id)) {
      return seems_alive(fmt::format("node {} advertises {}, where node {} was heard a moment ago: give each node an "
                                     "address of its own",
                                     node.id.str(), node.addresses.native, other.id.str()),
                         liveness.until_down(other.id, now));
    }
  }
  return {};
}

// `known` is the node's record, `node` what the process that joins says of itself.
Result<void> check_same_node(const ring::NodeInfo& known, const ring::NodeInfo& node, const Liveness& liveness,
                             Instant now) {
  const std::string& id = node.id.str();
  if (known.data_id != node.data_id) {
    return fail(ErrorCode::denied,
                fmt::format("node {} is known with data directory {}, not {}: start it with its own directory, or "
                            "choose a new id for the new directory",
                            id, known.data_id.str(), node.data_id.str()));
  }
  if (node.incarnation < known.incarnation) {
    return fail(ErrorCode::denied,
                fmt::format("node {} was started again after this process (incarnation {} is older than {}): stop "
                            "this one",
                            id, node.incarnation.value(), known.incarnation.value()));
  }
  if (node.generation < known.generation) {
    return fail(ErrorCode::denied,
                fmt::format("the data of node {} is older than what it had (generation {}, was {}): this is an old "
                            "copy of its directory; start it with the newest, or choose a new id",
                            id, node.generation.value(), known.generation.value()));
  }
  // A new process at the same address has taken the port, so the one before is gone. At another address it may be a
  // copy of the data directory, started beside the original.
  if (known.addresses.native != node.addresses.native && liveness.up(known.id)) {
    return seems_alive(fmt::format("node {} is alive at {}: two processes cannot share an id; stop one of them", id,
                                   known.addresses.native),
                       liveness.until_down(known.id, now));
  }
  if (known.incarnation == node.incarnation && known.addresses.native != node.addresses.native) {
    return fail(ErrorCode::denied,
                fmt::format("incarnation {} of node {} was admitted at {}: this is a copy of its data directory, or "
                            "the node must be started again",
                            node.incarnation.value(), id, known.addresses.native));
  }
  return {};
}

// A later process of a primary is appointed again at once: nobody has more than it that was acknowledged, and the one
// before is gone. One whose data may lack writes is not: it leaves the in-sync sets, and where it is primary an
// election replaces it.
void take_up(ring::ClusterMap& map, const ring::NodeInfo& node, BrokenRule broken) {
  for (ring::PartitionEntry& entry : map.entries) {
    const auto member = std::ranges::find(entry.in_sync, node.id, &ring::InSyncMember::node);
    if (member == entry.in_sync.end()) continue;
    const bool lossy = member->generation != node.generation && broken != BrokenRule::generation_counts;
    if (lossy && broken == BrokenRule::lossy_is_out) {
      member->generation = node.generation;
      ++entry.version;
    } else if (lossy) {
      drop_lossy(map.shape, entry, node.id);
      continue;
    }
    if (entry.primary != node.id || entry.primary_incarnation == node.incarnation) continue;
    if (broken != BrokenRule::new_term_each_start) entry.term = entry.term.next();
    entry.primary_incarnation = node.incarnation;
    ++entry.version;
  }
}

// As the operator wants it, where that was said.
void apply_settings(const ClusterState& state, ring::NodeInfo& node) {
  const auto found = std::ranges::find(state.settings, node.id, &NodeSettings::node);
  if (found == state.settings.end()) return;
  node.weight = found->weight.value_or(node.weight);
  node.zone = found->zone.value_or(node.zone);
}

// What a forgotten node of this name still owes, this one can never account for: from now on it is owed by a name that
// nobody has.
void part_from_namesake(ring::ClusterMap& map, const NodeId& node) {
  constexpr std::string_view kSuffix = ".gone";
  constexpr std::size_t kIdBytesMax = 63;
  const NodeId namesake(node.str().substr(0, kIdBytesMax - kSuffix.size()) + std::string(kSuffix));
  for (ring::PartitionEntry& entry : map.entries) {
    const auto owes = std::ranges::find(entry.deposed, node, &ring::DeposedPrimary::node);
    if (owes == entry.deposed.end()) continue;
    owes->node = namesake;
    ++entry.version;
  }
}

}  // namespace

Result<Admission> admit(ClusterState& state, const messages::JoinRequest& join, const Liveness& liveness, Instant now,
                        BrokenRule broken) {
  ring::ClusterMap& map = state.map;
  if (!join.cluster.empty() && join.cluster != map.cluster) {
    return fail(ErrorCode::wrong_cluster,
                fmt::format("the data directory of node {} belongs to cluster {}, this is {}: name the right "
                            "coordinator or an empty directory",
                            join.node.id.str(), join.cluster.str(), map.cluster.str()));
  }
  GYRE_TRY(check_node(join.node));
  GYRE_TRY(check_unique(map, join.node, liveness, now));

  const auto at = std::ranges::lower_bound(map.nodes, join.node.id, {}, &ring::NodeInfo::id);
  if (at == map.nodes.end() || at->id != join.node.id) {
    if (map.nodes.size() >= limits::kNodesMax) {
      return fail(ErrorCode::too_large,
                  fmt::format("the cluster has {} nodes, the most there may be", limits::kNodesMax));
    }
    ring::NodeInfo node = join.node;
    node.membership = ring::Membership::active;
    apply_settings(state, node);
    map.nodes.insert(at, std::move(node));
    if (join.cluster.empty()) part_from_namesake(map, join.node.id);
    return Admission::admitted;
  }
  GYRE_TRY(check_same_node(*at, join.node, liveness, now));
  ring::NodeInfo node = join.node;
  node.membership = at->membership;
  apply_settings(state, node);
  if (node == *at) return Admission::none;
  const bool is_new_process = at->incarnation != node.incarnation;
  *at = std::move(node);
  take_up(map, join.node, broken);
  return is_new_process ? Admission::rejoined : Admission::updated;
}

bool first_placement_due(const ClusterState& state, std::size_t initial_nodes) {
  if (!state.target.partitions.empty()) return false;
  const std::size_t members = state.map.active_nodes();
  return members > 0 && members >= initial_nodes;
}

bool place_first(ClusterState& state, std::size_t initial_nodes) {
  if (!first_placement_due(state, initial_nodes)) return false;
  ring::ClusterMap& map = state.map;
  state.target = ring::place(map.shape, placement_members(map), {});
  GYRE_ASSERT(state.target.partitions.size() == map.entries.size());
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const std::vector<NodeId>& nodes = state.target.partitions[i];
    ring::PartitionEntry& entry = map.entries[i];
    GYRE_ASSERT(!nodes.empty() && entry.primary.empty());
    const ring::NodeInfo& primary = *map.find_node(nodes.front());
    entry.learners = nodes;
    appoint(map.shape, entry,
            {.node = primary.id,
             .incarnation = primary.incarnation,
             .term = entry.term.next(),
             .in_sync = {{primary.id, primary.generation}}});
  }
  return true;
}

}  // namespace gyre::control
