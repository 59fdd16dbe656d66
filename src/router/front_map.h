// What a router tells native clients of the cluster.
#pragma once

#include <string>

#include "ring/map_delta.h"

namespace gyre::router {

// The map with one node in it, the router, that is primary of every partition, in the same terms: so clients send
// everything there, and learn of failovers as they would without it. What has no primary waits in the router. All
// routers show the same but for their addresses, so that several may stand behind one. THREAD: its loop's.
class FrontMap {
 public:
  // Where clients reach it. Call before the first update_for().
  void set_address(std::string address) { address_ = std::move(address); }
  // For somebody who has one of epoch `known` (0: none). Null: the router has none itself.
  ring::MapUpdate update_for(Epoch known, const ring::ClusterMapPtr& cluster);

 private:
  ring::ClusterMapPtr front_of(const ring::ClusterMap& cluster) const;

  std::string address_;
  ring::MapHistory history_;
};

}  // namespace gyre::router
