// `gyre bench scaling`: clusters of 1, 2, 3, ... nodes of limited capacity, each under a load that rises.
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "tools/gyre/bench.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/command.h"
#include "tools/gyre/interrupt.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/progress.h"
#include "tools/gyre/scaling.h"
#include "tools/gyre/scratch_cluster.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::uint32_t kPartitions = 64;
constexpr auto kDeadline = 1s;  // of a call, with what is tried again

BenchOptions load_of(const ScalingOptions& options, double rate) {
  BenchOptions load;
  load.duration = options.duration;
  load.warmup = 500ms;
  load.read_percent = options.read_percent;
  load.keys = options.keys;
  load.value_bytes = options.value_bytes;
  load.depth =
      static_cast<std::uint32_t>(rate) + 512;  // an open loop is not to wait for answers: as many as kDeadline lets
  load.rate = rate;
  return load;
}

void show(std::uint32_t nodes, double offered) {
  if (!stderr_is_terminal()) return;
  fmt::print(stderr, "\r{} node{}: {:.0f} operations a second{}", nodes, nodes == 1 ? "" : "s", offered,
             kClearToEndOfLine);
  std::fflush(stderr);
}

// The client tries what is refused again, within its budget; what is left over after that has failed.
Result<void> measure(const LocalCluster& cluster, const ScalingOptions& options, std::uint32_t nodes,
                     std::vector<ScalingStep>& steps) {
  ClientOptions client_options{.seeds = cluster.seeds(), .deadline = kDeadline, .calls_in_flight_max = 1'000'000};
  GYRE_TRY_SET(std::shared_ptr<Client> client, Client::connect(client_options));
  const BenchTargets targets{make_client_target(std::move(client))};
  for (const double offered : scaling_loads(nodes, options.capacity)) {
    show(nodes, offered);
    const auto result = run_bench(targets, load_of(options, offered), [](const BenchSecond&) {});
    if (result->interrupted) return fail(ErrorCode::unavailable, "interrupted");
    steps.push_back({.nodes = nodes,
                     .offered = offered,
                     .served = result->throughput(),
                     .p50 = result->latency.quantile(0.5),
                     .p99 = result->latency.quantile(0.99),
                     .failed = result->errors() + result->unsent});
  }
  return {};
}

Result<void> run_on(const Context& context, const ScalingOptions& options, std::uint32_t nodes,
                    std::vector<ScalingStep>& steps) {
  GYRE_TRY_SET(const std::uint32_t base_port, free_base_port(nodes, "bench scaling"));
  GYRE_TRY_SET(const fs::path dir, make_scratch_directory("scaling"));
  Context inner = context;
  inner.quiet = true;
  inner.seeds.clear();
  inner.client = nullptr;
  inner.dir = dir.string();
  LayoutOptions layout{.nodes = nodes,
                       .routers = 0,
                       .replication_factor = 1,
                       .partitions = kPartitions,
                       .base_port = base_port,
                       .durability = {},
                       .zones = {}};
  if (auto up = cluster_up(inner, layout); !up) {
    std::error_code ignored;
    fs::remove_all(dir, ignored);
    return up;
  }
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(dir));
  auto measured = measure(cluster, options, nodes, steps);
  GYRE_TRY(tear_down(cluster, /*keep=*/false));
  return measured;
}

// Of no steps: sees whether it can be written, and leaves what is there.
Result<void> write_plot(const ScalingOptions& options, const std::vector<ScalingStep>& steps) {
  if (options.svg.empty()) return {};
  std::ofstream file(options.svg, steps.empty() ? std::ios::app : std::ios::trunc);
  if (!steps.empty()) file << scaling_svg(options, steps);
  file.close();
  if (file) return {};
  return fail(ErrorCode::storage_failed, fmt::format("cannot write {}: name another file by --svg", options.svg));
}

Result<void> scale(const Context& context, const ScalingOptions& options) {
  // The nodes that this command starts read their options from it.
  ::setenv("GYRE_CAPACITY", std::to_string(options.capacity).c_str(), 1);
  const InterruptGuard guard;
  std::vector<ScalingStep> steps;
  GYRE_TRY(write_plot(options, steps));
  Result<void> measured;
  for (std::uint32_t nodes = 1; nodes <= options.nodes_max && measured; ++nodes) {
    measured = run_on(context, options, nodes, steps);
  }
  if (stderr_is_terminal()) fmt::print(stderr, "\r{}", kClearToEndOfLine);
  if (steps.empty()) return measured;
  // What there is, also of a run that was cut short.
  if (context.json) {
    print_json(scaling_json(options, steps));
  } else {
    fmt::print("{}", scaling_text(options, steps));
  }
  GYRE_TRY(write_plot(options, steps));
  if (!options.svg.empty() && !context.json) print_line("The plot is in " + options.svg + ".");
  return measured;
}

}  // namespace

void add_scaling_command(CLI::App& bench, Context& context) {
  auto* command = bench.add_subcommand("scaling", "Measure clusters of 1, 2, 3, ... nodes, and plot what they serve");
  auto options = std::make_shared<ScalingOptions>();
  command->add_option("--nodes", options->nodes_max, "Up to so many nodes")
      ->check(CLI::Range(1U, kLocalNodesMax))
      ->capture_default_str();
  command->add_option("--capacity", options->capacity, "Requests a second that each node serves")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  add_duration(*command, "--duration", options->duration, "Of each load; there are six for each cluster")
      ->default_str("3s");
  command->add_option("--mix", options->read_percent, "Percentage of reads; the rest are writes")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--svg", options->svg, "Where the plot goes; '' for nowhere")
      ->type_name("FILE")
      ->capture_default_str();
  command->footer(R"(
Each cluster is started in a temporary directory, with one copy of everything, and goes away again. On one machine all
nodes share its cores, so each is given a capacity far below what it could do (`gyred node --capacity`): what shows is
whether the work spreads evenly, not how fast a node is. Loads rise from 0.3 to 1.5 of what the nodes may serve; above
1, requests are refused, tried again within a second, and fail in the end.)");
  on_chosen(command, context, [&context, options] { return scale(context, *options); });
}

}  // namespace gyre::cli
