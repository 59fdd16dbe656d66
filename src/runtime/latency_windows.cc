#include "runtime/latency_windows.h"

#include <algorithm>
#include <vector>

namespace gyre::runtime {

void LatencyWindows::end_second(bool at_rest) {
  p99_ = window_.quantile(0.99);
  telling_ = window_.count() >= kTellingRequests;
  if (window_.count() > 0) window_.reset();
  if (!at_rest || !telling_) return;
  rest_.push_back(p99_);
  if (rest_.size() > kRestSeconds) rest_.pop_front();
  std::vector<Duration> sorted(rest_.begin(), rest_.end());
  const std::size_t two_thirds = (2 * sorted.size() + 2) / 3 - 1;
  std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(two_thirds));
  rest_p99_ = sorted[two_thirds];
}

}  // namespace gyre::runtime
