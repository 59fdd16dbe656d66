// Planned hand-overs: of nodes that stop in good order, of primaries that move or drift to where the target placement
// wants them, and those an operator asks for. The coordinator only orders them; primaries carry them out.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "control/effect.h"
#include "control/election.h"
#include "control/in_sync.h"

namespace gyre::control {

// Before a primary drifts back, everything about it has been as it is for so long.
inline constexpr Duration kSteady = std::chrono::seconds(3);
// Hand-overs of moves and drifts that are under way at most, so that a return is never a wave of stalls.
inline constexpr std::size_t kDriftsAtOnce = 4;
// A hand-over that has not happened by then is given up.
inline constexpr Duration kHandOverPatience = std::chrono::seconds(2);

class HandOvers {
 public:
  explicit HandOvers(Instant now) : started_(now) {}

  // A process says that it stops. Repeated by it. True: for the first time.
  bool on_leaving(const messages::Sender& from, Instant now);
  bool leaving(const ring::NodeInfo& node) const;
  // Alive, in sync, and not about to stop.
  bool can_take_over(const View& view, const ring::PartitionEntry& entry, const NodeId& node) const;
  // Asks the primary of the partition to let `successor` take over.
  void order(const View& view, PartitionId partition, const NodeId& successor);
  // The primary cannot give what it should: a member that can takes over, if there is one.
  void relieve(const View& view, PartitionId partition);
  // The same for a primary that the target placement does not have as a member: when its turn comes. Repeat the call
  // until it is done.
  void move(const View& view, PartitionId partition, const NodeId& successor);
  // The entry of this partition is another now.
  void on_changed(PartitionId partition, Instant now);

  // The orders that are due. `balance`: primaries drift.
  std::vector<SendToNode> step(const View& view, const Elections& elections, bool balance);

 private:
  struct Leaver {
    Incarnation incarnation;
    Instant said_at;
    Instant ask_at;
  };
  struct Order {
    Term term;
    NodeId successor;
    Instant until;
    Instant ask_at;
    bool in_turn = false;  // of those that kDriftsAtOnce counts
  };

  void empty_leavers(const View& view, std::vector<SendToNode>& messages);
  std::size_t in_turn() const;
  void begin_drifts(const View& view, const Elections& elections);
  bool should_drift(const View& view, const Elections& elections, PartitionId partition) const;
  void repeat_orders(const View& view, std::vector<SendToNode>& messages);

  Instant started_;
  std::map<NodeId, Leaver> leavers_;
  std::map<PartitionId, Order> orders_;
  std::map<PartitionId, Instant> changed_at_;
  Instant drift_at_{};  // the next look at who should drift
};

}  // namespace gyre::control
