// What clients ask of keys, and what a primary makes of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"

namespace gyre::messages {

// Holds against the value stored now (expired counts as absent).
struct Condition {
  enum class Kind : std::uint8_t { none = 0, absent = 1, present = 2, version = 3 };
  Kind kind = Kind::none;
  Position version;  // only with Kind::version

  bool operator==(const Condition&) const = default;
};

// What a write does to the expiry of a key.
struct Expiry {
  enum class Kind : std::uint8_t {
    clear = 0,  // lives until deleted
    keep = 1,   // as it is now
    after = 2,  // `ms` from the moment the primary decides
    at = 3,     // at `ms` since 1970 UTC
  };
  Kind kind = Kind::clear;
  std::int64_t ms = 0;

  bool operator==(const Expiry&) const = default;
};

enum class WriteKind : std::uint8_t {
  put = 0,
  del = 1,
  incr = 2,    // adds `delta` to the decimal number stored; keeps the expiry
  expire = 3,  // sets the expiry of a key that exists
  persist = 4, // removes the expiry of a key that exists
};

// One write as a client asks for it.
struct WriteOperation {
  WriteKind kind = WriteKind::put;
  Bytes key;
  Bytes value;             // put
  std::int64_t delta = 0;  // incr
  Expiry expiry;           // put, expire
  Condition condition;

  bool operator==(const WriteOperation&) const = default;
};

// What one write did.
struct WriteOutcome {
  Position version;         // of the key now; of the deletion for del; unchanged where nothing was written
  bool existed = false;     // the key was there before; a plain put does not look, and says false
  bool changed = false;     // something was written
  std::int64_t number = 0;  // incr: the value after

  bool operator==(const WriteOutcome&) const = default;
};

// A value as it is stored.
struct Record {
  Bytes value;
  Position version;  // of the write that made it
  UnixMillis expires_at = kNoExpiry;

  bool operator==(const Record&) const = default;
};

// One write as resulting state: what is stored, replicated and kept in ledgers. Never a computation.
struct Mutation {
  enum class Kind : std::uint8_t { put = 0, del = 1 };
  Kind kind = Kind::put;
  Bytes key;
  Record record;  // del: only record.version

  bool operator==(const Mutation&) const = default;
};

// First sequence of each term of a partition's history, oldest first.
struct TermStart {
  Term term;
  Sequence first;

  auto operator<=>(const TermStart&) const = default;
};
using TermHistory = std::vector<TermStart>;

// Names one write of one client, so that a retry is recognised.
struct WriteId {
  ClientId client;  // 0: the write has no id
  WriteNumber number;

  bool given() const { return client != ClientId(); }
  auto operator<=>(const WriteId&) const = default;
};

// One write as it is replicated and logged: what it made of the stored values, whatever it computed.
struct LoggedWrite {
  Position position;
  UnixMillis time;             // the partition's when the primary decided
  std::vector<Mutation> mutations;  // at least one; all carry `position` as their version
  WriteId id;
  WriteNumber lowest_open;     // of the client; what is below is never asked for again
  std::uint64_t fingerprint = 0;  // of the operations asked for; with an id
  // With an id: it may have been sent before its primary took office, so an earlier one may have written it as well.
  bool may_repeat = false;
  std::vector<WriteOutcome> outcomes;  // with an id

  // Of its keys and values, with an allowance for the rest.
  std::size_t bytes() const;
};
// Shared by the log in memory, the storage and the streams to members; never changed.
using LoggedWritePtr = std::shared_ptr<const LoggedWrite>;

// What a member remembers of a partition besides its records; durable.
struct PartitionState {
  Position position;    // of the last applied write
  TermHistory history;  // of all that was applied, oldest first; the last term may have no write yet
  Term served;          // the last term this member served as primary
  Term promised;        // accepts nothing older
  // The records are those of one position only once this sequence is applied: until then a learner, whatever the map
  // says. 0: they are. kNeverWhole: a snapshot is being received.
  Sequence whole_at;
  UnixMillis time;      // partition time, as of the last write or promise; never goes back

  bool operator==(const PartitionState&) const = default;
};
inline constexpr Sequence kNeverWhole{UINT64_MAX};

// A write that the window still knows: what a retry is compared with and answered by; or one that may_repeat another.
struct WindowWrite {
  WriteId id;
  WriteNumber lowest_open;  // of the client when it wrote this
  Position position;
  UnixMillis time;
  std::uint64_t fingerprint = 0;
  bool may_repeat = false;  // as in LoggedWrite
  bool closed = false;      // nobody asks for it again: what it was and what it was answered is forgotten
  std::vector<WriteOutcome> outcomes;

  bool operator==(const WindowWrite&) const = default;
};

// What a window keeps of a write that was logged.
WindowWrite window_write(const LoggedWrite& write);
// What is left of a write that may repeat another, when nobody asks for it again.
WindowWrite closed_retry(const WindowWrite& write);

}  // namespace gyre::messages
