// The failure detector: which nodes were heard lately. Silence is all it knows; it proves nothing about a node.
#pragma once

#include <map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "messages/request.h"

namespace gyre::control {

class Liveness {
 public:
  // True: the node was not up before.
  bool heard(const NodeId& node, Instant now);
  // Nodes that have now been silent for kDetection; each is named once, until it is heard again.
  std::vector<NodeId> expire(Instant now);
  // Until then expire() names nobody. kNever: no node is up.
  Instant next_expiry() const;

  bool up(const NodeId& node) const;
  // What remains of kDetection for a node that is up; zero for others.
  Duration until_down(const NodeId& node, Instant now) const;
  messages::NodeStatus status(const NodeId& node, Instant now) const;

 private:
  struct Seen {
    Instant last;
    bool up = true;
  };

  std::map<NodeId, Seen> seen_;
};

}  // namespace gyre::control
