// Where the commands of Redis clients go. A node has the hosts of its partitions behind it, a router the whole cluster.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "messages/request.h"
#include "redis/command_table.h"
#include "redis/reply.h"
#include "resp/client.h"
#include "resp/server.h"
#include "ring/cluster_map.h"
#include "runtime/environment.h"

namespace gyre::resp {

// What there is to tell differs, so this is all that a session and its commands know. THREAD: one loop's.
class Backend {
 public:
  struct Traits {
    // Commands of one kind for one slot take effect in the order of ask(); else the session lets one wait for another.
    bool keeps_order = false;
    // The keys of a command may be of any slots, as far as nothing binds them together.
    bool divides = false;
    // prefetch() does something.
    bool prefetches = false;
  };

  explicit Backend(Traits traits) : traits_(traits) {}
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const Traits& traits() const { return traits_; }
  // The newest known; null: none yet.
  virtual const ring::ClusterMapPtr& map() const = 0;
  // How the keys of a command are read that `client` sends, or what it is told instead. None of `slot`: of any slots.
  virtual redis::Parsed<messages::ReadConsistency> route(const Client& client, const redis::Command& command,
                                                         std::optional<Slot> slot) const = 0;
  // Its keys are of this process, so that looking through all keys looks at them here.
  virtual bool holds(PartitionId partition) const = 0;
  // A Get, Write or Scan for `client`, whose responder is `from`; the answer, under its id and of its kind, may come
  // within the call. `slot`: of its keys. `deadline`: of its command, kNever where it has none.
  virtual void ask(runtime::ResponderPtr from, const Client& client, Slot slot, messages::Request request,
                   Instant deadline) = 0;
  // What a GET of one key finds, where that is known here and now and has to wait for nothing. None: ask().
  virtual std::optional<messages::GetResponse> get_at_once(Slot, std::string_view /*key*/,
                                                           const messages::ReadConsistency&) {
    return std::nullopt;
  }
  // GETs of these keys follow. What get_at_once() will look at is asked of memory for all of them at once: to wait for
  // one after the other takes longer than all the rest.
  virtual void prefetch(std::span<const std::string_view> /*keys*/) {}
  // What to tell a client whose request failed like this, if not that it failed.
  virtual std::optional<redis::Reply> redirect(Slot slot, const Error& why) const = 0;

 private:
  const Traits traits_;
};

// What a command of the connection's own runs with.
struct Context {
  const Backend& backend;
  Server& server;
  Client& client;
  const ClientEntry& entry;  // of that client
};

}  // namespace gyre::resp
