// A node in the simulator: the real host, machines and membership agent over virtual time, network and disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/agent.h"
#include "runtime/partition_host.h"
#include "storage/faulty_engine.h"
#include "tests/simulation/network.h"
#include "tests/simulation/sim_disk.h"

namespace gyre::simulation {

struct NodeOptions {
  runtime::Durability durability = runtime::Durability::everysec;
  BrokenRule broken = BrokenRule::none;
  bool trust_refused = true;
  double clock_rate = 1;
  Duration wall_offset{0};
  std::size_t log_kept = 10'000;  // writes of a partition in the log on disk
  std::size_t record_cache_bytes = 0;
  // Of a snapshot: in one chunk, and committed before the rest is ingested.
  std::size_t snapshot_chunk_bytes = limits::kSnapshotChunkBytes;
  std::size_t snapshot_committed_bytes_max = limits::kSnapshotCommittedBytesMax;
  storage::FaultPlan storage = {};
  double stall = 0;         // chance of a commit to stop the process in the middle of its turn
  Duration stall_max{0};
};

// What the checks see of a node.
class NodeObserver {
 public:
  virtual ~NodeObserver() = default;
  // When a request came in, and where its partition stood here then; and when it was answered, which may leave later.
  struct Arrival {
    WorldTime at;
    Position position;
    WorldTime answered_at = {};
  };
  virtual Arrival on_request(NodeIndex node, const messages::RequestBody& request) = 0;
  // Its answer leaves.
  virtual void on_answer(NodeIndex node, const messages::RequestBody& request, const Arrival& arrival,
                         const messages::ResponseBody& answer) = 0;
  // A message leaves for another node.
  virtual void on_sent(NodeIndex node, const messages::Message& message) = 0;
  // Its process, machine or disk died, or the process ended in good order.
  virtual void on_died(NodeIndex node, Death death) = 0;
};

// The disk survives crash(); the process, with its incarnation and clock, does not.
//
// A process that is paused, or that stalls in the middle of a turn, does nothing and says nothing, but its clock goes
// on; what reaches it waits.
class SimNode {
 public:
  SimNode(Scheduler& scheduler, Network& network, Truth& truth, NodeObserver& observer, NodeIndex index,
          HostId coordinator, NodeOptions options);
  ~SimNode();

  void start();
  // `unsynced_lost`: a machine that dies takes all that was not synced with it; else chance decides how much.
  void crash(Death death, bool unsynced_lost = false);
  // SIGTERM: hands over, leaves, and ends in good order.
  void stop();
  void pause();
  void resume();
  bool up() const { return process_ != nullptr; }
  bool paused() const { return paused_; }
  // Its last process stopped because the cluster has removed it.
  bool removed() const { return removed_; }
  // Was told to stop, and has not yet.
  bool stopping() const;
  // Does nothing now, and has not said yet what it did last.
  bool stalled() const;
  const NodeId& id() const { return id_; }
  HostId host_id() const { return host_; }
  const SimDisk& disk() const { return disk_; }
  SimDisk& disk() { return disk_; }

  // In good order by the newest map it knows (what readyz shows).
  // REQUIRES: map().
  bool settled(PartitionId partition) const;
  // Holds the right to serve now, by its own clock.
  bool serves(PartitionId partition) const;
  // It gave up that right at that very moment.
  bool stopped_serving_at(PartitionId partition, WorldTime when) const;
  // The newest map it knows; null: none.
  ring::ClusterMapPtr map() const;
  // As it was when its last turn ended: what leaves now was decided later.
  ring::ClusterMapPtr map_before_turn() const;
  // The latest that the time of a partition may be which no other node ever served.
  UnixMillis latest_time() const;

  void set_storage_faults(const storage::FaultPlan& plan);
  void set_disk_full(bool full);
  void set_disk_stalled(bool stalled);
  void set_stalls(double chance, Duration longest);
  void check_invariants() const;

 private:
  struct Process;

  // Runs `event` in the process, if it still is the one of `life`: now, or when it goes on.
  void enter(std::uint64_t life, Event event);
  void run(Event event);
  void hold();
  void go_on();
  void every(Duration interval, std::function<void()> what);
  void schedule_turn();
  void turn();
  void say(Event output);

  void on_request(messages::Request request, std::function<void(messages::Response)> reply);
  void on_message(const messages::Sender& from, messages::Message message);
  void probe_peers();
  void on_second();
  void leave();
  void end_in_good_order();

  void drive_agent();
  void ask_coordinator(control::AskCoordinator ask);
  void store_map(ring::ClusterMapPtr map);

  Scheduler& scheduler_;
  Network& network_;
  NodeObserver& observer_;
  NodeIndex index_;
  NodeId id_;
  HostId host_;
  HostId coordinator_;
  NodeOptions options_;
  SimDisk disk_;
  std::unique_ptr<Process> process_;
  std::uint64_t life_ = 0;  // counts starts and ends: events of an earlier life are dropped
  bool paused_ = false;
  bool removed_ = false;
  bool disk_full_ = false;
  Duration read_ahead_{0};  // what processes that died within a stall had read, and stored, of the time behind it
  std::map<PartitionId, WorldTime> stopped_at_;  // when it served last, for those it does not serve any more
};

// By index.
using Nodes = std::vector<std::unique_ptr<SimNode>>;
// REQUIRES: there is a node of that id.
NodeIndex index_of(const Nodes& nodes, const NodeId& node);
// That generation of the member's data is what it has.
bool has_data(const Nodes& nodes, const ring::InSyncMember& member);
// As it is called in reports.
std::string name_of(NodeIndex node);

}  // namespace gyre::simulation
