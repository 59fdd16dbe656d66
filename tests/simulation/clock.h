// The two kinds of time in a simulation: the world's, which nobody in it can read, and that of one process's clock.
#pragma once

#include <chrono>
#include <cmath>

#include "base/time.h"

namespace gyre::simulation {

// The time that really passes. Comparable everywhere; seen by the simulator and its checks alone.
struct WorldTag {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WorldTag, duration>;
  static constexpr bool is_steady = true;
};
using WorldTime = std::chrono::time_point<WorldTag, Duration>;
inline constexpr WorldTime kEndOfTime = WorldTime::max();

// The clocks of one process: a steady one with its own beginning and speed, and its machine's wall clock.
class Clock {
 public:
  // `rate`: how much it shows for each second of the world. `wall_offset`: how far the wall clock is ahead.
  Clock(WorldTime began, Instant shows, double rate, Duration wall_offset)
      : began_(began), shows_(shows), rate_(rate), wall_offset_(wall_offset) {}

  Instant steady(WorldTime t) const {
    return shows_ + Duration(static_cast<std::int64_t>(static_cast<double>((t - began_).count()) * rate_));
  }
  UnixMillis wall(WorldTime t) const { return {kWallEpochMs + to_ms(t.time_since_epoch() + wall_offset_)}; }
  // The first moment at which the steady clock shows `local` or more.
  WorldTime when(Instant local) const {
    if (local == kNever) return kEndOfTime;
    WorldTime t = began_ + Duration(static_cast<std::int64_t>(static_cast<double>((local - shows_).count()) / rate_));
    while (steady(t) < local) t += Duration(1);
    return t;
  }

 private:
  static constexpr std::int64_t kWallEpochMs = 1'700'000'000'000;

  WorldTime began_;
  Instant shows_;
  double rate_;
  Duration wall_offset_;
};

}  // namespace gyre::simulation
