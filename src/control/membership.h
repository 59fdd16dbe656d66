// Who takes part: nodes that are silent for too long are away, until they are heard again; nodes that have nothing more
// leave the cluster.
#pragma once

#include <functional>
#include <vector>

#include "base/ids.h"
#include "control/cluster_store.h"
#include "control/effect.h"
#include "control/in_sync.h"

namespace gyre::control {

struct MembershipChange {
  enum class Kind : std::uint8_t { away, returned, leaves };
  Kind kind;
  NodeId node;

  bool operator==(const MembershipChange&) const = default;
};

// The changes that are due. No node is away where the others would be too few for all copies: nobody can replace it.
// `busy`: the node still has something to do before it may leave.
std::vector<MembershipChange> due_changes(const View& view, const std::function<bool(const NodeId&)>& busy);

// Where the change is still due by `state` (a round changes other things, too). Null: it is not.
std::optional<CoordinatorEvent> carry_out(const MembershipChange& change, ClusterState& state);

}  // namespace gyre::control
