// Which writes of this node's ledger a retry may still bring back (PROTOCOL.md section 10).
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "messages/loss.h"
#include "replication/effect.h"
#include "replication/retry.h"
#include "replication/window.h"

namespace gyre::replication {

// Knows the ids of what this node gave up, finds their retries in what it holds since, as member or as primary, and has
// the ledger say so once they are stored: from then on, whatever becomes of a retry, its own entry tells.
//
// What is written in the term of the lost write is that write itself, and an id that comes long after was used again.
class LostIds {
 public:
  // `lost`: what the ledger named when the process started.
  LostIds(const std::vector<messages::LostId>& lost, Instant now) : retry_(now) { add(lost); }

  // These were given up, too. Twice is as good as once.
  void add(const std::vector<messages::LostId>& lost);

  // A write of the history to which this member belongs; this member has it, or is to get it from its present primary.
  void on_written(const messages::WriteId& id, Position at, UnixMillis time) {
    if (!lost_.empty()) find(id, at, time);
  }
  // What this member holds came in one piece, or from an earlier process: retries are looked for in its window.
  void look_through(const Window& window);
  // This member gives up what it had behind `last`, up to `assigned`, stored or not.
  void on_given_up(Sequence last, Sequence assigned);
  // What another primary had behind `assigned` need not come any more.
  void on_new_primary(Sequence assigned) { on_given_up(assigned, Sequence(UINT64_MAX)); }

  // There is something to mark, now or later.
  bool waiting() const { return !found_.empty() || !marking_.empty(); }
  // Call where waiting(), at every tick at least. What is stored by now is to be marked: on_marked.
  void progress(Instant now, Sequence stored, TaskIds& tasks, std::vector<Effect>& effects);
  void on_marked(Instant now, TaskId task, const Result<void>& outcome);

 private:
  struct Lost {
    Term term;
    UnixMillis time;
  };
  struct Found {
    messages::WriteId id;
    Position retry;
    std::vector<Lost> lost;
  };
  void find(const messages::WriteId& id, Position at, UnixMillis time);

  std::multimap<messages::WriteId, Lost> lost_;
  UnixMillis until_;  // no retry of them is among writes later than this
  std::vector<Found> found_;
  std::vector<messages::Retried> marking_;
  std::optional<TaskId> task_;
  Retry retry_;
};

}  // namespace gyre::replication
