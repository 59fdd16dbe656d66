#include "ring/draft.h"

#include <algorithm>

#include "base/assert.h"

namespace gyre::ring {

Draft::Draft(const ShareInput& input, double slack)
    : copies_(input.copies),
      zones_wanted_(std::min(input.copies, input.zones)),
      zone_(input.zone),
      replicas_(replica_shares(input), slack, input.partitions),
      primaries_(primary_shares(input), slack, input.partitions),
      members_(input.partitions),
      kept_(input.partitions),
      primary_(input.partitions, kNobody) {}

bool Draft::holds(std::uint32_t partition, NodeIndex node) const {
  return std::ranges::find(members_[partition], node) != members_[partition].end();
}

std::uint32_t Draft::distinct_zones(const std::vector<NodeIndex>& members, NodeIndex without) const {
  std::uint32_t distinct = 0;
  for (auto member = members.begin(); member != members.end(); ++member) {
    const bool counted = std::any_of(members.begin(), member, [&](NodeIndex earlier) {
      return earlier != without && zone_[earlier] == zone_[*member];
    });
    if (*member != without && !counted) ++distinct;
  }
  return distinct;
}

Draft::Gap Draft::gap(std::uint32_t partition, NodeIndex leaver) const {
  const auto& members = members_[partition];
  const auto rest = static_cast<std::uint32_t>(members.size()) - (leaver == kNobody ? 0 : 1);
  Gap gap;
  gap.draft_ = this;
  gap.members_ = &members;
  gap.leaver_ = leaver;
  gap.open_ = rest < copies_;
  gap.any_zone_ = gap.open_ && distinct_zones(members, leaver) + (copies_ - rest - 1) >= zones_wanted_;
  return gap;
}

bool Draft::Gap::accepts(NodeIndex node) const {
  if (!open_) return false;
  return std::ranges::none_of(*members_, [&](NodeIndex member) {
    if (member == node) return true;
    return !any_zone_ && member != leaver_ && draft_->zone_[member] == draft_->zone_[node];
  });
}

void Draft::keep(std::uint32_t partition, NodeIndex node) {
  add(partition, node);
  kept_[partition].push_back(node);
}

bool Draft::moves(std::uint32_t partition, NodeIndex node) const {
  return std::ranges::find(kept_[partition], node) == kept_[partition].end();
}

void Draft::add(std::uint32_t partition, NodeIndex node) {
  GYRE_ASSERT(!holds(partition, node));
  members_[partition].push_back(node);
  replicas_.add(node);
}

void Draft::remove(std::uint32_t partition, NodeIndex node) {
  std::erase(members_[partition], node);
  replicas_.remove(node);
}

bool Draft::zone_doubled(std::uint32_t partition, NodeIndex node) const {
  return std::ranges::any_of(members_[partition],
                             [&](NodeIndex other) { return other != node && zone_[other] == zone_[node]; });
}

void Draft::trim(std::uint32_t partition) {
  const auto& members = members_[partition];
  const auto too_much = [&] {
    if (members.size() > copies_) return true;
    return distinct_zones(members, kNobody) + (copies_ - members.size()) < zones_wanted_;
  };
  while (too_much()) {
    const auto goes_before = [&](NodeIndex a, NodeIndex b) {
      const bool a_stays = a == primary_[partition];
      const bool b_stays = b == primary_[partition];
      if (a_stays != b_stays) return b_stays;
      const bool a_doubled = zone_doubled(partition, a);
      if (a_doubled != zone_doubled(partition, b)) return a_doubled;
      return replicas_.surplus(a) > replicas_.surplus(b);
    };
    remove(partition, *std::ranges::min_element(members, goes_before));
  }
}

void Draft::replace(std::uint32_t partition, NodeIndex leaver, NodeIndex node) {
  GYRE_ASSERT(gap(partition, leaver).accepts(node));
  std::ranges::replace(members_[partition], leaver, node);
  replicas_.remove(leaver);
  replicas_.add(node);
}

void Draft::set_primary(std::uint32_t partition, NodeIndex node) {
  GYRE_ASSERT(holds(partition, node));
  if (primary_[partition] != kNobody) primaries_.remove(primary_[partition]);
  primary_[partition] = node;
  primaries_.add(node);
}

void Draft::bring_primary(std::uint32_t partition, NodeIndex node) {
  const NodeIndex leaver = leaver_for(partition, node);
  if (leaver == kNobody) {
    add(partition, node);
  } else {
    replace(partition, leaver, node);
  }
  set_primary(partition, node);
}

NodeIndex Draft::leaver_for(std::uint32_t partition, NodeIndex node) const {
  if (gap(partition).accepts(node)) return kNobody;
  NodeIndex leaver = kNobody;
  for (const NodeIndex member : members_[partition]) {
    if (!gap(partition, member).accepts(node)) continue;
    if (leaver == kNobody || replicas_.surplus(member) > replicas_.surplus(leaver)) leaver = member;
  }
  GYRE_ASSERT(leaver != kNobody);
  return leaver;
}

}  // namespace gyre::ring
