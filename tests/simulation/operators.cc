#include "tests/simulation/operators.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/limits.h"

namespace gyre::simulation {

using namespace std::chrono_literals;
using messages::ClusterSetRequest;
using messages::NodeSetRequest;

void Operators::work_until(WorldTime end) {
  end_ = end;
  if (options_.all() > 0) next();
}

void Operators::next() {
  scheduler().after(scheduler().between(options_.pause_min, options_.pause_max), [this] {
    if (scheduler().now() >= end_) return;
    act();
    next();
  });
}

void Operators::later(Duration from, Duration to, Event event) {
  scheduler().after(scheduler().between(from, to), [this, event = std::move(event)]() mutable {
    if (scheduler().now() < end_) event();
  });
}

void Operators::act() {
  if (cluster_.map() == nullptr || cluster_.map()->nodes.empty()) return;
  const std::pair<unsigned, void (Operators::*)()> kinds[] = {
      {options_.joins, &Operators::join},           {options_.weights, &Operators::weigh},
      {options_.drains, &Operators::drain},         {options_.resumes, &Operators::resume},
      {options_.removals, &Operators::remove},      {options_.gives_up, &Operators::give_up},
      {options_.copies, &Operators::change_copies}, {options_.replaces, &Operators::replace},
      {options_.halts, &Operators::halt},           {options_.plans, &Operators::plan}};
  ++count_;
  auto dice = rng().below(options_.all());
  for (const auto& [weight, act] : kinds) {
    if (dice < weight) return (this->*act)();
    dice -= weight;
  }
}

NodeId Operators::any_of_map() {
  const auto& nodes = cluster_.map()->nodes;
  return nodes[rng().below(nodes.size())].id;
}

// Nobody asks a coordinator that is not there.
void Operators::ask(messages::RequestBody body, std::function<void(const messages::ResponseBody&)> done) {
  SimCoordinator& coordinator = cluster_.coordinator();
  if (!coordinator.up() || coordinator.paused()) return;
  coordinator.ask(std::move(body), [this, done = std::move(done)](const messages::ResponseBody& answer) {
    if (const auto* refused = std::get_if<Error>(&answer)) {
      return scheduler().trace("op", "is refused: " + refused->message);
    }
    if (done) done(answer);
  });
}

void Operators::join() {
  for (NodeIndex i = 0; i < cluster_.nodes(); ++i) {
    if (cluster_.takes_part(i)) continue;
    scheduler().trace("op", "adds " + cluster_.node(i).id().str());
    return cluster_.take_in(i);
  }
}

void Operators::weigh() {
  static constexpr double kWeights[] = {0.5, 1, 2, 4};
  NodeSetRequest request;
  request.node = any_of_map();
  request.weight = kWeights[rng().below(std::size(kWeights))];
  scheduler().trace("op", fmt::format("gives {} the weight {}", request.node.str(), *request.weight));
  ask(std::move(request));
}

void Operators::set_node(NodeSetRequest::Action action) {
  static constexpr const char* kWhat[] = {"", "drains", "resumes", "removes", "gives up"};
  NodeSetRequest request;
  request.node = any_of_map();
  request.action = action;
  scheduler().trace("op", fmt::format("{} {}", kWhat[static_cast<int>(action)], request.node.str()));
  ask(std::move(request));
}

void Operators::change_copies() {
  const ring::ClusterShape& shape = cluster_.map()->shape;
  ClusterSetRequest request;
  const std::uint32_t copies = static_cast<std::uint32_t>(1 + rng().below(4));
  request.replication_factor = copies;
  request.min_in_sync = std::min(shape.min_in_sync, copies);
  scheduler().trace("op", fmt::format("wants {} copies", copies));
  ask(std::move(request));
}

void Operators::replace() {
  ClusterSetRequest request;
  const Duration detection = cluster_.map()->shape.timing.detection;
  request.replace_after = rng().chance(0.3) ? Duration(0) : static_cast<int>(2 + rng().below(4)) * detection;
  scheduler().trace("op", fmt::format("replaces nodes after {} ms", to_ms(*request.replace_after)));
  ask(std::move(request));
}

void Operators::halt() {
  const bool moves = rng().chance(0.5);
  const auto halted = [moves](bool on) {
    ClusterSetRequest request;
    (moves ? request.paused : request.automatic) = moves ? on : !on;
    return request;
  };
  scheduler().trace("op", moves ? "halts moves" : "plans by hand");
  ask(halted(true));
  later(200ms, 3s, [this, halted] { ask(halted(false)); });
}

// What is applied is what was shown, if it still can be.
void Operators::plan() {
  scheduler().trace("op", "makes a plan");
  ask(messages::PlanRequest{}, [this](const messages::ResponseBody& answer) {
    const std::uint64_t id = std::get<messages::PlanResponse>(answer).plan.id;
    later(0s, 1s, [this, id] { ask(messages::ApplyRequest{id}); });
  });
}

// What a node that was given up held alone is known only once it is there again.
void Operators::start_those_that_owe(const ring::ClusterMap& map) {
  for (NodeIndex i = 0; i < cluster_.nodes(); ++i) {
    if (!cluster_.node(i).removed()) continue;
    const auto owes = [&](const ring::PartitionEntry& entry) {
      return std::ranges::find(entry.deposed, cluster_.node(i).id(), &ring::DeposedPrimary::node) !=
             entry.deposed.end();
    };
    if (std::ranges::any_of(map.entries, owes)) cluster_.take_in(i);
  }
}

bool Operators::calm() {
  const control::ClusterState* state = cluster_.coordinator().state();
  if (state == nullptr) return true;
  start_those_that_owe(state->map);
  if (state->policy.automatic && !state->policy.paused) return true;
  ClusterSetRequest request;
  request.automatic = true;
  request.paused = false;
  ask(std::move(request));
  return false;
}

}  // namespace gyre::simulation
