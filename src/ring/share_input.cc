#include "ring/share_input.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace gyre::ring {

ShareInput share_input(const ClusterShape& shape, const std::vector<PlacementMember>& members) {
  ShareInput input;
  input.partitions = shape.partitions;
  input.copies = std::min<std::uint32_t>(shape.replication_factor, static_cast<std::uint32_t>(members.size()));
  std::map<std::string_view, std::uint32_t> named_zones;
  for (const PlacementMember& member : members) {
    input.weights.push_back(member.weight);
    const bool known = !member.zone.empty() && !named_zones.try_emplace(member.zone, input.zones).second;
    input.zone.push_back(known ? named_zones[member.zone] : input.zones++);
  }
  return input;
}

}  // namespace gyre::ring
