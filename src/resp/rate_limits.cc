#include "resp/rate_limits.h"

namespace gyre::resp {

void RateLimits::set(const RateLimit& each_address, const RateLimit& all) {
  each_address_ = each_address;
  all_ = all;
}

Duration RateLimits::take(Instant now, const std::string& address) {
  const std::lock_guard lock(mutex_);
  TokenBucket* own = each_address_.per_second > 0 ? &bucket_of(now, address) : nullptr;
  if (own != nullptr) {
    const Duration wait = own->take(now);
    if (wait > Duration(0)) {
      refused_.by_address.add();
      return wait;
    }
  }
  if (all_.per_second <= 0) return Duration(0);
  if (!everybody_) everybody_.emplace(all_, now);
  const Duration wait = everybody_->take(now);
  if (wait > Duration(0)) {
    if (own != nullptr) own->give_back();
    refused_.by_all.add();
  }
  return wait;
}

TokenBucket& RateLimits::bucket_of(Instant now, const std::string& address) {
  const auto known = addresses_.find(address);
  if (known != addresses_.end()) return known->second;
  if (addresses_.size() >= kAddressesMax && now >= sweep_at_) {
    sweep_at_ = now + kSweepEvery;
    std::erase_if(addresses_, [now](const auto& item) { return item.second.full(now); });
  }
  if (addresses_.size() < kAddressesMax) return addresses_.try_emplace(address, each_address_, now).first->second;
  if (!others_) others_.emplace(each_address_, now);
  return *others_;
}

}  // namespace gyre::resp
