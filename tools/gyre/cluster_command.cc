// `gyre cluster ...`: the command line of a cluster: local processes, and what operators look at and change.
#include <memory>
#include <string>

#include <fmt/core.h>

#include "tools/gyre/cluster_logs.h"
#include "tools/gyre/cluster_members.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_settings.h"
#include "tools/gyre/cluster_status.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/cluster_verify.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/process_commands.h"
#include "tools/gyre/render.h"
#include "tools/gyre/watch_command.h"

namespace gyre::cli {
namespace {

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

void add_up(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("up", "Start a local cluster, or bring back the one in --dir");
  auto options = std::make_shared<LayoutOptions>();
  command->add_option("--nodes", options->nodes, "Number of storage nodes [3]");
  command->add_option("--routers", options->routers, "Routers for Redis clients that know no clusters, 0 to 2 [1]");
  command->add_option("--rf", options->replication_factor, "Copies of each partition [3, or as many as nodes]");
  command->add_option("--partitions", options->partitions, "Number of partitions, a power of two [256]");
  command->add_option("--base-port", options->base_port, "First port: the coordinator's; nodes follow in tens [7400]");
  command->add_option("--zones", options->zones, "Zones, given to the nodes in turn")
      ->delimiter(',')
      ->type_name("A,B,...");
  command->add_option("--durability", options->durability, "When a write counts as stored [everysec]")
      ->check(CLI::IsMember({"os", "everysec", "always"}));
  command->add_option("--users", options->users, "TOML file with the users that Redis clients may be [none: anybody]")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  command->add_flag("--allow-fault-injection", options->allow_fault_injection,
                    "Let `gyre chaos` cut, slow and lose what processes send each other: for tests alone");
  command->footer(R"(
Examples:
  gyre cluster up --nodes 3                                 a cluster at ports 7400 to 7431
  gyre cluster up --nodes 6 --zones a,b,c --rf 3            two nodes in each of three zones
  gyre cluster up --allow-fault-injection                   to play with `gyre chaos`
Once it is up: `gyre cluster watch`, `gyre cluster add-node`, `gyre cluster down`.)");
  on_chosen(command, context, [&context, options] { return cluster_up(context, *options); });
}

void add_add_node(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("add-node", "Start one more node, which joins the cluster");
  auto options = std::make_shared<AddNodeOptions>();
  command->add_option("--zone", options->zone, "Its zone");
  command->add_option("--weight", options->weight, "Its relative share of partitions")->capture_default_str();
  command->add_option("--count", options->count, "Start so many at once")->capture_default_str();
  command->add_flag("--wait", options->wait, "Wait until all that moves to it has moved, and show how far that is");
  command->footer(R"(
The node starts in the local cluster's directory, as those of `gyre cluster up` do, and is admitted. By itself the
cluster then moves a fair share of its copies there, while it serves; with `gyre cluster set --auto off` only
`gyre rebalance apply` does. On another machine: `gyred node --coordinator HOST:PORT`.

Examples:
  gyre cluster add-node --wait             grow by one node, and wait until it carries its share
  gyre cluster add-node --count 2 --zone b
  gyre cluster add-node --weight 2         a machine twice as large as the others)");
  on_chosen(command, context, [&context, options] { return cluster_add_node(context, *options); });
}

void add_remove_node(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("remove-node", "Move all that a node has elsewhere, and let it go");
  auto options = std::make_shared<RemoveNodeOptions>();
  command->add_option("node", options->node, "The node, such as n4")->required();
  command->add_flag("--force", options->force,
                    "It is gone for good: its copies count as lost, and new ones are made from those that are left");
  command->add_flag("--wait,!--no-wait", options->wait, "Wait until it holds nothing (the default), or only begin");
  command->add_flag("--wipe", options->wipe, "Local cluster: delete its data directory in the end");
  command->footer(R"(
Every copy the node has is made elsewhere first, so that no partition has fewer copies on the way. In a local cluster
its process is stopped once it holds nothing; its directory stays unless --wipe is given. What its loss ledger says is
saved beside it. Ctrl-C leaves the removal going: repeat the command to see it to its end, or change your mind with
`gyre node resume NODE`.

Examples:
  gyre cluster remove-node n4              drain it, watch that, stop it
  gyre cluster remove-node n4 --force      its disk has died; refused where it alone may hold acknowledged writes)");
  on_chosen(command, context, [&context, options] { return cluster_remove_node(context, *options); });
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
  auto* cluster =
      app.add_subcommand("cluster", "Run a local cluster of real processes; look at a cluster, grow and shrink it");
  cluster->require_subcommand(1);
  add_up(cluster, context);
  on_chosen(cluster->add_subcommand("status", "Show every process and how the cluster is (by --seeds: any cluster)"),
            context, [&context] { return cluster_status(context); });
  on_chosen(cluster->add_subcommand("partitions", "Show who serves each partition"), context,
            [&context] { return cluster_partitions(context); });
  add_logs(cluster, context);
  add_process_command(cluster, context, "start", "Start processes that are down", cluster_start);
  add_process_command(cluster, context, "stop", "End processes with SIGTERM, and wait", stop_command);
  add_process_command(cluster, context, "kill", "Kill processes with SIGKILL, as a crash would", kill_command);
  add_process_command(cluster, context, "pause", "Freeze processes with SIGSTOP", pause_command);
  add_process_command(cluster, context, "resume", "Let paused processes go on", resume_command);
  add_process_command(cluster, context, "restart", "Stop processes and start them again, one after the other",
                      restart_command);
  on_chosen(cluster->add_subcommand("verify", "Compare what the members of every partition hold"), context,
            [&context] { return cluster_verify(context); });
  add_add_node(cluster, context);
  add_remove_node(cluster, context);
  add_cluster_set(cluster, context);
  add_cluster_watch(cluster, context);
  add_down(cluster, context);
}

}  // namespace gyre::cli
