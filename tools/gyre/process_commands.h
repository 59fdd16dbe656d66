// What is done to processes of a local cluster by signals: end, kill, pause, resume. `gyre cluster` and `gyre chaos`
// share it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "gyre/result.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

using Targets = std::vector<const LocalProcess*>;

// Which processes a command is about.
struct Selection {
  std::vector<std::string> ids;
  bool all = false;
};

// ERRORS: invalid_argument (names nobody, or somebody who is not there).
Result<Targets> select(const LocalCluster& cluster, const Selection& selection);

// What a command did to one process.
struct Done {
  const LocalProcess* process;
  std::optional<pid_t> pid;
  std::string result;  // stopped, killed, paused, resumed, was_down, was_not_paused, still_running
};
void print_done(const Context& context, const std::vector<Done>& list);

// Ends `targets`: routers, then nodes, so that the coordinator can arrange who takes over what they serve; but where
// all nodes end, coordinators before them, since nobody can. Each group at once. What has not ended in time is killed
// if `kill_late`, else `still_running`.
std::vector<Done> end_processes(const LocalCluster& cluster, const Targets& targets, bool kill_late);
// ERRORS: timeout (names the first that is still running).
Result<void> check_ended(const std::vector<Done>& list);

std::vector<Done> kill_processes(const LocalCluster& cluster, const Targets& targets);
// ERRORS: condition_failed (one is down).
Result<std::vector<Done>> pause_processes(const LocalCluster& cluster, const Targets& targets);
Result<std::vector<Done>> resume_processes(const LocalCluster& cluster, const Targets& targets);

// The commands: each does it and prints what was done.
using ProcessCommand = Result<void> (*)(const Context&, const LocalCluster&, const Targets&);
Result<void> stop_command(const Context& context, const LocalCluster& cluster, const Targets& targets);
Result<void> kill_command(const Context& context, const LocalCluster& cluster, const Targets& targets);
Result<void> pause_command(const Context& context, const LocalCluster& cluster, const Targets& targets);
Result<void> resume_command(const Context& context, const LocalCluster& cluster, const Targets& targets);
// One after the other, each ready before the next one stops: no partition is ever without a primary for long.
Result<void> restart_command(const Context& context, const LocalCluster& cluster, const Targets& targets);

// `parent NAME process... [--all]`
void add_process_command(CLI::App* parent, Context& context, const char* name, const char* description,
                         ProcessCommand run);

}  // namespace gyre::cli
