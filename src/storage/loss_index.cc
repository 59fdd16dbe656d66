#include "storage/loss_index.h"

namespace gyre::storage {

// A write and a range that begins with it are different entries: the write has its contents.
constexpr Sequence kWrite{UINT64_MAX};

LossIndex::Name LossIndex::name_of(const messages::Loss& loss) {
  if (const auto* range = std::get_if<messages::LostRange>(&loss)) {
    return {range->partition, range->term, range->first, range->last};
  }
  const auto& write = std::get<messages::LostWrite>(loss);
  return {write.partition, write.position.term, write.position.sequence, kWrite};
}

std::uint64_t LossIndex::find(const messages::Loss& loss) const {
  const auto found = by_name_.find(name_of(loss));
  return found == by_name_.end() ? 0 : found->second;
}

std::uint64_t LossIndex::add(const messages::Loss& loss) {
  const auto* write = std::get_if<messages::LostWrite>(&loss);
  reapplied_.push_back(write != nullptr && write->reapplied);
  by_name_.emplace(name_of(loss), size());
  if (write != nullptr && write->id.given()) {
    by_id_.emplace(std::pair(write->partition, write->id), Write{size(), write->position.term, write->time});
  }
  return size();
}

std::vector<std::uint64_t> LossIndex::unmarked(PartitionId partition,
                                               std::span<const messages::Retried> retries) const {
  std::vector<std::uint64_t> entries;
  for (const messages::Retried& retry : retries) {
    const auto [first, last] = by_id_.equal_range({partition, retry.id});
    for (auto found = first; found != last; ++found) {
      const Write& write = found->second;
      if (write.term < retry.term && !reapplied(write.entry)) entries.push_back(write.entry);
    }
  }
  return entries;
}

std::map<PartitionId, std::vector<messages::LostId>> LossIndex::lost_ids() const {
  std::map<PartitionId, std::vector<messages::LostId>> lost;
  for (const auto& [name, write] : by_id_) {
    if (!reapplied(write.entry)) lost[name.first].push_back({name.second, write.term, write.time});
  }
  return lost;
}

}  // namespace gyre::storage
