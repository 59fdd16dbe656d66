// A rebalance plan as people and scripts read it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

// How a plan is named on the command line: 16 hex digits.
std::string plan_id_text(std::uint64_t id);
// ERRORS: invalid_argument.
Result<std::uint64_t> parse_plan_id(std::string_view text);

// Copies that go the same way.
struct MoveGroup {
  NodeId from;  // empty: a copy more
  NodeId to;  // empty: a copy less
  std::vector<PartitionId> partitions;  // in order
  std::uint64_t bytes = 0;
};
std::vector<MoveGroup> group_moves(const std::vector<ring::PlannedMove>& moves);

// "n1 -> n4"; "-> n4" and "n1 ->" for a copy more or less.
std::string way_text(const NodeId& from, const NodeId& to);
// "0-3, 17, 22-30"
std::string partitions_text(const std::vector<PartitionId>& partitions);

// How uneven the nodes are: the most that any has relative to its share, over the mean; 1 is perfect. 0: there is
// nothing.
struct Balance {
  double primaries = 0;
  double copies = 0;  // primaries and replicas
  double bytes = 0;
  double operations = 0;
};
Balance balance_of(const std::vector<ring::NodeBalance>& nodes, ring::NodeLoad ring::NodeBalance::* when);

// Copies that are made: moves that have somewhere to go.
std::uint32_t copies_of(const ring::Plan& plan);

struct PlanTextOptions {
  bool every_move = false;  // a line for each, instead of one for each way
  bool zones = false;  // nodes of the cluster name zones
};
// Several lines, the last with a line end.
std::string plan_text(const messages::PlanResponse& response, const PlanTextOptions& options);
// One line: what is to move, and how long that takes.
std::string plan_summary(const messages::PlanResponse& response);
Json plan_json(const messages::PlanResponse& response);

}  // namespace gyre::cli
