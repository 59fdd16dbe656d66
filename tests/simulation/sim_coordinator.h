// The coordinator in the simulator: the real machine over a store that survives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control/coordinator.h"
#include "control/memory_store.h"
#include "tests/simulation/network.h"

namespace gyre::simulation {

class SimCoordinator {
 public:
  SimCoordinator(Scheduler& scheduler, Network& network, std::string address, control::CoordinatorConfig config);

  void start();
  void crash();
  bool up() const { return machine_ != nullptr; }
  control::MemoryStore& store() { return store_; }
  void check_invariants() const;

 private:
  void drive();
  void carry_out(const control::SwapState& swap);
  void carry_out(const control::LoadState& load);
  void carry_out(const control::Answer& answer);
  void carry_out(const control::CoordinatorEvent& event);

  Scheduler& scheduler_;
  Network& network_;
  std::string address_;
  control::CoordinatorConfig config_;
  control::MemoryStore store_;
  std::unique_ptr<control::Coordinator> machine_;
  struct Open {
    RequestId id;
    std::function<void(messages::Response)> reply;
  };
  std::map<control::AnswerToken, Open> open_;
  control::AnswerToken last_token_;
  std::uint64_t life_ = 0;
};

}  // namespace gyre::simulation
