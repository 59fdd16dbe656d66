// One simulated run: a cluster, clients, faults; then healing, and the demand that everything works again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/broken_rule.h"
#include "tests/simulation/notice.h"

namespace gyre::simulation {

struct RunReport {
  std::uint64_t seed = 0;
  std::optional<Notice> failure;  // none: the run is clean
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t faults = 0;
  std::uint64_t answered = 0;
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t writes = 0;             // applied by anybody
  std::uint64_t lost_acknowledged = 0;  // all of them in the ledgers
  std::uint64_t terms = 0;              // appointments of primaries
  std::uint64_t promises_bound = 0;  // how often a new term had to have a write acknowledged by a number of members
  std::uint64_t losses_told = 0;  // acknowledged writes that clients were told are lost
  double simulated_seconds = 0;
  std::string options;  // what was drawn, for people
};

// Everything is drawn from the seed: the cluster, its clients, the faults and their times. `broken`: a rule that the
// machines break, which the checks must notice. Broken invariants of machines count as failures, too.
RunReport run(std::uint64_t seed, bool verbose = false, BrokenRule broken = BrokenRule::none);

}  // namespace gyre::simulation
