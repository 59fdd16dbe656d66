// The machine of one partition on one node: orders its writes, and decides what may be read.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/request.h"
#include "replication/effect.h"
#include "base/broken_rule.h"
#include "replication/pending_log.h"
#include "ring/cluster_map.h"

namespace gyre::replication {

struct PartitionConfig {
  PartitionId id;
  NodeId self;
  Incarnation incarnation;
  Generation generation;
  bool loses_nothing = true;  // false: this start may lack writes that were acknowledged (a new generation)
  Instant started;  // when the process started: it may have given leases until then
  BrokenRule broken = BrokenRule::none;  // of tests only
};

// What a read asks for. No key: the whole partition (a scan).
struct ReadRequest {
  std::optional<Bytes> key;
  messages::ReadConsistency read;
};

// What must be committed in this turn, in this order. Spans stay valid until the next call of the machine.
struct Persist {
  std::uint64_t id = 0;  // names it in the report that must follow
  bool drop_first = false;
  std::span<const messages::LoggedWritePtr> writes;
  std::span<const messages::Mutation> repairs;
  std::optional<std::vector<messages::WindowWrite>> window;
  messages::PartitionState state;  // after them
  bool synced = false;  // report it as persisted only after a sync, whatever the node's durability
};

// Life: a partition is Idle until a map appoints this very process its primary. It then makes the new term durable
// (Primary, taking office), serves (Primary), and is Idle again when a newer term appoints another, or its storage
// fails, for good (Broken).
//
// Writes pass through in order: what depends on a stored value waits at the head of the queue until the host has read
// it; the rest gets its sequence at once. The host takes what is pending once a turn, commits it, and reports back;
// only then answers leave. A write, also one of many operations, has one sequence.
//
// Reads of a key whose newest write is pending wait until that is persisted: no answer ever shows what a crash could
// still take back.
//
// INVARIANT 1: persisted_ <= committed_ <= assigned_; pending_ holds exactly the writes behind persisted_.
// INVARIANT 2: only a Primary has pending writes, queued requests or waiting answers.
// INVARIANT 3: terms and sequences never go back.
class Partition {
 public:
  // `stored`, `window`: what this node's storage remembers of the partition.
  Partition(PartitionConfig config, messages::PartitionState stored, std::vector<messages::WindowWrite> window);

  // --- Map and peers ---

  // A newer map. Call at every new map; it must be read from the store after this process started.
  void on_map(const Moment& now, const ring::ClusterMap& map);
  // Append, AppendAck, GivenUp, FetchKeys, FetchedKeys, SnapshotAsk, SnapshotChunk from the process `from`.
  void on_peer(const Moment& now, const NodeId& from, Incarnation incarnation, messages::Message message);
  // Proof of death: the peer port of this process refuses connections, or a later process has its place.
  void on_peer_dead(const Moment& now, const NodeId& node, Incarnation incarnation);
  // The coordinator's questions.
  bool on_poll(const Moment& now, Term term, const NodeId& suspect);
  // A SealAnswer of one item follows (TellCoordinator) once the promise is durable.
  void on_seal(const Moment& now, Term term);
  void on_order(const Moment& now, const messages::Order& order);
  // Call every kTick.
  void on_tick(const Moment& now);
  // Gives leases and acknowledgements no more, and hands over if it is primary: the process stops.
  void on_stopping(const Moment& now);

  // --- Requests ---

  // A write of at least one operation, all keys of this partition; one WriteDone follows, maybe in this call.
  // ERRORS (in WriteDone): not_primary, unavailable, busy (queue or window full, members lag), no_replicas and those of
  // evaluate: surely not applied. outcome_unknown: storage failed, the right to serve was lost, or the id is too old.
  void on_write(const Moment& now, Ticket ticket, messages::WriteRequest request);

  // The answer to ReadCurrent. `record` empty: nothing is stored. ERRORS passed in fail the write.
  void on_current(const Moment& now, Ticket ticket, std::size_t operation,
                  Result<std::optional<messages::Record>> record);

  // How to read: `engine` means read the engine at once, then ask may_leave(). `wait`: a ReadReady follows.
  // ERRORS: not_primary, unavailable, behind, session_lost, busy.
  enum class ReadPlan : std::uint8_t { engine, wait };
  Result<ReadPlan> on_read(const Moment& now, Ticket ticket, const ReadRequest& request);

