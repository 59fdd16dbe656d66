// Who is in sync, and the planned handoff: what a primary asks of the coordinator.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "replication/primary.h"

namespace gyre::replication {

namespace {

// A member that lacks a write of this age leaves the in-sync set.
constexpr Duration kLagMax = std::chrono::seconds(1);
// A successor has so long to come near before writes wait for it; below what a coordinator waits for a handoff.
constexpr Duration kApproach = std::chrono::seconds(1);

// Goes on only once it has left the in-sync set.
bool repairing(const Progress& member) { return member.state() == Progress::State::repairing; }

}  // namespace

void Primary::on_tick(const Moment& now) {
  try_office(now);
  donor_.on_tick(now.steady);
  context_.take_in(donor_.take_effects());
  pump_all(now);
  if (handover_ && now.steady - handover_->since > context_.view->timing.detection) handover_.reset();
  if (!in_office_since_ && !context_.broken(BrokenRule::only_primary_grows)) return;
  std::erase_if(released_, [&](const auto& released) { return released.second.until <= now.steady; });
  if (brake_.due(now.steady)) look_at_learners(now.steady);
  const bool may_grow = serving(now.steady) || context_.broken(BrokenRule::only_primary_grows);
  if (may_grow) count_newcomers(now.steady);
  uncount_newcomers(now.steady);
  ask_in_sync(now.steady, may_grow);
}

bool Primary::silent(const Progress& member, Instant now) const {
  return member.dead() || now - member.heard_at() > context_.view->timing.detection;
}

// Follows so closely that waiting for it costs nothing. How old the writes are that were there before this term, nobody
// knows here: one who lacks some is behind.
bool Primary::caught_up(const Progress& member, Instant now) const {
  const Timing& timing = context_.view->timing;
  return member.state() == Progress::State::following && member.whole() && !member.regressed() && !member.dead() &&
         member.acknowledged().sequence >= inherited_ && now - member.heard_at() <= 2 * timing.heartbeat &&
         lag(member, now) <= timing.heartbeat;
}

void Primary::count_newcomers(Instant now) {
  for (const auto& [node, member] : members_) {
    if (counted(node) || released_.contains(node) || !caught_up(member, now)) continue;
    if (member.lease_until() <= now && !context_.broken(BrokenRule::only_primary_grows)) continue;
    newcomers_.emplace(node, Newcomer{member.generation(), context_.journal.committed(), false, {}});
  }
  recount();
}

// Also of a primary that lacks its right to serve: what it waits for may be the lease of a newcomer that is gone, and
// that nobody else knows of.
void Primary::uncount_newcomers(Instant now) {
  const View& view = *context_.view;
  std::erase_if(newcomers_, [&](const auto& entry) {
    const auto& [node, newcomer] = entry;
    const Progress& member = members_.at(node);
    if (newcomer.asked) {
      return context_.broken(BrokenRule::newcomer_counts) && now - newcomer.asked_at > view.timing.detection;
    }
    // Nobody was told of it yet.
    return newcomer.generation != member.generation() || silent(member, now) || lag(member, now) > kLagMax ||
           member.lease_until() <= now;
  });
  recount();
}

// Whether writes have to wait for somebody who cannot catch up otherwise.
void Primary::look_at_learners(Instant now) {
  const View& view = *context_.view;
  if (approach_ && now - approach_->since > 2 * kApproach) approach_.reset();
  std::vector<Brake::Learner> learners;
  for (const auto& [node, member] : members_) {
    const bool wanted = !view.in_sync(node) && !released_.contains(node);
    const bool successor = approach_ && approach_->successor == node;
    if (!(wanted || successor) || silent(member, now) || member.regressed()) continue;
    using State = Brake::Learner::State;
    State state = repairing(member) ? State::snapshot : State::other;
    if (member.state() == Progress::State::following) state = State::following;
    learners.push_back({.node = node,
                        .state = state,
                        .close = lag(member, now) <= view.timing.heartbeat,
                        .acknowledged = member.acknowledged().sequence,
                        .snapshots = donor_.snapshots_of(node)});
  }
  brake_.look(now, context_.journal.committed(), learners);
  recount();
}

bool Primary::leaves_planned(const NodeId& node, const std::vector<const Progress*>& stay) const {
  if (!released_.contains(node)) return false;
  const Sequence reached = members_.at(node).acknowledged().sequence;
  return std::ranges::all_of(stay, [&](const Progress* member) {
    return released_.contains(member->node()) || member->acknowledged().sequence >= reached;
  });
}

// Nothing is to be asked, as nearly always.
bool Primary::all_stay(Instant now) const {
  const View& view = *context_.view;
  if (!newcomers_.empty() || !released_.empty()) return false;
  const auto* self = view.entry.find_in_sync(context_.config.self);
  if (self == nullptr || self->generation != context_.config.generation) return false;
  std::size_t staying = 1;
  for (const auto& [node, member] : members_) {
    if (!view.in_sync(node)) continue;
    if (silent(member, now) || member.regressed() || repairing(member) || lag(member, now) > kLagMax) return false;
    ++staying;
  }
  return staying == view.entry.in_sync.size();
}

// The in-sync set that is best now. A newcomer asked for stays in it, for the request may land at any time.
Primary::Wanted Primary::wanted(Instant now, bool may_grow) {
  const View& view = *context_.view;
  std::vector<const Progress*> stay;
  std::vector<const Progress*> lagging;
  bool dropped = false;
  for (const auto& [node, member] : members_) {
    if (!view.in_sync(node)) continue;
    if (silent(member, now) || member.regressed()) {
      dropped = true;
    } else {
      (!repairing(member) && lag(member, now) > kLagMax ? lagging : stay).push_back(&member);
    }
  }
  // Those who lag least stay where too few would be left; then writes wait for them.
  std::ranges::stable_sort(lagging, {}, [&](const Progress* member) { return lag(*member, now); });
  too_many_lag_ = false;
  for (const Progress* member : lagging) {
    if (stay.size() + 1 < view.min_in_sync) {
      stay.push_back(member);
      too_many_lag_ = true;
    } else {
      dropped = true;
    }
  }
  Wanted wanted;
  wanted.in_sync.push_back({context_.config.self, context_.config.generation});
  for (const Progress* member : stay) {
    // Those who leave by themselves do so alone: however few stay, nobody is to be promoted for it.
    if (!dropped && (repairing(*member) || leaves_planned(member->node(), stay))) {
      wanted.release = true;
    } else {
      wanted.in_sync.push_back({member->node(), member->generation()});
    }
  }
  for (const auto& [node, newcomer] : newcomers_) {
    const Progress& member = members_.at(node);
    const bool reached =
        member.acknowledged().sequence >= newcomer.must_reach || context_.broken(BrokenRule::newcomer_reaches_position);
    const bool fit = reached && newcomer.generation == member.generation() && caught_up(member, now);
    if (newcomer.asked || (may_grow && fit)) wanted.in_sync.push_back({node, newcomer.generation});
  }
  std::ranges::sort(wanted.in_sync);
  return wanted;
}

// A request is repeated until the entry's version moves; what was asked once may be asked again without the right to
// serve, as the network may double it.
void Primary::ask_in_sync(Instant now, bool may_grow) {
  if (all_stay(now)) {
    too_many_lag_ = false;
    return asked_.reset();
  }
  const ring::PartitionEntry& entry = context_.view->entry;
  auto present = entry.in_sync;
  std::ranges::sort(present);
  Wanted want = wanted(now, may_grow);
  if (want.in_sync == present) return asked_.reset();
  const bool repeated = asked_ && asked_version_ == entry.version && asked_->in_sync == want.in_sync;
  if (repeated && now - asked_at_ < context_.view->timing.heartbeat) return;
  for (auto& [node, newcomer] : newcomers_) {
    const bool asked = std::ranges::find(want.in_sync, node, &ring::InSyncMember::node) != want.in_sync.end();
    if (!asked || newcomer.asked) continue;
    newcomer.asked = true;
    newcomer.asked_at = now;
  }
  context_.tell_coordinator(messages::SetInSync{.partition = context_.config.id,
                                                .term = term_,
                                                .version = entry.version,
                                                .in_sync = want.in_sync,
                                                .release = want.release});
  asked_ = std::move(want);
  asked_version_ = entry.version;
  asked_at_ = now;
}

// --- Orders ---

void Primary::on_order(const Moment& now, const messages::Order& order) {
  const auto found = members_.find(order.node);
  if (order.term != term_ || found == members_.end() || !serving(now.steady)) return;
  const Progress& member = found->second;
  if (order.kind == messages::Order::Kind::release) {
    // A late order is about a process that is gone.
    if (order.incarnation != context_.view->nodes.at(order.node).incarnation) return;
    released_.insert_or_assign(order.node, Released{order.incarnation, now.steady + context_.view->timing.detection});
    const auto newcomer = newcomers_.find(order.node);
    if (newcomer != newcomers_.end() && !newcomer->second.asked) newcomers_.erase(newcomer);
    recount();
    return hasten(now);
  }
  const bool able = context_.view->in_sync(order.node) && member.state() == Progress::State::following &&
                    member.lease_until() > now.steady && !silent(member, now.steady);
  if (!able || handover_ || !approached(member, now.steady)) return;
  handover_ = Handover{order.node, now.steady};
  hasten(now);
}

// What a successor lacks is how long writes wait: it comes near first, unless that takes too long.
bool Primary::approached(const Progress& successor, Instant now) {
  if (lag(successor, now) <= context_.view->timing.heartbeat) return true;
  if (!approach_ || approach_->successor != successor.node()) {
    approach_ = Handover{successor.node(), now};
    brake_.hurry(now, successor.node());
    recount();
  }
  return now - approach_->since >= kApproach;
}

bool Primary::handed_over(Instant now) const {
  if (!handover_ || !serving(now)) return false;
  const auto successor = members_.find(handover_->successor);
  if (successor == members_.end() || !context_.view->in_sync(handover_->successor)) return false;
  const Journal& journal = context_.journal;
  return successor->second.lease_until() > now && journal.persisted() == journal.assigned() &&
         successor->second.acknowledged().sequence >= journal.assigned() && context_.waits.empty();
}

}  // namespace gyre::replication
