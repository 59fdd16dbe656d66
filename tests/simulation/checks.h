// What must hold of a cluster, judged by what really happened: checked as it happens, and once more at the end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulation/appointments.h"
#include "tests/simulation/moves.h"
#include "tests/simulation/promises.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/sim_coordinator.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/standing.h"
#include "tests/simulation/told.h"
#include "tests/simulation/total_losses.h"
#include "tests/simulation/truth.h"

namespace gyre::simulation {

// Everything that is wrong is given to `notice`; the first is what counts.
//
// As it happens:
// - an answer that needs the right to serve leaves a process that holds it
// - a write acknowledged by `n` is held by so many members in sync, and kept by later terms (promises.h); one
//   acknowledged by `all` by all of the in-sync set; so is what a linearizable read or a failed condition under `all`
//   shows
// - who is appointed may be (appointments.h), and who leaves may leave (moves.h)
// - nobody gives a lease to a primary that it knows to be replaced
// - the in-sync members of a new entry hold a part of the primary's history, everything acknowledged by `all`, and the
//   records of their positions
// - at most one process holds the right to serve a partition
// At the end, when it is known which history survived:
// - a read showed a state of one history, as fresh as its level promises
// - a session was told of a loss only where there was one; a writer of every loss that it could know of
// - an acknowledged write is missing only where its level allows it, and named by a ledger
// - what was surely not applied is nowhere
class Checks : public NodeObserver, public CoordinatorObserver {
 public:
  Checks(Scheduler& scheduler, Truth& truth, const Nodes& nodes, OnNotice notice)
      : scheduler_(scheduler),
        truth_(truth),
        nodes_(nodes),
        notice_(std::move(notice)),
        standing_(scheduler, nodes),
        promises_(scheduler, truth, nodes, standing_, notice_),
        appointments_(scheduler, truth, nodes, notice_),
        moves_(notice_) {}

  Arrival on_request(NodeIndex node, const messages::RequestBody& request) override;
  void on_answer(NodeIndex node, const messages::RequestBody& request, const Arrival& arrival,
                 const messages::ResponseBody& answer) override;
  void on_sent(NodeIndex node, const messages::Message& message) override;
  void on_died(NodeIndex node, Death death) override;
  void on_coordinator_decides(std::uint64_t decision) override { standing_.on_coordinator_decides(decision); }
  void on_swapped(std::uint64_t decision, const ring::ClusterMap* before, const ring::ClusterMap& after) override;
  void on_target(const ring::Placement& target) override { moves_.on_target(target); }
  void on_coordinator_runs(std::optional<Duration> rested) override;
  void on_coordinator_rests() override { standing_.on_coordinator_rests(); }
  void on_coordinator_sent(const NodeId& to, const messages::Message& message) override;
  void on_coordinator_reached(const NodeId& from, const messages::Message* message) override;
  void on_coordinator_asked(const messages::PromoteRequest& request) override {
    appointments_.on_coordinator_asked(request);
  }

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
  // A loss that a client could know of and was not told of. None: there is no such loss.
  std::optional<std::string> untold(const std::vector<Memory>& clients) const;
  // What clients were told is lost is lost, and nothing is untold().
  void check_losses_told(const std::vector<Memory>& clients);
  // Calls that ended "surely not applied" have left no trace.
  void check_refused(const std::vector<RefusedWrite>& refused);
  // When the partition of the key lost everything.
  const std::vector<TimeSpan>& total_losses(std::string_view key) const { return total_losses_.of(partition_of(key)); }

  // Where the history that survived ends.
  Position survived(PartitionId partition) const;
  std::size_t lost_acknowledged() const { return lost_acknowledged_; }
  std::uint64_t promises_bound() const { return promises_.bound(); }

