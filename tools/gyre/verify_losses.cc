#include "tools/gyre/verify_losses.h"

#include <algorithm>

namespace gyre::cli {

void ToldLosses::note(const LostWrites& lost, VerifyClock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (const gyre::LostWrite& write : lost.writes) ++writes_[{write.key, write.version}];
  if (lost.more) more_.push_back({lost.partition, now});
}

std::map<std::pair<std::string, Version>, std::uint64_t> ToldLosses::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

bool ToldLosses::covers(const AcknowledgedWrite& write) const {
  const std::lock_guard lock(mutex_);
  return writes_.contains({write.key, write.version}) || std::ranges::any_of(more_, [&](const More& more) {
           return more.partition == write.partition && more.at - write.answered >= kSurelyRemembered;
         });
}

}  // namespace gyre::cli
