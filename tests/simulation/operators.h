// What operators do in a random run: nodes join and leave, and what decides where data should be changes.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "tests/simulation/cluster.h"

namespace gyre::simulation {

// How often each thing is done, relative to each other; 0: never.
struct OperatorOptions {
  Duration pause_min = std::chrono::milliseconds(300);  // between two things
  Duration pause_max = std::chrono::milliseconds(2500);
  unsigned joins = 3;
  unsigned weights = 2;
  unsigned drains = 2;
  unsigned resumes = 2;
  unsigned removals = 2;
  unsigned gives_up = 1;  // for good, a node that is down
  unsigned copies = 1;  // another replication factor
  unsigned replaces = 1;  // nodes that are silent, sooner or never
  unsigned halts = 1;  // moves, for a while
  unsigned plans = 1;  // by hand

  static OperatorOptions none() { return {{}, {}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; }
  unsigned all() const {
    return joins + weights + drains + resumes + removals + gives_up + copies + replaces + halts + plans;
  }
};

// INVARIANT: what they ask for may be refused; nothing that they do is a reason to lose anything, but giving up.
class Operators {
 public:
  Operators(Cluster& cluster, OperatorOptions options) : cluster_(cluster), options_(options) {}

  void work_until(WorldTime end);
  // The cluster balances itself again, whatever was switched off, and nobody who has to account stays away. Call until
  // it is true, and from time to time.
  bool calm();
  std::uint64_t count() const { return count_; }

 private:
  void next();
  void act();
  void join();
  void weigh();
  void set_node(messages::NodeSetRequest::Action action);
  void drain() { set_node(messages::NodeSetRequest::Action::drain); }
  void resume() { set_node(messages::NodeSetRequest::Action::resume); }
  void remove() { set_node(messages::NodeSetRequest::Action::remove); }
  void give_up() { set_node(messages::NodeSetRequest::Action::forget); }
  void change_copies();
  void replace();
  void halt();
  void start_those_that_owe(const ring::ClusterMap& map);
  void plan();

  void ask(messages::RequestBody body, std::function<void(const messages::ResponseBody&)> done = {});
  void later(Duration from, Duration to, Event event);
  NodeId any_of_map();
  Scheduler& scheduler() { return cluster_.scheduler(); }
  Rng& rng() { return cluster_.scheduler().rng(); }

  Cluster& cluster_;
  OperatorOptions options_;
  WorldTime end_;
  std::uint64_t count_ = 0;
};

}  // namespace gyre::simulation
