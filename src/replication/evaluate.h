// What a write makes of the value stored: the rules of every operation, as a function.
#pragma once

#include <optional>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/operation.h"

namespace gyre::replication {

struct Evaluation {
  messages::WriteOutcome outcome;
  std::optional<messages::Mutation> mutation;  // none: nothing changes
};

// True if the operation's result depends on what is stored.
bool needs_current(const messages::WriteOperation& operation);

// `current`: the value stored now, null where there is none; one that has expired at `now` counts as none. `next`: the
// position that the write will have if it changes anything.
// ERRORS: condition_failed, not_found (expire, persist), invalid_argument (no number, overflow, bad expiry),
// nothing is written.
Result<Evaluation> evaluate(const messages::WriteOperation& operation, const messages::Record* current, UnixMillis now,
                            Position next);

// True if the record is invisible at `now`.
inline bool expired(const messages::Record& record, UnixMillis now) {
  return record.expires_at != kNoExpiry && record.expires_at <= now;
}

// Time left at `now` in ms; -1: does not expire.
std::int64_t ttl_ms(const messages::Record& record, UnixMillis now);

}  // namespace gyre::replication
