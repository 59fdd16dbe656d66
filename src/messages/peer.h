// One-way messages between the members of a partition. Any of them may be lost, doubled, late or out of order.
//
// All name partition and term; what has an older term than its receiver promised is refused first. The sender's node
// and incarnation travel with the frame (see Sender in request.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "messages/operation.h"

namespace gyre::messages {

// Primary to member: the next writes; without any, a heartbeat.
struct Append {
  PartitionId partition;
  Term term;
  Instant sent_at;      // the primary's clock; comes back in the acknowledgement
  Instant echo;         // the member's clock: `sent_at` of the newest acknowledgement the primary has; epoch: none
  bool serving = false;  // the primary held the right to serve when it sent this
  bool may_wait = false;  // nobody waits for what the member was sent: it may store it later, with more
  Position position;    // of the primary, committed, when it sent this
  UnixMillis time;      // partition time then
  // Of the primary, where the member has to find out where their histories part; else empty.
  TermHistory history;
  Position previous;    // of the write before the first of `writes`
  std::vector<LoggedWritePtr> writes;  // consecutive
};

// Member to primary: how far it has come, and a lease.
struct AppendAck {
  enum class State : std::uint8_t {
    following = 0,  // its history matches the primary's up to `position`
    unmatched = 1,  // it cannot tell: send the term history
    repairing = 2,  // it rewinds or receives a snapshot: `position` says nothing
  };
  PartitionId partition;
  Term term;            // of the append that is answered
  Generation generation;  // of the member's data
  Instant echo;         // `sent_at` of that append
  Instant sent_at;      // the member's clock
  State state = State::following;
  bool whole = true;    // false: a learner that has not reached the end of its repair
  bool refused = false;  // the member promised a newer term: neither lease nor position
  bool gap = false;     // writes are missing between `position` and those that came: send again from there
  Position position;    // applied, as durable as the member was told to make it
  Term promised;
};

// A primary to members and successor, until a newer entry is there: it serves no more in this term.
struct GivenUp {
  PartitionId partition;
  Term term;
};

// A member that rewinds asks for the present state of the keys that its divergent writes touched.
struct FetchKeys {
  PartitionId partition;
  Term term;
  std::uint64_t id = 0;  // comes back
  std::vector<Bytes> keys;
};

struct FetchedKey {
  Bytes key;
  std::optional<Record> record;  // none: not there
};

struct FetchedKeys {
  PartitionId partition;
  Term term;
  std::uint64_t id = 0;
  Position position;  // the primary had committed this when the last key had been read
  UnixMillis time;
  std::vector<FetchedKey> keys;
  std::vector<WindowWrite> window;  // the primary's; takes the place of the member's own
};

// A member without usable history asks for chunk after chunk; it repeats what is not answered.
struct SnapshotAsk {
  PartitionId partition;
  Term term;
  std::uint64_t id = 0;     // chosen by the member; a new id means a new snapshot
  std::uint64_t chunk = 0;  // 0: begin. Asking for n+1 acknowledges n
};

struct SnapshotChunk {
  PartitionId partition;
  Term term;
  std::uint64_t id = 0;
  std::uint64_t chunk = 0;
  std::vector<FetchedKey> records;  // in key order; each has a record
  bool last = false;
  // With the last one:
  Position position;  // of all records
  TermHistory history;
  UnixMillis time;
  std::vector<WindowWrite> window;
};

// To the primary, from a node that is no member any more and still has a copy: may it be deleted?
struct RetireAsk {
  PartitionId partition;
  Term term;  // of the entry known
};

// What the survivors hold for sure: all of `history` up to `held` is with every counted member.
struct RetireAnswer {
  PartitionId partition;
  Term term;
  Position held;
  TermHistory history;
};

}  // namespace gyre::messages
