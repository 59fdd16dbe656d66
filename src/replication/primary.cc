#include "replication/primary.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/timing.h"

namespace gyre::replication {

using messages::AckCount;
using messages::LoggedWritePtr;

namespace {

constexpr std::size_t kMarksMax = 256;
constexpr Sequence kUnbounded{UINT64_MAX};
// From the end of the last lease: until a tick sees that, and the term is recorded durably, on a disk that is not busy.
constexpr Duration kOfficeTakes = kTick + std::chrono::milliseconds(10);

}  // namespace

Primary::Primary(Context& context, const Moment& now, Term term)
    : context_(context),
      term_(term),
      inherited_(context.journal.assigned()),
      brake_(now.steady),
      donor_(context.config.id, term, context.tasks) {
  context_.journal.begin_term(term);
  context_.clock.run(now);
  if (!context_.broken(BrokenRule::new_primary_floor)) floor_ = context_.journal.assigned();
  on_view(now);
}

void Primary::on_view(const Moment& now) {
  const View& view = *context_.view;
  std::erase_if(members_, [&](const auto& member) { return !view.nodes.contains(member.first); });
  for (const auto& [node, info] : view.nodes) {
    if (node == context_.config.self) continue;
    const auto [member, added] = members_.try_emplace(node, node, info.generation, now.steady);
    if (!added && member->second.generation() != info.generation) {
      member->second.restart(info.generation, now.steady);
    }
    if (view.in_sync(node)) donor_.forget(node);
  }
  std::erase_if(newcomers_, [&](const auto& newcomer) {
    const auto& [node, state] = newcomer;
    // An entry of a higher version has decided, one way or the other; other data is never counted in by this request.
    if (state.asked) return view.entry.version > asked_version_ || !view.present(node, state.generation);
    return !members_.contains(node) || view.in_sync(node);
  });
  std::erase_if(released_, [&](const auto& released) {
    const auto found = view.nodes.find(released.first);
    return found == view.nodes.end() || found->second.incarnation > released.second.incarnation;
  });
  recount();
  try_office(now);
}

// --- Office and leases ---

void Primary::try_office(const Moment& now) {
  if (in_office_since_) return;
  const Journal& journal = context_.journal;
  const bool free = context_.broken(BrokenRule::wait_for_own_grants) || context_.grants->free_at(term_) <= now.steady;
  if (free && !office_recorded_) {
    context_.journal.record_served();
    office_recorded_ = true;
  }
  if (!office_recorded_ || journal.served_durably() < term_) return;
  in_office_since_ = now.steady;
  context_.effects.push_back(RoleChanged{term_, true, "appointed"});
  context_.tell_event(messages::NodeEvent::Kind::serving, term_);
}

bool Primary::alone() const { return held_by_counted_ == kUnbounded; }

bool Primary::counted(const NodeId& node) const { return context_.view->in_sync(node) || newcomers_.contains(node); }

void Primary::recount() {
  right_until_ = kNever;
  held_by_counted_ = kUnbounded;
  Sequence held_by_all = context_.journal.persisted();
  for (auto& [node, member] : members_) {
    const bool follows = member.state() == Progress::State::following;
    held_by_all = std::min(held_by_all, follows ? member.acknowledged().sequence : Sequence());
    const bool waited_for = counted(node);
    member.set_paced(!waited_for && !brake_.helps(node));
    if (!waited_for) continue;
    right_until_ = std::min(right_until_, member.lease_until());
    held_by_counted_ = std::min(held_by_counted_, member.acknowledged().sequence);
  }
  if (context_.broken(BrokenRule::lease_of_every_member)) right_until_ = kNever;
  Journal& journal = context_.journal;
  journal.trim_recent(held_by_all);
  unheld_.drop_through(alone() ? journal.committed() : std::min(held_by_counted_, journal.persisted()));
}

bool Primary::serving(Instant now) const { return in_office_since_ && now < right_until_; }

Result<void> Primary::check_right(Instant now) const {
  if (serving(now)) return {};
  const auto id = context_.config.id.value();
  if (!in_office_since_) {
    const Duration left = context_.grants->free_at(term_) - now;
    // How long a disk takes nobody knows.
    const Duration takes = left > Duration(0) ? left + kOfficeTakes : Duration(0);
    return fail(Error{.code = ErrorCode::unavailable,
                      .message = fmt::format("partition {} is taking office in term {}", id, term_.value()),
                      .retry_after = std::chrono::ceil<std::chrono::milliseconds>(takes)});
  }
  for (const auto& [node, member] : members_) {
    if (counted(node) && member.lease_until() <= now) {
      return fail(ErrorCode::unavailable, fmt::format("partition {} waits for a lease of {}", id, node.str()));
    }
  }
  return fail(ErrorCode::unavailable, fmt::format("partition {} waits for a newer map", id));
}

UnixMillis Primary::time(const Moment& now) const {
  return serving(now.steady) ? context_.clock.read(now) : context_.clock.latest();
}

Sequence Primary::held(AckCount level) const {
  const Sequence own = context_.journal.persisted();
  if (level == messages::kAckOne) return own;
  if (level == messages::kAckAll) return std::min(own, held_by_counted_);
  std::vector<Sequence> others;
  for (const auto& [node, member] : members_) {
    const bool counts = context_.view->in_sync(node) || context_.broken(BrokenRule::ack_counts_in_sync);
    if (counts) others.push_back(member.acknowledged().sequence);
  }
  std::ranges::sort(others, std::greater());
  const std::size_t needed = level - std::size_t{1};
  return others.size() < needed ? Sequence(0) : std::min(own, others[needed - 1]);
}

Result<void> Primary::check_members(AckCount level) const {
  const std::size_t in_sync = context_.view->in_sync_size();
  const std::size_t needed = level == messages::kAckAll ? context_.view->min_in_sync : level;
  if (in_sync >= needed) return {};
  return fail(ErrorCode::no_replicas, fmt::format("partition {} has {} members in sync, and the write asks for {}",
                                                  context_.config.id.value(), in_sync, needed));
}

Sequence Primary::last_change(const std::optional<Bytes>& key) {
  if (!key) return context_.journal.committed();
  const messages::Mutation* change = unheld_.find(*key);
  return change != nullptr ? change->record.version.sequence : floor_;
}

// --- The members' streams ---

AppendHeader Primary::header(const Moment& now) {
  return {.now = now.steady, .term = term_, .serving = serving(now.steady), .may_wait = !awaited(), .time = time(now)};
}

void Primary::pump_all(const Moment& now) {
  if (context_.journal.promised_durably() < term_) return;
  const AppendHeader head = header(now);
  for (auto& [node, member] : members_) {
    member.pump(head, context_);
    member.show_life(head, context_.view->timing.heartbeat, context_);
  }
}

void Primary::on_ack(const Moment& now, const NodeId& from, Incarnation incarnation, const messages::AppendAck& ack) {
  const auto found = members_.find(from);
  if (found == members_.end() || ack.term != term_ || ack.refused) return;
  if (!context_.view->present(from, ack.generation)) return;
  found->second.on_ack(now.steady, incarnation, ack, context_.view->timing.lease_counted(), context_);
  recount();
  found->second.pump(header(now), context_);
}

void Primary::on_dead(const Moment& now, const NodeId& node, Incarnation incarnation, Instant tried_at) {
  const auto found = members_.find(node);
  if (found != members_.end()) {
    Progress& member = found->second;
    const Incarnation newest = std::max(member.incarnation(), context_.view->nodes.at(node).incarnation);
    if (incarnation >= newest) member.on_dead(tried_at, context_.view->timing.lease_counted());
  }
  recount();
  try_office(now);
}

void Primary::on_log(const Moment& now, TaskId task, const Result<std::vector<LoggedWritePtr>>& writes) {
  const AppendHeader head = header(now);
  for (auto& [node, member] : members_) {
    if (member.on_log(head, task, writes, context_)) return;
  }
}

void Primary::on_taken(std::span<const LoggedWritePtr> writes) {
  if (alone()) return;
  for (const LoggedWritePtr& write : writes) unheld_.append(write);
  // What memory no longer has of it, because a member is away for long, may be any key.
  const RecentLog& recent = context_.journal.recent();
  if (unheld_.empty() || recent.empty() || recent.first() <= unheld_.first()) return;
  floor_ = std::max(floor_, Sequence(recent.first().value() - 1));
  unheld_.drop_through(floor_);
}

void Primary::on_refused() { unheld_.truncate_after(context_.journal.committed()); }

void Primary::on_stored(const Moment& now) {
  mark_commit(now.steady);
  recount();
  try_office(now);
  pump_all(now);
}

void Primary::stop(const std::string& why) {
  donor_.close();
  context_.take_in(donor_.take_effects());
  if (!in_office_since_) return;
  context_.grants->on_served(term_);
  context_.effects.push_back(RoleChanged{term_, false, why});
  context_.tell_event(messages::NodeEvent::Kind::stopped, term_, 0, why);
}

// --- Lag ---

void Primary::mark_commit(Instant now) {
  const Sequence committed = context_.journal.committed();
  if (!marks_.empty() && committed <= marks_.back().last) return;
  if (!marks_.empty() && now - marks_.back().at < kTick) {
    marks_.back().last = committed;
    return;
  }
  marks_.push_back({committed, now});
  if (marks_.size() > kMarksMax) marks_.pop_front();
}

// Age of the oldest write that the member lacks.
Duration Primary::lag(const Progress& member, Instant now) const {
  if (member.state() != Progress::State::following) return now - member.not_following_since();
  if (marks_.empty() || member.acknowledged().sequence >= marks_.back().last) return Duration(0);
  const auto lacking = std::ranges::upper_bound(marks_, member.acknowledged().sequence, {}, &Mark::last);
  return lacking == marks_.end() ? Duration(0) : now - lacking->at;
}

// --- Repairs of others ---

DonorView Primary::donor_view(const Moment& now) {
  const Journal& journal = context_.journal;
  return {.state = journal.state(), .window = journal.window(), .time = time(now)};
}

void Primary::on_fetch(const Moment& now, const NodeId& from, messages::FetchKeys fetch) {
  if (fetch.term != term_ || !members_.contains(from)) return;
  donor_.on_fetch(now.steady, from, std::move(fetch));
  context_.take_in(donor_.take_effects());
}

void Primary::on_ask(const Moment& now, const NodeId& from, const messages::SnapshotAsk& ask) {
  if (ask.term != term_ || !members_.contains(from)) return;
  donor_.on_ask(now.steady, donor_view(now), from, ask);
  context_.take_in(donor_.take_effects());
}

void Primary::on_keys(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> keys) {
  donor_.on_keys(now.steady, donor_view(now), task, std::move(keys));
  context_.take_in(donor_.take_effects());
}

void Primary::on_snapshot_open(const Moment& now, TaskId task, Result<void> opened) {
  donor_.on_snapshot_open(now.steady, task, std::move(opened));
  context_.take_in(donor_.take_effects());
}

void Primary::on_snapshot_records(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> records) {
  donor_.on_snapshot_records(now.steady, donor_view(now), task, std::move(records));
  context_.take_in(donor_.take_effects());
}

// What all counted members hold, no later primary lacks. Of that only a member of enough of them speaks.
void Primary::on_retire_ask(const Moment& now, const NodeId& from, const messages::RetireAsk& ask) {
  const View& view = *context_.view;
  if (ask.term != term_ || view.entry.has_member(from)) return;
  if (!serving(now.steady) || view.in_sync_size() < view.min_in_sync) return;
  const Journal& journal = context_.journal;
  context_.send(from, messages::RetireAnswer{.partition = context_.config.id,
                                             .term = term_,
                                             .held = journal.position_of(held(messages::kAckAll)),
                                             .history = journal.state().history});
}

// --- Status ---

std::vector<messages::PartitionStatus::Member> Primary::status(Instant now) const {
  std::vector<messages::PartitionStatus::Member> all;
  for (const auto& [node, member] : members_) {
    const std::uint64_t own = context_.journal.committed().value();
    all.push_back({.node = node,
                   .acknowledged = member.acknowledged(),
                   .behind = own - member.acknowledged().sequence.value(),
                   .lag_ms = member.incarnation() == Incarnation() ? -1 : to_ms(lag(member, now)),
                   .lease_left_ms = to_ms(member.lease_until() - now),
                   .counted = counted(node)});
  }
  return all;
}

void Primary::check_invariants() const {
  GYRE_ASSERT(context_.journal.state().promised >= term_);
  GYRE_ASSERT(!in_office_since_ || context_.journal.served_durably() >= term_);
  for (const auto& [node, newcomer] : newcomers_) GYRE_ASSERT(!newcomer.asked || asked_version_ > 0);
}

}  // namespace gyre::replication
