#include "replication/deadlines.h"

#include "base/assert.h"

namespace gyre::replication {

namespace {

Instant slot_of(Instant deadline) {
  const Duration into = deadline.time_since_epoch() % kDeadlineSlot;
  return into == Duration(0) ? deadline : deadline + (kDeadlineSlot - into);
}

}  // namespace

void Deadlines::add(Instant deadline) {
  if (deadline == kNever) return;
  // Mostly the last one: requests come with much the same patience.
  ++slots_.try_emplace(slots_.end(), slot_of(deadline))->second;
}

void Deadlines::remove(Instant deadline) {
  if (deadline == kNever) return;
  const auto slot = slots_.find(slot_of(deadline));
  GYRE_ASSERT(slot != slots_.end());
  if (--slot->second == 0) slots_.erase(slot);
}

}  // namespace gyre::replication
