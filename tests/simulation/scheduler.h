// Virtual time: events in a queue, run in order; everything random comes from one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "tests/simulation/clock.h"

namespace gyre::simulation {

using Event = std::move_only_function<void()>;

// Same seed, same program: the same events at the same times, and the same trace hash.
class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed) : rng_(seed) {}

  WorldTime now() const { return now_; }
  Rng& rng() { return rng_; }
  // Uniform in [low, high).
  Duration between(Duration low, Duration high) { return Duration(rng_.between(low.count(), high.count())); }

  // Events of the same time run in the order they were added.
  void at(WorldTime when, Event event);
  void after(Duration delay, Event event) { at(now_ + delay, std::move(event)); }
  // Runs everything up to `end`.
  void run_until(WorldTime end);
  void run_for(Duration duration) { run_until(now_ + duration); }

  // Something worth reading in a trace, and worth comparing between two runs. Printed when verbose.
  void trace(std::string_view who, std::string_view what);
  // Printed when verbose, else not even formatted: ask verbose() first. Not compared.
  void trace_detail(std::string_view who, std::string_view what);
  // Something worth comparing between two runs, too frequent to format.
  void note(std::uint64_t what);
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t events_run() const { return events_run_; }
  bool verbose() const { return verbose_; }
  void set_verbose(bool verbose) { verbose_ = verbose; }

 private:
  struct Entry {
    WorldTime when;
    std::uint64_t number;
    Event event;
  };
  static bool later(const Entry& a, const Entry& b) { return a.when != b.when ? a.when > b.when : a.number > b.number; }

  WorldTime now_{std::chrono::seconds(1)};
  Rng rng_;
  std::uint64_t added_ = 0;
  std::vector<Entry> queue_;  // a heap: the next one in front
  std::uint64_t trace_hash_ = 0;
  std::uint64_t events_run_ = 0;
  bool verbose_ = false;
};

}  // namespace gyre::simulation
