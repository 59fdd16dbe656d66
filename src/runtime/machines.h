// The machines of one event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "replication/partition.h"
#include "replication/partition_clock.h"
#include "runtime/host_options.h"
#include "storage/engine.h"

namespace gyre::runtime {

// What a partition is asked for (see LoadMeter).
struct PartitionLoad {
  std::uint32_t reads = 0;   // in this second
  std::uint32_t writes = 0;
  double read_rate = 0;      // lately, a second
  double write_rate = 0;
  std::uint64_t bytes = 0;   // of this node's copy, about; 0: it has none, or it is not known
};

struct Machine {
  Machine(replication::Partition p, std::size_t i) : partition(std::move(p)), index(i) {}

  replication::Partition partition;
  const std::size_t index;     // among the machines of its loop
  // As of the end of the last turn in which it was touched:
  bool served = false;         // as primary
  bool settled = false;        // see Partition

  bool touched = false;        // see Machines::touch
  bool changed = false;        // touched in this turn
  bool refused = false;        // storage refused its commit in this turn
  std::size_t syncs_open = 0;  // commits that are reported only after a sync
  std::string sweep_after;     // where the next sweep goes on
  // A serving primary's time, as it was a while ago.
  struct Told {
    Instant at{};
    UnixMillis time;
  };
  std::optional<Told> told;
  PartitionLoad load;
};

// Whoever calls a machine touches it; at the end of the turn the host carries out what the touched ones ask for,
// commits what they have pending, and looks how they stand then.
//
// There are none before the first map: only it says how many partitions there are. Machines stay where they are.
class Machines {
 public:
  using Lost = std::map<PartitionId, std::vector<messages::LostId>>;
  using Stored = std::vector<std::pair<PartitionId, storage::StoredPartition>>;

  // `lost`: what the ledger of the node names, of any host's partitions.
  Machines(HostOptions options, Stored stored, Lost lost);
  Machines(const Machines&) = delete;
  Machines& operator=(const Machines&) = delete;

  // Gives those to whom the map says something new: most changes are of one partition, and a node has many.
  // REQUIRES: newer than the last one, with as many partitions. One from memory comes first or never; the first from
  // the store may be the same.
  std::vector<Machine*> adopt(ring::ClusterMapPtr map, replication::MapSource source = replication::MapSource::store);
  // Null before the first one.
  const ring::ClusterMapPtr& map() const { return map_; }

  // Null: not of this host, or not known. Takes any number that came from a network.
  Machine* find(PartitionId partition);
  std::span<const std::unique_ptr<Machine>> all() const { return machines_; }
  // What each tick looks at, of every machine, by its index: close together, for most need nothing else.
  struct Rest {
    Instant quiet_until;  // it needs no tick before
    bool repeats = false;  // the coordinator is to hear of it with each heartbeat
  };
  std::span<const Rest> rests() const { return rests_; }
  void set_rest(const Machine& machine, Rest rest) { rests_[machine.index] = rest; }
  const ring::PartitionEntry& entry_of(const Machine& machine) const { return map_->entry(machine.partition.id()); }
  // This node is a member of the machine's partition, by the newest map.
  bool member(const Machine& machine) const { return entry_of(machine).has_member(options_.self); }

  void touch(Machine& machine);
  void touch_all();
  bool any_touched() const { return !touched_.empty(); }
  // Those touched since the last call, in that order.
  std::vector<Machine*> take_touched();
  // The same for the end of a turn, which may take the touched ones more than once.
  std::vector<Machine*> take_changed();
  // By which all of them count.
  replication::RunningClock& running() { return running_; }

 private:
  void create();

  HostOptions options_;
  replication::RunningClock running_;
  // Until the machines are made:
  std::map<PartitionId, storage::StoredPartition> stored_;
  Lost lost_;
  ring::ClusterMapPtr map_;
  bool map_from_store_ = false;
  std::vector<std::unique_ptr<Machine>> machines_;  // by partition / shards
  std::vector<Rest> rests_;
  std::vector<Machine*> touched_;
  std::vector<Machine*> changed_;
};

}  // namespace gyre::runtime
