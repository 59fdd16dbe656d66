// What a router is told when it starts. Filled by `gyred router` from flags, environment and file; checked before use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "messages/request.h"

namespace gyre::router {

struct RouterOptions {
  std::string id = "r1";
  std::vector<std::string> seeds{"127.0.0.1:7300"};  // nodes or coordinators: where to ask for the map first
  std::string resp = "127.0.0.1:6379";
  std::string http = "127.0.0.1:7501";
  std::uint32_t loops = 1;
  std::uint32_t connections_per_node = 1;  // of each loop
  messages::ReadLevel read = messages::ReadLevel::primary;  // of connections that have not set their own
  Duration read_bound = std::chrono::seconds(1);  // of the level `bounded`
  messages::AckCount ack = messages::kAckOne;  // the same of writes
  Duration deadline = std::chrono::seconds(5);  // of a command; a frozen primary is replaced after 3.5 s
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  std::string log_level = "info";
  bool allow_remote = false;  // listeners beyond loopback are allowed
};

}  // namespace gyre::router