  // May what was read leave? Asked after the value was read, with a fresh clock reading. `off_loop`: it was not read in
  // this very turn, so writes committed since on_read may show in it. False: a ReadReady (Release) follows.
  // ERRORS: as on_read.
  Result<bool> may_leave(const Moment& now, Ticket ticket, const ReadRequest& request, bool off_loop);
  // For the answer, taken when it leaves: what a session has now seen.
  messages::Standing standing(Position seen) const;

  // --- Storage ---

  // What is to be committed, if anything. The host commits it before it calls anything else here, and reports one of:
  std::optional<Persist> take_persist();
  // This and all that was taken before is as durable as the node was told to make it. May come in a later turn.
  void on_persisted(const Moment& now, std::uint64_t id);
  // The commit taken last was refused; nothing of it was applied.
  void on_refused(const Moment& now, const Error& why);
  // The storage failed: what was handed over has an unknown outcome, and this member serves no more.
  void on_storage_failed(const Moment& now, const Error& why);

  // --- Results of work ---

  void on_log(const Moment& now, TaskId task, Result<std::vector<messages::LoggedWritePtr>> writes);
  void on_keys(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> keys);
  void on_snapshot_open(const Moment& now, TaskId task, Result<void> opened);
  // No records: the snapshot is at its end.
  void on_snapshot_records(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> records);
  void on_exported(const Moment& now, TaskId task, Result<void> outcome);

  std::vector<Effect> take_effects();
  bool has_effects() const { return !effects_.empty(); }

  PartitionId id() const { return config_.id; }
  // Primary, in office, and with the right to serve now.
  bool serving(const Moment& now) const;
  // The clock by which values of this partition expire here; never goes back. A primary's runs on by itself, a
  // member's only with what its primary says.
  UnixMillis time(const Moment& now);
  const messages::PartitionState& state() const { return state_; }
  messages::PartitionStatus status(const Moment& now) const;
  // A promise above the term of the newest entry, if there is one: the coordinator has to finish it.
  std::optional<Term> open_promise() const;
  // Member of the partition by the newest entry, in sync, and able to be promoted; or no member at all.
  bool settled(const Moment& now) const;
  // Asserts the invariants above.
  void check_invariants() const;

 private:
  struct Idle {
    std::string why = "this node has no cluster map yet";
    ErrorCode code = ErrorCode::unavailable;
  };
  struct Primary {
    Term term;
    bool in_office = false;  // the term is durable
  };
  struct Broken {
    std::string why;
  };
  using Role = std::variant<Idle, Primary, Broken>;

  // A request that waits for its turn: a write, or a read that came behind one.
  struct Queued {
    Ticket ticket;
    std::vector<messages::WriteOperation> operations;  // empty: a read
    std::optional<Bytes> read_key;
    std::vector<std::optional<messages::Record>> current;  // by operation, as they arrive
    std::size_t reads_open = 0;
    bool started = false;
  };
  // An answer that leaves once `after` is persisted.
  struct Waiting {
    Sequence after;
    Effect effect;
  };
  // What take_persist gave out and is not yet reported as persisted.
  struct Handed {
    std::uint64_t id;
    Position before;  // what was committed before it
    Sequence last;
    bool term;  // it records the term
  };
  // Partition time runs on from `at` with the steady clock.
  struct TimeBase {
    UnixMillis at;
    Instant steady;
  };

  Result<void> check_office() const;
  void start_term(const ring::PartitionEntry& entry);
  void step_down(Role role, const Error& error);
  void drain_queue(const Moment& now);
  bool start_reads(Queued& write);
  void apply(const Moment& now, Queued& write);
  Result<std::vector<messages::WriteOutcome>> evaluate_all(const Moment& now, const Queued& write);
  void plan_queued_read(const Queued& read);
  void answer_after(Sequence sequence, Effect effect);
  void fail_waiting(Sequence after, const Error& error);
  void fail_queue(const Error& error);

  PartitionConfig config_;
  Role role_ = Idle{};
  Term seen_;  // highest term of any entry seen
  messages::PartitionState state_;  // position as committed; history and served run ahead while taking office
  Sequence persisted_;
  Sequence committed_;  // the last sequence that storage was given
  Sequence assigned_;  // the last sequence given to a write
  bool term_dirty_ = false;  // history and served must be committed
  std::deque<Handed> handed_;
  std::uint64_t last_handed_id_ = 0;
  PendingLog pending_;
  std::deque<Queued> queue_;
  std::deque<Waiting> waiting_;
  std::vector<Effect> effects_;
  TimeBase time_base_;
};

}  // namespace gyre::replication
