// Reads of a host: gets and scans of clients, values that writes depend on, digests.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/host_context.h"
#include "runtime/open_requests.h"

namespace gyre::runtime {

// What memory can answer is answered at once. What needs the disk goes to the pool at the end of the turn, as one job
// for each partition. Everything is read first and asked to leave afterwards, by a fresh reading of the clock.
class Reads {
 public:
  Reads(HostContext& context, OpenRequests& requests) : context_(context), requests_(requests) {}

  // A get, scan or digest of this partition, open under `ticket`.
  void start(const replication::Moment& now, Machine& machine, Ticket ticket);
  // A get that nothing has to be waited for is answered here, value and all. None: start() knows more.
  std::optional<messages::GetResponse> get_at_once(const replication::Moment& begun, Machine& machine,
                                                   std::string_view key, const messages::ReadConsistency& read);
  // What machines ask for and answer.
  void on_read_current(Machine& machine, replication::ReadCurrent effect);
  void on_read_ready(Machine& machine, replication::ReadReady effect);
  // Sends what needs the disk to the pool.
  void end_turn();

 private:
  // A get (no operation), or a value that a write depends on.
  struct DiskRead {
    Ticket ticket;
    Bytes key;
    std::optional<std::size_t> operation;
  };
  using Found = std::vector<Result<storage::Lookup>>;

  void read_engine(const replication::Moment& now, Machine& machine, Ticket ticket);
  void start_get(Machine& machine, Ticket ticket);
  Result<storage::Lookup> look_up(PartitionId partition, std::string_view key);
  // Into `response`, unless it has expired.
  static void show(Machine& machine, const replication::Moment& now, messages::Record record,
                   messages::GetResponse& response);
  void start_scan(const replication::Moment& now, Machine& machine, Ticket ticket);
  void finish_scan(Machine& machine, Ticket ticket, Result<storage::ScanPage> page);
  void start_digest(Machine& machine, Ticket ticket);
  void finish_disk_read(Machine& machine, const DiskRead& read, Result<storage::Lookup> found);
  // `off_loop`: not read in this very turn.
  void answer_get(Machine& machine, Ticket ticket, const messages::Record* record, bool off_loop);
  void ask_to_leave(const replication::Moment& now, Machine& machine, Ticket ticket, messages::ResponseBody found,
                    bool off_loop);
  void leave(Machine& machine, Ticket ticket, messages::ResponseBody found);

  HostContext& context_;
  OpenRequests& requests_;
  std::map<PartitionId, std::vector<DiskRead>> disk_reads_;
};

}  // namespace gyre::runtime
