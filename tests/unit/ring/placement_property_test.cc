// What must hold of every placement, over random clusters of 1 to 200 nodes that grow and shrink.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/rng.h"
#include "ring/placement.h"
#include "ring/shares.h"

namespace gyre::ring {
namespace {

using Members = std::vector<PlacementMember>;

enum class Weights { equal, small_numbers, any };
enum class Zones { none, even, lopsided, mixed };

// Draws a cluster's properties, then its members one after the other.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : rng_(seed) {
    shape.partitions = 1u << rng_.below(9);
    shape.replication_factor = static_cast<std::uint32_t>(1 + rng_.below(limits::kReplicationFactorMax));
    shape.vnodes = 16;
    weights = static_cast<Weights>(rng_.below(3));
    zones = static_cast<Zones>(rng_.below(4));
    zone_count_ = 1 + rng_.below(8);
    nodes = 1 + rng_.below(rng_.chance(0.7) ? 12 : 200);
  }

  PlacementMember member() {
    const std::uint64_t number = made_++;
    return {NodeId(fmt::format("n{}", number)), zone(number), weight()};
  }
  Rng& rng() { return rng_; }

  ClusterShape shape;
  Weights weights;
  Zones zones;
  std::uint64_t nodes;

 private:
  double weight() {
    switch (weights) {
      case Weights::equal: return 1;
      case Weights::small_numbers: return static_cast<double>(1 + rng_.below(4));
      case Weights::any: return std::exp(6 * rng_.unit() - 3);
    }
    return 1;
  }
  std::string zone(std::uint64_t number) {
    const auto any = fmt::format("z{}", rng_.below(zone_count_));
    switch (zones) {
      case Zones::none: return "";
      case Zones::even: return fmt::format("z{}", number % zone_count_);
      case Zones::lopsided: return rng_.chance(0.8) ? "z0" : any;
      case Zones::mixed: return rng_.chance(0.3) ? "" : any;
    }
    return "";
  }

  Rng rng_;
  std::uint64_t zone_count_;
  std::uint64_t made_ = 0;
};

Members sorted(Members members) {
  std::ranges::sort(members, {}, &PlacementMember::id);
  return members;
}

// A cluster with the loads a placement gives its nodes.
struct Audit {
  Audit(const ClusterShape& shape, const Members& unordered, const Placement& placement)
      : members(sorted(unordered)),
        input(share_input(shape)),
        replicas(replica_shares(input), shape.load_slack, shape.partitions),
        primaries(primary_shares(input), shape.load_slack, shape.partitions) {
    for (NodeIndex i = 0; i < members.size(); ++i) index[members[i].id] = i;
    for (const auto& nodes : placement.partitions) {
      for (const NodeId& node : nodes) {
        if (index.contains(node)) replicas.add(index.at(node));
      }
      if (!nodes.empty() && index.contains(nodes.front())) primaries.add(index.at(nodes.front()));
    }
  }

  ShareInput share_input(const ClusterShape& shape) const {
    ShareInput made;
    made.partitions = shape.partitions;
    made.copies = std::min<std::uint32_t>(shape.replication_factor, static_cast<std::uint32_t>(members.size()));
    std::map<std::string, std::uint32_t> known;
    for (const PlacementMember& member : members) {
      const auto name = member.zone.empty() ? "/" + member.id.str() : member.zone;
      made.zone.push_back(known.try_emplace(name, known.size()).first->second);
      made.weights.push_back(member.weight);
    }
    made.zones = static_cast<std::uint32_t>(known.size());
    return made;
  }

  double worst(const Loads& loads) const {
    double worst = 0;
    for (NodeIndex i = 0; i < members.size(); ++i) worst = std::max(worst, 1 + loads.surplus(i));
    return worst;
  }

  Members members;
  ShareInput input;
  Loads replicas;
  Loads primaries;
  std::map<NodeId, NodeIndex> index;
};

void check_members(const Placement& placement, const Audit& audit) {
  RC_ASSERT(placement.partitions.size() == audit.input.partitions);
  for (const auto& nodes : placement.partitions) {
    std::set<NodeId> distinct(nodes.begin(), nodes.end());
    std::set<std::uint32_t> zones;
    for (const NodeId& node : nodes) zones.insert(audit.input.zone[audit.index.at(node)]);
    RC_ASSERT(nodes.size() == audit.input.copies);
    RC_ASSERT(distinct.size() == nodes.size());
    RC_ASSERT(zones.size() == std::min(audit.input.copies, audit.input.zones));
  }
}

void check_bounds(const Audit& audit) {
  for (NodeIndex i = 0; i < audit.members.size(); ++i) {
    RC_ASSERT(!audit.replicas.over(i));
    RC_ASSERT(!audit.primaries.over(i));
    RC_ASSERT(!audit.primaries.under(i));
  }
}

