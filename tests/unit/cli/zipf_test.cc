#include "tools/gyre/zipf.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

std::vector<double> observed(std::uint64_t n, double exponent, int draws) {
  std::vector<double> share(n);
  const Zipf zipf(n, exponent);
  Rng rng(7);
  for (int i = 0; i < draws; ++i) share[zipf(rng)] += 1.0 / draws;
  return share;
}

std::vector<double> expected(std::uint64_t n, double exponent) {
  std::vector<double> share(n);
  double sum = 0;
  for (std::uint64_t k = 0; k < n; ++k) sum += share[k] = std::pow(static_cast<double>(k + 1), -exponent);
  for (auto& s : share) s /= sum;
  return share;
}

class ZipfShape : public testing::TestWithParam<double> {};

TEST_P(ZipfShape, FollowsThePowerLaw) {
  constexpr int kDraws = 400'000;
  for (const std::uint64_t n : {1u, 2u, 10u, 1000u}) {
    const auto wanted = expected(n, GetParam());
    const auto got = observed(n, GetParam(), kDraws);
    for (std::uint64_t k = 0; k < n; ++k) {
      const double deviation = std::sqrt(wanted[k] * (1 - wanted[k]) / kDraws);
      EXPECT_NEAR(got[k], wanted[k], 6 * deviation + 1e-9) << "n " << n << " rank " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exponents, ZipfShape, testing::Values(0.5, 0.99, 1.0, 1.01, 2.0));

TEST(Zipf, StaysInRangeForHugeN) {
  constexpr std::uint64_t kKeys = 1'000'000'000'000;
  const Zipf zipf(kKeys, 0.99);
  Rng rng(1);
  std::uint64_t highest = 0;
  for (int i = 0; i < 100'000; ++i) highest = std::max(highest, zipf(rng));
  EXPECT_LT(highest, kKeys);
  EXPECT_GT(highest, kKeys / 10);
}

}  // namespace
}  // namespace gyre::cli
