// What a host needs from the world. Production plugs in Asio and threads, the simulator virtual ones.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "gyre/result.h"
#include "messages/request.h"
#include "replication/partition.h"

namespace gyre::runtime {

using Job = std::move_only_function<void()>;

// Takes the answers of the requests that came in with it. THREAD: the host's.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void respond(messages::Response response) = 0;
};
using ResponderPtr = std::shared_ptr<Responder>;

// THREAD: the host's loop, unless said otherwise.
class Environment {
 public:
  virtual ~Environment() = default;

  virtual replication::Moment now() = 0;
  // When the loop found what it serves now, and for how long it had not looked before: so long that may have waited.
  struct Found {
    Instant at;
    Duration held_up{0};
  };
  virtual Found found() const = 0;
  // Runs `work` where it may block, then `done` on the host's loop. ERRORS: busy (neither will run).
  virtual Result<void> run_blocking(Job work, Job done) = 0;

  // To the host of the message's partition on another node, or nowhere: messages get lost. Leaves at the turn's end.
  virtual void send(const NodeId& to, messages::Message message) = 0;
  // What waits to leave for `to`, in bytes, about.
  virtual std::size_t backlog(const NodeId& to) const = 0;
  // To the coordinator, or nowhere.
  virtual void tell_coordinator(messages::Message message) = 0;

  // For the log.
  virtual void trace(PartitionId partition, const replication::RoleChanged& change) = 0;
};

}  // namespace gyre::runtime
