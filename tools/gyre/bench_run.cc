// A whole run: workers, their threads, and what they found together.
#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "tools/gyre/bench_worker.h"
#include "tools/gyre/interrupt.h"

namespace gyre::cli {

namespace {

using namespace std::chrono_literals;

using Workers = std::vector<std::unique_ptr<BenchWorker>>;

Workers make_workers(const BenchTargets& targets, Workload& workload, const ValueSlices& values,
                     const BenchOptions& options) {
  Workers workers;
  const auto count = static_cast<std::uint32_t>(targets.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    // The first ones take what does not divide evenly.
    const auto open_calls = options.open_calls() / count + (i < options.open_calls() % count ? 1 : 0);
    const auto seed = (options.seed << 20) + std::uint64_t{i} * options.open_calls();
    workers.push_back(std::make_unique<BenchWorker>(*targets[i], workload, values, open_calls, seed));
  }
  return workers;
}

// Joined at the end of the scope, when all answers have come.
std::vector<std::jthread> start(Workers& workers, const BenchPlan& plan) {
  std::vector<std::jthread> threads;
  for (auto& worker : workers) {
    threads.emplace_back([&worker, plan] { worker->run(plan); });
  }
  return threads;
}

std::uint64_t errors_of(const Workers& workers) {
  std::uint64_t errors = 0;
  for (const auto& worker : workers) errors += worker->result().errors();
  return errors;
}

// What happened since it was called last.
BenchSecond take_second(Workers& workers, double seconds) {
  LatencyHistogram recent;
  for (auto& worker : workers) {
    recent.merge(worker->recent());
    worker->recent().reset();
  }
  BenchSecond second;
  second.throughput = static_cast<double>(recent.count()) / seconds;
  second.p50 = recent.quantile(0.5);
  second.p99 = recent.quantile(0.99);
  second.errors = errors_of(workers);
  return second;
}

void watch(Workers& workers, const BenchPlan& plan, const std::function<void(const BenchSecond&)>& on_second) {
  const auto begin = BenchClock::now();
  auto last = begin;
  while (!interrupted() && BenchClock::now() < plan.end) {
    std::this_thread::sleep_until(std::min(plan.end, BenchClock::now() + 50ms));
    const auto now = BenchClock::now();
    if (now - last < 1s) continue;
    auto second = take_second(workers, std::chrono::duration<double>(now - last).count());
    second.at = std::chrono::duration<double>(now - begin).count();
    second.warming_up = now < plan.measure_from;
    on_second(second);
    last = now;
  }
}

std::unique_ptr<BenchResult> total_of(const Workers& workers) {
  auto total = std::make_unique<BenchResult>();
  for (const auto& worker : workers) total->merge(worker->result());
  return total;
}

}  // namespace

void BenchResult::merge(const BenchResult& other) {
  for (auto [mine, theirs] : {std::pair(&reads, &other.reads), std::pair(&writes, &other.writes)}) {
    mine->latency.merge(theirs->latency);
    mine->misses.add(theirs->misses.value());
    mine->errors.add(theirs->errors.value());
    latency.merge(theirs->latency);
  }
  for (std::size_t i = 0; i < errors_by_code.size(); ++i) {
    errors_by_code[i].add(other.errors_by_code[i].value());
  }
  unsent += other.unsent;
}

Result<void> preload(const BenchTargets& targets, const BenchOptions& options) {
  FillWorkload workload(options.keys);
  const ValueSlices values(options.value_bytes, options.seed);
  auto workers = make_workers(targets, workload, values, options);
  start(workers, BenchPlan{.begin = {}, .measure_from = {}, .end = BenchClock::time_point::max(), .rate = 0}).clear();
  const auto total = total_of(workers);
  if (total->errors() == 0) return {};
  const auto worst = std::ranges::max_element(total->errors_by_code, {}, &Counter::value);
  const auto number = static_cast<std::uint16_t>(worst - total->errors_by_code.begin());
  return fail(error_code_of(number),
              fmt::format("{} of {} keys could not be written before the run", total->errors(), options.keys));
}

std::unique_ptr<BenchResult> run_bench(const BenchTargets& targets, const BenchOptions& options,
                                       const std::function<void(const BenchSecond&)>& on_second) {
  MixedWorkload workload(options.keys, options.read_percent, options.distribution == "zipf" ? options.zipf_theta : 0);
  const ValueSlices values(options.value_bytes, options.seed);
  auto workers = make_workers(targets, workload, values, options);
  const auto begin = BenchClock::now();
  const BenchPlan plan{.begin = begin,
                       .measure_from = begin + options.warmup,
                       .end = begin + options.warmup + options.duration,
                       .rate = options.rate / static_cast<double>(targets.size())};
  auto threads = start(workers, plan);
  watch(workers, plan, on_second);
  const auto end = std::min(BenchClock::now(), plan.end);
  threads.clear();
  auto total = total_of(workers);
  total->seconds = std::max(0.0, std::chrono::duration<double>(end - plan.measure_from).count());
  total->interrupted = interrupted();
  return total;
}

}  // namespace gyre::cli
