#include "control/agent.h"

#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::control {

namespace {

// An answer to a join that takes longer does not come: another coordinator is asked.
constexpr Duration kJoinPatience = std::chrono::seconds(1);
// Between attempts to join.
constexpr Duration kJoinRetry = std::chrono::milliseconds(200);

// Trying again cannot help: somebody must change something.
bool permanent(ErrorCode code) {
  switch (code) {
    case ErrorCode::denied:
    case ErrorCode::wrong_cluster:
    case ErrorCode::invalid_argument:
    case ErrorCode::too_large:
    case ErrorCode::unsupported: return true;
    default: return false;
  }
}

}  // namespace

Agent::Agent(ring::NodeInfo self, ClusterId cluster, Epoch known, std::size_t coordinators, Instant now)
    : self_(std::move(self)), cluster_(std::move(cluster)), known_(known), coordinators_(coordinators), next_(now) {
  GYRE_ASSERT(coordinators_ > 0);
}

void Agent::on_deadline(Instant now) {
  if (refused_ || now < next_) return;
  if (asking_) {
    return on_failure(now, {ErrorCode::timeout,
                            Outcome::unknown,
                            fmt::format("the coordinator gave no answer for {} ms", to_ms(patience())),
                            {}});
  }
  asking_ = true;
  next_ = now + patience();
  if (joined_) {
    const Epoch known = wants_whole_ ? Epoch() : known_;
    effects_.push_back(
        AskCoordinator{current_, messages::HeartbeatRequest{cluster_, self_.id, self_.incarnation, known}});
  } else {
    effects_.push_back(AskCoordinator{current_, messages::JoinRequest{cluster_, self_, known_}});
  }
}

void Agent::on_answer(Instant now, Result<messages::ResponseBody> answer) {
  if (!asking_ || refused_) return;  // given up already
  if (!answer) return on_failure(now, answer.error());
  if (const auto* error = std::get_if<Error>(&*answer)) return on_failure(now, *error);
  asking_ = false;
  if (const auto* join = std::get_if<messages::JoinResponse>(&*answer)) return on_joined(now, *join);
  const auto* heartbeat = std::get_if<messages::HeartbeatResponse>(&*answer);
  if (heartbeat == nullptr) {
    return refuse({ErrorCode::invalid_argument,
                   Outcome::not_applied,
                   "what answers at the coordinator's address is no coordinator",
                   {}});
  }
  next_ = now + timing_.heartbeat;
  if (heartbeat->join_again) {
    joined_ = false;
    next_ = now;
  } else if (std::exchange(waiting_announced_, false)) {
    effects_.push_back(AgentEvent{false, "a coordinator answers again"});
  }
  take(now, heartbeat->update);
}

void Agent::on_joined(Instant now, const messages::JoinResponse& response) {
  joined_ = true;
  if (response.map) adopt(response.map);
  if (refused_) return;
  next_ = now + timing_.heartbeat;
  effects_.push_back(AgentEvent{false, fmt::format("joined cluster {} as {}", cluster_.str(), self_.id.str())});
  waiting_announced_ = false;
}

void Agent::on_failure(Instant now, const Error& error) {
  asking_ = false;
  // A member goes on with what it has when a coordinator was started on an empty or a wrong directory: stopping every
  // node would turn that mistake into an outage.
  const bool mistaken_coordinator = map_ && error.code == ErrorCode::wrong_cluster;
  if (permanent(error.code) && !mistaken_coordinator) return refuse(error);
  current_ = (current_ + 1) % coordinators_;
  next_ = now + (joined_ ? timing_.heartbeat : kJoinRetry);
  if (waiting_announced_) return;
  waiting_announced_ = true;
  effects_.push_back(AgentEvent{true, fmt::format("waiting for a coordinator: {}", error.message)});
}

// Before it has joined, a process cannot tell a map made after its start from an older one that was under way.
void Agent::on_map(Instant now, const ring::MapUpdate& update) {
  if (!joined_ || refused_ || update.empty()) return;
  const ClusterId& cluster = update.map ? update.map->cluster : update.delta->cluster;
  if (cluster == cluster_) take(now, update);
}

// Two in a row may be lost before the coordinator counts this node as silent.
Duration Agent::patience() const { return joined_ ? timing_.detection / 3 : kJoinPatience; }

void Agent::take(Instant now, const ring::MapUpdate& update) {
  if (update.map) {
    wants_whole_ = false;
    return adopt(update.map);
  }
  if (update.empty()) return;
  const auto map = ring::apply(map_, update);
  if (map) return adopt(*map);
  const bool asked_before = std::exchange(wants_whole_, true);
  if (!asked_before && !asking_) next_ = now;
}

void Agent::adopt(const ring::ClusterMapPtr& map) {
  if (cluster_.empty()) cluster_ = map->cluster;
  if (map->cluster != cluster_) {
    return refuse({ErrorCode::wrong_cluster,
                   Outcome::not_applied,
                   fmt::format("this data directory belongs to cluster {}, the coordinator to {}: name the right "
                               "coordinator or an empty directory",
                               cluster_.str(), map->cluster.str()),
                   {}});
  }
  // What earlier processes knew must be read again; what this one knows need not.
  if (map->epoch < known_ || (map_ && map->epoch == known_)) return;
  if (map_ && map_->find_node(self_.id) && !map->find_node(self_.id)) {
    return refuse({ErrorCode::denied,
                   Outcome::not_applied,
                   fmt::format("node {} was removed from the cluster, and stops; started again, it joins as a new one",
                               self_.id.str()),
                   {}});
  }
  map_ = map;
  known_ = map->epoch;
  timing_ = map->shape.timing;
  effects_.push_back(AdoptMap{map});
}

void Agent::refuse(Error error) {
  refused_ = true;
  next_ = kNever;
  effects_.push_back(Refused{std::move(error)});
}

std::vector<AgentEffect> Agent::take_effects() { return std::exchange(effects_, {}); }

void Agent::check_invariants() const {
  GYRE_ASSERT(current_ < coordinators_);
  GYRE_ASSERT(!refused_ || next_ == kNever);
}

}  // namespace gyre::control
