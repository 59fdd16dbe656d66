// The workload of `gyre verify`: clients that write and read while processes die, and remember what they were told.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gyre/client.h"
#include "tools/gyre/lost_writes.h"

namespace gyre::cli {

// What one kind of work found out. `problems` empty: nothing contradicts the promise.
struct WorkReport {
  std::string name;     // e.g. "registers, ack all, linearizable reads"
  std::uint64_t calls = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t unknown = 0;  // writes whose outcome stayed unknown
  std::uint64_t refused = 0;  // calls that failed with nothing written
  std::vector<std::pair<std::string, std::uint64_t>> facts;  // e.g. {"lost", 12}
  std::vector<std::string> problems;
  std::string shortage;  // not empty: too little happened to prove anything
};

// One kind of work on keys of its own.
class Work {
 public:
  virtual ~Work() = default;
  // Runs until `stop`, on as many threads as it needs; then returns.
  virtual void run(const std::atomic<bool>& stop) = 0;
  // Once the cluster is whole again: compares what is there, and what the ledgers have, with what clients were told.
  virtual WorkReport check(Client& client, const LedgerView& lost) = 0;
};

struct WorkOptions {
  std::vector<std::string> seeds;
  std::uint64_t random_seed = 0;
  double rate = 500;  // calls a second and thread, at most
  // Counted up by who breaks the cluster: the writers with ack one then write much at once, so that a primary gets
  // ahead of what the kernel's buffers carry to its replicas.
  std::shared_ptr<std::atomic<std::uint64_t>> bursts = std::make_shared<std::atomic<std::uint64_t>>(0);
};

// Registers (linearizable), counters (exactly once), writes of unique keys with ack one, 2 (where `members` allows) and
// all, and sessions. ERRORS: those of Client::connect.
Result<std::vector<std::unique_ptr<Work>>> make_workload(const WorkOptions& options, std::uint32_t members);

}  // namespace gyre::cli
