// Balancing: brings the loads of a draft within their bounds by chains of single changes, as few as possible.
//
// A chain relieves a node that has too much, or feeds one that has too little, through nodes in between whose loads
// stay as they are. The allowed member sets of a partition are the bases of a matroid, so a shortest chain is valid as
// a whole, and where none is found none exists (SOURCE: Schrijver, Combinatorial Optimization, section 41.2).
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "ring/draft.h"

namespace gyre::ring {

class Balancer {
 public:
  // `draft` outlives the balancer. `ids`: of the nodes, by index.
  Balancer(Draft& draft, const std::vector<NodeId>& ids);

  // Hands primaries over, within the replica sets where that suffices. REQUIRES: every partition has a primary.
  void balance_primaries();
  // Exchanges members that are not primaries. REQUIRES: every partition is complete.
  void balance_replicas();

 private:
  // Give a node what it lacks as far as single changes go: first what moves anyway, then what others have above their
  // bounds, then above their shares. Each takes one pass over the partitions, so a newcomer is served in linear time.
  void deal_primaries(NodeIndex needy);
  void deal_replicas(NodeIndex needy);
  // Each makes one change for the better, or gives false where none can be made.
  bool feed_primaries(NodeIndex needy);
  bool relieve_primaries(NodeIndex loaded);
  bool feed_replicas(NodeIndex needy);
  bool relieve_replicas(NodeIndex loaded);
  // Makes `to` primary of a partition that it has no replica of and whose primary is one of `from`, where that takes
  // replicas from nodes that can spare them.
  template <class From>
  bool take_primary(NodeIndex to, From from);

  template <class Deal, class Feed, class Relieve>
  void settle(const Loads& loads, Deal deal, Feed feed, Relieve relieve);

  // Calls visit(partition) for all, in an order of the node's own, so that newcomers do not crowd into the same.
  template <class Visit>
  void for_each_partition(NodeIndex node, Visit visit) const;

  Draft& draft_;
  std::vector<std::uint64_t> order_;  // by node: a hash that its order is made from
};

}  // namespace gyre::ring
