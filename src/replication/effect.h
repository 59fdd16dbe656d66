// What the machine of a partition asks of its host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::replication {

// One reading of both clocks of a process.
struct Moment {
  Instant steady;
  UnixMillis wall;
};

// Names a request of the host's; comes back with the answer.
using Ticket = Id<struct TicketTag, std::uint64_t>;
// Names a piece of work that the machine asked the host for; comes back with the result.
using TaskId = Id<struct TaskTag, std::uint64_t>;

// Gives each piece of work its name; one for each machine.
class TaskIds {
 public:
  TaskId next() { return last_ = last_.next(); }

 private:
  TaskId last_;
};

// --- Effects: answers ---

// The write `ticket` needs what is stored at `key`: answer with on_current.
struct ReadCurrent {
  Ticket ticket;
  std::size_t operation;  // index within the write
  Bytes key;
};

// The answer of a write.
struct WriteDone {
  Ticket ticket;
  Result<messages::WriteResponse> result;
};

// An answer to a read that had to wait: what it found in the pending writes (none: deleted), "read the engine now, then
// ask may_leave", or "what you have found may leave".
struct ReadReady {
  struct FromEngine {};
  struct Release {};
  Ticket ticket;
  Result<std::variant<FromEngine, Release, std::optional<messages::Record>>> result;
};

// --- Effects: messages ---

struct Send {
  NodeId to;
  messages::Message message;
};

struct TellCoordinator {
  messages::Message message;
};

// --- Effects: work. Each is answered once by the call named, unless the process dies; results that came too late are
// ignored by the machine.

// Read logged writes behind `after`, off the loop: on_log.
struct ReadLog {
  TaskId task;
  Sequence after;
  std::size_t bytes_max;
  bool paced = false;  // nobody waits for it but a learner: it comes when the host has bandwidth to spare
};
// Read the present records of these keys, expired ones too, off the loop: on_keys, maybe of the first of them only.
struct ReadKeys {
  TaskId task;
  std::vector<Bytes> keys;
};
// Take a snapshot now, on the loop: on_snapshot_open. It stays until closed.
struct OpenSnapshot {
  TaskId task;
};
// The next records of an open snapshot, off the loop, and when the host has bandwidth to spare: on_snapshot_records.
struct ReadSnapshot {
  TaskId task;
};
struct CloseSnapshot {
  TaskId task;
};
// Bring these records, in key order and behind all before of the same task, to the store, off the loop:
// on_ingested. The first ones begin it; it stays until it is finished or dropped.
struct IngestRecords {
  TaskId task;
  std::vector<messages::Mutation> records;
};
// Put all of it into the store, durably, off the loop: on_ingested.
struct FinishIngestion {
  TaskId task;
};
// Forget it. What is under way may still be put in place.
struct DropIngestion {
  TaskId task;
};
// Write these losses to the ledger, off the loop: on_exported.
struct ExportLosses {
  TaskId task;
  std::vector<messages::Loss> losses;
};
// Mark what these retries have brought back, in the ledger, off the loop: on_marked.
struct MarkReapplied {
  TaskId task;
  std::vector<messages::Retried> retries;
};

// For the log: the partition began or ceased to serve here.
struct RoleChanged {
  Term term;
  bool serving = false;
  std::string why;
};

using Effect = std::variant<ReadCurrent, WriteDone, ReadReady, Send, TellCoordinator, ReadLog, ReadKeys, OpenSnapshot,
                            ReadSnapshot, CloseSnapshot, IngestRecords, FinishIngestion, DropIngestion, ExportLosses,
                            MarkReapplied, RoleChanged>;

}  // namespace gyre::replication
