// One simulated run: a cluster, clients, faults; then healing, and the demand that everything works again.
#pragma once

#include <cstdint>
#include <string>

#include "replication/broken_rule.h"

namespace gyre::simulation {

struct RunReport {
  std::uint64_t seed = 0;
  std::string failure;  // empty: the run is clean
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t answered = 0;
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t crashes = 0;
  double simulated_seconds = 0;
};

// Everything is drawn from the seed: size of the cluster, durability, faults and their times. `broken`: a rule that the
// nodes break, which the checks must notice.
RunReport run(std::uint64_t seed, bool verbose = false, replication::BrokenRule broken = replication::BrokenRule::none);

}  // namespace gyre::simulation
