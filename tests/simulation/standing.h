// Which members stand by what they hold, and since when.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "messages/request.h"
#include "tests/simulation/sim_node.h"

namespace gyre::simulation {

// A member stands in a partition while the stored map has it in the in-sync set and nothing happens to it that may
// count as a failure. In doubt it does:
// - its process ends, its machine or disk dies
// - it leaves the in-sync set, or has other data than it was counted in with
// - as primary it says that it cannot go on, or that it does not reach members: then another may take its place
// - the coordinator, while it runs, has nothing of it to read for a part of the detection time, or not the promise that
//   it asked for. A pause, a stalled disk and a cut network show in this.
// What lies unread before a coordinator that rests is no failure of its sender.
class Standing {
 public:
  Standing(const Scheduler& scheduler, const Nodes& nodes) : scheduler_(scheduler), nodes_(nodes) {}

  // By node: since when.
  using Members = std::map<NodeIndex, WorldTime>;
  // Who stood when the coordinator decided on a change of the map, which the store takes a little later.
  struct Decision {
    WorldTime at;
    std::map<PartitionId, Members> standing;  // who fails at that very moment, since then
  };

  void on_died(NodeIndex node) { fail(node); }
  // The store has taken this map.
  void on_stored(const ring::ClusterMap& map);
  void on_coordinator_runs(std::optional<Duration> rested);
  void on_coordinator_rests();
  void on_coordinator_sent(const NodeId& to, const messages::Message& message);
  // Null: a heartbeat.
  void on_coordinator_reached(const NodeId& from, const messages::Message* message);

  void on_coordinator_decides(std::uint64_t decision) { decisions_[decision] = now(); }
  // As it was at that decision; of one that nobody noted: now.
  Decision at(std::uint64_t decision);
  // As it is now.
  Decision now();

 private:
  using Seal = std::pair<PartitionId, NodeIndex>;

  Duration patience() const;
  void look();
  void look_at(NodeIndex node);
  void look_at(const Seal& seal, WorldTime asked_at);
  void fail(NodeIndex node);
  void fail(NodeIndex node, PartitionId partition);

  const Scheduler& scheduler_;
  const Nodes& nodes_;
  ring::ClusterMap map_;  // what the store holds
  std::map<PartitionId, Term> terms_;  // in it
  std::map<PartitionId, Members> standing_;
  std::map<std::uint64_t, Decision> decisions_;
  bool coordinator_runs_ = false;
  WorldTime awake_since_;  // no silence of before counts
  std::map<NodeIndex, WorldTime> heard_;
  std::map<Seal, WorldTime> seals_;  // asked for and not answered
  std::set<PartitionId> sealing_;  // seals were asked for in the present term
  std::map<PartitionId, NodeIndex> unfit_;  // the primary of the present term, as it said itself
};

}  // namespace gyre::simulation
