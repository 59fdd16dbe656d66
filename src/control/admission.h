// Who may join a cluster: the checks on a JoinRequest, and what it does to the cluster's state. Pure functions.
#pragma once

#include "base/broken_rule.h"
#include "base/time.h"
#include "control/cluster_store.h"
#include "control/liveness.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::control {

// What admit() did to the state.
enum class Admission : std::uint8_t {
  none,      // a repeated request: nothing had changed
  updated,   // same process; its addresses, zone or weight had changed
  rejoined,  // a new process of a known node
  admitted,  // a node the cluster did not know
};

// Admits the node that `join` describes, or says in one sentence why not. `state` changes only on success.
//
// What an operator has set of the node goes before what it says of itself. A node that was removed or forgotten joins
// as one that was never there; one that brings another data directory than the one forgotten owes no account of it.
//
// A new incarnation of a primary gets a new term for each partition it was appointed to (PROTOCOL.md section 1). Data
// of a new generation leaves the in-sync sets; where its node is primary, it stays until an election has replaced it.
//
// ERRORS: wrong_cluster (the directory belongs to another one), busy (the same id or address seems alive in another
// process; passes when that one is silent), denied (wiped, copied or older directory, older process), invalid_argument
// (zone, weight or addresses), too_large (the cluster is full).
Result<Admission> admit(ClusterState& state, const messages::JoinRequest& join, const Liveness& liveness, Instant now,
                        BrokenRule broken = BrokenRule::none);

// Nothing is placed yet, and so many nodes may hold data.
bool first_placement_due(const ClusterState& state, std::size_t initial_nodes);
// Places the partitions if that is due. The first node of each partition is its primary; the others are learners, since
// they hold nothing yet. Nodes that are admitted later hold nothing: giving them partitions moves data, which is the
// rebalancer's work.
// True: the state changed.
bool place_first(ClusterState& state, std::size_t initial_nodes);

}  // namespace gyre::control
