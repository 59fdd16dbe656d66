// Virtual time: events in a queue, run in order; everything random comes from one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "base/rng.h"
#include "base/time.h"

namespace gyre::simulation {

using Event = std::move_only_function<void()>;

// Same seed, same program: the same events at the same times, and the same trace hash.
class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed) : rng_(seed) {}

  Instant now() const { return now_; }
  Rng& rng() { return rng_; }
  // Uniform in [low, high).
  Duration between(Duration low, Duration high) { return Duration(rng_.between(low.count(), high.count())); }

  // Events of the same time run in the order they were added.
  void at(Instant when, Event event);
  void after(Duration delay, Event event) { at(now_ + delay, std::move(event)); }
  // Runs everything up to `end`.
  void run_until(Instant end);

  // Something worth comparing between two runs. Printed when `verbose`.
  void trace(std::string_view who, std::string_view what);
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t events_run() const { return events_run_; }
  void set_verbose(bool verbose) { verbose_ = verbose; }

 private:
  Instant now_{std::chrono::seconds(1)};
  Rng rng_;
  std::uint64_t added_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, Event> queue_;
  std::uint64_t trace_hash_ = 0;
  std::uint64_t events_run_ = 0;
  bool verbose_ = false;
};

}  // namespace gyre::simulation
