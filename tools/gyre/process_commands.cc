#include "tools/gyre/process_commands.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <memory>

#include <fmt/core.h>

#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopLimit = 20s;
constexpr auto kKillLimit = 5s;

Result<LiveProcess> find_live(const LocalCluster& cluster, const LocalProcess& process) {
  auto live = LiveProcess::find(cluster.process_dir(process));
  if (live) return std::move(*live);
  return fail(ErrorCode::condition_failed,
              fmt::format("{} is down: start it with `gyre cluster start {}`", process.id, process.id));
}

}  // namespace

Result<Targets> select(const LocalCluster& cluster, const Selection& selection) {
  if (selection.all != selection.ids.empty()) {
    return fail(ErrorCode::invalid_argument, "name one or more processes (such as n1), or --all");
  }
  Targets targets;
  for (const auto& process : cluster.processes) {
    if (selection.all) targets.push_back(&process);
  }
  for (const auto& id : selection.ids) {
    GYRE_TRY_SET(const LocalProcess* process, cluster.find(id));
    targets.push_back(process);
  }
  return targets;
}

void print_done(const Context& context, const std::vector<Done>& list) {
  Json json = Json::array();
  for (const auto& done : list) {
    json.push_back(
        {{"id", done.process->id}, {"pid", done.pid ? Json(*done.pid) : Json(nullptr)}, {"result", done.result}});
    if (context.json) continue;
    std::string words = done.result;
    std::ranges::replace(words, '_', ' ');
    print_line(fmt::format("{}: {}{}", done.process->id, words, done.pid ? fmt::format(" (pid {})", *done.pid) : ""));
  }
  if (context.json) print_json(json);
}

std::vector<Done> end_processes(const LocalCluster& cluster, const Targets& targets, bool kill_late) {
  struct Ending {
    Done done;
    LiveProcess live;
  };
  std::vector<Done> list;
  const auto nodes = static_cast<std::size_t>(std::ranges::count(targets, "node", &LocalProcess::role));
  const bool coordinators_first = nodes == cluster.node_count();
  // What is open at a router needs the nodes.
  const auto order =
      coordinators_first ? std::array{"router", "coordinator", "node"} : std::array{"router", "node", "coordinator"};
  for (const char* role : order) {
    std::vector<Ending> endings;
    for (const auto* process : targets) {
      if (process->role != role) continue;
      auto live = LiveProcess::find(cluster.process_dir(*process));
      if (!live) {
        remove_pid_file(cluster.process_dir(*process));
        list.push_back({process, std::nullopt, "was_down"});
        continue;
      }
      live->stop(0ms);
      endings.push_back({{process, live->pid(), "stopped"}, std::move(*live)});
    }
    const auto deadline = std::chrono::steady_clock::now() + kStopLimit;
    for (auto& [done, live] : endings) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      bool ended = live.ends_within(std::max(left, std::chrono::milliseconds(0)));
      if (!ended && kill_late) {
        live.send(SIGKILL);
        ended = live.ends_within(kKillLimit);
        done.result = "killed";
      }
      if (!ended) done.result = "still_running";
      if (ended) remove_pid_file(cluster.process_dir(*done.process));
      list.push_back(std::move(done));
    }
  }
  return list;
}

Result<void> check_ended(const std::vector<Done>& list) {
  const auto running = std::ranges::find(list, "still_running", &Done::result);
  if (running == list.end()) return {};
  return fail(
      ErrorCode::timeout,
      fmt::format("{} (pid {}) did not end within {} s: look at `gyre cluster logs {}`, or end it with "
                  "`gyre cluster kill {}`",
                  running->process->id, *running->pid, kStopLimit.count(), running->process->id, running->process->id));
}

std::vector<Done> kill_processes(const LocalCluster& cluster, const Targets& targets) {
  std::vector<Done> list;
  for (const auto* process : targets) {
    const auto live = LiveProcess::find(cluster.process_dir(*process));
    if (live) live->send(SIGKILL);
    const bool ended = !live || live->ends_within(kKillLimit);
    if (ended) remove_pid_file(cluster.process_dir(*process));
    list.push_back({process, live ? std::optional(live->pid()) : std::nullopt,
                    !live   ? "was_down"
                    : ended ? "killed"
                            : "still_running"});
  }
  return list;
}

Result<std::vector<Done>> pause_processes(const LocalCluster& cluster, const Targets& targets) {
  std::vector<Done> list;
  for (const auto* process : targets) {
    GYRE_TRY_SET(const LiveProcess live, find_live(cluster, *process));
    live.send(SIGSTOP);
    list.push_back({process, live.pid(), "paused"});
  }
  return list;
}

Result<std::vector<Done>> resume_processes(const LocalCluster& cluster, const Targets& targets) {
  std::vector<Done> list;
  for (const auto* process : targets) {
    GYRE_TRY_SET(const LiveProcess live, find_live(cluster, *process));
    const bool paused = live.paused();
    live.send(SIGCONT);
    list.push_back({process, live.pid(), paused ? "resumed" : "was_not_paused"});
  }
  return list;
}

Result<void> stop_command(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  const auto list = end_processes(cluster, targets, false);
  print_done(context, list);
  return check_ended(list);
}

Result<void> kill_command(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  const auto list = kill_processes(cluster, targets);
  print_done(context, list);
  return check_ended(list);
}

Result<void> pause_command(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  GYRE_TRY_SET(const auto list, pause_processes(cluster, targets));
  print_done(context, list);
  return {};
}

Result<void> resume_command(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  GYRE_TRY_SET(const auto list, resume_processes(cluster, targets));
  print_done(context, list);
  return {};
}

Result<void> restart_command(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  for (const LocalProcess* target : targets) {
    GYRE_TRY(check_ended(end_processes(cluster, {target}, false)));
    GYRE_TRY(cluster_start_ready(context, cluster, *target));
  }
  return {};
}

void add_process_command(CLI::App* parent, Context& context, const char* name, const char* description,
                         ProcessCommand run) {
  auto* command = parent->add_subcommand(name, description);
  auto selection = std::make_shared<Selection>();
  command->add_option("process", selection->ids, "Processes by id, such as n1 or c1");
  command->add_flag("--all", selection->all, "All processes of the cluster");
  on_chosen(command, context, [&context, selection, run]() -> Result<void> {
    GYRE_TRY_SET(const LocalCluster loaded, load_local_cluster(cluster_dir(context)));
    GYRE_TRY_SET(const Targets targets, select(loaded, *selection));
    return run(context, loaded, targets);
  });
}

}  // namespace gyre::cli
