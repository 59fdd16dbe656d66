#include <algorithm>

#include "storage/ledger.h"
#include "storage/loss_index.h"

namespace gyre::storage {
namespace {

// THREAD: one.
class MemoryLedger final : public Ledger {
 public:
  Result<void> append(std::span<const messages::Loss> losses, UnixMillis now) override {
    for (const messages::Loss& loss : losses) {
      if (index_.find(loss) == 0) items_.push_back({index_.add(loss), now, loss});
    }
    return {};
  }

  Result<void> mark_reapplied(PartitionId partition, std::span<const messages::Retried> retries) override {
    for (const std::uint64_t entry : index_.unmarked(partition, retries)) {
      index_.mark(entry);
      std::get<messages::LostWrite>(items_[entry - 1].loss).reapplied = true;
    }
    return {};
  }

  std::map<PartitionId, std::vector<messages::LostId>> lost_ids() const override { return index_.lost_ids(); }

  Result<messages::LostResponse> page(std::uint64_t after, std::size_t items_max) const override {
    const std::uint64_t first = std::min<std::uint64_t>(after, items_.size());
    const std::uint64_t last = first + std::min<std::uint64_t>(items_max, items_.size() - first);
    return messages::LostResponse{.items = {items_.begin() + static_cast<std::ptrdiff_t>(first),
                                            items_.begin() + static_cast<std::ptrdiff_t>(last)},
                                  .more = last < items_.size()};
  }

 private:
  std::vector<messages::LostItem> items_;
  LossIndex index_;
};

}  // namespace

std::unique_ptr<Ledger> make_memory_ledger() { return std::make_unique<MemoryLedger>(); }

}  // namespace gyre::storage
