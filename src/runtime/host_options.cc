#include "runtime/host_options.h"

namespace gyre::runtime {

HostMetrics::HostMetrics(MetricsRegistry& registry)
    : reads(registry.counter("gyre_reads_total", "Keys read by get requests")),
      reads_from_cache(registry.counter("gyre_reads_from_cache_total", "Keys whose record the record cache knew")),
      reads_from_disk(registry.counter("gyre_reads_from_disk_total", "Keys whose read had to go to the disk")),
      writes(registry.counter("gyre_writes_total", "Write requests, a batch counts once")),
      scans(registry.counter("gyre_scans_total", "Pages of scans")),
      refused(registry.counter("gyre_requests_refused_total",
                               "Requests answered with an error other than not_found and condition_failed")),
      commits(registry.counter("gyre_commits_total", "Group commits")),
      syncs(registry.counter("gyre_syncs_total", "Syncs of the write-ahead log")),
      storage_errors(registry.counter("gyre_storage_errors_total", "Reads, writes and syncs that storage failed")),
      sweeps(registry.counter("gyre_sweeps_total", "Sweeps for expired values")),
      appends_sent(registry.counter("gyre_appends_sent_total", "Appends sent to members, heartbeats too")),
      appends_received(registry.counter("gyre_appends_received_total", "Appends of primaries, heartbeats too")),
      writes_sent(registry.counter("gyre_replicated_writes_sent_total", "Writes sent to members")),
      acks_sent(registry.counter("gyre_acks_sent_total", "Acknowledgements sent to primaries")),
      acks_received(registry.counter("gyre_acks_received_total", "Acknowledgements of members")),
      sends_dropped(registry.counter("gyre_sends_dropped_total",
                                     "Messages with data not sent because too much waits to leave for that node")),
      log_reads(registry.counter("gyre_log_reads_total", "Reads of the log on disk for members that are behind")),
      snapshots_sent(registry.counter("gyre_snapshots_sent_total", "Snapshots of a partition given to the end")),
      snapshots_received(registry.counter("gyre_snapshots_received_total", "Snapshots of a partition received")),
      copied_bytes(registry.counter("gyre_copied_bytes_total",
                                    "Bytes of snapshots and of the log read for members that are not in sync")),
      retired(registry.counter("gyre_partitions_retired_total",
                               "Copies of partitions deleted here because this node is no member any more")),
      lost_writes(registry.counter("gyre_lost_writes_total", "Writes that went to the loss ledger")),
      leases_lost(registry.counter("gyre_leases_lost_total",
                                   "Times a primary ceased to serve because a member's lease ran out")) {}

}  // namespace gyre::runtime
