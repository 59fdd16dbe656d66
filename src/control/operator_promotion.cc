#include "control/operator_promotion.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/invalid.h"

namespace gyre::control {

namespace {

bool is_eligible(const View& view, const ring::PartitionEntry& entry, const NodeId& node) {
  const ring::InSyncMember* member = entry.find_in_sync(node);
  return member != nullptr && eligible(view, *member);
}

bool able_to_serve(const View& view, PartitionId partition, const Elections& elections) {
  const ring::PartitionEntry& entry = view.entry(partition);
  return !entry.primary.empty() && is_eligible(view, entry, entry.primary) && !elections.open(partition) &&
         view.nodes.well(*view.map().find_node(entry.primary));
}

// May a node that is not in sync be made primary?
Result<void> check_unclean(const View& view, PartitionId partition, const messages::PromoteRequest& request) {
  const ring::PartitionEntry& entry = view.entry(partition);
  const std::string& name = request.node.str();
  if (!request.unclean) {
    return invalid(
        fmt::format("{} is not in sync with partition {}: promoting it may lose acknowledged writes that "
                    "only {} may hold; ask for an unclean promotion if that is what you want",
                    name, partition.value(), list_of(entry.in_sync)));
  }
  const auto said_stopped = [&](const NodeId& node) { return among(request.stopped, node); };
  for (const ring::InSyncMember& member : eligible_members(view, entry)) {
    if (said_stopped(member.node) || !view.nodes.well(*view.map().find_node(member.node))) continue;
    return invalid(
        fmt::format("{} is in sync with partition {} and alive: promote it, or stop it and name it as stopped",
                    member.node.str(), partition.value()));
  }
  const ring::NodeInfo* primary = view.map().find_node(entry.primary);
  const bool fenced = primary == nullptr || said_stopped(primary->id) ||
                      view.nodes.dead(primary->id, primary->incarnation) || view.nodes.well(*primary);
  if (!fenced) {
    return invalid(
        fmt::format("{}, the primary of partition {}, is silent but may still serve: make sure that it is "
                    "stopped, and name it as stopped",
                    primary->id.str(), partition.value()));
  }
  return {};
}

}  // namespace

Result<std::vector<PartitionId>> plan_promotion(const View& view, const messages::PromoteRequest& request,
                                                const Elections& elections) {
  const ring::ClusterMap& map = view.map();
  const ring::NodeInfo* node = map.find_node(request.node);
  if (node == nullptr) return invalid(fmt::format("the cluster has no node {}", request.node.str()));
  if (!view.nodes.well(*node)) {
    return fail(ErrorCode::unavailable, fmt::format("{} is not up: start it, then promote it", request.node.str()));
  }
  std::set<PartitionId> wanted(request.partitions.begin(), request.partitions.end());
  if (!wanted.empty() && wanted.rbegin()->value() >= map.entries.size()) {
    return invalid(fmt::format("there is no partition {}: they run from 0 to {}", wanted.rbegin()->value(),
                               map.entries.size() - 1));
  }
  if (wanted.empty()) {
    for (std::size_t i = 0; i < map.entries.size(); ++i) {
      const PartitionId partition(static_cast<std::uint16_t>(i));
      if (map.entries[i].has_member(node->id) && !able_to_serve(view, partition, elections)) wanted.insert(partition);
    }
    if (wanted.empty()) {
      return invalid(
          fmt::format("every partition that {} is a member of has a primary able to serve: name the "
                      "partitions to move",
                      request.node.str()));
    }
  }
  std::vector<PartitionId> planned;
  for (const PartitionId partition : wanted) {
    const ring::PartitionEntry& entry = view.entry(partition);
    if (!entry.has_member(node->id)) {
      return invalid(fmt::format("{} is no member of partition {}", request.node.str(), partition.value()));
    }
    if (entry.primary == node->id && able_to_serve(view, partition, elections)) continue;
    if (!is_eligible(view, entry, node->id)) GYRE_TRY(check_unclean(view, partition, request));
    planned.push_back(partition);
  }
  return planned;
}

void OperatorPromotions::begin(const View& view, AnswerToken token, const messages::PromoteRequest& request,
                               const std::vector<PartitionId>& partitions, Elections& elections,
                               HandOvers& hand_overs) {
  Open open{token, request.node, view.now + kPromotionPatience, {}};
  for (const PartitionId partition : partitions) {
    const ring::PartitionEntry& entry = view.entry(partition);
    open.partitions.emplace(partition, entry.term);
    const bool clean = is_eligible(view, entry, request.node);
    if (clean && able_to_serve(view, partition, elections)) {
      hand_overs.order(view, partition, request.node);
    } else {
      elections.order(view, partition, {request.node, !clean, request.stopped});
    }
  }
  open_.push_back(std::move(open));
}

std::vector<Answer> OperatorPromotions::step(const View& view, Elections& elections) {
  std::vector<Answer> answers;
  std::erase_if(open_, [&](const Open& open) {
    messages::PromoteResponse promoted;
    std::size_t settled = 0;
    for (const auto& [partition, term] : open.partitions) {
      const ring::PartitionEntry& entry = view.entry(partition);
      if (entry.term == term) continue;
      ++settled;
      if (entry.primary == open.node) promoted.partitions.push_back(partition);
    }
    const bool all = settled == open.partitions.size();
    if (!all && view.now < open.until) return false;
    for (const auto& [partition, term] : open.partitions) {
      if (view.entry(partition).term == term) elections.withdraw_order(partition);
    }
    if (all || !promoted.partitions.empty()) {
      answers.push_back(Answer{open.token, std::move(promoted)});
    } else {
      const PartitionId first = open.partitions.begin()->first;
      answers.push_back(Answer{
          open.token,
          Error{.code = ErrorCode::unavailable,
                .outcome = Outcome::unknown,
                .message = fmt::format("{} was not promoted in {} s: see `gyre events` for what it waits for, or "
                                       "name {}, the primary of partition {}, as stopped if it is",
                                       open.node.str(), kPromotionPatience.count(), view.entry(first).primary.str(),
                                       first.value())}});
    }
    return true;
  });
  return answers;
}

}  // namespace gyre::control
