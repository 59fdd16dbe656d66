// The cluster map: who is in the cluster and who serves what. A value, versioned by epoch, shared immutably.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/timing.h"
#include "ring/slot.h"

namespace gyre::ring {

// "HOST:PORT"; empty: none.
struct Addresses {
  std::string native;
  std::string http;
  std::string resp;

  auto operator<=>(const Addresses&) const = default;
};

enum class Membership : std::uint8_t {
  active = 0,    // takes part in placement
  draining = 1,  // gives away what it has, and stays
  away = 2,      // silent for longer than the cluster waits: replaced, until it is heard again
  removing = 3,  // gives away what it has; leaves the cluster once it has nothing
  gone = 4,      // never comes back, as an operator said: replaced; leaves the cluster once it is named nowhere
};

struct NodeInfo {
  NodeId id;
  Uuid data_id;             // of its data directory: a second directory under the same id is refused
  Incarnation incarnation;  // of the process admitted last
  Generation generation;    // of its data now; a member of an in-sync set by an older one may lack writes
  std::string zone;         // empty: none
  double weight = 1.0;      // relative share of partitions, above 0
  Membership membership = Membership::active;
  Addresses addresses;

  auto operator<=>(const NodeInfo&) const = default;
};

// A member of an in-sync set: the generation of its data at the time it was counted in.
struct InSyncMember {
  NodeId node;
  Generation generation;

  auto operator<=>(const InSyncMember&) const = default;
};

// A primary of an earlier term that has not yet accounted for what only it may hold (PROTOCOL.md section 10).
struct DeposedPrimary {
  NodeId node;
  Term term;  // the last it served in

  auto operator<=>(const DeposedPrimary&) const = default;
};

// Who serves one partition.
//
// INVARIANT 1: primary, where there is one, is in `in_sync`.
// INVARIANT 2: no node is in both `in_sync` and `learners`, or twice in either.
// INVARIANT 3: term and version never go back.
// INVARIANT 4: `departed` names members that are not in `in_sync`; it is empty while in_sync has min_in_sync members.
struct PartitionEntry {
  Term term;
  NodeId primary;                 // empty: nobody (no node yet)
  Incarnation primary_incarnation;  // the process that was appointed
  std::vector<InSyncMember> in_sync;
  std::vector<NodeId> learners;   // members still catching up: never promoted, never read
  std::uint64_t version = 0;      // of this entry; compare-and-swap is conditional on it
  std::vector<NodeId> departed;   // left the in-sync set since it last had min_in_sync members
  std::vector<DeposedPrimary> deposed;  // oldest first; at most kDeposedMax; may name nodes that left the cluster

  auto operator<=>(const PartitionEntry&) const = default;

  // in_sync, then learners, primary first.
  std::vector<NodeId> members() const;
  bool has_member(const NodeId& node) const;
  // Null: not in the in-sync set.
  const InSyncMember* find_in_sync(const NodeId& node) const;
};

// Fixed when a cluster is created, but for the replication factor and min_in_sync.
struct ClusterShape {
  std::uint32_t partitions = limits::kPartitionsDefault;
  std::uint32_t replication_factor = 1;
  std::uint32_t min_in_sync = 1;  // an `all` write needs so many members; 1 to replication_factor
  std::uint32_t vnodes = limits::kVnodesDefault;  // ring points of a node of weight 1
  double load_slack = 0.05;  // how far above its share a node's load may go (e of bounded loads)
  Timing timing = {};

  auto operator<=>(const ClusterShape&) const = default;
};

// How fast data moves between nodes; obeyed by the coordinator and by the nodes that send. Changed at any time.
struct MoveLimits {
  std::uint32_t moves_per_node = limits::kMovesPerNodeDefault;  // that one node gives, and that it takes, at once
  std::uint64_t bytes_per_second = 0;  // of repairs and snapshots that one node sends; 0: as fast as it can
  double p99_factor = 2.0;  // a node sends slower while its requests' p99 is above so many times that at rest; 0: never

  auto operator<=>(const MoveLimits&) const = default;
};

struct ClusterMap {
  ClusterId cluster;
  Epoch epoch;
  ClusterShape shape;
  MoveLimits moves;
  std::vector<NodeInfo> nodes;  // ordered by id
  std::vector<std::string> coordinators;  // native addresses
  std::vector<PartitionEntry> entries;  // by partition; its size is shape.partitions

  auto operator<=>(const ClusterMap&) const = default;

  const NodeInfo* find_node(const NodeId& id) const;
  std::size_t active_nodes() const;
  Partitioning partitioning() const { return Partitioning(shape.partitions); }
  const PartitionEntry& entry(PartitionId partition) const { return entries[partition.value()]; }
};

using ClusterMapPtr = std::shared_ptr<const ClusterMap>;

// Checks everything a map from outside must satisfy before it is used: shape within limits, nodes ordered and
// valid, entries of the right number, members known, the invariants of PartitionEntry.
// ERRORS: invalid_argument, with the first thing wrong.
Result<void> validate(const ClusterMap& map);
// As validate, of a map that was valid before it changed: in these entries, and in other things than its number of
// entries, its nodes' ids and min_in_sync. ERRORS: as validate.
Result<void> validate_changed(const ClusterMap& map, const std::vector<PartitionId>& changed);

}  // namespace gyre::ring
