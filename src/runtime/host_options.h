// How a host is set up, and what it counts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/time.h"
#include "runtime/durability.h"

namespace gyre::runtime {

struct HostOptions {
  NodeId self = {};
  Incarnation incarnation = {};
  Generation generation = {};
  bool loses_nothing = true;  // false: this start may lack writes that were acknowledged
  Instant started = {};       // when the process started
  Durability durability = Durability::everysec;
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  std::size_t record_cache_bytes = 0;  // see RecordCache
  std::size_t snapshot_chunk_bytes = limits::kSnapshotChunkBytes;
  std::size_t snapshot_committed_bytes_max = limits::kSnapshotCommittedBytesMax;  // see PartitionConfig
  std::uint32_t shard = 0;   // this host has the partitions p with p mod shards == shard
  std::uint32_t shards = 1;
  BrokenRule broken = BrokenRule::none;  // of tests only
};

struct HostMetrics {
  explicit HostMetrics(MetricsRegistry& registry);

  // Requests.
  Counter& reads;
  Counter& reads_from_cache;
  Counter& reads_from_disk;
  Counter& writes;
  Counter& scans;
  Counter& refused;  // requests answered with an error other than condition_failed and not_found
  // Storage.
  Counter& commits;
  Counter& syncs;
  Counter& storage_errors;
  Counter& sweeps;
  // Replication.
  Counter& appends_sent;
  Counter& appends_received;
  Counter& writes_sent;
  Counter& acks_sent;
  Counter& acks_received;
  Counter& sends_dropped;
  Counter& log_reads;
  Counter& snapshots_sent;
  Counter& snapshots_received;
  Counter& copied_bytes;
  Counter& retired;
  Counter& lost_writes;
  Counter& leases_lost;
};

}  // namespace gyre::runtime
