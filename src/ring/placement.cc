#include "ring/placement.h"

#include <algorithm>
#include <unordered_map>

#include "ring/balance.h"
#include "ring/draft.h"
#include "ring/ring.h"
#include "ring/share_input.h"

namespace gyre::ring {

namespace {

std::vector<PlacementMember> ordered_by_id(std::vector<PlacementMember> members) {
  std::ranges::sort(members, {}, &PlacementMember::id);
  return members;
}

Ring make_ring(const std::vector<PlacementMember>& members, std::uint32_t vnodes) {
  std::vector<RingNode> nodes;
  for (const PlacementMember& member : members) nodes.push_back({member.id.str(), member.weight});
  return Ring(nodes, vnodes);
}

// Takes over from `before` what still stands.
void adopt(const Placement& before, const std::vector<PlacementMember>& members, Draft& draft) {
  std::unordered_map<std::string_view, NodeIndex> index_of;
  for (NodeIndex i = 0; i < members.size(); ++i) index_of.emplace(members[i].id.str(), i);
  const auto partitions = std::min<std::size_t>(draft.partitions(), before.partitions.size());
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    const auto& nodes = before.partitions[partition];
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto found = index_of.find(nodes[i].str());
      if (found == index_of.end() || draft.holds(partition, found->second)) continue;
      draft.keep(partition, found->second);
      if (i == 0) draft.set_primary(partition, found->second);
    }
  }
  for (std::uint32_t partition = 0; partition < partitions; ++partition) draft.trim(partition);
}

// The next node clockwise that the partition can take and that has fewer than its share; where there is none, fewer
// than its bound; where there is none either, the least loaded, for the balancer to sort out. Filling up to shares
// first keeps the slack between share and bound for what it is good for: leaving data where it is.
NodeIndex walk(const Ring& ring, const Loads& loads, const Draft::Gap& gap, std::uint32_t partition,
               std::uint32_t nodes) {
  for (const auto limit : {&Bounds::share_down, &Bounds::share_up, &Bounds::upper}) {
    const auto found =
        ring.find(Ring::point_of(PartitionId(static_cast<std::uint16_t>(partition))),
                  [&](NodeIndex node) { return loads.count(node) < loads.bounds(node).*limit && gap.accepts(node); });
    if (found) return *found;
  }
  NodeIndex least = kNobody;
  for (NodeIndex node = 0; node < nodes; ++node) {
    if (!gap.accepts(node)) continue;
    if (least == kNobody || loads.surplus(node) < loads.surplus(least)) least = node;
  }
  return least;
}

// Gives every partition without a primary one of its members, or a new one where it has none.
void choose_primaries(const Ring& ring, Draft& draft) {
  for (std::uint32_t partition = 0; partition < draft.partitions(); ++partition) {
    if (draft.primary(partition) != kNobody) continue;
    if (draft.members(partition).empty()) {
      draft.add(partition, walk(ring, draft.primaries(), draft.gap(partition), partition, draft.nodes()));
    }
    const auto surplus = [&](NodeIndex node) { return draft.primaries().surplus(node); };
    draft.set_primary(partition, *std::ranges::min_element(draft.members(partition), {}, surplus));
  }
}

void complete_members(const Ring& ring, Draft& draft) {
  for (std::uint32_t partition = 0; partition < draft.partitions(); ++partition) {
    while (!draft.complete(partition)) {
      draft.add(partition, walk(ring, draft.replicas(), draft.gap(partition), partition, draft.nodes()));
    }
  }
}

Placement result_of(const Draft& draft, const std::vector<PlacementMember>& members) {
  Placement result;
  result.partitions.resize(draft.partitions());
  for (std::uint32_t partition = 0; partition < draft.partitions(); ++partition) {
    std::vector<NodeIndex> nodes = draft.members(partition);
    const auto primary = std::ranges::find(nodes, draft.primary(partition));
    std::rotate(nodes.begin(), primary, primary + 1);
    for (const NodeIndex node : nodes) result.partitions[partition].push_back(members[node].id);
  }
  return result;
}

}  // namespace

// Primaries come first and stay put while replicas are dealt out: whatever their distribution within its bounds, the
// rest is then a plain flow, for which a chain of exchanges to reach every bound exists. The other way round, replica
// sets may leave no way to spread the primaries.
Placement place(const ClusterShape& shape, const std::vector<PlacementMember>& members, const Placement& before) {
  if (members.empty()) return Placement{std::vector<std::vector<NodeId>>(shape.partitions)};
  const std::vector<PlacementMember> nodes = ordered_by_id(members);
  std::vector<NodeId> ids;
  for (const PlacementMember& node : nodes) ids.push_back(node.id);

  Draft draft(share_input(shape, nodes), shape.load_slack);
  const Ring ring = make_ring(nodes, shape.vnodes);
  Balancer balancer(draft, ids);
  adopt(before, nodes, draft);
  choose_primaries(ring, draft);
  balancer.balance_primaries();
  complete_members(ring, draft);
  balancer.balance_replicas();
  return result_of(draft, nodes);
}

}  // namespace gyre::ring
