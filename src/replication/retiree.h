// How a node that is no member of a partition any more gives its copy up (PROTOCOL.md sections 5 and 10).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "messages/request.h"
#include "replication/context.h"
#include "replication/repair.h"
#include "replication/tail.h"

namespace gyre::replication {

// Life, for one entry's term: asking (the primary is asked again and again what all it counts hold for sure), saving
// (the tail that the surviving history lacks goes to the ledger), dropping (one step forgets everything but what this
// node has promised and served), done. Whoever has it ends it when the node is a member again; until the step is taken
// nothing has changed, and afterwards the node is an empty member.
//
// Who only just is no member, though it was in touch, asks at once; who was away waits for a while (`from`).
//
// A copy may go once all of it that the surviving history has is held by every counted member, and the rest of it is
// safe: every later history has that too, whoever is primary by then. So a newer term ends only the asking and saving.
//
// INVARIANT: nothing is dropped before the primary has answered, and before the tail is safe.
class Retiree {
 public:
  // Asks from `from` on. REQUIRES: a map is known; nothing is assigned that is not committed.
  Retiree(Context& context, Instant from);

  // Anything that a retirement would delete.
  static bool needed(const messages::PartitionState& state);

  void on_answer(const Moment& now, const NodeId& from, Incarnation incarnation, const messages::RetireAnswer& answer);
  // Results of work; those of other people's tasks are ignored.
  void on_log(const Moment& now, TaskId task, const Result<std::vector<messages::LoggedWritePtr>>& writes);
  void on_exported(const Moment& now, TaskId task, const Result<void>& outcome);
  void on_tick(const Moment& now);

  // The step to commit now, null: none. One that storage refused is to be committed again.
  const RepairStep* step() const { return step_ ? &*step_ : nullptr; }
  void on_step_persisted();

  // What it learnt in this term holds in the entry's newest one.
  bool current() const { return step_ || term_ == context_.view->entry.term; }

 private:
  void drain_tail();
  void drop();

  Context& context_;
  Term term_;
  Instant ask_at_;
  std::optional<Tail> tail_;  // while and after it is saved
  std::optional<RepairStep> step_;
};

}  // namespace gyre::replication
