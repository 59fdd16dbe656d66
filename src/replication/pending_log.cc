#include "replication/pending_log.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace gyre::replication {

using messages::LoggedWritePtr;
using messages::Mutation;

void PendingLog::append(LoggedWritePtr write) {
  GYRE_ASSERT(empty() || writes_.back()->position.sequence < write->position.sequence);
  writes_.push_back(std::move(write));
}

std::span<const LoggedWritePtr> PendingLog::after(Sequence last) const {
  const auto sequence = [](const LoggedWritePtr& write) { return write->position.sequence; };
  const std::span<const LoggedWritePtr> all(writes_.begin() + static_cast<std::ptrdiff_t>(first_), writes_.end());
  return {std::ranges::upper_bound(all, last, {}, sequence), all.end()};
}

void PendingLog::drop_through(Sequence last) {
  const std::size_t kept = after(last).size();
  if (kept == size()) return;
  forget_index();
  const std::size_t first = writes_.size() - kept;
  for (std::size_t i = first_; i < first; ++i) writes_[i].reset();
  first_ = first;
  // Moves what remains only when it is the smaller part: so each write is moved about once.
  if (first_ * 2 < writes_.size()) return;
  writes_.erase(writes_.begin(), writes_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

void PendingLog::truncate_after(Sequence last) {
  const std::size_t given_up = after(last).size();
  if (given_up == 0) return;
  forget_index();
  writes_.resize(writes_.size() - given_up);
}

const Mutation* PendingLog::find(std::string_view key) {
  for (indexed_ = std::max(indexed_, first_); indexed_ < writes_.size(); ++indexed_) {
    for (const Mutation& mutation : writes_[indexed_]->mutations) {
      // The old entry's key may belong to an older mutation: let the newer one's memory hold it.
      index_.erase(mutation.key);
      index_.emplace(mutation.key.view(), &mutation);
    }
  }
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : found->second;
}

// What remains is little, mostly nothing: it is indexed anew when somebody asks.
void PendingLog::forget_index() {
  index_.clear();
  indexed_ = 0;
}

}  // namespace gyre::replication
