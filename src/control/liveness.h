// The failure detector: which nodes were heard lately, and which processes are proved to be dead. Silence proves
// nothing about a node; a refused connection does (PROTOCOL.md section 6).
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "base/timing.h"
#include "messages/request.h"
#include "ring/cluster_map.h"

namespace gyre::control {

class Liveness {
 public:
  // `now`: this process starts.
  Liveness(const Timing& timing, Instant now) : timing_(timing), awake_since_(now) {}
  void set_timing(const Timing& timing) { timing_ = timing; }

  // This process did not run for a while: no silence counts that began before.
  void on_woken(Instant now) { awake_since_ = now; }
  // True: the node was not up before.
  bool heard(const NodeId& node, Instant now);
  // Nobody listens at the port of this process. Counts until it is heard again.
  void on_refused(const NodeId& node, Incarnation incarnation, Instant now);
  // Nodes that have now been silent for the detection time; each is named once, until it is heard again.
  std::vector<NodeId> expire(Instant now);
  // Until then expire() names nobody. kNever: no node is up.
  Instant next_expiry() const;

  bool up(const NodeId& node) const;
  // Up, and not proved to be dead.
  bool well(const ring::NodeInfo& node) const { return up(node.id) && !dead(node.id, node.incarnation); }
  // Well, and heard within three heartbeats.
  bool heard_lately(const ring::NodeInfo& node, Instant now) const;
  // Not heard for the detection time, all of which this process was awake.
  bool silent(const NodeId& node, Instant now) const;
  // For how long it was not heard, all of which this process was awake. Zero: it is up.
  Duration silence(const NodeId& node, Instant now) const;
  bool dead(const NodeId& node, Incarnation incarnation) const;
  // Since when it is up without a break. kNever: it is not up.
  Instant up_since(const NodeId& node) const;
  // What remains of the detection time for a node that is up; zero for others.
  Duration until_down(const NodeId& node, Instant now) const;
  messages::NodeStatus status(const NodeId& node, Instant now) const;
  // It is no node of the cluster any more.
  void forget(const NodeId& node);

 private:
  struct Seen {
    Instant since;
    Instant last;
    bool up = true;
  };
  struct Death {
    Incarnation incarnation;
    Instant at;
  };

  Instant silent_at(const Seen& seen) const { return std::max(seen.last, awake_since_) + timing_.detection; }

  Timing timing_;
  Instant awake_since_;
  std::map<NodeId, Seen> seen_;
  std::map<NodeId, Death> dead_;
};

}  // namespace gyre::control
