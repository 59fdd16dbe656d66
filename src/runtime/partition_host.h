// Drives the partition machines of one event loop over one engine: requests and messages in, group commits, answers and
// messages out.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "messages/request.h"
#include "runtime/commits.h"
#include "runtime/environment.h"
#include "runtime/host_context.h"
#include "runtime/host_options.h"
#include "runtime/open_requests.h"
#include "runtime/outbox.h"
#include "runtime/reads.h"
#include "runtime/tasks.h"
#include "runtime/upkeep.h"
#include "storage/engine.h"
#include "storage/ledger.h"

namespace gyre::runtime {

// Turn by turn: what comes in is handed to the machine of its partition, and reads that memory can answer are answered
// at once. end_turn() carries out what the machines ask for, commits what all of them have pending as one batch, and
// only then lets answers and messages go; whatever blocks goes to the pool. Completed work begins another turn.
//
// The parts: Machines (what there is, what was touched), OpenRequests, Reads, Commits, Tasks (blocking work of the
// machines), Pace (how fast copies are sent), Outbox (messages), LoadMeter (how busy it is), Upkeep (of the store).
//
// The engine and the ledger must outlive the host and all jobs it gave to the environment.
//
// INVARIANT: every request is answered exactly once, while the environment runs its jobs.
class PartitionHost {
 public:
  PartitionHost(const PartitionHost&) = delete;
  PartitionHost& operator=(const PartitionHost&) = delete;
  // ERRORS: those of Engine::partitions().
  static Result<std::unique_ptr<PartitionHost>> open(HostOptions options, storage::Engine& engine,
                                                     storage::Ledger& ledger, Environment& environment,
                                                     HostMetrics& metrics);

  // REQUIRES: newer than the last one, with as many partitions. One from memory comes first or never; the first from
  // the store may be the same.
  void on_map(ring::ClusterMapPtr map, replication::MapSource source = replication::MapSource::store);
  // A one-way message about a partition of this host; one that names many partitions is given to every host, which
  // takes its own out of it. Others are ignored, and so is what comes from another cluster, or before the first map.
  void on_message(const messages::Sender& from, messages::Message message);
  // Proof of death: that process's peer port has refused a connection that was begun at `tried_at`, by the
  // environment's clock (and that is trusted).
  void on_peer_refused(const NodeId& node, Incarnation incarnation, Instant tried_at);
  // Call every kTick.
  void on_tick();
  // The process is about to stop (and the caller tells the coordinator, until settled_away()).
  void begin_stop();
  bool stopping() const { return stopping_; }
  // By the newest map it is in no in-sync set with others: nobody needs it, or nobody could take over from it.
  bool settled_away() const;
  // A get, write, scan or digest; any other kind is answered invalid_argument.
  // REQUIRES: the partition of its (first) key, or of its scan or digest modulo the number of shards, is this host's.
  void on_request(const ResponderPtr& from, messages::Request request);
  // A get that memory can answer and that has to wait for nothing, without a request. None: ask by on_request().
  // REQUIRES: a partition of this host.
  std::optional<messages::GetResponse> get_at_once(PartitionId partition, std::string_view key,
                                                   const messages::ReadConsistency& read);
  // Gets of these follow: see RecordCache.
  void prefetch(std::span<const RecordCache::Key> keys) const { context_.records.prefetch(keys); }
  // Call after every batch of the calls above, and of jobs done.
  void end_turn();
  // Call every second: syncs where durability is everysec, tells the coordinator how busy this host is, and keeps the
  // store in order (see Upkeep).
  void on_second();

  const ring::ClusterMapPtr& map() const { return context_.machines.map(); }
  std::size_t open_requests() const { return requests_.size(); }
  // Memory that they hold, about.
  std::size_t open_request_bytes() const { return requests_.bytes(); }
  // As of the last turn.
  std::size_t partitions_served() const { return served_; }
  // This node is primary of the partition, and holds the right to serve it now.
  bool serves(PartitionId partition);
  // Of the partitions that have this node as a member.
  std::vector<messages::PartitionStatus> statuses() const;
  // The busiest keys and partitions of this host, the first first.
  messages::HotResponse hot(std::size_t keys_max) const;
  // By the newest map, every partition that has this node as a member has it in its in-sync set, and its primary,
  // where it is this node, serves. As of the last turn.
  bool settled() const;
  // REQUIRES: map(), a partition of this host.
  bool settled(PartitionId partition);
  // It serves no more, and only a new process will.
  bool storage_failed() const { return context_.storage_failed; }
  // Asserts the invariants of every machine.
  void check_invariants() const;

 private:
  PartitionHost(HostOptions options, storage::Engine& engine, storage::Ledger& ledger, Environment& environment,
                HostMetrics& metrics, Machines::Stored stored);

  void report_load();
  void note(const replication::Moment& now, Machine& machine);
  Result<PartitionId> partition_of(const messages::Request& request) const;
  Result<Machine*> route(const messages::Request& request);

  void receive(const messages::Sender& from, messages::Message message, PartitionId partition);
  void receive(const messages::Poll& poll);
  void receive(const messages::Seal& seal);
  void receive(const messages::Order& order);

  void run_effects(Machine& machine);
  void carry_out(Machine& machine, replication::ReadCurrent effect);
  void carry_out(Machine& machine, replication::ReadReady effect);
  void carry_out(Machine& machine, replication::WriteDone effect);
  void carry_out(Machine& machine, replication::Send effect);
  void carry_out(Machine& machine, replication::TellCoordinator effect);
  void carry_out(Machine& machine, replication::RoleChanged effect);

  HostContext context_;
  OpenRequests requests_{context_};
  Reads reads_{context_, requests_};
  Commits commits_{context_};
  Tasks tasks_{context_};
  Outbox outbox_{context_};
  Upkeep upkeep_{context_};
  std::size_t served_ = 0;   // machines that do, as noted
  std::size_t settled_ = 0;  // the same
  bool ticked_ = false;  // in this turn
  bool stopping_ = false;
};

}  // namespace gyre::runtime
