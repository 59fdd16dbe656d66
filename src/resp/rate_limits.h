// How many commands Redis clients may run: token buckets for each client address, for each user, and for all of them
// together.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/metrics.h"
#include "base/time.h"
#include "base/token_bucket.h"
#include "resp/users.h"

namespace gyre::resp {

// So many addresses are remembered; when there are more, those that have all their burst are forgotten, and the rest of
// the new ones share a bucket.
// THREAD: any.
class RateLimits {
 public:
  static constexpr std::size_t kAddressesMax = 16'384;
  static constexpr Duration kSweepEvery = std::chrono::seconds(1);

  struct Counters {
    Counter by_address;
    Counter by_user;
    Counter by_all;
  };

  // REQUIRES: before the first command.
  void set(const RateLimit& each_address, const RateLimit& all);
  // There is a limit for commands of this user.
  bool concern(const User& user) const {
    return user.rate.per_second > 0 || each_address_.per_second > 0 || all_.per_second > 0;
  }
  // Zero: a command of that client may run. Else: what it must wait at least.
  Duration take(Instant now, const std::string& address, const User& user);
  const Counters& refused() const { return refused_; }

 private:
  TokenBucket& bucket_of(Instant now, const std::string& address);

  RateLimit each_address_;
  RateLimit all_;
  Counters refused_;
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, TokenBucket> addresses_;
  Instant sweep_at_{};  // when those that have their burst may be forgotten next
  std::optional<TokenBucket> others_;
  std::unordered_map<std::string, TokenBucket> users_;
  std::optional<TokenBucket> everybody_;
};

}  // namespace gyre::resp
