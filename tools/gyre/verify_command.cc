// `gyre verify`: proves on this machine that the cluster keeps its promises while its processes are broken.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>

#include <fmt/color.h>
#include <fmt/core.h>

#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/cluster_verify.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"
#include "tools/gyre/scratch_cluster.h"
#include "tools/gyre/verify_faults.h"
#include "tools/gyre/verify_history.h"
#include "tools/gyre/verify_workload.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct VerifyOptions {
  std::uint32_t minutes = 1;
  std::uint64_t seed = 0;  // 0: a random one
  std::uint32_t nodes = 3;
  std::uint32_t replication_factor = 3;
  std::uint32_t partitions = 64;
  double rate = 300;
  std::string faults = "kill,freeze_then_kill,kill_ahead,pause,blink,restart,kill_coordinator,pause_coordinator";
  std::string durability = "everysec";
  bool keep = false;
};

struct VerifyReport {
  std::vector<WorkReport> works;
  std::map<FaultKind, FaultTimes> faults;
  std::size_t lost = 0;
  std::size_t reapplied = 0;
  std::vector<std::string> problems;  // of the cluster as a whole
  double seconds = 0;

  bool broken() const {
    return !problems.empty() || std::ranges::any_of(works, [](const auto& work) { return !work.problems.empty(); });
  }
  bool too_little() const {
    return std::ranges::any_of(works, [](const auto& work) { return !work.shortage.empty(); });
  }
  bool passed() const { return !broken() && !too_little(); }
};

// --- The run ---

// Shows how far the run is; ends with `stop`.
void show_time(const std::atomic<bool>& stop, Clock::time_point begin, Clock::time_point end) {
  while (!stop.load()) {
    if (stderr_is_terminal()) {
      const auto done = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin).count();
      const auto all = std::chrono::duration_cast<std::chrono::seconds>(end - begin).count();
      fmt::print(stderr, "\r\x1b[KBreaking the cluster: {} of {} s", std::min(done, all), all);
      std::fflush(stderr);
    }
    std::this_thread::sleep_for(200ms);
  }
  if (stderr_is_terminal()) fmt::print(stderr, "\r\x1b[K");
}

Result<void> break_and_work(const VerifyOptions& options, std::vector<std::unique_ptr<Work>>& works,
                            FaultInjector& faults) {
  std::atomic<bool> stop{false};
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::minutes(options.minutes);
  Result<void> outcome;
  {
    std::vector<std::jthread> threads;
    for (auto& work : works) threads.emplace_back([&] { work->run(stop); });
    threads.emplace_back([&] { show_time(stop, begin, end); });
    outcome = faults.run(end);
    stop = true;
  }
  return outcome;
}

Result<VerifyReport> run_on(const Context& context, const LocalCluster& cluster, const VerifyOptions& options) {
  WorkOptions work_options{.seeds = cluster.seeds(), .random_seed = options.seed, .rate = options.rate};
  GYRE_TRY_SET(auto works, make_workload(work_options, options.replication_factor));
  GYRE_TRY_SET(auto kinds, parse_faults(options.faults));
  GYRE_TRY_SET(auto faults,
               FaultInjector::make(context, cluster, {std::move(kinds), options.seed, work_options.bursts}));
  GYRE_TRY(faults->await_whole(kWholeLimit));

  VerifyReport report;
  const auto begin = Clock::now();
  if (const auto broken = break_and_work(options, works, *faults); !broken) {
    report.problems.push_back(broken.error().message);
  } else if (const auto healed = faults->await_whole(kWholeLimit); !healed) {
    report.problems.push_back(healed.error().message);
  }
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report.faults = faults->times();

  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const LedgerView lost, collect_lost_writes(source, 10s));
  if (!lost.silent.empty()) report.problems.push_back("not every node gave its ledger");
  report.lost = lost.lost();
  report.reapplied = lost.reapplied();
  ClientOptions client_options;
  client_options.seeds = cluster.seeds();
  GYRE_TRY_SET(const auto client, Client::connect(std::move(client_options)));
  for (auto& work : works) {
    WorkReport& found = report.works.emplace_back(work->check(*client, lost));
    found.shortage = check_enough(found.calls, found.acknowledged);
  }
  if (const auto equal = cluster_verify(context); !equal) report.problems.push_back(equal.error().message);
  return report;
}

