#include "replication/progress.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/rng.h"

namespace gyre::replication {

using messages::AppendAck;
using messages::LoggedWritePtr;

Progress::Progress(NodeId node, Generation generation, Instant now)
    : node_(std::move(node)), generation_(generation), begun_at_(now), heard_at_(now), not_following_since_(now) {}

void Progress::restart(Generation generation, Instant now) {
  const Instant lease_until = lease_until_;
  *this = Progress(node_, generation, now);
  lease_until_ = lease_until;
}

// --- What it says ---

void Progress::on_ack(Instant now, Incarnation incarnation, const AppendAck& ack, Duration lease, Context& context) {
  if (incarnation < incarnation_ || ack.echo > now) return;
  // What it acknowledged when it was a member before it may have deleted since.
  if (ack.echo < begun_at_) return;
  if (incarnation > incarnation_) {
    incarnation_ = incarnation;
    leave_following(State::probing, now);
  } else if (ack.sent_at < echo_ || (ack.sent_at == echo_ && ack.position < acknowledged_)) {
    return;  // overtaken by a newer one, which may have left in the same turn
  }
  echo_ = ack.sent_at;
  heard_at_ = now;
  dead_ = false;
  lease_until_ = std::max(lease_until_, ack.echo + lease);
  whole_ = ack.whole;
  switch (ack.state) {
    case AppendAck::State::unmatched: leave_following(State::probing, now); break;
    case AppendAck::State::repairing: leave_following(State::repairing, now); break;
    case AppendAck::State::following: on_position(now, ack, context); break;
  }
}

void Progress::on_dead(Instant tried_at, Duration lease) {
  dead_ = true;
  if (tried_at < lease_until_) lease_until_ = std::max(lease_until_, tried_at + lease);
}

void Progress::leave_following(State state, Instant now) {
  if (state_ == State::following) not_following_since_ = now;
  state_ = state;
  needs_snapshot_ = false;
  log_task_.reset();
}

void Progress::on_position(Instant now, const AppendAck& ack, const Context& context) {
  const Sequence reached = std::min(ack.position.sequence, context.journal.committed());
  const bool regresses = reached < acknowledged_.sequence;
  if (regresses) regressed_from_ = std::max(regressed_from_, acknowledged_.sequence);
  regressed_ = regressed_ || regresses;
  // Once it is out of the in-sync set and has it all again, it is as good as one that never had it.
  if (reached >= regressed_from_ && !context.view->in_sync(node_)) regressed_ = false;
  const bool advanced = reached > acknowledged_.sequence;
  acknowledged_ = {ack.position.term, reached};
  while (!in_flight_.empty() && in_flight_.front().last <= reached) {
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  // An answer to what was sent before the stream went back says nothing new about gaps.
  const bool gap = ack.gap && ack.echo >= rewound_at_;
  if (state_ != State::following || gap || regresses || reached > sent_) rewind_stream(now);
  if (advanced) needs_snapshot_ = false;
  state_ = State::following;
}

void Progress::rewind_stream(Instant now) {
  sent_ = acknowledged_.sequence;
  hastened_ = sent_;
  in_flight_.clear();
  in_flight_bytes_ = 0;
  rewound_at_ = now;
  log_task_.reset();
}

// --- What it is sent ---

messages::Append Progress::message(const AppendHeader& header, Context& context) {
  last_sent_ = header.now;
  messages::Append append;
  append.partition = context.config.id;
  append.term = header.term;
  append.sent_at = header.now;
  append.echo = echo_;
  append.serving = header.serving;
  append.may_wait = header.may_wait;
  append.position = context.journal.state().position;
  append.time = header.time;
  return append;
}

Instant Progress::life_due(Duration interval, PartitionId partition) const {
  const auto seed = static_cast<std::uint64_t>(last_sent_.time_since_epoch().count()) + partition.value();
  const auto part = static_cast<Duration::rep>(Rng(seed).below(1 << 10));
  return last_sent_ + interval - interval / 4 * part / (1 << 10);
}

void Progress::show_life(const AppendHeader& header, Duration interval, Context& context) {
  const bool surely_not = header.now - last_sent_ < interval * 3 / 4;
  if (surely_not || header.now < life_due(interval, context.config.id)) return;
  auto append = message(header, context);
  if (state_ == State::following) {
    append.previous = needs_snapshot_ ? acknowledged_ : context.journal.position_of(sent_);
  } else {
    append.previous = append.position;
  }
  if (state_ == State::probing || needs_snapshot_) append.history = context.journal.state().history;
  context.send(node_, std::move(append));
}

void Progress::pump(const AppendHeader& header, Context& context) {
  send_pages(header, context);
  const bool late =
      !header.may_wait && state_ == State::following && sent_ > std::max(hastened_, acknowledged_.sequence);
  if (!late) return;
  hastened_ = sent_;
  show_life(header, Duration(0), context);
}

void Progress::send_pages(const AppendHeader& header, Context& context) {
  const Sequence committed = context.journal.committed();
  const RecentLog& recent = context.journal.recent();
  while (state_ == State::following && !log_task_ && !needs_snapshot_ && sent_ < committed &&
         in_flight_bytes_ < limits::kStreamBytesInFlightMax) {
    if (!recent.reaches(sent_)) {
      if (sent_ == Sequence()) {
        needs_snapshot_ = true;
        show_life(header, Duration(0), context);
        return;
      }
      log_task_ = context.tasks.next();
      // A small one leaves soon, however little bandwidth there is.
      const std::size_t bytes = paced_ ? limits::kAppendBytesMax : limits::kLogReadBytes;
      context.effects.push_back(ReadLog{*log_task_, sent_, bytes, paced_});
      return;
    }
    send_writes(header, recent.page(sent_, committed, limits::kAppendBytesMax), context);
  }
}

void Progress::send_writes(const AppendHeader& header, std::vector<LoggedWritePtr> writes, Context& context) {
  std::size_t bytes = 0;
  for (const LoggedWritePtr& write : writes) bytes += write->bytes();
  auto append = message(header, context);
  append.previous = context.journal.position_of(sent_);
  sent_ = writes.back()->position.sequence;
  if (!header.may_wait) hastened_ = sent_;
  in_flight_.push_back({sent_, bytes});
  in_flight_bytes_ += bytes;
  append.writes = std::move(writes);
  context.send(node_, std::move(append));
}

bool Progress::on_log(const AppendHeader& header, TaskId task, const Result<std::vector<LoggedWritePtr>>& writes,
                      Context& context) {
  if (task != log_task_) return false;
  log_task_.reset();
  if (!writes) {
    // Any other failure: the log is read again with the next heartbeat.
    needs_snapshot_ = writes.error().code == ErrorCode::not_found;
    if (needs_snapshot_) show_life(header, Duration(0), context);
    return true;
  }
  std::vector<LoggedWritePtr> page;
  std::size_t bytes = 0;
  for (const LoggedWritePtr& write : *writes) {
    page.push_back(write);
    bytes += write->bytes();
    if (bytes < limits::kAppendBytesMax) continue;
    send_writes(header, std::exchange(page, {}), context);
    bytes = 0;
  }
  if (!page.empty()) send_writes(header, std::move(page), context);
  pump(header, context);
  return true;
}

}  // namespace gyre::replication
