// What of a simulated node survives its process: the stores, the ledger and the identity of its data directory.
#pragma once

#include <utility>
#include <vector>

#include "base/ids.h"
#include "storage/memory_engine.h"
#include "tests/simulation/sim_ledger.h"
#include "tests/simulation/truth.h"

namespace gyre::simulation {

// The memory engine, with everything that is committed shown to the truth.
class ObservedEngine final : public storage::Engine {
 public:
  ObservedEngine(storage::MemoryEngine& below, Truth& truth, NodeIndex node)
      : below_(below), truth_(truth), node_(node) {}

  Result<std::vector<std::pair<PartitionId, storage::StoredPartition>>> partitions() const override {
    return below_.partitions();
  }
  Result<void> commit(std::span<const storage::PartitionBatch> batches) override;
  Result<void> sync() override { return below_.sync(); }
  Result<std::vector<messages::LoggedWritePtr>> read_log(PartitionId partition, Sequence after,
                                                         std::size_t bytes_max) const override {
    return below_.read_log(partition, after, bytes_max);
  }
  Result<storage::Lookup> get(PartitionId partition, std::string_view key, UnixMillis now,
                              storage::Tier tier) const override {
    return below_.get(partition, key, now, tier);
  }
  Result<std::vector<storage::Lookup>> multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                                 UnixMillis now) const override {
    return below_.multi_get(partition, keys, now);
  }
  Result<storage::ScanPage> scan(PartitionId partition, const storage::ScanRange& range,
                                 UnixMillis now) const override {
    return below_.scan(partition, range, now);
  }
  Result<void> drop_partition(PartitionId partition) override;
  Result<void> reclaim() override { return below_.reclaim(); }
  Result<std::unique_ptr<storage::Snapshot>> snapshot(PartitionId partition) override {
    return below_.snapshot(partition);
  }
  Result<std::unique_ptr<storage::Ingestion>> ingest(PartitionId partition) override {
    return below_.ingest(partition);
  }
  void set_expiry_horizon(PartitionId partition, UnixMillis horizon) override {
    below_.set_expiry_horizon(partition, horizon);
  }
  Result<std::optional<std::string>> sweep(PartitionId partition, std::string_view after,
                                           std::size_t records_max) override {
    return below_.sweep(partition, after, records_max);
  }
  storage::PartitionSize size_of(PartitionId partition) const override { return below_.size_of(partition); }
  bool stalled() const override { return below_.stalled(); }

 private:
  storage::MemoryEngine& below_;
  Truth& truth_;
  NodeIndex node_;
};

// What dies: the process alone; or the machine too (what was not synced is lost); or also all that the stores held.
enum class Death : std::uint8_t { process, machine, disk };

// As storage::DataDirectory, without files.
class SimDisk {
 public:
  SimDisk(Truth& truth, NodeIndex node, std::uint64_t data_id);

  // A process starts. `always_synced`: it acknowledges only what is synced.
  void open(bool always_synced);
  // `kept`: of the unsynced commits; where some are lost, so are the epochs. `ledger_too`: a disk takes the ledger with
  // it. REQUIRES: nothing of the process is left.
  void die(Death death, std::size_t kept, bool ledger_too);
  void close_cleanly();
  // Goes with the first unsynced commit that a machine's death takes back, as far as it is not synced: here it is where
  // all is, at the start and at a clean stop.
  void adopt_map(const ClusterId& cluster, Epoch epoch);

  ObservedEngine& engine() { return observed_; }
  storage::MemoryEngine& store() { return store_; }
  const storage::MemoryEngine& store() const { return store_; }
  SimLedger& ledger() { return ledger_; }
  const SimLedger& ledger() const { return ledger_; }
  const Uuid& data_id() const { return data_id_; }
  Incarnation incarnation() const { return incarnation_; }
  Generation generation() const { return generation_; }
  // The generation that the next process finds: acknowledged writes may be missing from this moment on.
  Generation generation_to_be() const;
  // Of this process and of later ones, until they have caught up.
  bool may_lack_writes() const { return may_lack_writes_; }
  void note_caught_up() { may_lack_writes_ = false; }
  const ClusterId& cluster() const { return cluster_; }
  Epoch map_epoch() const { return map_epoch_; }

 private:
  Truth& truth_;
  NodeIndex node_;
  storage::MemoryEngine store_;
  ObservedEngine observed_;
  SimLedger ledger_;
  Uuid data_id_;
  Incarnation incarnation_;
  Generation generation_{1};
  bool may_lack_writes_ = false;
  bool always_synced_ = false;
  bool stopped_cleanly_ = true;
  bool machine_died_ = false;  // since the last process
  bool stores_emptied_ = false;  // since the last process
  ClusterId cluster_;
  Epoch map_epoch_;
  Epoch synced_epoch_;  // what the machine's death leaves of that, at worst
};

}  // namespace gyre::simulation
