#include "tests/simulation/sim_ledger.h"

#include <iterator>
#include <utility>

#include "base/assert.h"

namespace gyre::simulation {

namespace {

std::unexpected<Error> failed() { return fail(ErrorCode::storage_failed, "the ledger was told to fail"); }

}  // namespace

// As storage/file_ledger.cc: what a failed write left is taken back, behind a failed sync nothing is known.
SimLedger::Fate SimLedger::draw() {
  if (broken_) return Fate::nothing_written;
  if (fails_ <= 0 || !rng_.chance(fails_)) return Fate::works;
  if (rng_.chance(0.5)) return Fate::nothing_written;
  broken_ = true;
  return rng_.chance(0.5) ? Fate::written_not_synced : Fate::lost_not_synced;
}

Result<void> SimLedger::append(std::span<const messages::Loss> losses, UnixMillis now) {
  const Fate fate = draw();
  if (fate == Fate::nothing_written || fate == Fate::lost_not_synced) return failed();
  GYRE_TRY(below_->append(losses, now));
  if (fate == Fate::written_not_synced) return failed();
  return {};
}

Result<void> SimLedger::mark_reapplied(PartitionId partition, std::span<const messages::Retried> retries) {
  const Fate fate = draw();
  if (fate == Fate::nothing_written || fate == Fate::lost_not_synced) return failed();
  GYRE_TRY(below_->mark_reapplied(partition, retries));
  if (fate == Fate::written_not_synced) return failed();
  return {};
}

void SimLedger::destroy() {
  auto all = below_->page(0, ~std::size_t{0});
  GYRE_ASSERT(all);
  std::ranges::move(all->items, std::back_inserter(gone_));
  below_ = storage::make_memory_ledger();
}

}  // namespace gyre::simulation
