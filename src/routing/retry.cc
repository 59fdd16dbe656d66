#include "routing/retry.h"

#include <algorithm>

#include "routing/options.h"

namespace gyre::routing {

Verdict judge(const Error& error, bool is_write) {
  if (is_write && error.outcome == Outcome::unknown) return Verdict::final;
  switch (error.code) {
    case ErrorCode::not_primary:
    case ErrorCode::stale_map:
    case ErrorCode::stale_term:
    case ErrorCode::unavailable: return Verdict::reroute;
    case ErrorCode::outcome_unknown:  // of a read: nothing is at stake
      return is_write ? Verdict::final : Verdict::reroute;
    case ErrorCode::busy: return Verdict::wait;
    default: return Verdict::final;
  }
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
