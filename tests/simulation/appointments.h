// Who may be appointed, and how soon after the last time (PROTOCOL.md sections 5 and 6).
#pragma once

#include <map>
#include <optional>
#include <set>

#include "tests/simulation/notice.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/truth.h"

namespace gyre::simulation {

// Judges every new term that the store takes:
// - its primary was in the in-sync set before, with the data it has; else nobody there had its data any more, and it
//   has the highest position of all members (the last resort), or an operator named it
// - no other primary is promoted within 2 L of a promotion, unless the one before is gone or has given up by itself, a
//   member had promised a newer term, or an operator asked for it. A planned handoff is no promotion.
class Appointments {
 public:
  Appointments(const Scheduler& scheduler, const Truth& truth, const Nodes& nodes, OnNotice notice)
      : scheduler_(scheduler), truth_(truth), nodes_(nodes), notice_(std::move(notice)) {}

  void on_coordinator_starts() { finishes_.clear(); }
  void on_coordinator_sent(const messages::Message& message);
  void on_coordinator_reached(const NodeId& from, const messages::Message& message);
  void on_coordinator_asked(const messages::PromoteRequest& request) {
    asked_ = request;
    carried_out_ = false;
  }

  void on_swapped(const ring::ClusterMap& before, const ring::ClusterMap& after);
  // An operator has said that this appointment may lose what the in-sync members have. Known until the next swap.
  bool unclean(PartitionId partition, const ring::PartitionEntry& entry) const;

 private:
  // What the primary of a term has said of its end.
  struct GaveUp {
    NodeId primary;
    std::set<NodeId> successors;
  };

  void check_who(PartitionId partition, const ring::ClusterMap& before, const ring::PartitionEntry& after);
  void check_last_resort(PartitionId partition, const ring::PartitionEntry& before, const ring::PartitionEntry& after);
  void check_pause(PartitionId partition, const ring::ClusterMap& before, const ring::PartitionEntry& after);
  bool asked_for(PartitionId partition, const ring::PartitionEntry& entry) const;
  bool gone(const NodeId& node, Incarnation incarnation) const;
  void wrong(PartitionId partition, const ring::PartitionEntry& after, std::string_view why);

  const Scheduler& scheduler_;
  const Truth& truth_;
  const Nodes& nodes_;
  OnNotice notice_;
  std::map<PartitionId, Term> terms_;  // that the store holds
  std::map<std::pair<PartitionId, Term>, GaveUp> gave_up_;
  std::map<PartitionId, Term> promised_;  // that members have said
  std::map<std::pair<PartitionId, Term>, bool> finishes_;  // the seal that ends this term was asked for by a promise
  std::optional<messages::PromoteRequest> asked_;
  bool carried_out_ = false;
  std::map<PartitionId, WorldTime> promoted_at_;
};

}  // namespace gyre::simulation
