// What breaks a cluster in a random run.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/simulation/cluster.h"

namespace gyre::simulation {

// How often each kind of fault comes, relative to each other; 0: never.
struct FaultOptions {
  Duration pause_min = std::chrono::milliseconds(50);  // between two faults
  Duration pause_max = std::chrono::milliseconds(800);
  unsigned process_dies = 4;
  unsigned machine_dies = 1;
  unsigned disk_dies = 0;
  unsigned process_pauses = 3;
  unsigned process_stops = 1;  // in good order
  unsigned coordinator_dies = 1;
  unsigned coordinator_pauses = 1;
  unsigned elections_pause = 1;  // the coordinator, while it waits for members to seal
  unsigned link_cut = 2;
  unsigned node_cut_off = 2;
  unsigned links_swizzled = 1;
  unsigned network_noisy = 2;
  unsigned disk_fails = 1;
  unsigned store_fails = 1;
  unsigned ledger_fails = 1;
};

// Breaks something now and then, and mends most of it a little later.
class Faults {
 public:
  Faults(Cluster& cluster, FaultOptions options) : cluster_(cluster), options_(options) {}

  void work_until(WorldTime end);
  std::uint64_t count() const { return count_; }

 private:
  void next();
  void strike();
  void kill(Death death) { kill(any_node(), death); }
  void kill(SimNode& node, Death death);
  void pause_node();
  void stop_node();
  void kill_coordinator();
  void pause_coordinator();
  void pause_coordinator(Duration shortest, Duration longest);
  void pause_an_election();
  void cut_link();
  void cut_node_off();
  void swizzle();
  void make_noise();
  void break_disk();
  void break_store();
  void break_ledger();

  Scheduler& scheduler() { return cluster_.scheduler(); }
  Rng& rng() { return cluster_.scheduler().rng(); }
  // One that takes part.
  SimNode& any_node();
  HostId any_host() { return static_cast<HostId>(rng().below(cluster_.network().hosts())); }
  // Unless the faults are over then: healing is done by others.
  void later(Duration from, Duration to, Event event);

  Cluster& cluster_;
  FaultOptions options_;
  WorldTime end_;
  std::uint64_t count_ = 0;
};

}  // namespace gyre::simulation
