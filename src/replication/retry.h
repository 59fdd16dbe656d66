// When to try again what was not answered, or has failed.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace gyre::replication {

// Less and less often, until something goes on.
class Retry {
 public:
  explicit Retry(Instant now) : at_(now) {}

  // Something went on, or was asked for just now.
  void restart(Instant now) {
    after_ = kFirst;
    at_ = now + after_;
  }
  // The try has failed: not again at once.
  void failed(Instant now) {
    after_ = std::max(after_, kFirst);
    at_ = now + after_;
  }
  // True: try now. The next one is due later than this one was.
  bool due(Instant now) {
    if (now < at_) return false;
    after_ = std::clamp(2 * after_, kFirst, kMax);
    at_ = now + after_;
    return true;
  }

 private:
  static constexpr Duration kFirst = std::chrono::milliseconds(200);
  static constexpr Duration kMax = std::chrono::seconds(2);

  Instant at_;
  Duration after_{0};
};

}  // namespace gyre::replication
