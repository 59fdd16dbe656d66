// Drives the partition machines of one event loop over one engine: requests in, group commits, answers out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "messages/request.h"
#include "replication/partition.h"
#include "runtime/durability.h"
#include "runtime/environment.h"
#include "runtime/request_table.h"
#include "storage/engine.h"
#include "storage/ledger.h"

namespace gyre::runtime {

struct HostOptions {
  NodeId self;
  Incarnation incarnation;
  Generation generation;
  bool loses_nothing = true;  // false: this start may lack writes that were acknowledged
  Instant started;            // when the process started
  Durability durability = Durability::everysec;
  std::uint32_t shard = 0;   // this host has the partitions p with p mod shards == shard
  std::uint32_t shards = 1;
  BrokenRule broken = BrokenRule::none;  // of tests only
};

struct HostMetrics {
  explicit HostMetrics(MetricsRegistry& registry);

  Counter& reads;
  Counter& reads_from_disk;
  Counter& writes;
  Counter& scans;
  Counter& refused;         // requests answered with an error other than not_found and condition_failed
  Counter& commits;
  Counter& syncs;
  Counter& storage_errors;
  Counter& sweeps;
};

// Turn by turn: on_request() hands each request to its partition's machine; reads that memory can answer are
// answered at once; end_turn() commits what all machines have pending as one batch and lets answers go, and sends
// reads that need the disk to the pool as one job for each partition.
//
// The engine must outlive the host and all jobs it gave to the environment.
//
// INVARIANT: every request is answered exactly once, while the environment runs its jobs.
class PartitionHost {
 public:
  // ERRORS: those of Engine::partitions().
  static Result<std::unique_ptr<PartitionHost>> open(HostOptions options, storage::Engine& engine,
                                                     storage::Ledger& ledger, Environment& environment,
                                                     HostMetrics& metrics);

  // REQUIRES: newer than the last one.
  void on_map(ring::ClusterMapPtr map);
  // A one-way message about a partition of this host; one that names many partitions is given to every host, which
  // takes its own out of it.
  void on_message(const messages::Sender& from, messages::Message message);
  // Proof of death: that process's peer port refuses connections (and that is trusted).
  void on_peer_refused(const NodeId& node, Incarnation incarnation);
  // Call every kTick.
  void on_tick();
  // The process is about to stop: hands over what it is primary of and gives no more leases. Done once settled_away().
  void begin_stop();
  bool settled_away() const;
  // A get, write, scan or digest; any other kind is answered invalid_argument.
  // REQUIRES: the partition of its (first) key, or of its scan modulo the number of shards, is this host's.
  void on_request(const ResponderPtr& from, messages::Request request);
  void end_turn();
  // Call every second: syncs where durability is everysec, moves the expiry horizons, sweeps some expired records.
  void on_second();

  const ring::ClusterMapPtr& map() const { return map_; }
  std::size_t open_requests() const { return requests_.size(); }
  // Memory that they hold, about.
  std::size_t open_request_bytes() const { return open_request_bytes_; }
  std::size_t partitions_served() const;
  // Of the partitions that have this node as a member.
  std::vector<messages::PartitionStatus> statuses() const;
  // By the newest map, every partition that has this node as a member has it in its in-sync set, and its primary,
  // where it is this node, serves.
  bool settled() const;
  // Asserts the invariants of every machine.
  void check_invariants() const;

 private:
  struct OpenRequest {
    ResponderPtr from;
    RequestId id;
    Instant deadline = kNever;
    std::size_t bytes = 0;       // counted in open_request_bytes_
    messages::RequestBody body;  // of a read; a write has moved into its machine
    messages::ResponseBody found;  // what a read found, while it must not leave
  };
  struct Machine {
    explicit Machine(replication::Partition p) : partition(std::move(p)) {}
    replication::Partition partition;
    bool dirty = false;
    std::string sweep_after;
  };
  using Ticket = replication::Ticket;
  // What the disk is asked for in one turn: gets (no operation) and values that writes depend on.
  struct DiskRead {
    Ticket ticket;
    Bytes key;
    std::optional<std::size_t> operation;
  };
  struct Handed {
    PartitionId partition;
    std::uint64_t id;
  };

  PartitionHost(HostOptions options, storage::Engine& engine, Environment& environment, HostMetrics& metrics);

  Machine* machine_of(PartitionId partition);
  Result<PartitionId> partition_of(const messages::Request& request) const;
  Result<Machine*> route(const messages::Request& request);

  void start_read(Machine& machine, Ticket ticket, std::optional<Bytes> key);
  void read_engine(Machine& machine, Ticket ticket);
  void start_scan(Machine& machine, Ticket ticket);
  void finish_scan(Machine& machine, Ticket ticket, Result<storage::ScanPage> page);
  messages::ResponseBody get_answer(Machine& machine, Ticket ticket, const messages::Record* record);
  void answer_get(Machine& machine, Ticket ticket, const messages::Record* record);
  void answer_from_disk(Machine& machine, Ticket ticket, messages::ResponseBody found);
  void start_disk_reads();
  void finish_disk_read(Machine& machine, const DiskRead& read, Result<storage::Lookup> found);

  void run_effects(Machine& machine);
  void carry_out(Machine& machine, replication::ReadCurrent effect);
  void carry_out(Machine& machine, replication::WriteDone effect);
  void carry_out(Machine& machine, replication::ReadReady effect);
  void carry_out(Machine& machine, replication::RoleChanged effect);
  void mark_dirty(Machine& machine);

  void commit();
  void report_persisted(const std::vector<Handed>& handed);
  void start_sync(std::vector<Handed> handed);
  void on_engine_failed(const Error& error);
  void sweep_some();

  void respond(Ticket ticket, messages::ResponseBody body);
  void respond_error(Ticket ticket, Error error);

  HostOptions options_;
  storage::Engine& engine_;
  Environment& environment_;
  HostMetrics& metrics_;
  ring::ClusterMapPtr map_;
  std::map<PartitionId, messages::PartitionState> stored_;  // of partitions without a machine yet
  std::vector<std::unique_ptr<Machine>> machines_;          // by partition / shards
  RequestTable<Ticket, OpenRequest> requests_;
  std::size_t open_request_bytes_ = 0;
  std::vector<Machine*> dirty_;    // may have something to commit in this turn
  std::vector<Machine*> refused_;  // by the last commit
  std::map<PartitionId, std::vector<DiskRead>> disk_reads_;
  std::vector<Handed> unsynced_;  // committed, waiting for a sync (durability always)
  bool syncing_ = false;
  bool sync_due_ = false;         // something was committed since the last sync began
  std::size_t sweep_next_ = 0;
  bool sweeping_ = false;
};

}  // namespace gyre::runtime
