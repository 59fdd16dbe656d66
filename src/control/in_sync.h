// The in-sync set of one partition: what changes of its entry do, and which that a primary asks for are good.
#pragma once

#include <cstdint>
#include <vector>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "control/cluster_store.h"
#include "control/liveness.h"
#include "messages/control.h"
#include "messages/request.h"
#include "ring/cluster_map.h"

namespace gyre::control {

// What decisions are made on.
struct View {
  Instant now;
  const ClusterState& state;
  const Liveness& nodes;
  BrokenRule broken = BrokenRule::none;

  const ring::ClusterMap& map() const { return state.map; }
  const ring::PartitionEntry& entry(PartitionId partition) const { return state.map.entry(partition); }
  // Who should have the partition. REQUIRES: it is placed.
  const std::vector<NodeId>& wanted(PartitionId partition) const { return state.target.partitions[partition.value()]; }
};

// The member has the data that it was counted in with, and so may be promoted.
bool eligible(const View& view, const ring::InSyncMember& member);
// Those of the entry's in-sync set.
std::vector<ring::InSyncMember> eligible_members(const View& view, const ring::PartitionEntry& entry);

// --- Changes of an entry. Each is a new version. ---

// Who leaves becomes a learner, and is remembered in `departed` while too few stay.
// REQUIRES: the primary is in `in_sync`, and all of it are members.
void set_in_sync(const ring::ClusterShape& shape, ring::PartitionEntry& entry, std::vector<ring::InSyncMember> in_sync);

struct Appointment {
  NodeId node;
  Incarnation incarnation;
  Term term;
  std::vector<ring::InSyncMember> in_sync;  // with `node`; may name departed members
  bool drained = false;  // the primary before has nothing that `node` lacks
};
// REQUIRES: a higher term than the entry's.
void appoint(const ring::ClusterShape& shape, ring::PartitionEntry& entry, Appointment appointment);

// `node`, which holds nothing, becomes a member. REQUIRES: it is none.
void add_learner(ring::PartitionEntry& entry, const NodeId& node);
// A learner is no member any more. What it has to account for stays named.
void remove_learner(ring::PartitionEntry& entry, const NodeId& node);

// `node` has accounted for what it served up to `term`. False: nothing was open.
bool account(ring::PartitionEntry& entry, const NodeId& node, Term term);

// The data of `node` may lack what it had acknowledged: a member leaves the in-sync set. A primary stays, to be
// replaced by an election.
void drop_lossy(const ring::ClusterShape& shape, ring::PartitionEntry& entry, const NodeId& node);

// --- Requests ---

// This process is the entry's primary.
bool is_primary(const ring::PartitionEntry& entry, const messages::Sender& process);

enum class Verdict : std::uint8_t {
  refused,          // stale, or not as it must be: the primary asks again by the newest entry
  granted,
  promote_instead,  // it would drop members that are alive, and too few would stay: promote one of those
};
Verdict judge(const View& view, const messages::Sender& from, const messages::SetInSync& asked);

}  // namespace gyre::control
