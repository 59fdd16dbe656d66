// What operators ask of the coordinator: plans, moves, settings; and the targets that follow from what has changed.
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "control/cluster_settings.h"
#include "control/coordinator.h"
#include "control/event_groups.h"

namespace gyre::control {

namespace {

using Kind = CoordinatorEvent::Kind;

std::string describe(const ring::Plan& plan) {
  const auto made = std::ranges::count_if(plan.moves, [](const auto& move) { return !move.to.empty(); });
  const auto given_up = std::ranges::count_if(plan.moves, [](const auto& move) { return !move.from.empty(); });
  return fmt::format("{} cop{} to be made, {} to be given up, {} primar{} to be handed over{}", made,
                     made == 1 ? "y" : "ies", given_up, plan.primaries_moved, plan.primaries_moved == 1 ? "y" : "ies",
                     plan.spreads_hot_primaries ? ", some of them because they are hot" : "");
}

// Those of `a` that are not in `b`.
std::vector<NodeId> missing(const std::vector<ring::PlacementMember>& a, const std::vector<ring::PlacementMember>& b) {
  std::vector<NodeId> ids;
  for (const ring::PlacementMember& member : a) {
    if (std::ranges::find(b, member.id, &ring::PlacementMember::id) == b.end()) ids.push_back(member.id);
  }
  return ids;
}

// What made the last target outdated; the end of "because ...".
std::string reason(const ring::ClusterMap& before, const ring::ClusterMap& after) {
  const auto old_members = placement_members(before);
  const auto new_members = placement_members(after);
  std::string text;
  const auto say = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  const auto say_of = [&](const std::vector<NodeId>& nodes, const char* one, const char* many) {
    if (!nodes.empty()) say(list_of(nodes) + (nodes.size() == 1 ? one : many));
  };
  say_of(missing(new_members, old_members), " holds data from now on", " hold data from now on");
  say_of(missing(old_members, new_members), " is to hold none any more", " are to hold none any more");
  if (before.shape.replication_factor != after.shape.replication_factor) {
    say(fmt::format("{} copies are wanted", after.shape.replication_factor));
  }
  return text.empty() ? "weights or zones are others now" : text;
}

}  // namespace

void Coordinator::on_plan(Instant now, AnswerToken token) {
  wake(now);
  if (const Result<void> able = ready(); !able) return answer(token, able.error());
  if (confirmed_->target.partitions.empty()) {
    return answer(token, Error{.code = ErrorCode::unavailable,
                               .message = fmt::format("no partition is placed yet: {} nodes are waited for, {} joined",
                                                      config_.initial_nodes, confirmed_->map.nodes.size())});
  }
  answer(token, planner_.show(now, *confirmed_, loads_));
}

void Coordinator::on_moves(Instant now, AnswerToken token) {
  wake(now);
  if (!confirmed_) return answer(token, ready().error());
  answer(token, moves_.status(view(), loads_));
}

void Coordinator::on_operator(Instant now, AnswerToken token, OperatorRequest request) {
  wake(now);
  if (const Result<void> able = ready(); !able) return answer(token, able.error());
  if (operators_.size() >= kOperatorRequestsMax) {
    return answer(token, Error{.code = ErrorCode::busy,
                               .message = "too many changes wait to be made: try again in a moment",
                               .retry_after = std::chrono::milliseconds(to_ms(kStoreRetry))});
  }
  operators_.push_back({token, std::move(request)});
}

void Coordinator::change_as_asked(ClusterState& next, Round& round) {
  for (WaitingOperator& asked : std::exchange(operators_, {})) {
    if (const Result<void> changed = change_as_asked(asked.request, next, round); !changed) {
      answer(asked.token, changed.error());
    } else {
      round.operators.push_back(std::move(asked));
    }
  }
}

Result<void> Coordinator::change_as_asked(const OperatorRequest& request, ClusterState& next, Round& round) const {
  if (const auto* apply = std::get_if<messages::ApplyRequest>(&request)) {
    if (next.target.partitions.empty()) return fail(ErrorCode::unavailable, "no partition is placed yet");
    GYRE_TRY_SET(ring::Plan plan, planner_.find(now_, next, loads_, apply->plan));
    if (plan.id == 0) return {};
    round.events.push_back({Kind::rebalance_planned, {}, "an operator applied a plan: " + describe(plan)});
    next.target = std::move(plan.target);
    return {};
  }
  const auto* of_cluster = std::get_if<messages::ClusterSetRequest>(&request);
  Changed changed = of_cluster != nullptr ? change_cluster(next, *of_cluster)
                                          : change_node(next, liveness_, std::get<messages::NodeSetRequest>(request));
  if (!changed) return fail(std::move(changed).error());
  if (*changed) round.events.push_back(std::move(**changed));
  return {};
}

void Coordinator::plan_again(const std::vector<NodeId>& returned, ClusterState& next, Round& round) const {
  if (!next.policy.automatic || next.target.partitions.empty()) return;
  const bool switched_on = !confirmed_->policy.automatic;
  if (!switched_on && !placement_outdated(confirmed_->map, next.map)) return;
  if (round.places || placement_members(next.map).empty()) return;
  ring::Plan plan = plan_of(next, target_with_returned(next, returned), loads_.loads(next.map, now_));
  if (plan.target == next.target) return;
  const bool outdated = placement_outdated(confirmed_->map, next.map);
  const std::string because = outdated ? reason(confirmed_->map, next.map) : "that happens by itself again";
  round.events.push_back({Kind::rebalance_planned, {}, fmt::format("{}, because {}", describe(plan), because)});
  next.target = std::move(plan.target);
}

}  // namespace gyre::control
