// The faults of `gyre verify`: kills, pauses and restarts processes of a local cluster, drawn from a seed, and measures
// how long writes wait for it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "gyre/client.h"
#include "ring/cluster_map.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

enum class FaultKind : std::uint8_t {
  kill,  // SIGKILL of a node; started again later
  freeze_then_kill,  // a replica is frozen for a second, then its primary killed
  kill_ahead,  // all others are frozen for a moment, and the primary killed while it is ahead of them
  pause,  // SIGSTOP of a node for longer than a lease
  blink,  // SIGSTOP for less than the detection time
  restart,  // SIGTERM, then start
  kill_coordinator,
  pause_coordinator,  // SIGSTOP of the coordinator for 1 to 3 s; in half of the cases a node is killed meanwhile
};
std::string_view to_string(FaultKind kind);
// ERRORS: invalid_argument (names those there are).
Result<std::vector<FaultKind>> parse_faults(std::string_view list);

// How long writes waited, in ms: one value for each partition tried, from the fault to the first write acknowledged.
struct FaultTimes {
  std::size_t faults = 0;
  std::vector<double> concerned;  // partitions whose primary was hit, ack one
  std::vector<double> others;  // all others, ack one
  std::vector<double> others_all;  // all others, ack all
  std::vector<std::string> errors;  // what ended without an acknowledgement, and is not among the times
};

// Until a cluster that is left alone is whole again.
inline constexpr std::chrono::seconds kWholeLimit{60};

// THREAD: one.
class FaultInjector {
 public:
  struct Setup {
    std::vector<FaultKind> kinds;
    std::uint64_t seed = 0;
    std::shared_ptr<std::atomic<std::uint64_t>> bursts;  // counted up where writers shall write much at once
  };
  // ERRORS: those of Client::connect.
  static Result<std::unique_ptr<FaultInjector>> make(const Context& context, const LocalCluster& cluster, Setup setup);

  // One fault after the other until `end` or an interrupt; between them the cluster becomes whole again. Every process
  // runs when it returns. ERRORS: unavailable (a process cannot be started, or the cluster does not become whole).
  Result<void> run(std::chrono::steady_clock::time_point end);

  const std::map<FaultKind, FaultTimes>& times() const { return times_; }
  // Waits until every partition is served and has all its members in sync. ERRORS: unavailable (says what is missing).
  Result<void> await_whole(std::chrono::seconds limit);

 private:
  FaultInjector(const Context& context, const LocalCluster& cluster, Setup setup)
      : context_(context), cluster_(cluster), setup_(std::move(setup)), rng_(setup_.seed) {}

  Result<void> inject(FaultKind kind);
  Result<void> hit(FaultKind kind, const LocalProcess& process);
  Result<void> kill_coordinator();
  Result<void> pause_coordinator();
  // Freezes who has to be frozen before the fault, for as long as it takes.
  Result<std::vector<const LocalProcess*>> freeze(FaultKind kind, const LocalProcess& victim);
  Result<void> signal(const LocalProcess& process, int number);
  Result<void> start(const LocalProcess& process);
  Result<ring::ClusterMapPtr> map() const;
  const LocalProcess& random_node();
  // Writes to one key of each of some partitions, and notes when each is acknowledged, or why it is not.
  class Probes;
  struct Concern {  // partitions, by whether a fault hits their primary
    std::vector<PartitionId> concerned;
    std::vector<PartitionId> others;
  };
  // Without those whose primary is frozen. `victim` null: nobody is hit.
  static Concern concern_of(const ring::ClusterMap& map, const LocalProcess* victim,
                            const std::vector<const LocalProcess*>& frozen);

  const Context& context_;
  const LocalCluster& cluster_;
  Setup setup_;
  Rng rng_;
  std::unique_ptr<Client> client_;
  std::map<PartitionId, std::string> keys_;  // one in each partition
  std::map<FaultKind, FaultTimes> times_;
};

}  // namespace gyre::cli
