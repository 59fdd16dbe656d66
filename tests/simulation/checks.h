// What must hold of a cluster, judged by what really happened: checked as it happens, and once more at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/cluster_store.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/truth.h"

namespace gyre::simulation {

using Nodes = std::vector<std::unique_ptr<SimNode>>;

// Everything that is wrong is given to `fail`; the first is what counts.
//
// As it happens:
// - an answer that needs the right to serve leaves a process that holds it
// - a write acknowledged by `n` or `all` is held by so many members, by those of the in-sync set; so is what a
//   linearizable read or a failed condition under `all` shows
// - nobody gives a lease to a primary that it knows to be replaced
// - the in-sync members of a new entry hold a part of the primary's history, everything acknowledged by `all`, and the
//   records of their positions
// - at most one process holds the right to serve a partition
// At the end, when it is known which history survived:
// - a read showed a state of one history, as fresh as its level promises
// - a session was told of a loss only where there was one
// - an acknowledged write is missing only where its level allows it
class Checks : public NodeObserver {
 public:
  Checks(Scheduler& scheduler, Truth& truth, const Nodes& nodes, std::function<void(std::string)> fail)
      : scheduler_(scheduler), truth_(truth), nodes_(nodes), fail_(std::move(fail)) {}

  Arrival on_request(NodeIndex node, const messages::RequestBody& request) override;
  void on_answer(NodeIndex node, const messages::RequestBody& request, const Arrival& arrival,
                 const messages::ResponseBody& answer) override;
  void on_sent(NodeIndex node, const messages::Message& message) override;
  void on_died(NodeIndex node, Death death) override;
  // The map that the store holds changed from `before` (null: none).
  void on_swapped(const ring::ClusterMap* before, const ring::ClusterMap& after);

  void check_right_to_serve();
  // The records of every whole member are those of its position.
  void check_contents();
  // Of the answers so far, given what survived. REQUIRES: every partition has a primary that holds its whole history.
  void check_answers();
  // Acknowledged writes that are missing are in the ledgers, and nothing else that a client was promised is.
  // `all_present`: every node is up and has accounted; else what a deposed primary may still bring is excused.
  void check_ledgers(bool all_present);

  // Keys that begin so are only ever incremented by 1: each increment that survived counted once.
  void check_counters(std::string_view prefix);
  // What clients were told is lost is lost.
  void check_losses_told(const std::vector<std::pair<PartitionId, Position>>& losses);
  // At some moment no in-sync member of the key's partition had its data any more.
  bool lost_everything(std::string_view key) const { return total_losses_.contains(partition_of(key)); }

  // Where the history that survived ends.
  Position survived(PartitionId partition) const;
  std::size_t lost_acknowledged() const { return lost_acknowledged_; }

 private:
  struct Acknowledged {
    PartitionId partition;
    Position position;
    messages::AckCount ack;
    WorldTime at;
    messages::WriteId id;
  };
  struct Read {
    NodeIndex node;
    PartitionId partition;
    Bytes key;
    messages::ReadConsistency asked;
    Position standing;
    std::optional<Position> version;  // none: absent
    WorldTime fresh_since;  // must show what was acknowledged before
    WorldTime answered_at;
    UnixMillis latest_time;  // partition time may have been so late
  };
  struct TermBegun {
    Term term;
    WorldTime at;
    Position from;  // what its primary held
  };
  struct LossTold {
    PartitionId partition;
    Position seen;
  };

  void on_answer(NodeIndex node, const messages::WriteRequest& write, const Arrival& arrival,
                 const messages::ResponseBody& answer);
  void on_answer(NodeIndex node, const messages::GetRequest& get, const Arrival& arrival,
                 const messages::ResponseBody& answer);
  void on_answer(NodeIndex node, const messages::ScanRequest& scan, const Arrival& arrival,
                 const messages::ResponseBody& answer);
  void on_written(NodeIndex node, const messages::WriteRequest& write, const messages::WriteResponse& answer);
  void check_right_of(NodeIndex node, PartitionId partition);
  void check_held_by_all(NodeIndex node, PartitionId partition, Position position, std::string_view what);
  void check_shown_by_all(NodeIndex node, const messages::WriteRequest& write, const Arrival& arrival);
  WorldTime fresh_since(const messages::ReadConsistency& read, WorldTime arrived) const;
  void check_holders(NodeIndex node, const Acknowledged& write);
  UnixMillis latest_time(NodeIndex node, PartitionId partition) const;
  void check_entry(PartitionId id, const ring::PartitionEntry& entry);
  void compare_contents(NodeIndex node, PartitionId partition);
  void note_term(PartitionId id, const ring::PartitionEntry& entry);
  bool lost_unacknowledged(NodeIndex primary, PartitionId id, Position held) const;
  bool left_behind(PartitionId id, Position position) const;
  Position came_along(const Read& read) const;
  void check_read(const Read& read, Position required);
  bool total_loss_since(PartitionId partition, WorldTime since) const;
  void note_total_losses();
  PartitionId partition_of(std::string_view key) const { return map_->partitioning().of(key); }
  NodeIndex index_of(const NodeId& node) const;
  // That generation of the node's data is what it has.
  bool has_data(const ring::InSyncMember& member) const;

  Scheduler& scheduler_;
  Truth& truth_;
  const Nodes& nodes_;
  std::function<void(std::string)> fail_;
  std::optional<ring::ClusterMap> map_;  // what the store holds
  std::vector<Acknowledged> acknowledged_;
  std::vector<Read> reads_;
  std::vector<LossTold> losses_told_;
  std::map<PartitionId, std::vector<TermBegun>> terms_;
  std::map<PartitionId, Position> by_all_;  // the last position acknowledged by `all`
  std::map<PartitionId, WorldTime> total_losses_;  // no in-sync member had its data any more: the last time
  struct TimeHeard {
    UnixMillis time;
    WorldTime at;
  };
  std::map<PartitionId, TimeHeard> partition_times_;  // the latest partition time that was sent
  std::size_t lost_acknowledged_ = 0;  // at the last check of the ledgers
};

}  // namespace gyre::simulation
