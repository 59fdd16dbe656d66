// A member that is not primary: matches its history to the primary's, applies what comes, gives leases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "messages/request.h"
#include "replication/context.h"
#include "replication/repair.h"

namespace gyre::replication {

// What a member in sync holds without storing it, at most.
inline constexpr std::size_t kGatheredBytesMax = 64 * 1024;

// Life, in each term it hears of: unmatched (it cannot tell how its history and the primary's go together), following
// (all it has is the primary's; it applies the next writes in order), repairing (it gives up a divergent tail, or
// receives a snapshot; then it follows). A new term, and a start of the process, make it unmatched.
//
// INVARIANT 1: it acknowledges only what is persisted and of the primary's history, in a term that is promised durably.
// INVARIANT 2: it accepts nothing older than what it promised, and in one term from one process only.
class Follower {
 public:
  explicit Follower(Context& context) : context_(context) {}

  // The map names the primary of a term.
  void on_primary(Instant now, Term term, const NodeId& primary, Incarnation incarnation);
  void on_append(const Moment& now, const NodeId& from, Incarnation incarnation, messages::Append append);
  void on_fetched(const Moment& now, const NodeId& from, messages::FetchedKeys keys);
  void on_chunk(const Moment& now, const NodeId& from, messages::SnapshotChunk chunk);
  void on_dead(const NodeId& node, Incarnation incarnation);
  // Nothing of this term is accepted any more: a newer one is promised, or this member becomes primary.
  void stop();
  void on_tick(const Moment& now);
  // The copy is damaged: it is fetched again as soon as the primary says what its history is.
  void distrust() { matched_ = false; }
  // Results of work; those of other people's tasks are ignored.
  void on_log(const Moment& now, TaskId task, const Result<std::vector<messages::LoggedWritePtr>>& writes);
  void on_exported(const Moment& now, TaskId task, Result<void> outcome);
  void on_ingested(const Moment& now, TaskId task, const Result<void>& outcome);
  // Storage has what it was given; `step`: that of the repair, too.
  void on_stored(const Moment& now, bool step);
  // What was received and not committed was refused: the storage is stalled. What comes before long would be, too, and
  // the primary sends everything again at each gap that it hears of.
  void on_refused(Instant now);

  // A member in sync commits what it receives at the next tick, together with what comes until then: one commit is for
  // the writes of many moments and partitions then, and one acknowledgement for many writes. False: it is to be
  // committed now, because somebody waits for it or it is much.
  bool gathers() const { return !hastened_ && gathered_ < kGatheredBytesMax; }
  void hasten() { hastened_ = true; }
  // Storage is given what was received.
  void on_taking();
  // This member takes office: it goes on from the latest time that others may go by.
  void tell_heard_time();

  // Of the repair, to be committed; null: none.
  const RepairStep* step() const { return repair_ ? repair_->step() : nullptr; }
  bool repairing() const { return repair_.has_value(); }
  // When a tick is something to it, or its primary has been silent for `window`; the epoch: at the next.
  Instant quiet_until(Instant now, Duration window) const {
    if (repair_ || gathered_ > 0) return {};
    const Duration silent = context_.running.read(now) - heard_;
    return silent > window ? now + window : now + (window - silent) + std::chrono::milliseconds(1);
  }
  // Follows the primary of this term.
  bool following(Term term) const { return matched_ && term_ == term; }
  bool whole() const { return context_.journal.whole() || context_.broken(BrokenRule::repair_is_learner); }
  // Heard the primary of `term` say, within `window` of its own running, that it serves; and not refused since.
  bool alive(Instant now, Term term, const NodeId& primary, Duration window) const;
  // Nothing came from the primary of its term for `window` of its own running.
  bool unheard(Instant now, Duration window) const { return context_.running.read(now) - heard_ > window; }
  // What it holds is at least what the primary had then; the epoch: unknown.
  Instant fresh_at() const { return fresh_at_; }
  // Has had, in this term, everything that its serving primary had at some moment.
  bool caught_up(Term term) const { return following(term) && level_; }
  // How often records of this member were replaced.
  std::uint64_t repairs() const { return repairs_; }

 private:
  // Holds what the primary had at `at` once it has reached `position`.
  struct Freshness {
    Instant at;
    Sequence position;
  };

  // Partition time, once this member has what its primary had then.
  struct HeardTime {
    UnixMillis time;
    Instant at;
    Sequence position;
    UnixMillis served;  // the latest that it said while it served; the epoch: none
  };

  void begin(Instant now, Term term, const NodeId& primary, Incarnation incarnation);
  void hear(const Moment& now, const messages::Append& append);
  void tell_time_reached();
  bool journal_is_stored() const { return context_.journal.assigned() == context_.journal.committed(); }
  void note_freshness(const Moment& now, const messages::Append& append);
  void take_freshness();
  void match(const Moment& now, const messages::Append& append);
  void start_repair(const Moment& now, const messages::TermHistory& theirs, std::optional<Sequence> common,
                    bool snapshot);
  void finish_repair();
  void drain_repair();
  void receive(Instant now, const messages::Append& append);
  bool fits(const messages::LoggedWrite& write, Term term) const;
  void ack(const Moment& now);

  Context& context_;
  Term term_;
  NodeId primary_;
  Incarnation incarnation_;
  bool matched_ = false;
  bool gap_ = false;  // writes are missing behind what was received
  Instant stalled_until_;
  bool hastened_ = false;
  std::size_t gathered_ = 0;  // bytes received and not committed
  std::optional<HeardTime> heard_time_;  // the latest, where it is not told yet
  std::optional<Repair> repair_;
  std::uint64_t repairs_ = 0;
  bool was_away_ = true;  // since the process started, or by a repair

  Instant newest_append_;  // `sent_at` of it
  bool owes_answer_ = false;  // to it
  Instant answered_at_;
  Position acknowledged_;
  // Serving was heard in this term, by the running clock; the start of the process counts as hearing everybody.
  Term heard_term_;
  std::optional<Duration> heard_serving_;
  std::set<NodeId> refused_;  // ever since the start
  Duration heard_{0};  // the last time, by the running clock; the begin of a term counts

  Instant fresh_at_;
  std::optional<Freshness> fresh_next_;
  bool level_ = false;  // fresh_next_ was reached in this term
};

}  // namespace gyre::replication
