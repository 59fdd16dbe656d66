// What can go wrong, as users of the client library and every part of Gyre see it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gyre {

// Stable codes, grouped by what the caller must do. The numbers travel on the wire and never change.
enum class ErrorCode : std::uint16_t {
  // Answers: the call worked, this is its result.
  not_found = 1,         // the key does not exist (or has expired)
  condition_failed = 2,  // the condition of a write did not hold; nothing was written
  session_lost = 3,      // what this session has seen did not survive a failover
  denied = 4,            // the server refuses this caller, address or cluster

  // Refresh the cluster map, then retry (the client library does so itself). Surely not applied.
  not_primary = 20,  // the node asked is not the primary of the partition
  stale_map = 21,    // the request was routed by a map too old to be served
  stale_term = 22,   // the sender has been replaced by a newer term
  behind = 23,       // this member has not reached what the read asks for: ask another

  // Back off, then retry. Surely not applied.
  busy = 40,         // overloaded or stalled; `retry_after` says how long to wait
  unavailable = 41,  // nobody can serve this partition now
  no_replicas = 42,  // fewer members are in sync than the write's acknowledgement asks for

  // Outcome unknown: the write may or may not have been applied. Read before you write again.
  timeout = 60,          // the deadline passed first (a read, or a write never sent: surely not applied)
  outcome_unknown = 61,  // the connection or the right to serve was lost after the write was sent

  // The caller's mistake; retrying the same call fails again. Surely not applied.
  invalid_argument = 80,
  too_large = 81,     // key, value, batch or message beyond its limit
  unsupported = 82,   // a newer protocol, format or option than this version knows

  // The member that answers is not fit to serve this partition.
  corrupt = 100,         // stored bytes fail their checksum
  storage_failed = 101,  // a write or fsync failed on its disk
  wrong_cluster = 102,   // the data, node or map belongs to another cluster
  internal = 103,        // a bug of Gyre's
};

// What is known of a write that failed.
enum class Outcome : std::uint8_t {
  not_applied,  // surely not applied: safe to send again
  unknown,      // maybe applied
};

// Name of a code as it appears in the CLI, logs and metrics, e.g. "not_primary".
std::string_view to_string(ErrorCode code);
// The code of a name, if there is one.
std::optional<ErrorCode> error_code_of(std::string_view name);
// The code whose wire number is `number`; unknown numbers give `internal`.
ErrorCode error_code_of(std::uint16_t number);

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  Outcome outcome = Outcome::not_applied;
  std::string message;                        // one sentence a person can act on
  // With `busy`: not sooner. With `unavailable`: when it may be served again, if nothing ends the wait before. Zero:
  // the caller's own backoff.
  std::chrono::milliseconds retry_after{0};

  // "busy: write stall on n2, retry after 50 ms"
  std::string to_string() const;
};

}  // namespace gyre
