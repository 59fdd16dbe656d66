// The coordinator in the simulator: the real machine over a store that survives it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "control/coordinator.h"
#include "control/memory_store.h"
#include "tests/simulation/network.h"

namespace gyre::simulation {

// What the checks see of the coordinator.
class CoordinatorObserver {
 public:
  virtual ~CoordinatorObserver() = default;
  // It asks the store for a change; the store takes it later, or never.
  virtual void on_coordinator_decides(std::uint64_t decision) = 0;
  // The store has taken another map by that decision; `before` null: there was none.
  virtual void on_swapped(std::uint64_t decision, const ring::ClusterMap* before, const ring::ClusterMap& after) = 0;
  // With it, another target placement; called first.
  virtual void on_target(const ring::Placement& target) = 0;
  // It runs from now on: a new process, or one that had rested for so long.
  virtual void on_coordinator_runs(std::optional<Duration> rested) = 0;
  // It is paused, or dead.
  virtual void on_coordinator_rests() = 0;
  virtual void on_coordinator_sent(const NodeId& to, const messages::Message& message) = 0;
  // Something of a node lies where the coordinator reads it next, even if it rests. Null: a heartbeat.
  virtual void on_coordinator_reached(const NodeId& from, const messages::Message* message) = 0;
  virtual void on_coordinator_asked(const messages::PromoteRequest& request) = 0;
};

class SimCoordinator {
 public:
  SimCoordinator(Scheduler& scheduler, Network& network, CoordinatorObserver& observer,
                 control::CoordinatorConfig config, double clock_rate);
  ~SimCoordinator();

  void start();
  void crash();
  void pause();
  void resume();
  // `then` is called once the next seal has been sent.
  void at_next_seal(Event then) { at_next_seal_ = std::move(then); }
  bool up() const { return machine_ != nullptr; }
  bool paused() const { return paused_; }
  HostId host_id() const { return host_; }
  control::MemoryStore& store() { return store_; }
  // What the store holds; null: no cluster yet.
  const control::ClusterState* state() const { return state_.get(); }
  const ring::ClusterMap* map() const { return state_ ? &state_->map : nullptr; }
  // An operator's request; `done` is called if it is answered.
  void ask(messages::RequestBody body, std::function<void(messages::ResponseBody)> done);
  // The store takes no change until it is told otherwise: swaps wait.
  void hold_swaps(bool hold);
  void check_invariants() const;

 private:
  void enter(std::uint64_t life, Event event);
  Instant local() const { return clock_.steady(scheduler_.now()); }
  void drive();
  void carry_out(const control::SwapState& swap);
  // What the store is asked for.
  struct Swap {
    std::uint64_t life;
    std::uint64_t decision;
    control::SwapState state;
  };
  void swap_now(const Swap& swap);
  void carry_out(const control::LoadState& load);
  void carry_out(const control::Answer& answer);
  void carry_out(const control::SendToNode& send);
  void carry_out(const control::Probe& probe);
  void carry_out(const control::CoordinatorEvent& event);

  Scheduler& scheduler_;
  Network& network_;
  CoordinatorObserver& observer_;
  HostId host_;
  control::CoordinatorConfig config_;
  double clock_rate_;
  Clock clock_;
  control::MemoryStore store_;
  std::unique_ptr<control::ClusterState> state_;  // a copy of what the store holds
  std::unique_ptr<control::Coordinator> machine_;
  std::map<control::AnswerToken, std::function<void(messages::ResponseBody)>> open_;
  control::AnswerToken last_token_;
  std::deque<Event> waiting_;  // while it is paused
  std::deque<Swap> held_swaps_;
  std::uint64_t decisions_ = 0;
  bool hold_swaps_ = false;
  Event at_next_seal_;
  bool paused_ = false;
  WorldTime paused_at_;
  std::uint64_t life_ = 0;
  std::uint64_t incarnations_ = 0;
};

}  // namespace gyre::simulation
