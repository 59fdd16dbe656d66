// How long the requests of a host take, second by second.
#pragma once

#include <cstddef>
#include <deque>

#include "base/histogram.h"
#include "base/time.h"

namespace gyre::runtime {

class LatencyWindows {
 public:
  void record(Duration latency) { window_.record(latency); }
  // `at_rest`: nothing but requests kept this host busy.
  void end_second(bool at_rest);

  // Of the last second; 0: there was no request.
  Duration p99() const { return p99_; }
  // The same, for decisions: 0 also where there were too few to tell.
  Duration telling_p99() const { return telling_ ? p99_ : Duration(0); }
  // What two thirds of the last seconds at rest that tell kept; 0: there was none. The slowest hundredth of all their
  // requests lies in the slower seconds: their median would call many a second slow that is none.
  Duration rest_p99() const { return rest_p99_; }

 private:
  static constexpr std::size_t kTellingRequests = 100;  // one of them is the slowest hundredth
  static constexpr std::size_t kRestSeconds = 20;  // of longer ago, the load was perhaps another

  LatencyHistogram window_;
  Duration p99_{0};
  bool telling_ = false;
  std::deque<Duration> rest_;  // the newest last
  Duration rest_p99_{0};
};

}  // namespace gyre::runtime