// --- The verdict ---

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

Json times_json(const std::vector<double>& times) {
  return {{"count", times.size()},
          {"p50_ms", quantile(times, 0.5)},
          {"p99_ms", quantile(times, 0.99)},
          {"max_ms", quantile(times, 1)}};
}

Json verdict_json(const VerifyOptions& options, const VerifyReport& report) {
  Json json{{"passed", report.passed()},
            {"seed", options.seed},
            {"seconds", report.seconds},
            {"lost", report.lost},
            {"reapplied", report.reapplied}};
  json["faults"] = Json::object();
  for (const auto& [kind, times] : report.faults) {
    json["faults"][std::string(to_string(kind))] = {{"count", times.faults},
                                                    {"primaries_hit", times_json(times.concerned)},
                                                    {"others", times_json(times.others)},
                                                    {"others_ack_all", times_json(times.others_all)},
                                                    {"errors", times.errors}};
  }
  json["work"] = Json::array();
  for (const WorkReport& work : report.works) {
    Json entry{{"name", work.name},
               {"calls", work.calls},
               {"acknowledged", work.acknowledged},
               {"unknown", work.unknown},
               {"refused", work.refused},
               {"shortage", work.shortage.empty() ? Json(nullptr) : Json(work.shortage)},
               {"problems", work.problems}};
    for (const auto& [name, value] : work.facts) entry[name] = value;
    json["work"].push_back(std::move(entry));
  }
  json["problems"] = report.problems;
  return json;
}

void print_times(const char* what, const std::vector<double>& times) {
  if (times.empty()) return;
  fmt::print("    {:<34} p50 {:>7.0f} ms   p99 {:>7.0f} ms   max {:>7.0f} ms   ({} writes)\n", what,
             quantile(times, 0.5), quantile(times, 0.99), quantile(times, 1), times.size());
}

void print_text(const VerifyOptions& options, const VerifyReport& report) {
  fmt::print("Seed {}, {:.0f} s, {} nodes, {} partitions, {} copies, durability {}\n\n", options.seed, report.seconds,
             options.nodes, options.partitions, options.replication_factor, options.durability);
  fmt::print("Faults, and how long a write waited from each\n");
  for (const auto& [kind, times] : report.faults) {
    fmt::print("  {} x {}\n", times.faults, to_string(kind));
    print_times("to partitions whose primary was hit", times.concerned);
    print_times("to other partitions", times.others);
    print_times("to other partitions, ack all", times.others_all);
    for (const std::string& error : times.errors) fmt::print("    {}\n", error);
  }
  fmt::print("\nWork, and whether the promise held\n");
  for (const WorkReport& work : report.works) {
    std::string facts;
    for (const auto& [name, value] : work.facts) facts += fmt::format(", {} {}", with_commas(value), name);
    const bool ok = work.problems.empty() && work.shortage.empty();
    fmt::print("  {:<4} {:<45} {} calls, {} acknowledged, {} unknown, {} refused{}\n", ok ? "ok" : "FAIL", work.name,
               with_commas(work.calls), with_commas(work.acknowledged), work.unknown, work.refused, facts);
    if (!work.shortage.empty()) fmt::print("         {}\n", work.shortage);
    for (const std::string& problem : work.problems) fmt::print("         {}\n", problem);
  }
  fmt::print("\nLedgers: {} writes lost, {} reapplied. Members of all partitions compared: {}\n",
             with_commas(report.lost), with_commas(report.reapplied), report.problems.empty() ? "equal" : "see below");
  for (const std::string& problem : report.problems) fmt::print("  FAIL {}\n", problem);
  const bool colours = stdout_in_colours();
  const std::string verdict = report.passed()   ? "Every promise held."
                              : report.broken() ? "A promise was broken."
                                                : "Too little was acknowledged: this run proves nothing.";
  const auto colour = report.passed() ? fmt::terminal_color::green : fmt::terminal_color::red;
  fmt::print("\n{}\n", colours ? fmt::format(fmt::fg(colour), "{}", verdict) : verdict);
}

