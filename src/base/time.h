// Time as values. Nothing here reads a clock: readings come in from the shell.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace gyre {

using Duration = std::chrono::nanoseconds;

// A reading of one process's steady clock (CLOCK_BOOTTIME: suspension counts). Comparable only within that process.
struct SteadyTag {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyTag>;
  static constexpr bool is_steady = true;
};
using Instant = std::chrono::time_point<SteadyTag, Duration>;

inline constexpr Instant kNever = Instant::max();

// Wall-clock or partition time in milliseconds since 1970-01-01 UTC. Only expiry and people use it.
struct UnixMillis {
  std::int64_t value = 0;

  constexpr auto operator<=>(const UnixMillis&) const = default;
};

inline constexpr UnixMillis kNoExpiry{0};

// Milliseconds, rounded down; the unit of durations on the wire.
constexpr std::int64_t to_ms(Duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }
constexpr double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration from_ms(std::int64_t ms) { return std::chrono::milliseconds(ms); }

}  // namespace gyre
