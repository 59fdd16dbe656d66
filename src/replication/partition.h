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
#include "messages/operation.h"
#include "replication/broken_rule.h"
#include "replication/pending_log.h"
#include "ring/cluster_map.h"

namespace gyre::replication {

// One reading of both clocks of a process.
struct Moment {
  Instant steady;
  UnixMillis wall;
};

// Names a request of the host's; comes back with the answer.
using Ticket = Id<struct TicketTag, std::uint64_t>;

// The write `ticket` needs what is stored at `key`: answer with on_current.
struct ReadCurrent {
  Ticket ticket;
  std::size_t operation;  // index within the write
  Bytes key;
};

// The answer of a write. Its changes are persisted.
struct WriteDone {
  Ticket ticket;
  Result<std::vector<messages::WriteOutcome>> result;
};

// An answer to a read that had to wait: what it found in the pending writes (none: deleted), "read the engine now", or
// "what you have found may leave".
struct ReadReady {
  struct FromEngine {};
  struct Release {};
  Ticket ticket;
  Result<std::variant<FromEngine, Release, std::optional<messages::Record>>> result;
};

// For the log: the partition began or ceased to serve here.
struct RoleChanged {
  Term term;
  bool serving = false;
  std::string why;
};

using Effect = std::variant<ReadCurrent, WriteDone, ReadReady, RoleChanged>;

// What must be committed in this turn. `mutations` stay valid until the next call of the machine.
struct Persist {
  std::uint64_t id = 0;  // names it in the report that must follow
  std::span<const messages::Mutation> mutations;
  messages::PartitionState state;  // after them
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
  // `stored`: what this node's storage remembers of the partition. `broken`: of tests only.
  Partition(PartitionId id, NodeId self, Incarnation incarnation, messages::PartitionState stored,
            BrokenRule broken = BrokenRule::none);

  // A newer map's entry for this partition. Call at every new map.
  void on_entry(const Moment& now, const ring::PartitionEntry& entry);

  // A write of at least one operation, all keys of this partition; one WriteDone follows, maybe in this call.
  // ERRORS (in WriteDone): not_primary, unavailable, busy (queue full) and those of evaluate: surely not applied.
  // outcome_unknown: storage failed.
  void on_write(const Moment& now, Ticket ticket, std::vector<messages::WriteOperation> operations);

  // The answer to ReadCurrent. `record` empty: nothing is stored. ERRORS passed in fail the write.
  void on_current(const Moment& now, Ticket ticket, std::size_t operation,
                  Result<std::optional<messages::Record>> record);

  // How to read `key` (none: a whole range): nothing given means read the engine at once, then ask may_answer(). Else
  // a ReadReady follows for `ticket`.
  // ERRORS: not_primary, unavailable.
  enum class ReadPlan : std::uint8_t { engine, wait };
  Result<ReadPlan> on_read(const Moment& now, Ticket ticket, std::optional<Bytes> key);

  // The right to serve, asked again after a value was read and before it leaves. ERRORS: not_primary, unavailable.
  Result<void> may_answer(const Moment& now) const;

  // The same for what was read off the loop: writes committed since then may show in it. False: they are not persisted
  // yet, so it may leave only at the ReadReady (Release) that follows for `ticket`.
  Result<bool> may_leave(const Moment& now, Ticket ticket);

  // What is to be committed, if anything. The host commits it before it calls anything else here, and reports one of:
  std::optional<Persist> take_persist();
  // This and all that was taken before is as durable as the node was told to make it. May come in a later turn.
  void on_persisted(const Moment& now, std::uint64_t id);
  // The commit taken last was refused; nothing of it was applied.
  void on_refused(const Moment& now, const Error& why);
  // The storage failed: what was handed over has an unknown outcome, and this member serves no more.
  void on_storage_failed(const Moment& now, const Error& why);

  std::vector<Effect> take_effects();
  bool has_effects() const { return !effects_.empty(); }

  PartitionId id() const { return id_; }
  bool serving() const;
  // The clock by which values of this partition expire; never goes back.
  UnixMillis time(const Moment& now);
  const messages::PartitionState& state() const { return state_; }
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

  PartitionId id_;
  NodeId self_;
  Incarnation incarnation_;
  BrokenRule broken_;
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
