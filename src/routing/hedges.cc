#include "routing/hedges.h"

#include <algorithm>
#include <bit>

#include "routing/options.h"

namespace gyre::routing {

namespace {

constexpr std::uint32_t kMeasureEvery = 64;  // answers
constexpr std::uint32_t kKept = 4096;  // answers, before the older ones count half

std::size_t bucket_of(std::uint64_t nanos) {
  const int width = std::bit_width(nanos);
  if (width <= 2) return nanos;
  return (static_cast<std::size_t>(width) << 2) | (nanos >> (width - 3) & 3);
}

std::uint64_t upper_edge(std::size_t bucket) {
  const std::size_t width = bucket >> 2;
  if (width <= 2) return bucket;
  return ((bucket & 3) + 5) << (width - 3);
}

}  // namespace

void Hedges::on_read() { tokens_ = std::min(tokens_ + budget_, kHedgeTokensMax); }

bool Hedges::take() {
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void Hedges::on_answer(Duration latency) {
  ++buckets_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0)))];
  ++count_;
  if (++unmeasured_ == kMeasureEvery) measure();
}

std::optional<Duration> Hedges::delay() const { return delay_; }

void Hedges::measure() {
  unmeasured_ = 0;
  const std::uint32_t wanted = count_ - count_ / 20;
  std::uint32_t seen = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < kBuckets && (seen += buckets_[bucket]) < wanted) ++bucket;
  delay_ = std::max(Duration(upper_edge(bucket)), kHedgeDelayMin);
  if (count_ < kKept) return;
  count_ = 0;
  for (std::uint32_t& kept : buckets_) count_ += kept /= 2;
}

}  // namespace gyre::routing
