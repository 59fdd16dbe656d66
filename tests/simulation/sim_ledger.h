// A loss ledger that fails as one in a file does, and that can be gone.
#pragma once

#include <memory>
#include <vector>

#include "base/rng.h"
#include "storage/ledger.h"

namespace gyre::simulation {

// Lives as long as its disk. After a failed sync nothing more is written until a process opens it again; then what the
// failed call gave is there or not.
class SimLedger final : public storage::Ledger {
 public:
  explicit SimLedger(std::uint64_t seed) : below_(storage::make_memory_ledger()), rng_(seed) {}

  Result<void> append(std::span<const messages::Loss> losses, UnixMillis now) override;
  Result<void> mark_reapplied(PartitionId partition, std::span<const messages::Retried> retries) override;
  std::map<PartitionId, std::vector<messages::LostId>> lost_ids() const override { return below_->lost_ids(); }
  Result<messages::LostResponse> page(std::uint64_t after, std::size_t items_max) const override {
    return below_->page(after, items_max);
  }

  // Chance of a call that writes to fail, until it is set again.
  void set_fails(double chance) { fails_ = chance; }
  bool broken() const { return broken_; }
  // A process opens it.
  void open() { broken_ = false; }
  // The file is gone, the next process begins a new one.
  void destroy();
  // What was in files that are gone.
  const std::vector<messages::LostItem>& gone() const { return gone_; }

 private:
  enum class Fate : std::uint8_t { works, nothing_written, written_not_synced, lost_not_synced };
  Fate draw();

  std::unique_ptr<storage::Ledger> below_;
  std::vector<messages::LostItem> gone_;
  Rng rng_;
  double fails_ = 0;
  bool broken_ = false;
};

}  // namespace gyre::simulation
