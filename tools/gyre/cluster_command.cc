// `gyre cluster ...`: the command line of a local cluster, and the commands that end, pause and resume its processes.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "tools/gyre/cluster_logs.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_status.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/cluster_verify.h"
#include "tools/gyre/command.h"
#include "tools/gyre/interrupt.h"
#include "tools/gyre/local_cluster.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using Targets = std::vector<const LocalProcess*>;

constexpr auto kStopLimit = 20s;
constexpr auto kKillLimit = 5s;

// Which processes a command is about.
struct Selection {
  std::vector<std::string> ids;
  bool all = false;
};

// What a command did to one process.
struct Done {
  const LocalProcess* process;
  std::optional<pid_t> pid;
  std::string result;  // stopped, killed, paused, resumed, was_down, was_not_paused, still_running
};

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

// Ends `targets`: nodes first, so that the coordinator can arrange who takes over what they serve; but where all nodes
// end, coordinators first, since nobody can. Each group at once. What has not ended in time is killed if `kill_late`,
// else `still_running`.
std::vector<Done> end_processes(const LocalCluster& cluster, const Targets& targets, bool kill_late) {
  struct Ending {
    Done done;
    LiveProcess live;
  };
  std::vector<Done> list;
  const auto nodes = static_cast<std::size_t>(std::ranges::count(targets, "node", &LocalProcess::role));
  const bool coordinators_first = nodes == cluster.node_count();
  for (const bool coordinators : {coordinators_first, !coordinators_first}) {
    std::vector<Ending> endings;
    for (const auto* process : targets) {
      if ((process->role == "coordinator") != coordinators) continue;
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

Result<void> stop(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  const auto list = end_processes(cluster, targets, false);
  print_done(context, list);
  return check_ended(list);
}

Result<void> kill(const Context& context, const LocalCluster& cluster, const Targets& targets) {
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
  print_done(context, list);
  return check_ended(list);
}

Result<LiveProcess> find_live(const LocalCluster& cluster, const LocalProcess& process) {
  auto live = LiveProcess::find(cluster.process_dir(process));
  if (live) return std::move(*live);
  return fail(ErrorCode::condition_failed,
              fmt::format("{} is down: start it with `gyre cluster start {}`", process.id, process.id));
}

Result<void> pause(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  std::vector<Done> list;
  for (const auto* process : targets) {
    GYRE_TRY_SET(const LiveProcess live, find_live(cluster, *process));
    live.send(SIGSTOP);
    list.push_back({process, live.pid(), "paused"});
  }
  print_done(context, list);
  return {};
}

Result<void> resume(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  std::vector<Done> list;
  for (const auto* process : targets) {
    GYRE_TRY_SET(const LiveProcess live, find_live(cluster, *process));
    const bool paused = live.paused();
    live.send(SIGCONT);
    list.push_back({process, live.pid(), paused ? "resumed" : "was_not_paused"});
  }
  print_done(context, list);
  return {};
}

// One after the other, each ready before the next one stops: no partition is ever without a primary for long.
Result<void> restart(const Context& context, const LocalCluster& cluster, const Targets& targets) {
  for (const LocalProcess* target : targets) {
    GYRE_TRY(check_ended(end_processes(cluster, {target}, false)));
    GYRE_TRY(cluster_start_ready(context, cluster, *target));
  }
  return {};
}

Result<void> down(const Context& context, bool wipe) {
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(cluster.dir));
  Targets all;
  for (const auto& process : cluster.processes) all.push_back(&process);
  const auto list = end_processes(cluster, all, true);
  print_done(context, list);
  GYRE_TRY(check_ended(list));
  if (!wipe) return {};
  GYRE_TRY(wipe_local_cluster(cluster));
  if (!context.json) print_line(fmt::format("Deleted {}.", cluster.dir.string()));
  return {};
}

Result<void> logs(const Context& context, const std::string& id, const LogOptions& options) {
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  GYRE_TRY_SET(const LocalProcess* process, cluster.find(id));
  return cluster_logs(context, cluster, *process, options);
}

using ProcessCommand = Result<void> (*)(const Context&, const LocalCluster&, const Targets&);

void add_process_command(CLI::App* cluster, Context& context, const char* name, const char* description,
                         ProcessCommand run) {
  auto* command = cluster->add_subcommand(name, description);
  auto selection = std::make_shared<Selection>();
  command->add_option("process", selection->ids, "Processes by id, such as n1 or c1");
  command->add_flag("--all", selection->all, "All processes of the cluster");
  on_chosen(command, context, [&context, selection, run]() -> Result<void> {
    GYRE_TRY_SET(const LocalCluster loaded, load_local_cluster(cluster_dir(context)));
    GYRE_TRY_SET(const Targets targets, select(loaded, *selection));
    return run(context, loaded, targets);
  });
}

void add_up(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("up", "Start a local cluster, or bring back the one in --dir");
  auto options = std::make_shared<LayoutOptions>();
  command->add_option("--nodes", options->nodes, "Number of storage nodes [3]");
  command->add_option("--rf", options->replication_factor, "Copies of each partition [3, or as many as nodes]");
  command->add_option("--partitions", options->partitions, "Number of partitions, a power of two [256]");
  command->add_option("--base-port", options->base_port, "First port: the coordinator's; nodes follow in tens [7400]");
  command->add_option("--zones", options->zones, "Zones, given to the nodes in turn")
      ->delimiter(',')
      ->type_name("A,B,...");
  command->add_option("--durability", options->durability, "When a write counts as stored [everysec]")
      ->check(CLI::IsMember({"os", "everysec", "always"}));
  on_chosen(command, context, [&context, options] { return cluster_up(context, *options); });
}

void add_add_node(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("add-node", "Start one more node, which joins the cluster");
  struct Options {
    std::string zone;
    double weight = 1.0;
  };
  auto options = std::make_shared<Options>();
  command->add_option("--zone", options->zone, "Its zone");
  command->add_option("--weight", options->weight, "Its relative share of partitions")->capture_default_str();
  on_chosen(command, context,
            [&context, options] { return cluster_add_node(context, options->zone, options->weight); });
}

void add_logs(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("logs", "Print the end of a process's log");
  struct Options : LogOptions {
    std::string id;
  };
  auto options = std::make_shared<Options>();
  command->add_option("process", options->id, "Its id, such as n1")->required();
  command->add_flag("-f,--follow", options->follow, "Go on with what is logged from now on");
  command->add_option("-n,--lines", options->lines, "Lines from the end")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  on_chosen(command, context, [&context, options] { return logs(context, options->id, *options); });
}

void add_down(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("down", "Stop every process; the data stays unless --wipe is given");
  auto wipe = std::make_shared<bool>(false);
  command->add_flag("--wipe", *wipe, "Delete the cluster's directory with all its data");
  on_chosen(command, context, [&context, wipe] { return down(context, *wipe); });
}

}  // namespace

void add_cluster_commands(CLI::App& app, Context& context) {
  auto* cluster = app.add_subcommand("cluster", "Run a local cluster of real processes, look at it, break it");
  cluster->require_subcommand(1);
  add_up(cluster, context);
  on_chosen(cluster->add_subcommand("status", "Show every process and how the cluster is (by --seeds: any cluster)"),
            context, [&context] { return cluster_status(context); });
  on_chosen(cluster->add_subcommand("partitions", "Show who serves each partition"), context,
            [&context] { return cluster_partitions(context); });
  add_logs(cluster, context);
  add_process_command(cluster, context, "start", "Start processes that are down", cluster_start);
  add_process_command(cluster, context, "stop", "End processes with SIGTERM, and wait", stop);
  add_process_command(cluster, context, "kill", "Kill processes with SIGKILL, as a crash would", kill);
  add_process_command(cluster, context, "pause", "Freeze processes with SIGSTOP", pause);
  add_process_command(cluster, context, "resume", "Let paused processes go on", resume);
  add_process_command(cluster, context, "restart", "Stop processes and start them again, one after the other", restart);
  on_chosen(cluster->add_subcommand("verify", "Compare what the members of every partition hold"), context,
            [&context] { return cluster_verify(context); });
  add_add_node(cluster, context);
  add_down(cluster, context);
}

}  // namespace gyre::cli
