// The engine in memory: for the simulator and for tests.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "storage/engine.h"
#include "storage/logged_ids.h"

namespace gyre::storage {

// Deterministic; never busy, never failing (FaultyEngine adds that). It models a disk below a kernel: commits that no
// sync has covered survive the process but not the machine, see crash().
//
// INVARIANT: `live_` is `synced_` with `unsynced_` applied in order.
// THREAD: one.
class MemoryEngine final : public Engine {
 public:
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
  Result<void> reclaim() override { return {}; }
  Result<std::unique_ptr<Snapshot>> snapshot(PartitionId partition) override;
  Result<std::unique_ptr<Ingestion>> ingest(PartitionId partition) override;
  void set_expiry_horizon(PartitionId partition, UnixMillis horizon) override;
  Result<std::optional<std::string>> sweep(PartitionId partition, std::string_view after,
                                           std::size_t records_max) override;
  PartitionSize size_of(PartitionId partition) const override;
  bool stalled() const override { return false; }

  // Commits, drops and sweeps that the machine's death may undo. Beyond kUnsyncedMax the oldest become durable by
  // themselves, as a kernel writes back what is old.
  std::size_t unsynced() const { return unsynced_.size(); }
  static constexpr std::size_t kUnsyncedMax = 4096;
  // The log keeps the newest `writes` of each partition, counted when something is applied.
  void set_log_kept(std::size_t writes) { log_kept_ = writes; }
  // The process dies, and with it the horizons; the first `kept` of what is unsynced survive. kept == unsynced(): the
  // machine lives on. REQUIRES: kept <= unsynced(), no open snapshot or ingestion.
  void crash(std::size_t kept);

 private:
  using Records = std::map<std::string, messages::Record, std::less<>>;
  struct Partition {
    Records records;
    PartitionState state;
    std::deque<messages::LoggedWritePtr> log;  // all behind `log_after`, up to the position
    Sequence log_after;
    LoggedIds ids;
  };
  using Contents = std::map<PartitionId, Partition>;

  // A PartitionBatch that owns what it names.
  struct OwnedBatch {
    PartitionId partition;
    bool drop_first = false;
    std::vector<messages::LoggedWritePtr> writes;
    std::vector<messages::Mutation> repairs;
    std::optional<std::vector<messages::WindowWrite>> window;
    PartitionState state;
  };
  struct Drop {
    PartitionId partition;
  };
  struct Removal {
    PartitionId partition;
    std::vector<std::string> keys;
  };
  struct Filling {
    PartitionId partition;
    std::vector<messages::Mutation> records;
  };
  using Change = std::variant<std::vector<OwnedBatch>, Drop, Removal, Filling>;

  class MemorySnapshot;
  class MemoryIngestion;

  static void apply(Partition& partition, const messages::Mutation& mutation);
  static void cut_log(Partition& partition, Sequence last);
  void apply(Partition& partition, const OwnedBatch& batch) const;
  void apply(Contents& contents, const Change& change) const;
  void record(Change change);
  const Partition* find(PartitionId partition) const;

  Contents live_;
  Contents synced_;
  std::deque<Change> unsynced_;
  std::map<PartitionId, UnixMillis> horizons_;
  std::map<PartitionId, std::uint64_t> ingestions_;  // the last one begun; none: it was dropped since
  std::uint64_t last_ingestion_ = 0;
  std::size_t log_kept_ = 10'000;
};

}  // namespace gyre::storage
