// What a node holds beyond the surviving history, on its way to the loss ledger (PROTOCOL.md section 10).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/broken_rule.h"
#include "messages/request.h"
#include "replication/effect.h"
#include "replication/recent_log.h"
#include "replication/retry.h"

namespace gyre::replication {

struct TailStart {
  PartitionId partition;
  messages::PartitionState state;  // the node's own
  // Up to here the surviving history holds the same; none: nobody knows. The tail is what is behind it.
  std::optional<Sequence> common;
  bool keys_wanted = false;
};

// Life: page by page the tail is read (from memory, or ReadLog) and exported; then it is safe. What fails is tried
// again by on_tick. What the log no longer has is exported as a LostRange.
//
// Whether a write was acknowledged is not known here: all of the tail is exported.
//
// INVARIANT: one task at a time; nothing is read before what was read last is exported.
class Tail {
 public:
  // With the size of the record that the tail has of it.
  using Keys = std::map<Bytes, std::size_t>;

  Tail(Instant now, TailStart start, const RecentLog& recent, TaskIds& tasks, BrokenRule broken);

  // Results of other people's tasks are ignored.
  void on_log(Instant now, TaskId task, const Result<std::vector<messages::LoggedWritePtr>>& writes);
  void on_exported(Instant now, TaskId task, const Result<void>& outcome);
  void on_tick(Instant now);

  // The ledger has all of it.
  bool safe() const { return phase_ == Phase::safe; }
  // The keys it touched. None: they were not wanted, are not all known, or are more than kFetchKeysMax.
  std::optional<Keys> take_keys() { return std::exchange(keys_, std::nullopt); }
  // The writes exported, or about to be: a retry of them may come by later.
  const std::vector<messages::LostId>& exported_ids() const { return exported_ids_; }
  // Writes given to the ledger, those without contents included.
  std::uint64_t exported_writes() const { return exported_writes_; }
  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }

 private:
  enum class Phase : std::uint8_t { reading, exporting, safe };

  Sequence last() const { return start_.state.position.sequence; }
  void read();
  void take(Instant now, const std::vector<messages::LoggedWritePtr>& writes);
  void lose_rest(Instant now);
  void export_losses(Instant now);

  TailStart start_;
  TaskIds* tasks_;
  BrokenRule broken_;
  Phase phase_ = Phase::reading;
  std::optional<TaskId> task_;  // of the page that is read or exported
  Sequence read_;  // up to here, and not to be read again
  std::vector<messages::Loss> losses_;  // the page to export
  std::optional<Keys> keys_;
  std::vector<messages::LostId> exported_ids_;
  std::uint64_t exported_writes_ = 0;
  Retry retry_;
  std::vector<Effect> effects_;
};

}  // namespace gyre::replication
