// sim: runs the simulator over a range of seeds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tests/simulation/run.h"
#include "tests/simulation/script.h"

namespace {

using gyre::BrokenRule;

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t runs = 1;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  bool trace = false;
  std::string rule;
  std::string scenario;
};

std::optional<BrokenRule> rule_of(std::string_view name) {
  for (auto rule = BrokenRule::none; rule <= gyre::kBrokenRuleLast;
       rule = static_cast<BrokenRule>(static_cast<int>(rule) + 1)) {
    if (to_string(rule) == name) return rule;
  }
  return std::nullopt;
}

std::optional<Options> parse(int argc, char** argv, int& exit_code) {
  Options options;
  CLI::App app{"Runs a whole simulated cluster from a seed, breaks it, heals it and checks what its clients saw."};
  app.add_option("--seed", options.seed, "First seed")->capture_default_str();
  app.add_option("--runs", options.runs, "Seeds to run, one after the other")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--jobs", options.jobs, "Runs at the same time")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_flag("--trace", options.trace, "Print every event (with --runs 1)");
  app.add_option("--rule", options.rule, "A rule to break, by its name in base/broken_rule.h: it should be noticed");
  app.add_option("--scenario", options.scenario, "Play a scenario by its name instead; \"all\": every one");
  app.footer("A failing seed is replayed with: sim --seed N --trace");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error);
    return std::nullopt;
  }
  return options;
}

void print(const gyre::simulation::RunReport& report) {
  fmt::print("seed {}: {}\n", report.seed, report.options);
  fmt::print(
      "  {:.1f} s simulated, {} events, {} faults, {} terms; {} calls answered, {} unknown, {} refused;\n"
      "  {} writes applied, {} acknowledged ones lost and accounted for, {} told to their writers;\n"
      "  terms had to have writes of n {} times; trace {:016x}\n",
      report.simulated_seconds, report.events, report.faults, report.terms, report.answered, report.unknown,
      report.refused, report.writes, report.lost_acknowledged, report.losses_told, report.promises_bound,
      report.trace_hash);
}

int play_scenarios(const Options& options, BrokenRule rule) {
  std::size_t played = 0;
  std::size_t failed = 0;
  for (const auto& scenario : gyre::simulation::scenarios()) {
    if (options.scenario != "all" && options.scenario != scenario.name) continue;
    ++played;
    const auto failure = gyre::simulation::play(scenario, rule, options.trace);
    if (!failure) continue;
    ++failed;
    fmt::print("scenario {} FAILED: {}\n", scenario.name, to_string(*failure));
  }
  fmt::print("{} scenarios, {} failed\n", played, failed);
  return played > 0 && failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = parse(argc, argv, exit_code);
  if (!options) return exit_code;
  const auto rule = rule_of(options->rule.empty() ? "none" : options->rule);
  if (!rule) {
    fmt::print(stderr, "there is no rule '{}': see src/base/broken_rule.h\n", options->rule);
    return 2;
  }
  if (!options->scenario.empty()) return play_scenarios(*options, *rule);
  const std::string replay_rule = options->rule.empty() ? "" : " --rule " + options->rule;

  const auto start = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  std::uint64_t failed = 0;
  gyre::simulation::RunReport sum;
  const auto work = [&] {
    for (std::uint64_t n = next++; n < options->runs; n = next++) {
      const auto report = gyre::simulation::run(options->seed + n, options->trace && options->runs == 1, *rule);
      const std::lock_guard lock(mutex);
      sum.simulated_seconds += report.simulated_seconds;
      sum.answered += report.answered;
      sum.writes += report.writes;
      sum.faults += report.faults;
      sum.lost_acknowledged += report.lost_acknowledged;
      if (options->runs == 1) print(report);
      if (!report.failure) continue;
      ++failed;
      fmt::print("seed {} FAILED: {}\n  replay: sim --seed {} --trace{}\n", report.seed, to_string(*report.failure),
                 report.seed, replay_rule);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::min<std::uint64_t>(options->jobs, options->runs); ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  const double real = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(
      "{} seeds, {} failed; {} faults, {} calls answered, {} writes applied, {} acknowledged ones lost and "
      "accounted for; {:.0f} s simulated in {:.1f} s\n",
      options->runs, failed, sum.faults, sum.answered, sum.writes, sum.lost_acknowledged, sum.simulated_seconds, real);
  return failed == 0 ? 0 : 1;
}
