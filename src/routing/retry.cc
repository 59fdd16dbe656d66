#include "routing/retry.h"

#include <algorithm>

#include "routing/options.h"

namespace gyre::routing {

Verdict judge(const Error& error, bool is_write) {
  switch (error.code) {
    case ErrorCode::not_primary:
    case ErrorCode::stale_map:
    case ErrorCode::stale_term:
    case ErrorCode::behind:
    case ErrorCode::unavailable:
    case ErrorCode::outcome_unknown: return Verdict::reroute;
    case ErrorCode::busy: return Verdict::wait;
    case ErrorCode::no_replicas:
    case ErrorCode::storage_failed: return Verdict::linger;
    case ErrorCode::timeout: return Verdict::final;
    default: return is_write && error.outcome == Outcome::unknown ? Verdict::reroute : Verdict::final;
  }
}

bool another_may_serve(const Error& error) {
  return error.code == ErrorCode::corrupt || judge(error, false) != Verdict::final;
}

Duration backoff(std::uint32_t attempt, Rng& rng) {
  // Shifting by more than this exceeds kBackoffMax anyway.
  const Duration whole = std::min<Duration>(kBackoffFirst * (1L << std::min(attempt, 16U)), kBackoffMax);
  return Duration(rng.between(whole.count() / 2, whole.count() + 1));
}

RetryBudget::RetryBudget(double tokens_per_call)
    : tokens_per_call_(tokens_per_call), tokens_(tokens_per_call > 0 ? kRetryTokensMax : 0) {}

void RetryBudget::on_call() { tokens_ = std::min(tokens_ + tokens_per_call_, kRetryTokensMax); }

bool RetryBudget::take() {
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace gyre::routing
