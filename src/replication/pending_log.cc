#include "replication/pending_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"

namespace gyre::replication {

using messages::Mutation;

namespace {

auto first_after(const std::vector<Mutation>& mutations, Sequence last) {
  return std::ranges::upper_bound(mutations, last, {}, [](const Mutation& m) { return m.record.version.sequence; });
}

}  // namespace

void PendingLog::append(Mutation mutation) {
  GYRE_ASSERT(mutations_.empty() || mutations_.back().record.version.sequence <= mutation.record.version.sequence);
  mutations_.push_back(std::move(mutation));
}

void PendingLog::drop_through(Sequence last) {
  const auto end = first_after(mutations_, last);
  mutations_.erase(mutations_.cbegin(), end);
  // The places of all that remain have moved. What remains is little, mostly nothing: index it anew when asked.
  index_.clear();
  indexed_ = 0;
}

void PendingLog::truncate_after(Sequence last) {
  mutations_.erase(first_after(mutations_, last), mutations_.cend());
  index_.clear();
  indexed_ = 0;
}

const Mutation* PendingLog::find(std::string_view key) {
  for (; indexed_ < mutations_.size(); ++indexed_) {
    // The old entry's key may belong to an older mutation: let the newer one's memory hold it.
    index_.erase(mutations_[indexed_].key);
    index_.emplace(mutations_[indexed_].key.view(), indexed_);
  }
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &mutations_[found->second];
}

std::span<const Mutation> PendingLog::after(Sequence last) const {
  const auto first = first_after(mutations_, last);
  return {first, mutations_.cend()};
}

}  // namespace gyre::replication
