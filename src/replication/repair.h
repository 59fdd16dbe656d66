// A member's way back to its primary's history: rewinding a divergent tail, or receiving a snapshot
// (PROTOCOL.md sections 8 and 10).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/broken_rule.h"
#include "messages/request.h"
#include "replication/effect.h"
#include "replication/recent_log.h"
#include "replication/retry.h"
#include "replication/tail.h"

namespace gyre::replication {

// What the member does next in its storage; one step at a time.
struct RepairStep {
  bool drop_first = false;
  std::vector<messages::Mutation> repairs;
  std::optional<std::vector<messages::WindowWrite>> window;
  // After it: position, history, whole_at and time. `promised` and `served` are as they were when the repair began; the
  // member puts its own, which may have moved since, in their place.
  messages::PartitionState state;
};

struct RepairStart {
  PartitionId partition;
  NodeId primary;
  Term term;  // the primary's
  messages::PartitionState state;  // the member's own
  messages::TermHistory theirs;
  // Up to here both hold the same; none: unknown, only a snapshot helps. Also when the member lacks what the primary's
  // log no longer has: then it is the member's own position.
  std::optional<Sequence> common;
  // The primary's log does not reach back, or the member was not whole: rewinding is no help. A member that began to
  // rewind under a primary of another term is not whole: what it fetched may be of a history that did not survive.
  bool snapshot = false;
  // Of the snapshot's records, in steps; the rest is ingested.
  std::size_t committed_bytes_max = limits::kSnapshotCommittedBytesMax;
};

// Life: the tail behind `common`, if there is one, is saved (see Tail); then
//  - rewinding: the keys it touched are fetched; one step puts their present records, the position `common` and the
//    sequence until which the member is a learner (state.whole_at) in place;
//  - snapshot: chunk after chunk is asked for and stored; the first step drops what was there, the last one completes.
//    The first records are parts of steps. Where there are many, the others are ingested, which costs far less, and the
//    last step waits for that.
// What is not answered is asked again. Where the contents of the tail are gone the way is the snapshot; so it is with
// more keys or bytes than rewinding takes.
//
// A step leaves the history of just what the member then holds: that of a rewound member ends at `common`, and the
// primary's terms come to it with their writes. Its window holds the primary's writes up to there, for those behind
// come with the stream.
//
// INVARIANT 1: nothing is given up (no step) before the export of the tail was confirmed.
// INVARIANT 2: one step, one task at a time.
// INVARIANT 3: nothing is ingested before the first step is persisted, and the last step comes when all is in place.
class Repair {
 public:
  Repair(Instant now, RepairStart start, const RecentLog& recent, TaskIds& tasks, BrokenRule broken);

  void on_log(Instant now, TaskId task, const Result<std::vector<messages::LoggedWritePtr>>& writes);
  void on_exported(Instant now, TaskId task, const Result<void>& outcome);
  void on_fetched(Instant now, messages::FetchedKeys keys);
  void on_chunk(Instant now, messages::SnapshotChunk chunk);
  void on_ingested(Instant now, TaskId task, const Result<void>& outcome);
  void on_tick(Instant now);

  // The step to commit now, null: none; until the member says that it is persisted. One that storage refused is to be
  // committed again.
  const RepairStep* step() const { return step_ ? &*step_ : nullptr; }
  void on_step_persisted(Instant now);
  // It is given up: lets go of what it holds at the host.
  void close() { drop_ingestion(); }

  bool done() const { return phase_ == Phase::done; }
  // True: it rewinds, or did; false: a snapshot.
  bool rewinding() const { return rewinding_; }
  // The writes exported, or about to be: a retry of them may come by later.
  const std::vector<messages::LostId>& exported_ids() const { return tail_.exported_ids(); }
  // After rewinding: what the primary's window had behind the point where the histories part. Retries may be among it.
  const std::vector<messages::WindowWrite>& written_since() const { return written_since_; }
  // Writes given to the ledger, those without contents included.
  std::uint64_t exported_writes() const { return tail_.exported_writes(); }
  std::vector<Effect> take_effects();

 private:
  enum class Phase : std::uint8_t {
    saving,  // the tail
    fetching,  // the keys it touched
    receiving,  // a snapshot
    done,
  };

  void drain_tail(Instant now);

  void fetch_next(Instant now);
  void ask_keys();
  void finish_rewind();
  void begin_snapshot(Instant now);
  void reset_snapshot();
  void ask_chunk();
  void take(messages::SnapshotChunk chunk);
  bool storing() const { return step_ || (ingestion_ && ingestion_->stage != Ingestion::Stage::open); }
  void on_stored(Instant now);
  void store_next();
  void ingest();
  void finish_ingestion();
  void drop_ingestion();

  void on_progress(Instant now);

  RepairStart start_;
  Phase phase_ = Phase::saving;
  bool rewinding_;
  TaskIds* tasks_;
  BrokenRule broken_;
  Tail tail_;

  Tail::Keys keys_;  // still to fetch
  std::vector<Bytes> asked_;  // with `id_`
  std::vector<messages::Mutation> fetched_;
  std::size_t fetched_bytes_ = 0;
  Position fetched_at_;
  std::vector<messages::WindowWrite> window_;
  std::vector<messages::WindowWrite> written_since_;

  std::uint64_t id_;  // of the last fetch or snapshot
  std::uint64_t chunk_ = 0;  // the one to come
  bool last_received_ = false;
  std::optional<messages::SnapshotChunk> next_;  // came while what was before it is being stored
  std::optional<RepairStep> step_;
  // Of the snapshot that is received:
  std::vector<messages::Mutation> records_;  // to be stored
  std::size_t snapshot_bytes_ = 0;  // of all records so far
  bool emptied_ = false;  // the first step was made
  std::optional<messages::PartitionState> whole_;  // after the last step, which is to be made
  struct Ingestion {
    enum class Stage : std::uint8_t { open, adding, finishing };
    TaskId task;
    Stage stage = Stage::open;
  };
  std::optional<Ingestion> ingestion_;

  Instant progress_;  // the last time something came
  Retry retry_;
  std::vector<Effect> effects_;
};

}  // namespace gyre::replication
