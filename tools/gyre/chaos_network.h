// Injected network faults of a local cluster: asked for, set and ended at its processes; and healing as a whole.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tools/gyre/chaos_rules.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

// ERRORS: condition_failed (the cluster was not started with --allow-fault-injection; says how to).
Result<void> check_injection(const LocalCluster& cluster);

// The rules that are on at a process. ERRORS: unavailable, timeout (it does not answer), condition_failed (it refuses).
Result<Rules> faults_at(const LocalProcess& process);
// They take the place of those that are on. ERRORS: as faults_at; invalid_argument (too many).
Result<void> set_faults_at(const LocalProcess& process, const Rules& rules);

// Adds each rule at its process, if that runs. ERRORS: condition_failed (none of them runs), and those of
// set_faults_at.
Result<void> inject(const LocalCluster& cluster, const std::vector<PlacedRule>& rules);

struct ProcessFaults {
  const LocalProcess* process;
  std::string state;  // up, paused, down
  std::optional<Rules> rules;  // none: it cannot be asked
};
std::vector<ProcessFaults> look_at_faults(const LocalCluster& cluster);

// What was done to one process.
struct Healed {
  std::string id;
  bool resumed = false;
  bool started = false;
  std::size_t rules_ended = 0;
};
// Ends all network faults; unless `network_only`, resumes what is paused and starts what is down as well. Goes on where
// one process cannot be healed. Gives those it did something to. ERRORS: the first that went wrong.
Result<std::vector<Healed>> heal(const Context& context, const LocalCluster& cluster, bool network_only);
// "n1: resumed, 2 faults ended"
std::string healed_text(const Healed& healed);
Json healed_json(const Healed& healed);

}  // namespace gyre::cli
