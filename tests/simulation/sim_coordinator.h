// The coordinator in the simulator: the real machine over a store that survives it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "control/coordinator.h"
#include "control/memory_store.h"
#include "tests/simulation/network.h"

namespace gyre::simulation {

class SimCoordinator {
 public:
  // Told of each state that the store takes; the one before may be null.
  using OnSwapped = std::function<void(const control::ClusterState* before, const control::ClusterState& after)>;

  SimCoordinator(Scheduler& scheduler, Network& network, control::CoordinatorConfig config, double clock_rate,
                 OnSwapped on_swapped);
  ~SimCoordinator();

  void start();
  void crash();
  void pause() { paused_ = true; }
  void resume();
  bool up() const { return machine_ != nullptr; }
  bool paused() const { return paused_; }
  HostId host_id() const { return host_; }
  control::MemoryStore& store() { return store_; }
  // What the store holds; null: no cluster yet.
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
  void swap_now(std::uint64_t life, const control::SwapState& swap);
  void carry_out(const control::LoadState& load);
  void carry_out(const control::Answer& answer);
  void carry_out(const control::SendToNode& send);
  void carry_out(const control::Probe& probe);
  void carry_out(const control::CoordinatorEvent& event);

  Scheduler& scheduler_;
  Network& network_;
  HostId host_;
  control::CoordinatorConfig config_;
  double clock_rate_;
  OnSwapped on_swapped_;
  Clock clock_;
  control::MemoryStore store_;
  std::unique_ptr<control::ClusterState> state_;  // a copy of what the store holds
  std::unique_ptr<control::Coordinator> machine_;
  std::map<control::AnswerToken, std::function<void(messages::ResponseBody)>> open_;
  control::AnswerToken last_token_;
  std::deque<Event> waiting_;  // while it is paused
  std::deque<std::pair<std::uint64_t, control::SwapState>> held_swaps_;
  bool hold_swaps_ = false;
  bool paused_ = false;
  std::uint64_t life_ = 0;
  std::uint64_t incarnations_ = 0;
};

}  // namespace gyre::simulation
