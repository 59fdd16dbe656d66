#include "routing/breaker.h"

#include <algorithm>

#include "routing/options.h"

namespace gyre::routing {

bool Breaker::allow(Instant now) {
  switch (state_) {
    case State::closed: return true;
    case State::half_open: return false;
    case State::open:
      if (now < open_until_) return false;
      state_ = State::half_open;
      return true;
  }
  return false;
}

void Breaker::on_success() {
  state_ = State::closed;
  failures_ = 0;
  open_for_ = Duration{0};
}

void Breaker::on_failure(Instant now, Rng& rng) {
  ++failures_;
  if (state_ == State::closed && failures_ < kBreakerFailuresMax) return;
  open_for_ = open_for_ == Duration{0} ? kBreakerOpenFirst : std::min(open_for_ * 2, kBreakerOpenMax);
  state_ = State::open;
  open_until_ = now + Duration(rng.between(open_for_.count() / 2, open_for_.count()));
}

}  // namespace gyre::routing
