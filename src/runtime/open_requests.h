// The requests of clients that are not answered yet.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "runtime/host_context.h"
#include "runtime/request_table.h"

namespace gyre::runtime {

using replication::Ticket;

struct OpenRequest {
  ResponderPtr from;
  RequestId id;
  Instant deadline = kNever;   // the caller's; without one, kRequestWaitMax from its arrival
  Instant sampled_at = {};     // when it came; the epoch: how long it takes is not recorded
  std::size_t bytes = 0;       // of memory it holds, about
  std::uint64_t era = 0;       // of a read: Partition::era() when it was admitted
  messages::RequestBody body = {};    // of a read; a write moves into its machine
  messages::ResponseBody found = {};  // what a read found, while it must not leave
};

// INVARIANT: what was added is answered exactly once.
class OpenRequests {
 public:
  explicit OpenRequests(HostContext& context) : context_(context) {}

  Ticket add(const replication::Moment& now, const ResponderPtr& from, const messages::Request& request);
  // REQUIRES: open.
  OpenRequest& get(Ticket ticket);
  // Null: answered already.
  OpenRequest* find(Ticket ticket) { return table_.find(ticket); }
  // Keeps what a read found until it may leave. REQUIRES: open.
  void hold(Ticket ticket, messages::ResponseBody found);

  // REQUIRES: open.
  void respond(Ticket ticket, messages::ResponseBody body);
  void refuse(Ticket ticket, Error error);

  std::size_t size() const { return table_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  HostContext& context_;
  RequestTable<Ticket, OpenRequest> table_;
  std::size_t bytes_ = 0;
};

}  // namespace gyre::runtime
