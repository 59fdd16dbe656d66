// A cluster store in memory, for tests and the simulator: survives its users, and fails when told to.
#pragma once

#include <optional>

#include "control/cluster_store.h"

namespace gyre::control {

class MemoryStore final : public ClusterStore {
 public:
  enum class SwapFault : std::uint8_t {
    none,
    not_stored,  // storage_failed, nothing stored
    stored,      // storage_failed, though the new state is stored
  };

  Result<std::optional<ClusterState>> load() override;
  Result<void> swap(Epoch expected, const ClusterState& state) override;

  // Both hold until set again.
  void set_swap_fault(SwapFault fault) { swap_fault_ = fault; }
  void set_load_fails(bool fails) { load_fails_ = fails; }

 private:
  std::optional<ClusterState> stored_;
  SwapFault swap_fault_ = SwapFault::none;
  bool load_fails_ = false;
};

}  // namespace gyre::control
