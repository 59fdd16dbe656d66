#include "routing/routes.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace gyre::routing {

bool PartitionRoute::has_member(PeerIndex peer) const { return std::ranges::find(members, peer) != members.end(); }

bool PartitionRoute::has_untried(std::uint32_t tried) const {
  const std::uint32_t all = (std::uint32_t{1} << members.size()) - 1;
  return (all & ~tried) != 0;
}

std::uint32_t PartitionRoute::bit_of(PeerIndex peer) const {
  const auto found = std::ranges::find(members, peer);
  return found == members.end() ? 0 : std::uint32_t{1} << (found - members.begin());
}

void Routes::rebuild(Instant now, const ring::ClusterMap& map, const std::string& zone, Peers& peers) {
  std::vector<PeerIndex> by_node;
  for (const ring::NodeInfo& node : map.nodes) {
    const PeerIndex peer = peers.index_of(node.addresses.native);
    peers.describe(peer, node.id, zone.empty() || node.zone == zone);
    by_node.push_back(peer);
    if (peer.value() >= incarnations_.size()) incarnations_.resize(peer.value() + 1);
    Incarnation& known = incarnations_[peer.value()];
    if (std::exchange(known, node.incarnation) != node.incarnation) peers.on_restarted(peer);
  }
  peers.only_members(by_node);
  const bool first = routes_.empty();
  routes_.resize(map.entries.size());
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const ring::PartitionEntry& entry = map.entries[i];
    PartitionRoute& route = routes_[i];
    Route primary;
    route.members.clear();
    for (const ring::InSyncMember& member : entry.in_sync) {
      const ring::NodeInfo* node = map.find_node(member.node);
      if (!node) continue;
      const PeerIndex peer = by_node[static_cast<std::size_t>(node - map.nodes.data())];
      if (member.node == entry.primary) primary = {peer, entry.term};
      if (member.generation == node->generation && route.members.size() < limits::kMembersMax) {
        route.members.push_back(peer);
      }
    }
    if (primary == route.primary) continue;
    route.primary = primary;
    if (!first) route.since = now;
  }
}

}  // namespace gyre::routing
