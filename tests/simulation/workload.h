// What clients do in a run, and what they were told.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/simulation/notice.h"
#include "tests/simulation/sim_client.h"
#include "tests/simulation/told.h"
#include "tests/simulation/truth.h"

namespace gyre::simulation {

// How much of each kind of call, relative to each other.
struct WorkloadMix {
  unsigned registers = 4;  // keys written by `all` and read linearizably: their histories are linearizable
  unsigned sessions = 4;   // keys written and read at any level
  unsigned counters = 2;
  unsigned expiring = 1;   // keys that live for a moment
  unsigned batches = 1;
  unsigned scans = 1;
  Duration pause_max = std::chrono::milliseconds(10);  // between two calls of one client
  std::uint32_t acks_max = 1;  // the highest number of members asked for
};

// Over all clients of a run.
struct Histories {
  std::map<std::string, std::vector<Operation>> registers;
  std::vector<Memory> clients;
  std::vector<RefusedWrite> refused_writes;
  std::uint64_t answered = 0;
  std::uint64_t unknown = 0;
  std::uint64_t refused = 0;
  std::uint64_t session_lost = 0;
  std::uint64_t next_value = 0;
};

// One client at work, one call at a time.
class Workload {
 public:
  Workload(Scheduler& scheduler, SimClient& client, const Truth& truth, Histories& histories, WorkloadMix mix,
           OnNotice notice);

  void work_until(WorldTime end);

 private:
  using Body = messages::RequestBody;
  using Result = gyre::Result<messages::ResponseBody>;
  struct Remembered {
    std::uint64_t value;
    Position version;
  };

  void next_call();
  void use_register();
  void read_register(const std::string& key);
  void write_register(const std::string& key);
  void use_session();
  void use_counter();
  void use_expiring();
  void use_batch();
  void scan();
  // Calls, counts how it ended, and goes on with the next call.
  void call(Body body, std::function<void(const Result&)> done = {});
  void write(messages::WriteOperation operation, messages::AckCount ack, std::function<void(const Result&)> done = {});
  void check_session(const Body& body, const Result& result);
  void remember(const messages::WriteRequest& write, const Result& result);
  void on_lost(const routing::Lost& lost);
  void on_map(const ring::ClusterMap& map);
  Memory& memory() { return histories_.clients[memory_]; }

  std::string pick(const char* kind, std::size_t keys);
  messages::AckCount any_ack();
  messages::ReadConsistency any_read();
  Duration deadline();
  std::optional<PartitionId> partition_of(std::string_view key) const;

  Scheduler& scheduler_;
  SimClient& client_;
  const Truth& truth_;
  Histories& histories_;
  WorkloadMix mix_;
  OnNotice notice_;
  std::size_t memory_;  // index into histories_.clients
  WorldTime end_;
  std::map<std::string, Remembered> remembered_;  // of registers: what this client read last
  std::map<PartitionId, Position> seen_;  // by session reads and writes; nothing: it was told of a loss
};

}  // namespace gyre::simulation
