// A node that is no member of the partition any more.
#include "replication/context.h"
#include "replication/follower.h"
#include "replication/partition.h"
#include "replication/primary.h"
#include "replication/retiree.h"

namespace gyre::replication {

namespace {

// A node that was away may be a member again as soon as a coordinator has heard it: what it has is worth keeping until
// then, for it spares a copy. So many times as long as it takes to be missed.
constexpr int kGraceDetections = 10;

}  // namespace

Retiree* Partition::retiree() const {
  const auto* idle = std::get_if<Idle>(&role_);
  return idle != nullptr ? idle->retiree.get() : nullptr;
}

// A map that does not name this node any more means what it says to a member that hears its primary, and to a primary
// that has just handed over and may not yet have heard its successor.
bool Partition::in_touch(const Moment& now) const {
  if (!context_->view || primary() != nullptr || std::holds_alternative<Idle>(role_)) return false;
  const View& view = *context_->view;
  const Duration detection = view.timing.detection;
  if (handed_over_at_ != Instant() && now.steady - handed_over_at_ <= detection) return true;
  return follower_->alive(now.steady, view.entry.term, view.entry.primary, detection);
}

// The newest map does not name this node: for the first time, or again.
void Partition::leave(const Moment& now, bool was_in_touch) {
  Context& context = *context_;
  const bool left = !std::holds_alternative<Idle>(role_);
  if (left) {
    follower_->stop();
    // What storage has not yet been given was acknowledged to nobody.
    context.drop_uncommitted();
    role_ = Idle{};
  }
  // A map from memory may be old: this node may be a member by now.
  if (!map_from_store_) return;
  const Duration grace = was_in_touch ? Duration(0) : kGraceDetections * context.view->timing.detection;
  if (left || retire_from_ == Instant()) retire_from_ = now.steady + grace;
  Idle& idle = std::get<Idle>(role_);
  if (idle.retiree != nullptr && idle.retiree->current()) return;
  idle.retiree.reset();
  if (Retiree::needed(context.journal.state())) {
    idle.retiree = std::make_unique<Retiree>(context, retire_from_);
  } else if (left) {
    context.tell_coordinator(messages::Retired{id()});
  }
}

// Whether it can tell by now what of its terms as primary did not survive.
bool Partition::has_to_say(const Moment& now) const {
  if (const Primary* self = primary()) return self->serving(now.steady);
  // Where there is no copy (any more), the ledger has what only it held; but not what a start may lack.
  if (std::holds_alternative<Idle>(role_)) return map_from_store_ && retiree() == nullptr;
  // A member knows where its term ended only once it has all that its primary had.
  return follower_->caught_up(context_->view->entry.term);
}

}  // namespace gyre::replication
