// Starts processes of one local cluster together: all get as far as they should, or those it started end again.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "gyre/result.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

// Runs and is not paused.
bool runs(const LocalCluster& cluster, const LocalProcess& process);
bool coordinator_runs(const LocalCluster& cluster);

// REQUIRES: context and cluster live longer.
class Launch {
 public:
  Launch(const Context& context, const LocalCluster& cluster) : context_(context), cluster_(cluster) {}

  // Resumes what is paused and starts what is down, after checking that every port is free. What `processes` point at
  // lives longer. ERRORS: unavailable (a port is taken, or gyred cannot be executed), storage_failed.
  Result<void> start(const std::vector<const LocalProcess*>& processes);

  // Until each is ready. What runs, but is not in sync everywhere in time, is left running: see unsettled().
  // ERRORS: unavailable (one ended, or was not ready in time: the end of its log is printed).
  Result<void> wait_until_ready();
  // Until the coordinator hears each, and each has a map that names it: a node that joined, and may have to wait for
  // its first copies. ERRORS: as wait_until_ready.  REQUIRES: all are nodes.
  Result<void> wait_until_admitted();

  // What became of each process, for people and for --json.
  Json outcome() const;
  void print() const;
  // What runs but was not ready in time, with what it says of itself.
  std::vector<std::string> unsettled() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Member {
    const LocalProcess* process;
    LiveProcess live;
    std::string result;  // started, resumed or already_running
    bool ready = false;
    std::string reason = {};  // why it is not, in its own words
  };
  using Waiting = std::vector<const Member*>;

  std::vector<const Member*> in_layout_order() const;
  Result<void> check_alive(Member& member);
  Result<void> look_at(Member& member);
  Waiting members_behind();
  Waiting not_admitted();
  // Until `missing` names none; `give_up` says whether what is missing may stay so, after so long.
  Result<void> wait_for(const std::function<Result<Waiting>()>& missing,
                        const std::function<bool(const Waiting&, Clock::duration)>& give_up);
  bool others_are_down() const;
  bool all_run(const Waiting& waiting) const;
  Error not_ready_in_time(const Member& member) const;
  void show_log(const Member& member) const;
  void show_progress(const Waiting& waiting) const;
  static void clear_progress();
  // Ends what this launch started; gives `why` back.
  std::unexpected<Error> undo(Error why);

  const Context& context_;
  const LocalCluster& cluster_;
  std::vector<Member> members_;
};

}  // namespace gyre::cli
