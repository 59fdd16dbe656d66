// sim: runs the simulator over a range of seeds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tests/simulation/run.h"

int main(int argc, char** argv) {
  CLI::App app{"Runs a whole simulated cluster from a seed, breaks it, heals it and checks what its clients saw."};
  std::uint64_t seed = 1;
  std::uint64_t runs = 1;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  bool trace = false;
  app.add_option("--seed", seed, "First seed")->capture_default_str();
  app.add_option("--runs", runs, "Seeds to run, one after the other")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--jobs", jobs, "Runs at the same time")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_flag("--trace", trace, "Print every event (with --runs 1)");
  app.footer("A failing seed is replayed with: sim --seed N --trace");
  CLI11_PARSE(app, argc, argv);

  const auto start = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  std::uint64_t failed = 0;
  double simulated = 0;
  std::uint64_t answered = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::min<std::uint64_t>(jobs, runs); ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t n = next++; n < runs; n = next++) {
        const auto report = gyre::simulation::run(seed + n, trace && runs == 1);
        const std::lock_guard lock(mutex);
        simulated += report.simulated_seconds;
        answered += report.answered;
        if (runs == 1) {
          fmt::print("seed {}: {} events, {} answered, {} unknown, {} refused, {} crashes, trace {:016x}\n",
                     report.seed, report.events, report.answered, report.unknown, report.refused, report.crashes,
                     report.trace_hash);
        }
        if (report.failure.empty()) continue;
        ++failed;
        fmt::print("seed {} FAILED: {}\n  replay: sim --seed {} --trace\n", report.seed, report.failure, report.seed);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const double real = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} seeds, {} failed; {} calls answered; {:.0f} s simulated in {:.1f} s\n", runs, failed, answered,
             simulated, real);
  return failed == 0 ? 0 : 1;
}
