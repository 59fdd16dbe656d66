// What a router is told when it starts. Filled by `gyred router` from flags, environment and file; checked before use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "messages/request.h"
#include "resp/users.h"
#include "routing/read_policy.h"

namespace gyre::router {

struct RouterOptions {
  std::string id = "r1";
  std::vector<std::string> seeds{"127.0.0.1:7300"};  // nodes or coordinators: where to ask for the map first
  std::string resp = "127.0.0.1:6379";
  std::string listen;     // for native clients; empty: nowhere
  std::string advertise;  // where they reach that port; empty: the address it listens at
  std::string http = "127.0.0.1:7501";
  std::uint32_t loops = 1;
  std::uint32_t connections_per_node = 1;  // of each loop
  routing::ReadPolicy read_policy = routing::ReadPolicy::latency;
  std::string zone;  // whose members take reads while there are any; empty: all zones are alike
  std::uint32_t hedge_percent = 0;  // of the reads that several members may serve
  Duration cache_ttl{0};  // 0: nothing is kept
  std::size_t cache_bytes = std::size_t{64} * 1024 * 1024;
  bool coalesce = true;
  std::uint32_t rate = 0;  // commands a second of one client address; 0: any
  std::uint32_t rate_burst = 0;  // 0: as many as in a second
  std::uint32_t rate_all = 0;  // of all clients
  std::uint32_t rate_all_burst = 0;
  std::uint32_t calls_max = 65'536;  // requests to nodes that wait for an answer, of each loop; beyond: BUSY
  messages::ReadLevel read = messages::ReadLevel::primary;  // of connections that have not set their own
  Duration read_bound = std::chrono::seconds(1);  // of the level `bounded`
  messages::AckCount ack = messages::kAckOne;  // the same of writes
  std::string users_file;
  resp::Users users;  // of that file
  Duration deadline = std::chrono::seconds(5);  // of a command; a frozen primary is replaced after 3.5 s
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  std::string log_level = "info";
  bool allow_remote = false;  // listeners beyond loopback are allowed
};

}  // namespace gyre::router
