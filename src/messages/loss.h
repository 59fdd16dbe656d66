// What a failover lost: the entries of the loss ledger (PROTOCOL.md section 10).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "messages/operation.h"

namespace gyre::messages {

// A write that some member had applied and the surviving history lacks. Named by partition and position: one write is
// one entry, whoever brings it.
struct LostWrite {
  PartitionId partition;
  Position position;
  UnixMillis time;  // partition time when it was decided
  WriteId id;
  std::vector<Mutation> mutations;
  bool reapplied = false;  // a retry of it survived: not lost

  bool operator==(const LostWrite&) const = default;
};

// How far a range of lost writes went, nobody has heard.
inline constexpr Sequence kUnknownLast{0};

// Writes whose contents are gone: [first, last] of `term`; maybe none, where `last` is kUnknownLast.
struct LostRange {
  PartitionId partition;
  Term term;
  Sequence first;
  Sequence last;    // the last one heard of
  std::string why;  // e.g. "the data directory of n2 is gone"

  bool operator==(const LostRange&) const = default;
};

using Loss = std::variant<LostWrite, LostRange>;

// A write with an id that the ledger names.
struct LostId {
  WriteId id;
  Term term;        // in which it was written; a retry of it is of a later one
  UnixMillis time;  // as in LostWrite

  bool operator==(const LostId&) const = default;
};

// A retry that has brought back what was lost of earlier terms.
struct Retried {
  WriteId id;
  Term term;  // of the retry

  bool operator==(const Retried&) const = default;
};

}  // namespace gyre::messages
