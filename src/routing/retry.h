// When a failed attempt may be made again: what an error allows, how long to wait, and how much in all.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "base/time.h"
#include "gyre/error.h"

namespace gyre::routing {

enum class Verdict : std::uint8_t {
  final,    // the caller's answer
  reroute,  // the map is stale or nobody serves: refresh it; go on with a new one, or after a pause
  wait,     // the right node, but not now: go on after a pause
  linger,   // as wait, but for kPatience at most: it may last
};

// What to do with an attempt that ended in `error`. A write of unknown outcome is made again, too, under its id.
Verdict judge(const Error& error, bool is_write);
// May another member serve a read that one of them failed in this way?
bool another_may_serve(const Error& error);

// Exponential with jitter: between half and all of kBackoffFirst * 2^attempt, at most kBackoffMax.
Duration backoff(std::uint32_t attempt, Rng& rng);

// A token bucket fed by calls, so that retries cannot multiply an outage. Starts full.
class RetryBudget {
 public:
  explicit RetryBudget(double tokens_per_call);

  void on_call();
  // False: the budget is spent; the caller must not send again.
  bool take();

 private:
  double tokens_per_call_;
  double tokens_;
};

}  // namespace gyre::routing
