// The clocks by which a partition lives.
#pragma once

#include <algorithm>

#include "base/broken_rule.h"
#include "base/time.h"
#include "base/timing.h"
#include "replication/effect.h"

namespace gyre::replication {

// Counts the time in which this process was itself running: a gap between two ticks counts as at most two ticks. One
// for all machines of a host, which tells it every tick.
class RunningClock {
 public:
  explicit RunningClock(Instant started) : last_tick_(started) {}

  void tick(Instant now);
  Duration read(Instant now) const;

 private:
  Duration running_{0};
  Instant last_tick_;
};

// The partition's time, by which values expire (PROTOCOL.md section 11). A primary's is its wall clock, or what the
// partition's time was with the time that has passed since; a member's is what its primary said last.
//
// INVARIANT: never goes back.
class PartitionClock {
 public:
  PartitionClock(UnixMillis stored, BrokenRule broken) : at_(stored), broken_(broken) {}

  // A member hears what time it is.
  void hear(UnixMillis time, Instant now);
  void hear_served(UnixMillis time) { served_ = std::max(served_, time); }
  // This member is primary from now on, or no more.
  void run(const Moment& now);
  void stop() { running_ = false; }

  UnixMillis read(const Moment& now);
  // As read or heard last.
  UnixMillis latest() const { return at_; }
  // The latest that another member said while it served, to this process; the epoch: none did. What a primary's own
  // clock makes of it, perhaps nobody else knows, and nobody has seen before it serves.
  UnixMillis served() const { return served_; }

 private:
  UnixMillis at_;
  UnixMillis served_;
  bool running_ = false;
  Instant since_;  // `at_` was the time then; the epoch: only known from before this process
  BrokenRule broken_;
};

}  // namespace gyre::replication
