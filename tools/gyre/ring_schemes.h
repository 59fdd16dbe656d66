// Four ways to decide which nodes hold what, behind one interface, so that they can be compared.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "ring/placement.h"

namespace gyre::cli {

// A cluster before and after a change. Node numbers index `nodes`.
struct RingChange {
  ring::ClusterShape shape;
  std::vector<ring::PlacementMember> nodes;  // all that are there before or after
  std::vector<std::uint32_t> before;
  std::vector<std::uint32_t> after;
};

// The nodes that hold something, the primary first.
using Holders = std::vector<std::uint32_t>;

// One scheme at one moment.
class Scheme {
 public:
  virtual ~Scheme() = default;

  virtual Holders holders_of(PartitionId partition) const = 0;
  virtual Holders holders_of(std::string_view key) const = 0;
};

struct SchemePair {
  std::unique_ptr<Scheme> before;
  std::unique_ptr<Scheme> after;
};

// Gyre: slots, partitions and `ring::place`, each placement made from the one before.
SchemePair make_gyre(const RingChange& change);

// The ring alone: `weight x vnodes` points for each node, the next distinct nodes clockwise; no bounds, no zones.
SchemePair make_vnode_ring(const RingChange& change);

// Jump hash (SOURCE: Lamping and Veach 2014), hashed again with a salt until there are enough distinct nodes. Weights
// are numbers of buckets. It can only take away the last bucket, so the last ones take the numbers of those that leave.
SchemePair make_jump(const RingChange& change);

// Rendezvous hashing: the nodes with the highest scores, -weight / ln(hash of key and node). SOURCE: Thaler and
// Ravishankar 1998; weights as Schindelhauer and Schomaker 2005.
SchemePair make_rendezvous(const RingChange& change);

}  // namespace gyre::cli
