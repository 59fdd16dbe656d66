#include "replication/recent_log.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace gyre::replication {

using messages::LoggedWritePtr;

RecentLog::RecentLog(std::size_t bytes_max) : bytes_max_(bytes_max) {}

void RecentLog::append(LoggedWritePtr write) {
  GYRE_ASSERT(writes_.empty() || write->position.sequence == last().next());
  bytes_ += write->bytes();
  writes_.push_back(std::move(write));
  trim(last(), bytes_max_);
}

void RecentLog::trim(Sequence held, std::size_t bytes_max) {
  while (bytes_ > bytes_max && writes_.size() > 1 && first() <= held) {
    bytes_ -= writes_.front()->bytes();
    writes_.pop_front();
  }
}

void RecentLog::truncate_after(Sequence last_kept) {
  while (!writes_.empty() && last() > last_kept) {
    bytes_ -= writes_.back()->bytes();
    writes_.pop_back();
  }
}

void RecentLog::clear() {
  writes_.clear();
  bytes_ = 0;
}

Sequence RecentLog::first() const {
  GYRE_ASSERT(!writes_.empty());
  return writes_.front()->position.sequence;
}

Sequence RecentLog::last() const {
  GYRE_ASSERT(!writes_.empty());
  return writes_.back()->position.sequence;
}

bool RecentLog::reaches(Sequence after) const { return !writes_.empty() && after.next() >= first(); }

std::vector<LoggedWritePtr> RecentLog::page(Sequence after, Sequence last_wanted, std::size_t bytes_max) const {
  GYRE_ASSERT(reaches(after));
  std::vector<LoggedWritePtr> page;
  std::size_t bytes = 0;
  for (std::size_t i = after.next().value() - first().value(); i < writes_.size(); ++i) {
    const LoggedWritePtr& write = writes_[i];
    bytes += write->bytes();
    if (write->position.sequence > last_wanted || (bytes > bytes_max && !page.empty())) break;
    page.push_back(write);
  }
  return page;
}

const messages::LoggedWrite* RecentLog::find(Sequence sequence) const {
  if (writes_.empty() || sequence < first() || sequence > last()) return nullptr;
  return writes_[sequence.value() - first().value()].get();
}

}  // namespace gyre::replication