// Each property sees a cluster, and how it gets on as six nodes join or leave, one after the other.
template <class Check>
void for_each_change(std::uint64_t seed, Check check) {
  Draw draw(seed);
  Members members;
  for (std::uint64_t i = 0; i < draw.nodes; ++i) members.push_back(draw.member());
  Placement placement = place(draw.shape, members, {});
  check(draw, members, Placement{std::vector<std::vector<NodeId>>(draw.shape.partitions)}, placement);
  for (int change = 0; change < 6; ++change) {
    if (members.size() == 1 || draw.rng().chance(0.5)) {
      members.push_back(draw.member());
    } else {
      members.erase(members.begin() + static_cast<std::ptrdiff_t>(draw.rng().below(members.size())));
    }
    const Placement before = std::exchange(placement, place(draw.shape, members, placement));
    check(draw, members, before, placement);
  }
}

RC_GTEST_PROP(PlaceProperty, KeepsMembersDistinctZonesSpreadAndLoadsWithinBounds, (std::uint64_t seed)) {
  for_each_change(seed, [](Draw& draw, const Members& members, const Placement&, const Placement& placement) {
    const Audit audit(draw.shape, members, placement);
    check_members(placement, audit);
    check_bounds(audit);
  });
}

RC_GTEST_PROP(PlaceProperty, IsIdempotentAndIndependentOfOrder, (std::uint64_t seed)) {
  for_each_change(seed, [](Draw& draw, Members members, const Placement& before, const Placement& placement) {
    RC_ASSERT(place(draw.shape, members, placement) == placement);
    for (std::size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[draw.rng().below(i)]);
    RC_ASSERT(place(draw.shape, members, before) == placement);
  });
}

std::uint64_t moved(const Placement& before, const Placement& after) {
  std::uint64_t moved = 0;
  for (std::size_t i = 0; i < after.partitions.size(); ++i) {
    for (const NodeId& node : after.partitions[i]) {
      moved += std::ranges::find(before.partitions[i], node) == before.partitions[i].end();
    }
  }
  return moved;
}

// The least that membership and bounds force: copies that are missing or above bounds, or that nodes below theirs must
// get. A lower estimate: both may be needed, and zones may force more.
std::uint64_t forced_moves(const Draw& draw, const Members& members, const Placement& before) {
  const Audit audit(draw.shape, members, before);
  std::uint64_t kept = 0;
  std::uint64_t above = 0;
  std::uint64_t below = 0;
  for (NodeIndex i = 0; i < audit.members.size(); ++i) {
    const std::uint32_t count = audit.replicas.count(i);
    const Bounds& bounds = audit.replicas.bounds(i);
    kept += std::min(count, bounds.upper);
    above += count > bounds.upper ? count - bounds.upper : 0;
    below += audit.replicas.under(i) ? bounds.share_down - count : 0;
  }
  const std::uint64_t wanted = std::uint64_t{audit.input.copies} * audit.input.partitions;
  return std::max({wanted - std::min(wanted, kept), above, below});
}

RC_GTEST_PROP(PlaceProperty, MovesLittleMoreThanIsForced, (std::uint64_t seed)) {
  for_each_change(seed, [](Draw& draw, const Members& members, const Placement& before, const Placement& placement) {
    if (draw.zones != Zones::none || draw.weights != Weights::equal) return;
    const auto forced = static_cast<double>(forced_moves(draw, members, before));
    const double detours = 3;  // where nodes are nearly full
    RC_ASSERT(static_cast<double>(moved(before, placement)) <= 1.1 * forced + detours);
  });
}

// The figures of the clusters people run: many partitions for each node.
TEST(PlaceReport, BalanceAndMovementOfLargeClusters) {
  ClusterShape shape;
  shape.partitions = 1024;
  shape.replication_factor = 3;
  for (const std::uint64_t nodes : {4, 10, 23, 50}) {
    Members members;
    for (std::uint64_t i = 0; i < nodes; ++i) members.push_back({NodeId(fmt::format("n{}", i)), "", 1.0});
    Placement placement = place(shape, members, {});
    double balance = 0;
    double movement = 0;
    const auto change = [&] {
      const Placement before = std::exchange(placement, place(shape, members, placement));
      Draw draw(1);
      draw.shape = shape;
      const auto forced = static_cast<double>(forced_moves(draw, members, before));
      movement = std::max(movement, static_cast<double>(moved(before, placement)) / forced);
      const Audit audit(shape, members, placement);
      balance = std::max({balance, audit.worst(audit.replicas), audit.worst(audit.primaries)});
    };
    for (int i = 0; i < 3; ++i) {
      members.push_back({NodeId(fmt::format("new{}", i)), "", 1.0});
      change();
    }
    for (int i = 0; i < 3; ++i) {
      members.erase(members.begin() + i);
      change();
    }
    fmt::print("{:>3} nodes: max/mean {:.3f}, moved/minimum {:.3f}\n", nodes, balance, movement);
    EXPECT_LE(balance, 1 + std::max(shape.load_slack, static_cast<double>(nodes + 3) / shape.partitions));
    EXPECT_LE(movement, 1.10);
  }
}

}  // namespace
}  // namespace gyre::ring
