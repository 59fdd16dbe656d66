// Removal of expired records: moves the engine's horizons and sweeps, a little every second.
#pragma once

#include <cstddef>

#include "runtime/host_context.h"

namespace gyre::runtime {

class Upkeep {
 public:
  explicit Upkeep(HostContext& context) : context_(context) {}

  // Call every second.
  void on_second();

 private:
  void move_horizons();
  void sweep_some();

  HostContext& context_;
  std::size_t next_ = 0;  // the machine whose partition is swept next
  bool sweeping_ = false;
};

}  // namespace gyre::runtime
