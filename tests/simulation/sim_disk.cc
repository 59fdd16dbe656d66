#include "tests/simulation/sim_disk.h"

#include "base/assert.h"

namespace gyre::simulation {

Result<void> ObservedEngine::commit(std::span<const storage::PartitionBatch> batches) {
  GYRE_TRY(below_.commit(batches));
  for (const storage::PartitionBatch& batch : batches) truth_.on_commit(node_, batch);
  return {};
}

Result<void> ObservedEngine::drop_partition(PartitionId partition) {
  GYRE_TRY(below_.drop_partition(partition));
  truth_.on_dropped(node_, partition);
  return {};
}

SimDisk::SimDisk(Truth& truth, NodeIndex node, std::uint64_t data_id)
    : truth_(truth),
      node_(node),
      observed_(store_, truth, node),
      ledger_(data_id),
      data_id_(Uuid::from_words(data_id, node + 1)) {}

Generation SimDisk::generation_to_be() const {
  const bool lossy = machine_died_ && !stopped_cleanly_ && !always_synced_;
  return lossy || stores_emptied_ ? generation_.next() : generation_;
}

void SimDisk::open(bool always_synced) {
  const Generation next = generation_to_be();
  may_lack_writes_ = may_lack_writes_ || next != generation_;
  generation_ = next;
  incarnation_ = incarnation_.next();
  machine_died_ = false;
  stores_emptied_ = false;
  stopped_cleanly_ = false;
  always_synced_ = always_synced;
  synced_epoch_ = map_epoch_;
  ledger_.open();
  GYRE_ASSERT(store_.sync());  // opening a store syncs what it recovers
}

void SimDisk::die(Death death, std::size_t kept, bool ledger_too) {
  if (kept < store_.unsynced()) map_epoch_ = synced_epoch_;
  store_.crash(kept);
  machine_died_ = machine_died_ || death != Death::process;
  auto stored = store_.partitions();
  GYRE_ASSERT(stored);
  if (death == Death::disk) {
    stores_emptied_ = true;
    for (const auto& [partition, held] : *stored) GYRE_ASSERT(store_.drop_partition(partition));
    GYRE_ASSERT(store_.sync());
    stored->clear();
    if (ledger_too) ledger_.destroy();
  }
  truth_.on_opened(node_, *stored);
}

void SimDisk::close_cleanly() {
  GYRE_ASSERT(store_.sync());
  synced_epoch_ = map_epoch_;
  stopped_cleanly_ = true;
}

void SimDisk::adopt_map(const ClusterId& cluster, Epoch epoch) {
  cluster_ = cluster;
  map_epoch_ = epoch;
  if (always_synced_) synced_epoch_ = epoch;
}

}  // namespace gyre::simulation
