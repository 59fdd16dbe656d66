// A node in the simulator: the real hosts, machines and membership agent over virtual time, network and disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/agent.h"
#include "runtime/partition_host.h"
#include "storage/faulty_engine.h"
#include "storage/memory_engine.h"
#include "tests/simulation/network.h"

namespace gyre::simulation {

struct NodeFaults {
  storage::FaultPlan storage;
  runtime::Durability durability = runtime::Durability::everysec;
  replication::BrokenRule broken = replication::BrokenRule::none;
};

// The disk survives crash(); the process, with its incarnation, does not.
class SimNode {
 public:
  SimNode(Scheduler& scheduler, Network& network, NodeId id, std::string coordinator, NodeFaults faults);
  ~SimNode();

  void start();
  // kill -9. `machine`: the machine dies with it, so that some of what was not synced is lost.
  void crash(bool machine);
  bool up() const { return process_ != nullptr; }
  // Serves every partition whose primary it is by the newest map it knows.
  bool settled() const;
  void set_storage_faults(const storage::FaultPlan& plan);
  void check_invariants() const;

 private:
  struct Process;

  void deliver(messages::Request request, std::function<void(messages::Response)> reply);
  void drive_agent();
  void ask_coordinator(control::AskCoordinator ask);
  void on_map(const ring::ClusterMapPtr& map);
  void schedule_turn();
  void every_second();

  Scheduler& scheduler_;
  Network& network_;
  NodeId id_;
  std::string coordinator_;
  NodeFaults faults_;
  storage::MemoryEngine disk_;
  std::uint64_t incarnation_ = 0;
  ClusterId cluster_;
  std::unique_ptr<Process> process_;
  std::uint64_t life_ = 0;  // counts starts and crashes: events of an earlier life are dropped
};

}  // namespace gyre::simulation