Result<void> verify(Context& context, VerifyOptions options) {
  if (options.seed == 0) options.seed = std::random_device()() % 1'000'000 + 1;
  GYRE_TRY(parse_faults(options.faults));
  if (options.nodes < 2 || options.replication_factor > options.nodes) {
    return fail(ErrorCode::invalid_argument,
                "verify breaks nodes: it takes at least two, and no more copies than nodes");
  }
  Context inner = context;
  inner.quiet = true;
  inner.seeds.clear();
  inner.client = nullptr;
  GYRE_TRY_SET(const std::uint32_t base_port, free_base_port(options.nodes, "verify"));
  GYRE_TRY_SET(const fs::path dir, make_scratch_directory("verify"));
  inner.dir = dir.string();
  LayoutOptions layout{.nodes = options.nodes,
                       .routers = 0,
                       .replication_factor = options.replication_factor,
                       .partitions = options.partitions,
                       .base_port = base_port,
                       .durability = options.durability,
                       .zones = {}};
  const InterruptGuard guard;
  if (auto up = cluster_up(inner, layout); !up) {
    std::error_code ignored;
    fs::remove_all(dir, ignored);
    return up;
  }
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(dir));
  const auto report = run_on(inner, cluster, options);
  const bool keep = options.keep || !report || !report->passed();
  GYRE_TRY(tear_down(cluster, keep));
  GYRE_TRY(report);
  if (context.json) {
    print_json(verdict_json(options, *report));
  } else {
    print_text(options, *report);
  }
  if (report->passed()) return {};
  if (!report->broken()) {
    return fail(ErrorCode::unavailable, "too little was acknowledged to prove anything: is this machine overloaded?");
  }
  return fail(ErrorCode::internal,
              fmt::format("a promise was broken: run it again with `gyre verify --seed {}`", options.seed));
}

}  // namespace

void add_verify_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("verify", "Break a cluster on this machine and check that every promise holds");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("--minutes", options->minutes, "How long to break it")
      ->check(CLI::Range(1, 24 * 60))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Draws faults and work [random]");
  command->add_option("--nodes", options->nodes, "Storage nodes")->check(CLI::Range(2, 20))->capture_default_str();
  command->add_option("--rf", options->replication_factor, "Copies")->check(CLI::Range(1, 7))->capture_default_str();
  command->add_option("--partitions", options->partitions, "Partitions, a power of two")->capture_default_str();
  command->add_option("--rate", options->rate, "Calls a second and worker, at most")
      ->check(CLI::Range(1.0, 100'000.0))
      ->capture_default_str();
  command->add_option("--faults", options->faults, "Which, of those listed here")->capture_default_str();
  command->add_option("--durability", options->durability, "Of the nodes")
      ->check(CLI::IsMember({"os", "everysec", "always"}))
      ->capture_default_str();
  command->add_flag("--keep", options->keep, "Keep the cluster's data and logs also when all went well");
  command->footer(R"(
Starts a cluster in a temporary directory and, while clients write and read, kills, freezes and restarts its processes.
Then it heals the cluster and checks what the clients were told against what is there:
  - registers: writes of ack `all` with linearizable reads are linearizable;
  - counters: each increment was applied exactly once, however often it was sent;
  - unique keys: what was acknowledged is there, or (ack one) in a loss ledger, and nothing else is; the writers were
    told of all that was lost, and of nothing else;
  - sessions: never older data than the session has seen, unless it was told `session_lost`;
  - all members of every partition hold the same.
Exit code 0: every promise held. 3: one was broken, or too little was acknowledged to prove anything; data and logs are
kept.)");
  on_chosen(command, context, [&context, options] { return verify(context, *options); });
}

}  // namespace gyre::cli
