#include "replication/retiree.h"

#include <algorithm>
#include <utility>

#include "replication/term_history.h"

namespace gyre::replication {

using messages::NodeEvent;
using messages::PartitionState;

namespace {

// Nobody waits for it, and a cluster that just moved has many that ask.
constexpr int kHeartbeatsBetweenAsks = 3;

}  // namespace

Retiree::Retiree(Context& context, Instant from) : context_(context), term_(context.view->entry.term), ask_at_(from) {
  if (context_.broken(BrokenRule::retire_asks_first)) drop();
}

bool Retiree::needed(const PartitionState& state) {
  return state.position != Position() || !state.history.empty() || state.whole_at != Sequence();
}

void Retiree::on_tick(const Moment& now) {
  if (step_) return;
  if (tail_) {
    tail_->on_tick(now.steady);
    return drain_tail();
  }
  const View& view = *context_.view;
  if (now.steady < ask_at_ || view.entry.primary.empty()) return;
  ask_at_ = now.steady + kHeartbeatsBetweenAsks * view.timing.heartbeat;
  context_.send(view.entry.primary, messages::RetireAsk{context_.config.id, term_});
}

void Retiree::on_answer(const Moment& now, const NodeId& from, Incarnation incarnation,
                        const messages::RetireAnswer& answer) {
  const ring::PartitionEntry& entry = context_.view->entry;
  const bool of_primary = from == entry.primary && incarnation == entry.primary_incarnation && answer.term == term_;
  if (!of_primary || entry.term != term_ || tail_ || step_) return;
  const PartitionState& own = context_.journal.state();
  const Sequence last = own.position.sequence;
  const Sequence held = answer.held.sequence;
  // What this node has of the primary's own term the primary has, too.
  const auto common = common_prefix(own.history, last, answer.history, std::max(held, last));
  if (common && *common > held) return;  // some counted member may lack it yet: asked again later
  if (common == last) return drop();
  context_.lost_ids.on_given_up(common.value_or(Sequence()), last);
  tail_.emplace(now.steady, TailStart{.partition = context_.config.id, .state = own, .common = common},
                context_.journal.recent(), context_.tasks, context_.config.broken);
  drain_tail();
}

void Retiree::on_log(const Moment& now, TaskId task, const Result<std::vector<messages::LoggedWritePtr>>& writes) {
  if (!tail_) return;
  tail_->on_log(now.steady, task, writes);
  drain_tail();
}

void Retiree::on_exported(const Moment& now, TaskId task, const Result<void>& outcome) {
  if (!tail_) return;
  tail_->on_exported(now.steady, task, outcome);
  drain_tail();
}

void Retiree::drain_tail() {
  context_.take_in(tail_->take_effects());
  if (!tail_->safe() || step_) return;
  // This node may be a member again before their retries are forgotten.
  context_.lost_ids.add(tail_->exported_ids());
  drop();
}

void Retiree::drop() {
  step_.emplace();
  step_->drop_first = true;
}

void Retiree::on_step_persisted() {
  const std::uint64_t lost = tail_ ? tail_->exported_writes() : 0;
  if (lost > 0) context_.tell_event(NodeEvent::Kind::lost_writes, term_, lost);
  context_.tell_event(NodeEvent::Kind::retired, term_, lost);
  context_.tell_coordinator(messages::Retired{context_.config.id});
}

}  // namespace gyre::replication
