// A latency histogram: log-linear buckets (as HdrHistogram's), about 1.6 % wide, from 1 ns to 292 years.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace gyre {

// THREAD: any; a reader beside a writer sees a moment's mixture, never a torn count.
class LatencyHistogram {
 public:
  void record(Duration value);
  void merge(const LatencyHistogram& other);
  void reset();

  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  Duration max() const { return Duration(max_.load(std::memory_order_relaxed)); }
  Duration sum() const { return Duration(sum_.load(std::memory_order_relaxed)); }
  Duration mean() const;
  // Upper edge of the bucket in which the q-quantile lies, at most max(). `q` in [0, 1]. No values: 0.
  Duration quantile(double q) const;
  // How many values lie at or below `bound` (to the bucket's width).
  std::uint64_t count_up_to(Duration bound) const;

  // 64 buckets for each power of two: 2^-6 relative width.
  static constexpr int kSubBits = 6;
  static constexpr int kBuckets = (64 - kSubBits + 1) << kSubBits;

 private:
  static int bucket_of(std::uint64_t nanos);
  static std::uint64_t upper_edge(int bucket);

  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::int64_t> max_{0};
  std::atomic<std::int64_t> sum_{0};
};

}  // namespace gyre
