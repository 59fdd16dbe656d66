#include "resp/rate_limits.h"

namespace gyre::resp {

void RateLimits::set(const RateLimit& each_address, const RateLimit& all) {
  each_address_ = each_address;
  all_ = all;
}

// The narrowest first; who is refused by a later one has not used up what an earlier one gave.
Duration RateLimits::take(Instant now, const std::string& address, const User& user) {
  const std::lock_guard lock(mutex_);
  if (all_.per_second > 0 && !everybody_) everybody_.emplace(all_, now);
  struct Level {
    TokenBucket* bucket;
    Counter* refused;
  };
  TokenBucket* own = each_address_.per_second > 0 ? &bucket_of(now, address) : nullptr;
  TokenBucket* of_user =
      user.rate.per_second > 0 ? &users_.try_emplace(user.name, user.rate, now).first->second : nullptr;
  const Level levels[] = {{own, &refused_.by_address},
                          {of_user, &refused_.by_user},
                          {everybody_ ? &*everybody_ : nullptr, &refused_.by_all}};
  for (const Level& level : levels) {
    const Duration wait = level.bucket != nullptr ? level.bucket->take(now) : Duration(0);
    if (wait == Duration(0)) continue;
    level.refused->add();
    for (const Level* taken = levels; taken->bucket != level.bucket; ++taken) {
      if (taken->bucket != nullptr) taken->bucket->give_back();
    }
    return wait;
  }
  return Duration(0);
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
