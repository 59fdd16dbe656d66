// Zipf-distributed ranks.
#pragma once

#include <cstdint>

#include "base/rng.h"

namespace gyre::cli {

// Rank k of 1..n with probability proportional to 1 / k^exponent, in constant time whatever n is.
// SOURCE: Hörmann, Derflinger: Rejection-inversion to generate variates from monotone discrete distributions, 1996.
class Zipf {
 public:
  // REQUIRES: n > 0, exponent > 0.
  Zipf(std::uint64_t n, double exponent);

  // In [0, n): the rank less one, 0 the most frequent.
  std::uint64_t operator()(Rng& rng) const;

 private:
  double density(double x) const;           // x^-exponent
  double integral(double x) const;          // of the density, from 1 to x
  double integral_inverse(double x) const;

  double n_;
  double exponent_;
  double integral_first_;  // at the left end of rank 1's share
  double integral_last_;   // at the right end of rank n's
  double shortcut_;        // so near to its rank a point is accepted without looking at the density
};

}  // namespace gyre::cli
