#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gyre {

int LatencyHistogram::bucket_of(std::uint64_t nanos) {
  if (nanos < (1u << kSubBits)) return static_cast<int>(nanos);
  const int shift = std::bit_width(nanos) - 1 - kSubBits;
  const auto offset = static_cast<int>((nanos >> shift) & ((1u << kSubBits) - 1));
  return ((shift + 1) << kSubBits) + offset;
}

std::uint64_t LatencyHistogram::upper_edge(int bucket) {
  if (bucket < (1 << kSubBits)) return static_cast<std::uint64_t>(bucket);
  const int shift = (bucket >> kSubBits) - 1;
  const std::uint64_t base = (std::uint64_t{1} << kSubBits) + (bucket & ((1 << kSubBits) - 1));
  return ((base + 1) << shift) - 1;
}

void LatencyHistogram::record(Duration value) {
  const std::int64_t nanos = std::max<std::int64_t>(value.count(), 0);
  buckets_[bucket_of(static_cast<std::uint64_t>(nanos))].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(nanos, std::memory_order_relaxed);
  std::int64_t seen = max_.load(std::memory_order_relaxed);
  while (seen < nanos && !max_.compare_exchange_weak(seen, nanos, std::memory_order_relaxed)) {
  }
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (int i = 0; i < kBuckets; ++i) {
    buckets_[i].fetch_add(other.buckets_[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  count_.fetch_add(other.count(), std::memory_order_relaxed);
  sum_.fetch_add(other.sum().count(), std::memory_order_relaxed);
  max_.store(std::max(max(), other.max()).count(), std::memory_order_relaxed);
}

void LatencyHistogram::reset() {
  for (auto& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
  count_.store(0, std::memory_order_relaxed);
  sum_.store(0, std::memory_order_relaxed);
  max_.store(0, std::memory_order_relaxed);
}

Duration LatencyHistogram::mean() const {
  const std::uint64_t n = count();
  return n == 0 ? Duration(0) : Duration(sum().count() / static_cast<std::int64_t>(n));
}

Duration LatencyHistogram::quantile(double q) const {
  const std::uint64_t total = count();
  if (total == 0) return Duration(0);
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(total))));
  std::uint64_t seen = 0;
  for (int i = 0; i < kBuckets; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= rank) return std::min(Duration(static_cast<std::int64_t>(upper_edge(i))), max());
  }
  return max();
}

std::uint64_t LatencyHistogram::count_up_to(Duration bound) const {
  if (bound.count() < 0) return 0;
  const int last = bucket_of(static_cast<std::uint64_t>(bound.count()));
  std::uint64_t seen = 0;
  for (int i = 0; i <= last; ++i) seen += buckets_[i].load(std::memory_order_relaxed);
  return seen;
}

}  // namespace gyre
