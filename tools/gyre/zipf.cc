#include "tools/gyre/zipf.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace gyre::cli {

namespace {

// Near zero the quotients below lose their digits; their series do not.
constexpr double kNearZero = 1e-8;

double log1p_over(double x) { return std::abs(x) > kNearZero ? std::log1p(x) / x : 1 - x / 2; }
double expm1_over(double x) { return std::abs(x) > kNearZero ? std::expm1(x) / x : 1 + x / 2; }

}  // namespace

Zipf::Zipf(std::uint64_t n, double exponent) : n_(static_cast<double>(n)), exponent_(exponent) {
  GYRE_ASSERT(n > 0 && exponent > 0);
  integral_first_ = integral(1.5) - 1;
  integral_last_ = integral(n_ + 0.5);
  shortcut_ = 2 - integral_inverse(integral(2.5) - density(2));
}

std::uint64_t Zipf::operator()(Rng& rng) const {
  while (true) {
    const double u = integral_last_ + rng.unit() * (integral_first_ - integral_last_);
    const double x = integral_inverse(u);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, n_);
    if (rank - x <= shortcut_ || u >= integral(rank + 0.5) - density(rank)) {
      return static_cast<std::uint64_t>(rank) - 1;
    }
  }
}

double Zipf::density(double x) const { return std::exp(-exponent_ * std::log(x)); }

double Zipf::integral(double x) const {
  const double log_x = std::log(x);
  return expm1_over((1 - exponent_) * log_x) * log_x;
}

double Zipf::integral_inverse(double x) const {
  const double t = std::max(-1.0, x * (1 - exponent_));  // rounding may take it a little below
  return std::exp(log1p_over(t) * x);
}

}  // namespace gyre::cli
