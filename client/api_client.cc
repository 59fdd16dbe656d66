#include "client/api_client.h"

#include "ring/slot.h"

namespace gyre::client {

Result<KeyLocation> locate_in(const ring::ClusterMap& map, std::string_view key) {
  GYRE_TRY(check_key(key));
  const Slot slot = ring::slot_of(key);
  const PartitionId partition = map.partitioning().of(slot);
  KeyLocation location{slot.value(), partition.value(), map.entry(partition).primary.str(), {}, map.epoch.value()};
  for (const NodeId& node : map.entry(partition).members()) location.members.push_back(node.str());
  return location;
}

}  // namespace gyre::client
