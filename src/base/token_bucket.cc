#include "base/token_bucket.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gyre {

namespace {

constexpr double kNanosPerSecond = 1e9;

}  // namespace

TokenBucket::TokenBucket(const RateLimit& limit, Instant now)
    : per_second_(limit.per_second),
      burst_(std::max(limit.burst > 0 ? limit.burst : limit.per_second, 1.0)),
      tokens_(burst_),
      filled_(now) {}

Duration TokenBucket::take(Instant now) {
  fill(now);
  if (tokens_ >= 1) {
    tokens_ -= 1;
    return Duration(0);
  }
  return Duration(static_cast<std::int64_t>(std::ceil((1 - tokens_) / per_second_ * kNanosPerSecond)));
}

void TokenBucket::give_back() { tokens_ = std::min(tokens_ + 1, burst_); }

double TokenBucket::tokens(Instant now) const {
  if (now <= filled_) return tokens_;
  return std::min(tokens_ + static_cast<double>((now - filled_).count()) / kNanosPerSecond * per_second_, burst_);
}

void TokenBucket::fill(Instant now) {
  tokens_ = tokens(now);
  filled_ = std::max(filled_, now);
}

}  // namespace gyre
