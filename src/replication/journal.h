// The writes of a partition on their way to storage, and what this member has promised.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/broken_rule.h"
#include "base/limits.h"
#include "messages/operation.h"
#include "replication/pending_log.h"
#include "replication/persist.h"
#include "replication/recent_log.h"
#include "replication/repair.h"
#include "replication/window.h"

namespace gyre::replication {

// A write is assigned (it has its place), then committed (storage was given it, once a turn), then persisted (as
// durable as the node was told to make it). A primary assigns what it decides, a member what it receives.
//
// INVARIANT 1: persisted <= committed <= assigned; pending() holds the writes behind persisted().
// INVARIANT 2: the history is that of everything assigned, and of the term in office.
// INVARIANT 3: served and promised never go back.
class Journal {
 public:
  Journal(messages::PartitionState stored, std::vector<messages::WindowWrite> window, BrokenRule broken);

  Sequence persisted() const { return persisted_.sequence; }
  Position persisted_position() const { return persisted_; }
  Sequence committed() const { return state_.position.sequence; }
  Sequence assigned() const { return assigned_; }
  // Position as committed; served and promised maybe not durable yet.
  const messages::PartitionState& state() const { return state_; }
  // Of the write with this sequence; {0, 0} where the history does not say. REQUIRES: not behind assigned().
  Position position_of(Sequence sequence) const;
  // What is durable of promises; `synced`: against the death of the machine, too.
  Term promised_durably() const { return promised_durably_; }
  Term promised_synced() const { return promised_synced_; }
  Term served_durably() const { return served_durably_; }
  // The records are those of one position.
  bool whole() const { return state_.position.sequence >= state_.whole_at; }

  PendingLog& pending() { return pending_; }
  const PendingLog& pending() const { return pending_; }
  const RecentLog& recent() const { return recent_; }
  const Window& window() const { return window_; }
  void expire_window(Duration running) { window_.expire(running); }
  void forget_retries() { window_.forget_retries(); }

  // Every other member has the writes up to `held`: few of them stay in memory, or they would be cold when they go.
  void trim_recent(Sequence held) { recent_.trim(held, limits::kRecentLogHeldBytesMax); }

  // REQUIRES: the next sequence (but where the order is broken on purpose).
  void append(messages::LoggedWritePtr write);
  // Accept nothing older than `term`. `synced`: wanted against the death of the machine, too.
  void promise(Term term, bool synced);
  // This member is to be primary of `term`, from the next sequence on, and promises it. REQUIRES: not older than
  // promised.
  void begin_term(Term term);
  // It has waited for all it must, and serves once that is durable.
  void record_served();
  void end_term() { office_ = Term(); }
  // The history of this member is that of its primary up to its last write: an own term without a write goes.
  void match_history();
  // Gives up what is assigned and not committed.
  void drop_uncommitted();

  // Promises, served or history are to be committed.
  bool dirty() const { return dirty_; }
  // What is to be committed, if anything. `step`: of a repair, nothing else then; it is taken once, until it is
  // refused or persisted. `time`: the partition's.
  std::optional<Persist> take(UnixMillis time, const RepairStep* step);
  struct Report {
    bool step = false;  // that of a repair is among it
  };
  Report on_persisted(std::uint64_t id);
  // The last one taken was refused.
  void on_refused();
  // The repair whose step was taken has ended: what is left of it is not reported as a step. Not between take() and the
  // word of storage.
  void disown_step();

  void check_invariants() const;

 private:
  // What a step of a repair took the place of.
  struct BeforeStep {
    messages::PartitionState state;
    Window window;
  };
  // What was taken and is not yet reported as persisted.
  struct Handed {
    std::uint64_t id = 0;
    Position last;
    Term promised;
    Term served;
    bool dirty = false;
    bool synced = false;
    // What was there before.
    Position before;
    Position persisted_before;
    bool step = false;
    std::optional<BeforeStep> before_step;  // while the repair that asked for it goes on
  };

  bool step_is_out() const;
  void persisted_through(Position position);
  void forget_after(Sequence last);
  void begin_office();
  Persist take_step(const RepairStep& step, Handed handed);

  messages::PartitionState state_;
  Position persisted_;
  Sequence assigned_;
  Term office_;  // of the term begun and not ended; 0: none
  bool dirty_ = false;
  bool sync_wanted_ = false;
  Term promised_durably_;
  Term promised_synced_;
  Term served_durably_;
  std::deque<Handed> handed_;
  std::uint64_t last_id_ = 0;
  PendingLog pending_;
  RecentLog recent_;
  Window window_;
  BrokenRule broken_;
};

}  // namespace gyre::replication
