// A member's way back to its primary's history: rewinding a divergent tail, or receiving a snapshot
// (PROTOCOL.md sections 8 and 10).
#pragma once

#include <optional>
#include <vector>

#include "base/broken_rule.h"
#include "messages/request.h"
#include "replication/effect.h"
#include "replication/recent_log.h"

namespace gyre::replication {

// What the member does next in its storage; one step at a time.
struct RepairStep {
  bool drop_first = false;
  std::vector<messages::Mutation> repairs;
  std::optional<std::vector<messages::WindowWrite>> window;
  messages::PartitionState state;  // after it
};

struct RepairStart {
  PartitionId partition;
  NodeId primary;
  Term term;                       // the primary's
  messages::PartitionState state;  // the member's own
  messages::TermHistory theirs;
  // Up to here both hold the same; none: unknown, only a snapshot helps. Also when the member lacks what the primary's
  // log no longer has: then it is the member's own position.
  std::optional<Sequence> common;
  bool snapshot = false;  // the primary's log does not reach back, or the member was not whole: rewinding is no help
};

// Life: the tail behind `common`, if there is one, is read (from memory, or ReadLog) and exported; then
//  - rewinding: the keys it touched are fetched; one step puts their present records, the position `common` and the
//    sequence until which the member is a learner (state.whole_at) in place;
//  - snapshot: chunk after chunk is asked for and stored; the first step drops what was there, the last one completes.
// What is not answered is asked again. Reading the tail fails (the log does not reach): a LostRange is exported instead
// and the way is the snapshot.
//
// INVARIANT 1: nothing is given up (no step) before the export of the tail was confirmed.
// INVARIANT 2: one step, one task at a time.
class Repair {
 public:
  Repair(const Instant& now, RepairStart start, const RecentLog& recent, TaskIds& tasks, BrokenRule broken);

  void on_log(Instant now, TaskId task, Result<std::vector<messages::LoggedWritePtr>> writes);
  void on_exported(Instant now, TaskId task, Result<void> outcome);
  void on_fetched(Instant now, messages::FetchedKeys keys);
  void on_chunk(Instant now, messages::SnapshotChunk chunk);
  void on_tick(Instant now);

  // The step to commit now. The member calls on_step_persisted() once it is, or on_step_refused() (then it comes again).
  const RepairStep* step() const;
  void on_step_persisted(Instant now);

  bool done() const;
  // The writes exported, by id: a retry of them may come by later.
  const std::vector<messages::WriteId>& exported_ids() const;
  std::uint64_t exported_writes() const;
  std::vector<Effect> take_effects();
};

}  // namespace gyre::replication
