#include "tests/simulation/scheduler.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"

namespace gyre::simulation {

void Scheduler::at(WorldTime when, Event event) {
  queue_.push_back({std::max(when, now_), ++added_, std::move(event)});
  std::ranges::push_heap(queue_, later);
}

void Scheduler::run_until(WorldTime end) {
  while (!queue_.empty() && queue_.front().when <= end) {
    std::ranges::pop_heap(queue_, later);
    Entry next = std::move(queue_.back());
    queue_.pop_back();
    now_ = next.when;
    ++events_run_;
    next.event();
  }
  now_ = std::max(now_, end);
}

void Scheduler::trace(std::string_view who, std::string_view what) {
  note(hash64(who));
  note(hash64(what));
  trace_detail(who, what);
}

void Scheduler::trace_detail(std::string_view who, std::string_view what) {
  if (!verbose_) return;
  const std::chrono::duration<double> at = now_.time_since_epoch();
  fmt::print("{:>12.6f} {:<4} {}\n", at.count(), who, what);
}

void Scheduler::note(std::uint64_t what) {
  trace_hash_ ^= what + static_cast<std::uint64_t>(now_.time_since_epoch().count());
  trace_hash_ *= 0x9E3779B97F4A7C15;
  trace_hash_ ^= trace_hash_ >> 29;
}

}  // namespace gyre::simulation
