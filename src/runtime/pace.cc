#include "runtime/pace.h"

#include <algorithm>
#include <utility>

namespace gyre::runtime {

namespace {

constexpr double kBurstSeconds = 0.1;
// Until requests were slow for the first time: what they bear is not known.
constexpr double kRaiseFirst = 1.25;
// From then on. A rate that creeps up to what requests bear passes it in one second of eight, a fast one in one of
// four: too often to keep the 99th percentile of them all.
constexpr double kRaise = 1.1;
// Without a copy for so long, what was learned is forgotten.
constexpr int kForgetSeconds = 30;

}  // namespace

double Pace::within_limit(double rate) const { return limit_ ? std::min(rate, *limit_) : rate; }

void Pace::set_limits(std::uint64_t bytes_per_second, double p99_factor) {
  const bool unhindered = !rate_ || (limit_ && *rate_ >= *limit_) || p99_factor == 0;
  // What requests bore says nothing of another factor, nor a rate that nothing but the limit held.
  if (unhindered || p99_factor != p99_factor_) learned_ = false;
  limit_.reset();
  if (bytes_per_second > 0) limit_ = static_cast<double>(bytes_per_second);
  p99_factor_ = p99_factor;
  if (unhindered) {
    rate_ = limit_;
  } else if (limit_) {
    rate_ = std::min(*rate_, *limit_);
  }
}

void Pace::on_second(Instant now, Duration p99, Duration rest_p99) {
  const double elapsed = std::clamp(to_seconds(now - second_began_), 0.1, 2.0);
  sent_before_ = std::exchange(sent_, 0);
  second_began_ = now;
  const bool watched = p99_factor_ > 0 && rest_p99 > Duration(0);
  idle_seconds_ = sent_before_ > 0 ? 0 : idle_seconds_ + 1;
  if (idle_seconds_ >= kForgetSeconds) learned_ = false;
  if (sent_before_ <= 0) {
    if (!learned_) rate_ = watched ? within_limit(kRateFirst) : limit_;
    return;
  }
  const double sent_rate = sent_before_ / elapsed;
  if (watched && to_seconds(p99) > p99_factor_ * to_seconds(rest_p99)) {
    rate_ = std::max(within_limit(kRateMin), rate_.value_or(sent_rate) / 2);
    learned_ = true;
  } else if (rate_ && sent_rate > *rate_ / 2) {
    rate_ = within_limit(*rate_ * (learned_ ? kRaise : kRaiseFirst));
  }
}

bool Pace::take(Instant now, std::size_t bytes) {
  if (rate_) {
    // At first there is what one burst takes, and never more.
    const double burst = *rate_ * kBurstSeconds;
    tokens_ = std::min(tokens_ + *rate_ * to_seconds(now - filled_at_), burst);
    filled_at_ = now;
    if (tokens_ <= 0) return false;
    tokens_ -= static_cast<double>(bytes);
  }
  sent_ += static_cast<double>(bytes);
  return true;
}

void Pace::correct(std::size_t taken, std::size_t actual) {
  const double more = static_cast<double>(actual) - static_cast<double>(taken);
  if (rate_) tokens_ -= more;
  sent_ = std::max(0.0, sent_ + more);
}

}  // namespace gyre::runtime
