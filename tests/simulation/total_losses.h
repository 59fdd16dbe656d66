// When partitions lost everything: from then on nothing that was promised before can be demanded.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "base/ids.h"
#include "tests/simulation/history.h"

namespace gyre::simulation {

// A partition has lost everything while no in-sync member has its data any more, and at the moment at which an operator
// gives up what the in-sync members have.
class TotalLosses {
 public:
  // How it is now. True: everything is lost, and was not when this was last noted.
  bool note(PartitionId partition, bool lost, WorldTime now) {
    Losses& losses = losses_[partition];
    const bool begins = lost && !losses.goes_on;
    if (begins) losses.spans.push_back({now, now});
    if (lost) losses.spans.back().to = now;
    losses.goes_on = lost;
    return begins;
  }
  void give_up(PartitionId partition, WorldTime now) { losses_[partition].spans.push_back({now, now}); }

  // What was promised at `at` or before may be gone.
  bool since(PartitionId partition, WorldTime at) const {
    return std::ranges::any_of(of(partition), [at](const TimeSpan& span) { return span.to >= at; });
  }
  // Oldest first.
  const std::vector<TimeSpan>& of(PartitionId partition) const {
    static const std::vector<TimeSpan> kNone;
    const auto found = losses_.find(partition);
    return found == losses_.end() ? kNone : found->second.spans;
  }

 private:
  struct Losses {
    std::vector<TimeSpan> spans;
    bool goes_on = false;
  };
  std::map<PartitionId, Losses> losses_;
};

}  // namespace gyre::simulation