 private:
  struct Acknowledged {
    PartitionId partition;
    Position position;
    messages::AckCount ack;
    WorldTime at;
    messages::WriteId id;
  };
  struct TimeHeard {
    UnixMillis time;
    WorldTime at;
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
  // What all ledgers name.
  struct Ledgers {
    std::map<std::pair<PartitionId, Position>, messages::LostWrite> writes;
    std::vector<messages::LostRange> ranges;
    // Whose ledgers name it, and whether they have it marked; none: those are gone.
    std::map<std::pair<PartitionId, Position>, std::map<NodeIndex, bool>> holders;
    void add(std::optional<NodeIndex> holder, const messages::LostItem& item);
  };

  void on_answer(NodeIndex node, const messages::WriteRequest& write, const Arrival& arrival,
                 const messages::ResponseBody& answer);
  void on_answer(NodeIndex node, const messages::GetRequest& get, const Arrival& arrival,
                 const messages::ResponseBody& answer);
  void on_answer(NodeIndex node, const messages::ScanRequest& scan, const Arrival& arrival,
                 const messages::ResponseBody& answer);
  void on_written(NodeIndex node, const messages::WriteRequest& write, const messages::WriteResponse& answer);
  void check_right_of(NodeIndex node, PartitionId partition, const Arrival& arrival);
  void check_held_by_all(NodeIndex node, PartitionId partition, Position position, std::string_view what);
  void check_shown_by_all(NodeIndex node, const messages::WriteRequest& write, const Arrival& arrival);
  WorldTime fresh_since(const messages::ReadConsistency& read, WorldTime arrived) const;
  UnixMillis latest_time(NodeIndex node, PartitionId partition) const;
  UnixMillis gone_on(const TimeHeard& heard) const;
  void check_entry(PartitionId id, const ring::PartitionEntry& entry);
  void compare_contents(NodeIndex node, PartitionId partition);
  void note_term(PartitionId id, const ring::PartitionEntry& entry, const Standing::Decision& decision);
  bool lost_unacknowledged(NodeIndex primary, PartitionId id, Position held) const;
  bool left_behind(PartitionId id, Position position) const { return left_behind_by(id, position) != nullptr; }
  // Null: none.
  const TermBegun* left_behind_by(PartitionId id, Position position) const;
  Position came_along(const Read& read) const;
  void check_read(const Read& read, Position required);
  void note_total_losses();
  std::optional<Ledgers> ledgers();
  void check_named(const Ledgers& ledgers);
  void check_retries(const Ledgers& ledgers);
  void check_brought_back(const Ledgers& ledgers, const messages::LostWrite& write);
  void check_named_somewhere(const Ledgers& ledgers, const Acknowledged& write, bool all_present);
  bool in_range(const messages::LostRange& range, PartitionId partition, Position position) const;
  bool owes_word(const Memory& client, const Memory::Written& written) const;
  PartitionId partition_of(std::string_view key) const { return map_->partitioning().of(key); }
  void fail(std::string_view check, std::string what) { notice_({Notice::Kind::safety, check, std::move(what)}); }

  Scheduler& scheduler_;
  Truth& truth_;
  const Nodes& nodes_;
  OnNotice notice_;
  Standing standing_;
  Promises promises_;
  Appointments appointments_;
  MoveChecks moves_;
  TotalLosses total_losses_;
  std::optional<ring::ClusterMap> map_;  // what the store holds
  std::set<NodeId> given_up_;  // an operator said that they are gone for good: they may hold what nobody hears of
  std::vector<Acknowledged> acknowledged_;
  std::vector<Read> reads_;
  std::vector<LossTold> losses_told_;
  std::map<PartitionId, std::vector<TermBegun>> terms_;
  std::map<PartitionId, Position> by_all_;  // the last position acknowledged by `all` since everything was lost
  std::map<PartitionId, TimeHeard> partition_times_;  // as primaries that serve said last
  std::size_t lost_acknowledged_ = 0;  // at the last check of the ledgers
};

}  // namespace gyre::simulation
