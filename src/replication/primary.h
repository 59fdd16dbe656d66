// A member that is primary in one term: its right to serve, what the other members hold, who is in sync.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/request.h"
#include "replication/brake.h"
#include "replication/context.h"
#include "replication/donor.h"
#include "replication/pending_log.h"
#include "replication/progress.h"
#include "replication/write_queue.h"

namespace gyre::replication {

// Life: taking office (the term is made durable, then the leases that this member gave to earlier primaries run out),
// in office, until the term is given up (for a successor, for a seal, because storage failed) or a newer one is heard
// of: then this object ends. It serves while it is in office and holds a lease of every member it counts.
//
// It counts the in-sync set of its entry, and the newcomers that it has asked for or is about to (PROTOCOL.md section
// 5): a superset of what any map can name while it is not told of a newer entry.
//
// INVARIANT 1: nobody is counted in, and asked for, without the right to serve.
// INVARIANT 2: a newcomer asked for is counted until an entry of a higher version is known.
class Primary {
 public:
  // Begins the term. REQUIRES: the map appoints this process.
  Primary(Context& context, const Moment& now, Term term);

  // --- What happens ---

  // A newer map that still has this term.
  void on_view(const Moment& now);
  void on_ack(const Moment& now, const NodeId& from, Incarnation incarnation, const messages::AppendAck& ack);
  void on_dead(const Moment& now, const NodeId& node, Incarnation incarnation, Instant tried_at);
  void on_order(const Moment& now, const messages::Order& order);
  void on_fetch(const Moment& now, const NodeId& from, messages::FetchKeys fetch);
  void on_ask(const Moment& now, const NodeId& from, const messages::SnapshotAsk& ask);
  void on_retire_ask(const Moment& now, const NodeId& from, const messages::RetireAsk& ask);
  void on_tick(const Moment& now);
  // Tells the members, where somebody waits for what they were sent before. Call when somebody begins to.
  void hasten(const Moment& now) {
    if (awaited()) pump_all(now);
  }
  // Takes office if nothing is to be waited for any more. Call when a lease that this member gave has ended early.
  void try_office(const Moment& now);
  // Results of work; those of other people's tasks are ignored.
  void on_log(const Moment& now, TaskId task, const Result<std::vector<messages::LoggedWritePtr>>& writes);
  void on_keys(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> keys);
  void on_snapshot_open(const Moment& now, TaskId task, Result<void> opened);
  void on_snapshot_records(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> records);
  // Storage was given these; refused them; has them, or a promise.
  void on_taken(std::span<const messages::LoggedWritePtr> writes);
  void on_refused();
  void on_stored(const Moment& now);
  // As Partition's.
  Instant quiet_until(Instant now) const;
  // The term is over here: nothing may be asked of this any more.
  void stop(const std::string& why);

  // --- What it may do ---

  Term term() const { return term_; }
  bool serving(Instant now) const;
  // REQUIRES: it is in office.
  Office office() const { return {term_, *in_office_since_}; }
  // ERRORS: unavailable, with the reason.
  Result<void> check_right(Instant now) const;
  // The partition's. It stands still without the right to serve: a later primary may go by another clock already, and
  // nobody may have seen values expire before they do by that.
  UnixMillis time(const Moment& now) const;
  // What so many members hold, this one included (see Waits).
  Sequence held(messages::AckCount level) const;
  // In-sync members by the map are enough for `level`.
  Result<void> check_members(messages::AckCount level) const;
  // The newest change of the key (none: of any) that some counted member may lack.
  Sequence last_change(const std::optional<Bytes>& key);
  // Members lag, and too few would stay without them.
  bool too_many_lag() const { return too_many_lag_; }
  // What holds new writes back.
  Brake& brake() { return brake_; }
  const Brake& brake() const { return brake_; }

  // --- Planned handoff ---

  // Writes wait for it.
  bool handing_over() const { return handover_.has_value(); }
  // The successor has everything, and so has everybody who waits for an answer: the term may be given up.
  bool handed_over(Instant now) const;
  const NodeId& successor() const { return handover_->successor; }
  void end_handover() { handover_.reset(); }

  std::vector<messages::PartitionStatus::Member> status(Instant now) const;
  std::vector<messages::LoadReport::Transfer> transfers() const { return donor_.transfers(); }
  void check_invariants() const;

 private:
  struct Newcomer {
    Generation generation;
    Sequence must_reach;  // everything acknowledged or shown before it was counted
    bool asked = false;
    Instant asked_at;
  };
  // A process that is to leave the in-sync set. The order is repeated while it stands: a target placement may change,
  // and a node that was to leave is wanted again.
  struct Released {
    Incarnation incarnation;
    Instant until;
  };
  struct Handover {
    NodeId successor;
    Instant since;
  };
  // Everything up to `last` was committed by then.
  struct Mark {
    Sequence last;
    Instant at;
  };
  struct Wanted {
    std::vector<ring::InSyncMember> in_sync;
    bool release = false;  // members leave, and only those that were told to or have to
  };

  // Office and leases.
  AppendHeader header(const Moment& now);
  // For who leaves, the others must have what it has.
  bool awaited() const { return handover_ || !released_.empty() || context_.waits.on_members(); }
  void pump_all(const Moment& now);
  bool counted(const NodeId& node) const;
  // Counts nobody besides itself.
  bool alone() const;
  // Call when members, newcomers, or what members hold have changed.
  void recount();
  Duration lag(const Progress& member, Instant now) const;
  void mark_commit(Instant now);
  DonorView donor_view(const Moment& now);

  // The in-sync set.
  bool silent(const Progress& member, Instant now) const;
  bool caught_up(const Progress& member, Instant now) const;
  void count_newcomers(Instant now);
  void uncount_newcomers(Instant now);
  bool all_stay(Instant now) const;
  Wanted wanted(Instant now, bool may_grow);
  void look_at_learners(Instant now);
  bool leaves_planned(const NodeId& node, const std::vector<const Progress*>& stay) const;
  void ask_in_sync(Instant now, bool may_grow);
  bool approached(const Progress& successor, Instant now);

  Context& context_;
  Term term_;
  Sequence inherited_;  // what this member held when the term began
  bool office_recorded_ = false;
  std::optional<Instant> in_office_since_;  // none: not in office yet
  std::map<NodeId, Progress> members_;  // all others of the entry
  std::map<NodeId, Newcomer> newcomers_;  // counted beyond the entry's in-sync set
  std::map<NodeId, Released> released_;
  // By the last recount(), of the other members counted.
  Instant right_until_;  // their first lease to run out
  Sequence held_by_counted_;  // by all of them
  Sequence floor_;  // up to here any key may have changed
  PendingLog unheld_;  // behind it: what some counted member may lack
  std::deque<Mark> marks_;
  bool too_many_lag_ = false;
  Brake brake_;
  std::optional<Handover> approach_;  // asked for, while the successor comes near
  std::optional<Handover> handover_;
  std::optional<Wanted> asked_;  // last, and of which version of the entry
  std::uint64_t asked_version_ = 0;
  Instant asked_at_;
  Donor donor_;
};

}  // namespace gyre::replication
