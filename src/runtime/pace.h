// How fast a host sends copies of its partitions to learners. Pure: readings of the clock go in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace gyre::runtime {

// A bucket of bytes that fills at the rate. What is taken may leave it in debt: how much a read of the disk brings is
// known only afterwards.
//
// The rate is the limit, if there is one. Where the host's requests are watched, copies begin at kRateFirst. Each
// second in which requests were too slow, by their 99th percentile against that of seconds in which no copy was sent,
// halves the rate (down to kRateMin); each other second in which it was made use of raises it, up to the limit: by a
// quarter until the first slow one, by a tenth from then on. A copy that follows within half a minute begins where the
// last one ended.
class Pace {
 public:
  static constexpr double kRateMin = 1 << 20;    // bytes a second; a copy always ends
  static constexpr double kRateFirst = 4 << 20;  // what goes unnoticed on most machines

  // `bytes_per_second`: of this host; 0: no limit. `p99_factor`: so many times the p99 at rest are too slow; 0: never,
  // and nothing but the limit holds the copies from now on.
  void set_limits(std::uint64_t bytes_per_second, double p99_factor);
  // Call every second. 0: not known; what is not known is not watched.
  void on_second(Instant now, Duration p99, Duration rest_p99);

  // Takes `bytes`, if a copy may go on now.
  bool take(Instant now, std::size_t bytes);
  // What was taken as `taken` is `actual`.
  void correct(std::size_t taken, std::size_t actual);

  // A copy was sent in the last second, or since.
  bool busy() const { return sent_ > 0 || sent_before_ > 0; }
  // Bytes a second; none: as fast as it can.
  std::optional<double> rate() const { return rate_; }

 private:
  double within_limit(double rate) const;

  std::optional<double> limit_;
  double p99_factor_ = 0;
  std::optional<double> rate_;
  double tokens_ = 0;
  Instant filled_at_;
  bool learned_ = false;  // the rate is one at which, or near which, requests were slow
  int idle_seconds_ = 0;
  double sent_ = 0;  // since the last second began
  double sent_before_ = 0;  // in the second before
  Instant second_began_;
};

}  // namespace gyre::runtime
