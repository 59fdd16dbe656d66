// A whole simulated cluster: coordinator, nodes, clients, network, and the checks that watch them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/checks.h"
#include "tests/simulation/network.h"
#include "tests/simulation/notice.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/sim_client.h"
#include "tests/simulation/sim_coordinator.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/truth.h"

namespace gyre::simulation {

struct ClusterOptions {
  std::uint64_t seed = 1;
  bool verbose = false;
  BrokenRule broken = BrokenRule::none;  // of every machine
  std::uint32_t nodes = 3;
  std::uint32_t spares = 0;  // nodes that take part only when they are told to
  std::uint32_t clients = 1;
  ring::ClusterShape shape = {.partitions = 1, .replication_factor = 3, .min_in_sync = 2};
  runtime::Durability durability = runtime::Durability::everysec;
  bool trust_refused = true;
  bool balance_primaries = true;
  std::size_t log_kept = 10'000;
  std::size_t record_cache_bytes = 0;
  std::size_t snapshot_chunk_bytes = limits::kSnapshotChunkBytes;  // see NodeOptions
  std::size_t snapshot_committed_bytes_max = limits::kSnapshotCommittedBytesMax;
  double drift = 0;            // clocks run faster or slower by at most this
  Duration wall_offset_max{0};  // wall clocks are wrong by at most this
};

// INVARIANT: the first thing found wrong is failure(); from then on nothing counts.
class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options);
  ~Cluster();

  Scheduler& scheduler() { return scheduler_; }
  Network& network() { return network_; }
  Truth& truth() { return truth_; }
  Checks& checks() { return checks_; }
  SimCoordinator& coordinator() { return *coordinator_; }
  std::size_t nodes() const { return nodes_.size(); }
  SimNode& node(NodeIndex index) { return *nodes_[index]; }
  const SimNode& node(NodeIndex index) const { return *nodes_[index]; }
  std::size_t clients() const { return clients_.size(); }
  SimClient& client(std::size_t index) { return *clients_[index]; }
  const ClusterOptions& options() const { return options_; }
  // What the store holds; null: no cluster yet.
  const ring::ClusterMap* map() const { return coordinator_->map(); }
  const ring::PartitionEntry& entry(PartitionId partition) const { return map()->entry(partition); }

  // A node that does not take part is left alone: by faults, and when everything is healed. One that the cluster has
  // removed does so only if it is told again.
  bool takes_part(NodeIndex index) const { return takes_part_[index] && !nodes_[index]->removed(); }
  void take_in(NodeIndex index);

  void start_all();
  // Everything that was broken is whole again, except what stays `away`.
  void heal(std::optional<NodeIndex> away = {});
  // Runs until `condition` holds; false: it did not within `limit`. Looked at every few milliseconds.
  bool await(Duration limit, const std::function<bool()>& condition);
  // Every partition is served, every member that is not `away` in sync; if nobody is, no primary has to account, and
  // copies are where they should be and nowhere else.
  bool quiet(std::optional<NodeIndex> away = {}) const;
  // Why quiet() is false.
  std::string unrest(std::optional<NodeIndex> away = {}) const;

  void fail(Notice notice);
  // None: all is well so far.
  const std::optional<Notice>& failure() const { return failure_; }

 private:
  double draw_rate();
  void watch();
  std::string unsettled(const SimNode& node) const;
  std::string unrest_of_nodes(std::optional<NodeIndex> away) const;
  std::string unrest_of(PartitionId partition, std::optional<NodeIndex> away) const;
  // Why the copies of a partition are not where they should be. Empty: they are.
  std::string misplaced(PartitionId partition) const;

  ClusterOptions options_;
  Scheduler scheduler_;
  Network network_;
  std::optional<Notice> failure_;
  Truth truth_;
  Nodes nodes_;
  std::vector<bool> takes_part_;  // by node
  Checks checks_;
  std::unique_ptr<SimCoordinator> coordinator_;
  std::vector<std::unique_ptr<SimClient>> clients_;
};

// What a machine of ours says when an invariant of its own is broken.
struct AssertionFailed {
  std::string what;
};
// From now on, in the whole process, a broken invariant throws AssertionFailed instead of ending the process.
void throw_on_assertions();

}  // namespace gyre::simulation
