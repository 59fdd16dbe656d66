// MULTI to EXEC: commands that take effect together, as one update. All keys are of one slot.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "redis/plan.h"

namespace gyre::redis {

// What WATCH found of a key.
struct Watched {
  Bytes key;
  std::optional<Position> version;  // {0, 0}: there was no such key; none: not known yet
};
using Watch = std::vector<Watched>;

// Adds `keys` to `watch`, and finds out what they are.
Plan plan_watch(std::vector<Bytes> keys, std::shared_ptr<Watch> watch);

// A command that waits for EXEC.
struct Queued {
  Plan plan;
  std::vector<Bytes> keys = {};  // all of them: a plan may write some that it does not read
};

// Why `plan` cannot be one of a transaction's; none: it can.
std::optional<Reply> unfit_for_transaction(const Plan& plan);

// It may write.
bool writes(const Plan& plan);

// Runs `queued` in order, each on what those before left, and writes all that came of it at once, on the condition that
// nothing has changed meanwhile. The reply holds theirs; null where a watched key is not as it was.
// REQUIRES: all are fit, and their keys and those of `watch` of one slot.
Plan plan_exec(std::vector<Queued> queued, std::shared_ptr<const Watch> watch, const Context& context);

}  // namespace gyre::redis
