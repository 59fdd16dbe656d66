// An engine that fails by plan: wraps another, for the simulator and for tests.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "base/rng.h"
#include "storage/engine.h"

namespace gyre::storage {

// Probabilities, each for one call. Same seed, same calls: same faults.
struct FaultPlan {
  std::uint64_t seed = 0;
  double busy = 0;          // commit, drop_partition, Ingestion::add: busy, nothing applied
  double commit_fails = 0;  // commit, drop_partition, ingestions: storage_failed; applied or not, as the plan likes
  double sync_fails = 0;    // sync: storage_failed
  double needs_disk = 0;    // get with Tier::memory: needs_disk
  double log_fails = 0;     // read_log: storage_failed
  double log_forgets = 0;   // read_log: not_found
};

// Between the caller and `below`, which outlives this. What a fault leaves behind, as in a real engine:
// - After a storage_failed of the plan the engine is broken: every further commit, drop, ingestion and sync fails
//   until a new FaultyEngine is made (the process restarted). Reads go on.
// - A full disk fails commits, drops and ingestions with storage_failed, nothing applied, until space returns.
// - A corrupt record fails every read that meets it, until it is overwritten, deleted or dropped.
//
// THREAD: one.
class FaultyEngine final : public Engine {
 public:
  FaultyEngine(Engine& below, const FaultPlan& plan) : below_(below), plan_(plan), rng_(plan.seed) {}

  void set_plan(const FaultPlan& plan) {
    plan_ = plan;
    rng_ = Rng(plan.seed);
  }
  void set_disk_full(bool full) { disk_full_ = full; }
  // commit, drop_partition and Ingestion::add answer busy while it lasts.
  void set_stalled(bool stalled) { stalled_ = stalled; }
  void corrupt(PartitionId partition, std::string_view key) { corrupt_.emplace(partition, key); }
  bool broken() const { return broken_; }

  Result<std::vector<std::pair<PartitionId, StoredPartition>>> partitions() const override;
  Result<void> commit(std::span<const PartitionBatch> batches) override;
  Result<void> sync() override;
  Result<std::vector<messages::LoggedWritePtr>> read_log(PartitionId partition, Sequence after,
                                                         std::size_t bytes_max) const override;
  Result<Lookup> get(PartitionId partition, std::string_view key, UnixMillis now, Tier tier) const override;
  Result<std::vector<Lookup>> multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                        UnixMillis now) const override;
  Result<ScanPage> scan(PartitionId partition, const ScanRange& range, UnixMillis now) const override;
  Result<void> drop_partition(PartitionId partition) override;
  Result<void> reclaim() override { return below_.reclaim(); }
  Result<std::unique_ptr<Snapshot>> snapshot(PartitionId partition) override;
  Result<std::unique_ptr<Ingestion>> ingest(PartitionId partition) override;
  void set_expiry_horizon(PartitionId partition, UnixMillis horizon) override;
  Result<std::optional<std::string>> sweep(PartitionId partition, std::string_view after,
                                           std::size_t records_max) override;
  PartitionSize size_of(PartitionId partition) const override { return below_.size_of(partition); }
  bool stalled() const override { return stalled_ || below_.stalled(); }

 private:
  using CorruptKeys = std::set<std::pair<PartitionId, std::string>>;
  class FaultySnapshot;
  class FaultyIngestion;

  void forget_damage(const PartitionBatch& batch);
  // Lets a change through or not. `apply` is called at most once.
  template <class Apply>
  Result<void> change(Apply apply);
  // The same, but never busy.
  template <class Apply>
  Result<void> let_through(Apply apply);
  Result<void> check(PartitionId partition, std::string_view key) const;

  Engine& below_;
  FaultPlan plan_;
  mutable Rng rng_;  // get() and read_log() draw from it
  CorruptKeys corrupt_;
  bool disk_full_ = false;
  bool stalled_ = false;
  bool broken_ = false;
};

}  // namespace gyre::storage
