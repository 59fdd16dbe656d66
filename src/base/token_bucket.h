// A limit of how often something may happen, with a burst after a pause. Pure: readings of the clock go in.
#pragma once

#include "base/time.h"

namespace gyre {

struct RateLimit {
  double per_second = 0;  // 0: none
  double burst = 0;       // at once after a pause; 0: as many as in a second
};

// Holds `burst` tokens and is filled at `per_second`. Starts full.
class TokenBucket {
 public:
  // REQUIRES: limit.per_second > 0.
  TokenBucket(const RateLimit& limit, Instant now);

  // Zero: one was taken. Else: none is there before so long.
  Duration take(Instant now);
  // Puts one back.
  void give_back();
  bool full(Instant now) const { return tokens(now) >= burst_; }

 private:
  double tokens(Instant now) const;
  void fill(Instant now);

  double per_second_;
  double burst_;
  double tokens_;
  Instant filled_;
};

}  // namespace gyre
