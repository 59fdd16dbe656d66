// When a partition needs no ticks: nearly always, and a node has many.
#include <algorithm>

#include "replication/context.h"
#include "replication/follower.h"
#include "replication/partition.h"
#include "replication/primary.h"
#include "replication/retiree.h"
#include "replication/write_queue.h"

namespace gyre::replication {

namespace {

// From one tick to the next, however quiet it is.
constexpr Duration kQuietMax = std::chrono::seconds(1);

}  // namespace

Instant Partition::quiet_until(const Moment& now) const {
  const Context& context = *context_;
  const Instant latest = ticked_at_ + kQuietMax;
  if (!context.view) return latest;
  if (given_up_) return {};
  if (broken()) return latest;
  const bool exporting = range_export_ && !range_export_->done;
  const bool owes = seal_ || exporting || owes_lost_range_ || context.damaged || context.lost_ids.waiting();
  const bool waited_for = !context.waits.empty() || !queue_->empty() || stopping_;
  if (owes || waited_for || terms_deposed() || appointed()) return {};
  Instant until = latest;
  if (const auto expiry = context.journal.window().next_expiry()) {
    until = std::min(until, now.steady + (*expiry - context.running.read(now.steady)));
  }
  if (const Primary* self = primary()) return std::min(until, self->quiet_until(now.steady));
  if (std::holds_alternative<Idle>(role_)) return retiree() == nullptr ? until : Instant();
  if (!std::holds_alternative<Replica>(role_)) return {};
  return std::min(until, follower_->quiet_until(now.steady, context.view->timing.detection));
}

// In office, with everybody in sync and level: then only heartbeats are due, and somebody may fall silent.
Instant Primary::quiet_until(Instant now) const {
  const Journal& journal = context_.journal;
  const bool moving = !in_office_since_ || handover_ || approach_ || asked_ || too_many_lag_ || !released_.empty();
  const bool helping = !newcomers_.empty() || !brake_.idle() || !donor_.idle();
  if (moving || helping || journal.persisted() != journal.assigned() || !all_stay(now)) return {};
  const Timing& timing = context_.view->timing;
  Instant until = right_until_;
  for (const auto& [node, member] : members_) {
    if (!context_.view->in_sync(node) || !member.level(journal.committed())) return {};
    const Instant life_due = member.life_due(timing.heartbeat, context_.config.id);
    until = std::min({until, life_due, member.heard_at() + timing.detection});
  }
  return until;
}

}  // namespace gyre::replication
