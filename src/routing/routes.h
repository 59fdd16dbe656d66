// Where the calls of each partition go, by the newest map.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "messages/request.h"
#include "ring/cluster_map.h"
#include "routing/call_table.h"
#include "routing/peers.h"

namespace gyre::routing {

struct PartitionRoute {
  Route primary;
  Instant since{};                 // when it replaced another
  std::vector<PeerIndex> members;  // in sync, with the data that they were counted in with; the primary among them
  Instant wrote_at{};              // the last write that was acknowledged
  bool checking = false;           // the primary is being asked what became of this client's writes, or soon
  std::uint32_t turn = 0;          // of reads that go to one member after the other

  bool has_member(PeerIndex peer) const;
  // Of `members`, those whose bit is not set.
  bool has_untried(std::uint32_t tried) const;
  // The bit of `peer`; 0: it is no member.
  std::uint32_t bit_of(PeerIndex peer) const;
};

class Routes {
 public:
  // Takes over a newer map of the same cluster.
  // `zone`: members of another one are far; empty: all are near.
  void rebuild(Instant now, const ring::ClusterMap& map, const std::string& zone, Peers& peers);

  PartitionRoute& operator[](PartitionId partition) { return routes_[partition.value()]; }
  const PartitionRoute& operator[](PartitionId partition) const { return routes_[partition.value()]; }
  std::size_t size() const { return routes_.size(); }

 private:
  std::vector<PartitionRoute> routes_;         // by partition
  std::vector<Incarnation> incarnations_;      // by peer, as of the last map
};

}  // namespace gyre::routing
