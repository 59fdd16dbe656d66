// How far the moves are, for people: what a rebalance has done, and what it still does.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "control/cluster_store.h"
#include "control/effect.h"
#include "control/in_sync.h"
#include "control/load_table.h"
#include "messages/request.h"

namespace gyre::control {

// A node that is up and holds a copy it should have deleted is waited for no longer than this.
inline constexpr Duration kDeletionPatience = std::chrono::seconds(60);

// Follows the copies that come to be and go, from one new target to the next. Of what began before this process did, it
// knows what the map shows: which nodes are missing and which are too many. A rebalance begins with the first open move
// and ends with the last.
class MoveTracker {
 public:
  // Call with every confirmed state, and when time has passed. True: the last open move has ended.
  bool update(const View& view, const ClusterStatePtr& state, const LoadTable& loads);
  // The node holds nothing any more of a partition.
  void on_retired(const NodeId& node, PartitionId partition);

  // Moves, and what is done of this rebalance.
  messages::MovesResponse status(const View& view, const LoadTable& loads) const;

 private:
  using Stage = messages::MoveStatus::Stage;
  struct Move {
    NodeId from;
    NodeId to;
    Stage stage = Stage::waiting;
    std::uint64_t bytes = 0;  // to copy, by what was known last
    Instant deleting_since{};
    bool retired = false;
  };

  void replan(const View& view, PartitionId partition);
  void add_open(const View& view, PartitionId partition, std::vector<Move>& moves) const;
  // False: the move has ended.
  bool advance(const View& view, PartitionId partition, Move& move) const;
  std::uint64_t bytes_of(const View& view, PartitionId partition, const Move& move, const LoadTable& loads) const;

  ClusterStatePtr seen_;  // the last state
  std::map<PartitionId, std::vector<Move>> open_;
  std::uint64_t bytes_done_ = 0;  // of moves that have ended
  std::uint32_t moves_done_ = 0;
};

}  // namespace gyre::control
