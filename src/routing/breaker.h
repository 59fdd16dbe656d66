// The circuit breaker of one peer: stops hammering an address that does not answer, and finds out when it does again.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "base/time.h"

namespace gyre::routing {

// States: closed (connect at will) -> open (after kBreakerFailuresMax failures in a row: do not connect for a while)
// -> half-open (one connection may try) -> closed when it answers, open again, for longer, when it fails.
class Breaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  // May a connection be attempted now? Says yes once in half-open: the caller must then try and report.
  bool allow(Instant now);
  void on_success();
  void on_failure(Instant now, Rng& rng);

  State state() const { return state_; }
  Instant open_until() const { return open_until_; }

 private:
  State state_ = State::closed;
  std::uint32_t failures_ = 0;  // in a row
  Duration open_for_{0};        // the last time it opened; 0: not since the last success
  Instant open_until_{};
};

}  // namespace gyre::routing
