// How busy nodes and partitions are, as nodes report it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "messages/control.h"
#include "messages/request.h"
#include "ring/plan.h"

namespace gyre::control {

// What was reported longer ago says nothing about how busy a node is; the sizes it named still stand.
inline constexpr Duration kLoadLife = std::chrono::seconds(10);

// The newest report of each node. Lost with the process: the nodes report again within a second.
class LoadTable {
 public:
  using Transfer = messages::LoadReport::Transfer;

  // REQUIRES: `node` is one of the cluster's, which has so many partitions. What is beyond them is ignored.
  void on_report(Instant now, const NodeId& node, std::size_t partitions, messages::LoadReport report);
  void forget(const NodeId& node);

  // By partition.
  std::vector<ring::PartitionLoad> loads(const ring::ClusterMap& map, Instant now) const;
  // Of one copy, about.
  std::uint64_t bytes_of(const ring::ClusterMap& map, PartitionId partition) const;
  // Whether the node had copies by what it reported at or after `since`. None: it reported nothing.
  std::optional<bool> holds_copies(const NodeId& node, Instant since) const;
  // The copy of the partition that `to` is sent. Null: none is being sent.
  const Transfer* transfer(const ring::ClusterMap& map, PartitionId partition, const NodeId& to, Instant now) const;
  // All of the map's nodes, by id.
  std::vector<messages::NodeLoadStatus> status(const ring::ClusterMap& map, Instant now) const;
  // Sent by all nodes together lately, and by the busiest of them.
  double bytes_per_second(Instant now) const;
  double bytes_per_second_of_one(Instant now) const;

 private:
  struct Node {
    Instant at;
    messages::LoadReport report;
    std::map<PartitionId, std::uint64_t> bytes;  // of its copies, also those not named in the last report
    double bytes_per_second = 0;  // that it sends
  };

  static double rate(const Node& before, Instant now, const messages::LoadReport& report);
  const Node* fresh(const NodeId& node, Instant now) const;

  std::map<NodeId, Node> nodes_;
};

}  // namespace gyre::control
