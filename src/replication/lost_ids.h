// Which writes of this node's ledger a retry may still bring back (PROTOCOL.md section 10).
#pragma once

#include <optional>
#include <vector>

#include "messages/operation.h"
#include "replication/effect.h"
#include "replication/retry.h"
#include "replication/window.h"

namespace gyre::replication {

// Knows the ids of what this node gave up, finds them again in what it holds since, as member or as primary, and has
// the ledger say so once that is stored.
class LostIds {
 public:
  // `ids`: those the ledger names when the process starts; `time`: the partition's time then.
  LostIds(std::vector<messages::WriteId> ids, UnixMillis time, Instant now);

  // These were given up, too.
  void add(const std::vector<messages::WriteId>& ids, UnixMillis time);
  // A write of the history to which this member belongs. Marked once `at` is stored; {}: the primary holds it, which is
  // enough (what this member gets of it may be a snapshot that no longer tells ids).
  void on_written(const messages::WriteId& id, UnixMillis time, Sequence at = {}) {
    if (!ids_.empty()) find(id, time, at);
  }
  // What this member holds came in one piece, or from an earlier process: its retries are looked for in its window.
  void look_through(const Window& window);
  // What this member had behind `last` is given up, stored or not.
  void on_given_up(Sequence last);

  // Call at every turn. The ledger is to mark what is stored by now: on_marked.
  void progress(Instant now, Sequence stored, TaskIds& tasks, std::vector<Effect>& effects);
  void on_marked(Instant now, TaskId task, const Result<void>& outcome);

 private:
  struct Found {
    messages::WriteId id;
    Sequence at;
  };
  void find(const messages::WriteId& id, UnixMillis time, Sequence at);

  std::vector<messages::WriteId> ids_;  // sorted
  UnixMillis until_;  // no retry of them is among writes later than this
  std::vector<Found> found_;
  std::vector<messages::WriteId> marking_;
  std::optional<TaskId> task_;
  Retry retry_;
};

}  // namespace gyre::replication
