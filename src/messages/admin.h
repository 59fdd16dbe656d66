// What operators ask for, and what they are told: plans, moves, settings, load, injected faults.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "messages/control.h"
#include "ring/cluster_map.h"
#include "ring/plan.h"

namespace gyre::messages {

// --- Changing the cluster: to a coordinator ---

// What would a rebalance do now?
struct PlanRequest {};

// Makes the target placement of that plan the cluster's. Refused if the plan would be another one by now.
struct ApplyRequest {
  std::uint64_t plan = 0;
};

// How far are the moves?
struct MovesRequest {};

// Changes what is given.
struct ClusterSetRequest {
  std::optional<bool> automatic;  // joins, leaves and deaths are acted upon without being told to
  std::optional<bool> paused;     // no move begins
  std::optional<bool> spread_hot;  // plans may move primaries for load
  std::optional<std::uint32_t> moves_per_node;
  std::optional<std::uint64_t> bytes_per_second;
  std::optional<double> p99_factor;
  std::optional<Duration> replace_after;  // whole ms on the wire; 0: never
  std::optional<std::uint32_t> replication_factor;
  std::optional<std::uint32_t> min_in_sync;
};

// Changes what is given of one node.
struct NodeSetRequest {
  enum class Action : std::uint8_t {
    none = 0,
    drain = 1,   // give away all it has
    resume = 2,  // take part again
    remove = 3,  // drain, then forget it
    forget = 4,  // it is gone for good, and its copies with it
  };
  NodeId node;
  std::optional<double> weight;
  std::optional<std::string> zone;
  Action action = Action::none;
};

// --- To a node ---

// Its busiest partitions and keys.
struct HotRequest {
  std::uint32_t keys_max = 20;
};

// Faults of the network that a process makes of its own will, for tests: on what it exchanges with one other. Refused
// unless the process was started with --allow-fault-injection.
struct FaultRule {
  enum class Direction : std::uint8_t { both = 0, in = 1, out = 2 };
  std::string peer;  // a node id; "coordinator"; "*": every node and the coordinator; "clients": who is neither
  Direction direction = Direction::both;
  double drop = 0;    // of all frames, 0 to 1
  Duration delay{0};  // of each frame; whole ms on the wire
  Duration jitter{0};  // up to so much more; frames stay in order

  bool operator==(const FaultRule&) const = default;
};

// `rules` take the place of all that are on; with `show`, nothing is changed.
struct FaultsRequest {
  bool show = true;
  std::vector<FaultRule> rules;
};

// --- Answers ---

struct PlanResponse {
  ring::Plan plan;
  Duration estimate{0};  // that it takes, by the rates seen and the limits set; whole ms on the wire
};

struct ApplyResponse {
  Epoch epoch;  // from here on it is the target
};

// A copy that comes to be or goes.
struct MoveStatus {
  enum class Stage : std::uint8_t {
    waiting = 0,  // for its turn
    copying = 1,  // `to` is a learner
    handing_over = 2,  // the primary moves
    leaving = 3,  // `from` gives up its place
    deleting = 4,  // and its data
  };
  PartitionId partition;
  NodeId from;  // as in ring::PlannedMove
  NodeId to;
  Stage stage = Stage::waiting;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  bool node_down = false;  // the one whose turn it is: see acting_node

  // Whom the move waits for: who gets the copy, then who gives it up.
  const NodeId& acting_node() const { return stage <= Stage::copying && !to.empty() ? to : from; }

  bool operator==(const MoveStatus&) const = default;
};

// What an operator has set.
struct MovePolicy {
  bool automatic = true;
  bool paused = false;
  bool spread_hot = false;
  Duration replace_after = std::chrono::minutes(5);  // 0: never

  bool operator==(const MovePolicy&) const = default;
};

struct NodeLoadStatus {
  NodeId node;
  std::uint64_t bytes = 0;
  double reads_per_second = 0;
  double writes_per_second = 0;
  std::uint32_t p99_us = 0;
  std::uint32_t rest_p99_us = 0;
  std::uint32_t faults = 0;

  bool operator==(const NodeLoadStatus&) const = default;
};

struct MovesResponse {
  MovePolicy policy;
  ring::MoveLimits limits;
  std::vector<MoveStatus> moves;  // open ones, by partition
  std::uint64_t bytes_done = 0;   // of this rebalance, finished moves included
  std::uint64_t bytes_total = 0;
  std::uint32_t moves_done = 0;
  std::uint32_t moves_total = 0;
  double bytes_per_second = 0;    // lately
  std::vector<NodeLoadStatus> nodes;
};

// What was asked for is in the cluster's state.
struct SetResponse {
  Epoch epoch;
};

struct HotKey {
  Bytes key;
  PartitionId partition;
  double per_second = 0;
  double error = 0;  // it may be so much less

  bool operator==(const HotKey&) const = default;
};

struct HotResponse {
  std::vector<HotKey> keys;                 // hottest first
  std::vector<LoadReport::Item> partitions;  // hottest first
};

struct FaultsResponse {
  std::vector<FaultRule> rules;  // that are on
};

}  // namespace gyre::messages
