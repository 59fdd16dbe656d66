#include "tools/gyre/cluster_up.h"

#include <algorithm>
#include <iterator>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/launch.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;

std::vector<const LocalProcess*> all_of(const LocalCluster& cluster) {
  std::vector<const LocalProcess*> all;
  for (const auto& process : cluster.processes) all.push_back(&process);
  return all;
}

// Makes the directory of a new cluster; refuses one that holds something else.
Result<void> claim_directory(const LocalCluster& cluster) {
  std::error_code error;
  fs::create_directories(cluster.dir, error);
  if (error || !fs::is_directory(cluster.dir, error)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot make the directory {}: {}", cluster.dir.string(), error.message()));
  }
  if (!fs::is_empty(cluster.dir, error)) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} is not empty and not a Gyre cluster directory: choose another --dir", cluster.dir.string()));
  }
  return save_local_cluster(cluster);
}

// A process takes the flag when it starts, so that it can be given to a cluster that is down.
Result<void> allow_fault_injection(LocalCluster& cluster) {
  if (cluster.allow_fault_injection) return {};
  const bool any_lives = std::ranges::any_of(cluster.processes, [&](const LocalProcess& process) {
    return LiveProcess::find(cluster.process_dir(process)).has_value();
  });
  if (any_lives) {
    return fail(ErrorCode::invalid_argument,
                "the cluster runs without --allow-fault-injection: stop it with `gyre cluster down` first");
  }
  cluster.allow_fault_injection = true;
  return save_local_cluster(cluster);
}

// Routers have no data: their number may change. Those that are to go must be down.
Result<void> set_routers(LocalCluster& cluster, std::uint32_t routers) {
  LayoutOptions options{.nodes = 1, .routers = routers, .base_port = cluster.base_port};
  GYRE_TRY_SET(const LocalCluster wanted, lay_out_local_cluster(cluster.dir, options));
  if (routers == cluster.router_count()) return {};
  for (const auto& process : cluster.processes) {
    if (process.role != "router" || wanted.find_or_null(process.id) != nullptr) continue;
    if (!LiveProcess::find(cluster.process_dir(process))) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} runs: stop it with `gyre cluster stop {}` first", process.id, process.id));
  }
  std::erase_if(cluster.processes, [](const LocalProcess& process) { return process.role == "router"; });
  std::ranges::copy_if(wanted.processes, std::back_inserter(cluster.processes),
                       [](const LocalProcess& process) { return process.role == "router"; });
  return save_local_cluster(cluster);
}

void print_routers(const LocalCluster& cluster) {
  std::vector<std::string> addresses;
  for (const auto& process : cluster.processes) {
    if (process.role == "router") addresses.push_back(process.resp);
  }
  if (addresses.empty()) return;
  fmt::print("Any Redis client: {} (`redis-cli -p {}`).\n", fmt::join(addresses, " or "),
             addresses.front().substr(addresses.front().rfind(':') + 1));
}

void print_up(const Context& context, const LocalCluster& cluster, const Launch& launch) {
  if (context.quiet) return;
  if (context.json) {
    print_json({{"dir", cluster.dir.string()}, {"seeds", cluster.seeds()}, {"processes", launch.outcome()}});
    return;
  }
  fmt::print("The cluster in {} is up: {} nodes, {} partitions, replication factor {}.\n", cluster.dir.string(),
             cluster.node_count(), cluster.partitions, cluster.replication_factor);
  if (cluster.allow_fault_injection) print_line("Its processes obey `gyre chaos`: network faults can be injected.");
  launch.print();
  for (const auto& sentence : launch.unsettled()) print_line(sentence);
  print_routers(cluster);
  fmt::print("Next: `gyre put KEY VALUE`, `gyre cluster status`, `gyre cluster down`.\n");
}

void print_started(const Context& context, const Launch& launch) {
  if (context.quiet) return;
  if (context.json) return print_json(launch.outcome());
  launch.print();
  for (const auto& sentence : launch.unsettled()) print_line(sentence);
}

}  // namespace

fs::path cluster_dir(const Context& context) {
  if (context.dir.empty()) return default_cluster_dir();
  std::error_code error;
  const fs::path absolute = fs::absolute(context.dir, error).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

Result<void> cluster_up(const Context& context, const LayoutOptions& options) {
  const fs::path dir = cluster_dir(context);
  auto cluster = load_local_cluster(dir);
  const bool is_new = !cluster && cluster.error().code == ErrorCode::unavailable;
  if (is_new) {
    cluster = lay_out_local_cluster(dir, options);
    GYRE_TRY(cluster);
    GYRE_TRY(claim_directory(*cluster));
  }
  GYRE_TRY(cluster);
  GYRE_TRY(check_layout(*cluster, options));
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(dir));
  if (options.allow_fault_injection) GYRE_TRY(allow_fault_injection(*cluster));
  if (options.routers) GYRE_TRY(set_routers(*cluster, *options.routers));

  Launch launch(context, *cluster);
  auto ready = launch.start(all_of(*cluster));
  if (ready) ready = launch.wait_until_ready();
  if (!ready) {
    if (is_new) GYRE_TRY(wipe_local_cluster(*cluster));
    return ready;
  }
  if (!context.quiet) GYRE_TRY(remember_as_last(dir));
  print_up(context, *cluster, launch);
  return {};
}

Result<void> cluster_start(const Context& context, const LocalCluster& cluster,
                           const std::vector<const LocalProcess*>& processes) {
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(cluster.dir));
  Launch launch(context, cluster);
  GYRE_TRY(launch.start(processes));
  const bool routers_alone = std::ranges::all_of(processes, [](const auto* one) { return one->role == "router"; });
  const bool admitted = routers_alone || coordinator_runs(cluster);
  if (admitted) GYRE_TRY(launch.wait_until_ready());
  print_started(context, launch);
  if (!admitted && !context.quiet && !context.json) {
    fmt::print("No coordinator runs: what was started waits for it; start it with `gyre cluster start c1`.\n");
  }
  return {};
}

Result<void> cluster_start_ready(const Context& context, const LocalCluster& cluster, const LocalProcess& process) {
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(cluster.dir));
  Launch launch(context, cluster);
  GYRE_TRY(launch.start({&process}));
  if (!coordinator_runs(cluster)) {
    return fail(
        ErrorCode::unavailable,
        fmt::format("no coordinator runs that could admit {}: start it with `gyre cluster start c1`", process.id));
  }
  GYRE_TRY(launch.wait_until_ready());
  if (const auto unsettled = launch.unsettled(); !unsettled.empty()) {
    return fail(ErrorCode::unavailable, unsettled.front() + "; what follows it was not restarted");
  }
  print_started(context, launch);
  return {};
}

Result<void> cluster_launch(const Context& context, const LocalCluster& cluster,
                            const std::vector<const LocalProcess*>& processes) {
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(cluster.dir));
  return Launch(context, cluster).start(processes);
}

}  // namespace gyre::cli
