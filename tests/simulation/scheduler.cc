#include "tests/simulation/scheduler.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"

namespace gyre::simulation {

void Scheduler::at(Instant when, Event event) {
  queue_.emplace(std::pair(std::max(when, now_), ++added_), std::move(event));
}

void Scheduler::run_until(Instant end) {
  while (!queue_.empty() && queue_.begin()->first.first <= end) {
    auto next = queue_.extract(queue_.begin());
    now_ = next.key().first;
    ++events_run_;
    next.mapped()();
  }
  now_ = std::max(now_, end);
}

void Scheduler::trace(std::string_view who, std::string_view what) {
  const std::chrono::duration<double> at = now_.time_since_epoch();
  const std::string line = fmt::format("{:>12.6f} {:<4} {}", at.count(), who, what);
  trace_hash_ = hash64(line, trace_hash_);
  if (verbose_) fmt::print("{}\n", line);
}

}  // namespace gyre::simulation
