// Where the cluster map and the coordinator's whole state live.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"
#include "messages/settings.h"
#include "ring/cluster_map.h"
#include "ring/placement.h"

namespace gyre::control {

using messages::NodeSettings;

// Everything a coordinator knows that must outlive it.
struct ClusterState {
  ring::ClusterMap map;
  ring::Placement target;  // the last target placement; input of the next one, and what moves lead to
  std::vector<NodeSettings> settings;  // by node
  messages::MovePolicy policy;

  bool operator==(const ClusterState&) const = default;
};

// Implementations: the embedded file store (coordinator/), a memory store (tests), etcd. One contract suite tests
// them all.
//
// INVARIANT: the epoch of what is stored never goes back, and what load() returned once is never lost by a crash.
class ClusterStore {
 public:
  virtual ~ClusterStore() = default;

  // None: the cluster has not been created. ERRORS: corrupt, storage_failed, unsupported (newer format).
  virtual Result<std::optional<ClusterState>> load() = 0;

  // Replaces the state if the stored epoch still is `expected` (0: nothing is stored). Durable when it returns.
  // REQUIRES: state.map.epoch > expected.
  // ERRORS: condition_failed (somebody else was first), wrong_cluster (the store holds another one), storage_failed
  // (outcome unknown: load again).
  virtual Result<void> swap(Epoch expected, const ClusterState& state) = 0;
};

// The rule of ClusterStore::swap: may `next` replace `stored` (null: nothing)?
// ERRORS: condition_failed, wrong_cluster.
Result<void> check_swap(const ClusterState* stored, Epoch expected, const ClusterState& next);

}  // namespace gyre::control
