#include "storage/faulty_engine.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.h"

namespace gyre::storage {
namespace {

std::unexpected<Error> stall() {
  return fail(Error{ErrorCode::busy, Outcome::not_applied, "the store is stalled (injected)", limits::kBusyRetryAfter});
}

std::unexpected<Error> failure(Outcome outcome) {
  return fail(ErrorCode::storage_failed, "the store failed (injected)", outcome);
}

std::unexpected<Error> damage(PartitionId partition) {
  return fail(ErrorCode::corrupt, fmt::format("a record of partition {} is damaged (injected)", partition.value()));
}

}  // namespace

// Fails at the first page that holds a damaged record. Records damaged after it was taken are whole in it.
class FaultyEngine::FaultySnapshot final : public Snapshot {
 public:
  FaultySnapshot(std::unique_ptr<Snapshot> below, PartitionId partition, CorruptKeys corrupt)
      : below_(std::move(below)), partition_(partition), corrupt_(std::move(corrupt)) {}

  const PartitionState& state() const override { return below_->state(); }

  Result<std::vector<KeyedRecord>> next(std::size_t bytes_max) override {
    GYRE_TRY_SET(std::vector<KeyedRecord> items, below_->next(bytes_max));
    for (const KeyedRecord& item : items) {
      if (corrupt_.contains({partition_, item.key.str()})) return damage(partition_);
    }
    return items;
  }

 private:
  std::unique_ptr<Snapshot> below_;
  PartitionId partition_;
  CorruptKeys corrupt_;
};

class FaultyEngine::FaultyIngestion final : public Ingestion {
 public:
  FaultyIngestion(FaultyEngine& engine, std::unique_ptr<Ingestion> below) : engine_(engine), below_(std::move(below)) {}

  Result<void> add(std::span<const messages::Mutation> records) override {
    return engine_.change([&] { return below_->add(records); });
  }
  Result<void> finish() override {
    return engine_.let_through([&] { return below_->finish(); });
  }

 private:
  FaultyEngine& engine_;
  std::unique_ptr<Ingestion> below_;
};

template <class Apply>
Result<void> FaultyEngine::change(Apply apply) {
  if (!broken_ && !disk_full_ && (stalled_ || rng_.chance(plan_.busy))) return stall();
  return let_through(apply);
}

template <class Apply>
Result<void> FaultyEngine::let_through(Apply apply) {
  if (broken_) return failure(Outcome::unknown);
  if (disk_full_) return fail(ErrorCode::storage_failed, "the disk is full (injected)");
  if (rng_.chance(plan_.commit_fails)) {
    broken_ = true;
    if (rng_.chance(0.5)) GYRE_TRY(apply());
    return failure(Outcome::unknown);
  }
  return apply();
}

Result<void> FaultyEngine::check(PartitionId partition, std::string_view key) const {
  if (!corrupt_.empty() && corrupt_.contains({partition, std::string(key)})) return damage(partition);
  return {};
}

Result<std::vector<std::pair<PartitionId, StoredPartition>>> FaultyEngine::partitions() const {
  return below_.partitions();
}

// What the batch writes or drops is whole again.
void FaultyEngine::forget_damage(const PartitionBatch& batch) {
  if (corrupt_.empty()) return;
  if (batch.drop_first) std::erase_if(corrupt_, [&](const auto& entry) { return entry.first == batch.partition; });
  const auto heal = [&](const messages::Mutation& mutation) { corrupt_.erase({batch.partition, mutation.key.str()}); };
  for (const messages::LoggedWritePtr& write : batch.writes) std::ranges::for_each(write->mutations, heal);
  std::ranges::for_each(batch.repairs, heal);
}

Result<void> FaultyEngine::commit(std::span<const PartitionBatch> batches) {
  return change([&]() -> Result<void> {
    GYRE_TRY(below_.commit(batches));
    for (const PartitionBatch& batch : batches) forget_damage(batch);
    return {};
  });
}

Result<void> FaultyEngine::drop_partition(PartitionId partition) {
  return change([&]() -> Result<void> {
    GYRE_TRY(below_.drop_partition(partition));
    std::erase_if(corrupt_, [&](const auto& entry) { return entry.first == partition; });
    return {};
  });
}

Result<void> FaultyEngine::sync() {
  if (!broken_ && rng_.chance(plan_.sync_fails)) broken_ = true;
  if (broken_) return failure(Outcome::unknown);
  return below_.sync();
}

Result<std::vector<messages::LoggedWritePtr>> FaultyEngine::read_log(PartitionId partition, Sequence after,
                                                                     std::size_t bytes_max) const {
  if (rng_.chance(plan_.log_fails)) return failure(Outcome::not_applied);
  if (rng_.chance(plan_.log_forgets)) {
    return fail(ErrorCode::not_found, fmt::format("the log of partition {} is gone (injected)", partition.value()));
  }
  return below_.read_log(partition, after, bytes_max);
}

Result<Lookup> FaultyEngine::get(PartitionId partition, std::string_view key, UnixMillis now, Tier tier) const {
  if (tier == Tier::memory && rng_.chance(plan_.needs_disk)) return Lookup{Lookup::State::needs_disk, {}};
  GYRE_TRY(check(partition, key));
  return below_.get(partition, key, now, tier);
}

Result<std::vector<Lookup>> FaultyEngine::multi_get(PartitionId partition, std::span<const std::string_view> keys,
                                                    UnixMillis now) const {
  for (const std::string_view key : keys) GYRE_TRY(check(partition, key));
  return below_.multi_get(partition, keys, now);
}

Result<ScanPage> FaultyEngine::scan(PartitionId partition, const ScanRange& range, UnixMillis now) const {
  GYRE_TRY_SET(ScanPage page, below_.scan(partition, range, now));
  for (const KeyedRecord& item : page.items) GYRE_TRY(check(partition, item.key));
  return page;
}

Result<std::unique_ptr<Snapshot>> FaultyEngine::snapshot(PartitionId partition) {
  GYRE_TRY_SET(auto below, below_.snapshot(partition));
  return std::make_unique<FaultySnapshot>(std::move(below), partition, corrupt_);
}

Result<std::unique_ptr<Ingestion>> FaultyEngine::ingest(PartitionId partition) {
  GYRE_TRY_SET(auto below, below_.ingest(partition));
  return std::make_unique<FaultyIngestion>(*this, std::move(below));
}

void FaultyEngine::set_expiry_horizon(PartitionId partition, UnixMillis horizon) {
  below_.set_expiry_horizon(partition, horizon);
}

Result<std::optional<std::string>> FaultyEngine::sweep(PartitionId partition, std::string_view after,
                                                       std::size_t records_max) {
  if (broken_) return failure(Outcome::unknown);
  return below_.sweep(partition, after, records_max);
}

}  // namespace gyre::storage
