// A node's side of membership: joins the cluster, shows that it lives, learns the map.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::control {

// Send this to the coordinator with this index; tell the outcome to on_answer().
struct AskCoordinator {
  std::size_t coordinator;
  messages::RequestBody body;
};
// A newer map than all before.
struct AdoptMap {
  ring::ClusterMapPtr map;
};
// The coordinator refuses this node for good: the process cannot go on. `error` says what to do.
struct Refused {
  Error error;
};
// For the log: the node waits for something, or waits no longer.
struct AgentEvent {
  bool waiting;
  std::string detail;
};
using AgentEffect = std::variant<AskCoordinator, AdoptMap, Refused, AgentEvent>;

// Joins at the first coordinator that answers, then sends heartbeats to it. When it falls silent the next one is asked;
// meanwhile the node goes on with the map it has. Once it has one, it also does while the coordinator that answers is
// another cluster's. Of a newer map it is told what changed; where that does not fit the map it has, it asks for a
// whole one. A map that does not name it any more, though one before did, tells that it was removed.
//
//   joining --JoinResponse--> member --join_again--> joining
//
// INVARIANT 1: at most one AskCoordinator is unanswered.
// INVARIANT 2: the epochs of the maps adopted only go up, and all are of one cluster.
class Agent {
 public:
  // `cluster`: that of the data directory; empty: none yet. `known`: epoch of the newest map seen by earlier processes.
  Agent(ring::NodeInfo self, ClusterId cluster, Epoch known, std::size_t coordinators, Instant now);

  void on_answer(Instant now, Result<messages::ResponseBody> answer);
  // A map pushed by the coordinator. Ignored before the process has joined, and if it is another cluster's.
  void on_map(Instant now, const ring::MapUpdate& update);
  void on_deadline(Instant now);
  Instant next_deadline() const { return next_; }

  std::vector<AgentEffect> take_effects();
  void check_invariants() const;

  bool joined() const { return joined_; }
  const ClusterId& cluster() const { return cluster_; }

 private:
  void on_joined(Instant now, const messages::JoinResponse& response);
  void on_failure(Instant now, const Error& error);
  void take(Instant now, const ring::MapUpdate& update);
  void adopt(const ring::ClusterMapPtr& map);
  // An answer that takes longer does not come.
  Duration patience() const;
  void refuse(Error error);

  ring::NodeInfo self_;
  ClusterId cluster_;
  Epoch known_;
  ring::ClusterMapPtr map_;  // the newest adopted; null: none by this process
  bool wants_whole_ = false;  // what changed did not fit it
  std::size_t coordinators_;
  std::size_t current_ = 0;  // the coordinator being asked
  Instant next_;  // of the next request; while one is open: when to give it up
  Timing timing_;  // of the newest map
  bool asking_ = false;
  bool joined_ = false;
  bool waiting_announced_ = false;
  bool refused_ = false;
  std::vector<AgentEffect> effects_;
};

}  // namespace gyre::control
