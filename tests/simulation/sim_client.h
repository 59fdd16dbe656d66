// A client in the simulator: the real routing machine, and a workload whose answers are recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "routing/dispatcher.h"
#include "tests/simulation/history.h"
#include "tests/simulation/network.h"

namespace gyre::simulation {

// By key, over all clients of a run.
struct Histories {
  std::map<std::string, std::vector<Operation>> registers;
  std::map<std::string, CounterHistory> counters;
  std::uint64_t answered = 0;
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t next_value = 0;
};

class SimClient {
 public:
  using Done = std::function<void(Result<messages::ResponseBody>)>;

  SimClient(Scheduler& scheduler, Network& network, std::string name, std::vector<std::string> seeds,
            Histories& histories);

  // Works until `end`, one call at a time.
  void work_until(Instant end);
  // One call outside the workload.
  void call(messages::RequestBody body, Duration deadline, Done done);
  bool idle() const { return open_.empty(); }
  void check_invariants() const { dispatcher_.check_invariants(); }

 private:
  void next_call();
  void read(const std::string& key);
  void write(const std::string& key, bool remove);
  void increment(const std::string& key);
  std::string pick(const std::string& kind, std::size_t keys);
  void drive();
  void carry_out(routing::Connect connect);
  void carry_out(const routing::Disconnect& disconnect);
  void carry_out(routing::Send send);
  void carry_out(routing::Complete complete);

  Scheduler& scheduler_;
  Network& network_;
  std::string name_;
  Histories& histories_;
  routing::Dispatcher dispatcher_;
  std::map<routing::CallId, Done> open_;
  std::map<routing::LinkId, Network::Link> links_;
  std::uint64_t last_call_ = 0;
  Instant end_;
  Instant armed_ = kNever;
};

}  // namespace gyre::simulation
