// What nodes ask to be changed in entries, until the next round judges it.
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "control/cluster_store.h"
#include "control/election.h"
#include "control/in_sync.h"
#include "messages/control.h"
#include "messages/request.h"

namespace gyre::control {

// Nodes repeat what they ask until the map shows it, so what is refused, or lost with a failed swap, is forgotten here.
class EntryRequests {
 public:
  // REQUIRES: the partition exists. The newest of a partition counts.
  void add(const messages::Sender& from, messages::SetInSync asked);
  void add(const messages::Sender& from, messages::HandedOver asked);
  void add(const messages::Sender& from, messages::Accounted asked);
  bool empty() const { return set_in_sync_.empty() && handed_over_.empty() && accounted_.empty(); }
  void clear();

  // Judges all by `state` as it is, and applies to it what is granted. What asks for an election begins one.
  // Gives the partitions that were handed over.
  std::set<PartitionId> apply(const View& view, ClusterState& state, Elections& elections);

 private:
  template <class Message>
  struct From {
    messages::Sender sender;
    Message message;
  };

  bool hand_over(const View& view, ClusterState& state, Elections& elections,
                 const From<messages::HandedOver>& asked) const;

  std::map<PartitionId, From<messages::SetInSync>> set_in_sync_;
  std::map<PartitionId, From<messages::HandedOver>> handed_over_;
  std::set<std::tuple<PartitionId, NodeId, Term>> accounted_;
};

}  // namespace gyre::control
