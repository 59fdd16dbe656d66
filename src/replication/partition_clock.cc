#include "replication/partition_clock.h"

#include <algorithm>

namespace gyre::replication {

void PartitionClock::hear(UnixMillis time, Instant now) {
  if (time <= at_) return;
  at_ = time;
  since_ = now;
}

// From the time heard last, time has gone on for others.
void PartitionClock::run(const Moment& now) {
  running_ = true;
  if (since_ == Instant()) since_ = now.steady;
}

UnixMillis PartitionClock::read(const Moment& now) {
  if (!running_) return broken_ == BrokenRule::partition_time_only ? now.wall : at_;
  // Whole milliseconds move on; the rest counts with the next reading.
  const std::int64_t elapsed = std::max<std::int64_t>(to_ms(now.steady - since_), 0);
  at_.value += elapsed;
  since_ += from_ms(elapsed);
  at_ = std::max(at_, now.wall);
  return at_;
}

void RunningClock::tick(Instant now) {
  running_ = read(now);
  last_tick_ = std::max(last_tick_, now);
}

Duration RunningClock::read(Instant now) const {
  return running_ + std::clamp<Duration>(now - last_tick_, Duration(0), 2 * kTick);
}

}  // namespace gyre::replication
