// What all Redis clients of a process have in common.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "base/ids.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/time.h"
#include "messages/request.h"
#include "net/byte_connection.h"
#include "resp/clients.h"
#include "resp/cursors.h"
#include "resp/rate_limits.h"
#include "resp/slow_log.h"
#include "resp/users.h"

namespace gyre::resp {

// THREAD: any, once the loops run.
struct Server {
  NodeId self;  // the name of the process
  // The clients see a Redis Cluster, of which this process is a node; else one Redis that has everything.
  bool clustered = true;
  // Of connections that have set nothing else.
  messages::ReadConsistency read = {};
  messages::AckCount ack = messages::kAckOne;
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  bool may_be_broken = false;  // on purpose, by commands that say so
  Users users;  // the same as long as anybody is connected
  Clients all;  // that are connected
  SlowLog slow;
  RateLimits rates;  // of commands that read or write keys
  Duration deadline{0};  // of a command, from when it was read; 0: none
  std::string appendfsync;  // what CONFIG GET says of it; empty: nothing
  Cursors cursors{std::uint64_t{std::random_device()()} << 32 | std::random_device()()};
  std::atomic<std::uint64_t> seed{std::random_device()()};  // of the next random choice
  Instant started{};
  std::string address;  // where the listener is
  std::atomic<std::uint64_t> clients{0};  // connected now
  std::atomic<std::uint64_t> connections{0};  // ever
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint64_t> refused_logins{0};
};

// From now on the client is that user, with its levels, or the listener's where it has none; one that only says again
// who it is keeps those that it has chosen. What stands behind a name comes before all.
void become(Client& client, const Server& server, const Login& login);

// Of the connections of its clients.
net::ByteLimits byte_limits(const Server& server);
// `server` outlives the registry's use.
void add_metrics(MetricsRegistry& metrics, const Server& server);

}  // namespace gyre::resp
