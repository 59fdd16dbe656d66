// The course of one plan, for whoever can read and write: what to do next, until there is a reply.
#pragma once

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "redis/plan.h"

namespace gyre::redis {

// Then call on_found() with what they found, or on_failed().
struct DoReads {
  std::span<const Read> reads;  // lives as long as the execution
  bool for_update = false;      // the primary must answer; else the connection's read level applies
};
// As one request, or one for each partition where `divisible`; then call on_written(). A new write each time: it needs
// a WriteId of its own.
struct DoWrites {
  std::vector<messages::WriteOperation> operations;
  bool divisible = false;
};
// Carry the plan out; it is the caller's from here on.
struct DoScan {
  ScanPlan plan;
};
using Step = std::variant<Reply, DoReads, DoWrites, DoScan>;

class Execution {
 public:
  // Beyond: TRYAGAIN. A key has changed between reading and writing each time.
  static constexpr std::size_t kAttemptsMax = 16;

  explicit Execution(Plan plan) : plan_(std::move(plan)) {}

  Step start();
  Step on_found(std::span<const Found> found);
  Step on_written(Written written);
  Step on_failed(const Error& why) { return error_reply(why); }

 private:
  Plan plan_;
  Reply decided_;  // of an update whose writes are under way
  std::size_t attempts_ = 1;
};

}  // namespace gyre::redis
