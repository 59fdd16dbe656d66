// When a read is slow, and whether another member may be asked as well: hedged requests (Dean and Barroso 2013).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace gyre::routing {

// Slow is what takes longer than 19 of 20 reads did lately. A token bucket fed by reads bounds how many are asked for
// twice, so that a cluster that is slow as a whole is not asked for twice as much.
class Hedges {
 public:
  // `budget`: of reads that several members may serve, on average. 0: none is hedged.
  explicit Hedges(double budget) : budget_(budget) {}

  bool enabled() const { return budget_ > 0; }
  void on_read();
  // A read was answered after `latency`.
  void on_answer(Duration latency);
  // After how long a read is slow; none: too few answers tell.
  std::optional<Duration> delay() const;
  // False: the budget is spent.
  bool take();

 private:
  // Four for each power of two.
  static constexpr std::size_t kBuckets = 256;

  void measure();

  double budget_;
  double tokens_ = 0;
  std::array<std::uint32_t, kBuckets> buckets_{};  // of latencies; halved from time to time
  std::uint32_t count_ = 0;
  std::uint32_t unmeasured_ = 0;
  std::optional<Duration> delay_;
};

}  // namespace gyre::routing
