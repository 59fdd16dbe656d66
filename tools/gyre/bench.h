// The load generator: what it is asked, what it found.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/metrics.h"
#include "tools/gyre/bench_target.h"
#include "tools/gyre/render.h"
#include "tools/gyre/workload.h"

namespace gyre::cli {

struct BenchOptions {
  std::chrono::milliseconds duration{10'000};
  std::chrono::milliseconds warmup{2'000};
  double read_percent = 50;
  std::uint64_t keys = 100'000;
  std::uint64_t value_bytes = 100;
  std::string distribution = "uniform";
  double zipf_theta = 0.99;
  std::uint32_t connections = 1;  // to each node, over all clients
  std::uint32_t depth = 16;       // open calls per connection
  std::uint32_t clients = 1;
  double rate = 0;  // operations per second; zero: closed loop
  bool preload = false;
  std::string resp = {};  // a RESP endpoint; empty: the cluster, by the client library
  std::string resp_user = {};  // as which to log in there; the password comes from the environment
  std::uint64_t seed = 1;

  std::uint32_t open_calls() const { return connections * depth; }
};

// What became of the reads, or of the writes. A read that finds nothing worked.
// THREAD: any.
struct BenchTally {
  LatencyHistogram latency;  // of those that worked
  Counter misses;
  Counter errors;

  std::uint64_t operations() const { return latency.count(); }
};

struct BenchResult {
  BenchTally reads;
  BenchTally writes;
  LatencyHistogram latency;  // reads and writes together
  std::array<Counter, 128> errors_by_code;  // by wire number
  double seconds = 0;        // measured, without warm-up
  std::uint64_t unsent = 0;  // open loop: their turn came, but no call was free until the end
  bool interrupted = false;

  std::uint64_t operations() const { return latency.count(); }
  std::uint64_t errors() const { return reads.errors.value() + writes.errors.value(); }
  double throughput() const { return seconds > 0 ? static_cast<double>(operations()) / seconds : 0; }
  void merge(const BenchResult& other);
};

// The last second, for the person who watches.
struct BenchSecond {
  bool warming_up = false;
  double at = 0;  // seconds since the beginning of the warm-up
  double throughput = 0;
  Duration p50{0};
  Duration p99{0};
  std::uint64_t errors = 0;  // so far
};

// Writes every key once. ERRORS: that of the first write that failed.
Result<void> preload(const BenchTargets& targets, const BenchOptions& options);

// Runs warm-up and measurement. An operation counts by the moment it was meant to begin, so that both ends of the
// measured time are treated alike, and slow answers at its end are waited for.
std::unique_ptr<BenchResult> run_bench(const BenchTargets& targets, const BenchOptions& options,
                                       const std::function<void(const BenchSecond&)>& on_second);

Json bench_json(const BenchOptions& options, const BenchResult& result);
std::string bench_text(const BenchOptions& options, const BenchResult& result);

}  // namespace gyre::cli
