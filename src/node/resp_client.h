// What a node knows of one Redis client, and what all of them are told of the node.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/time.h"
#include "messages/request.h"
#include "node/session.h"
#include "runtime/durability.h"
#include "wire/resp_writer.h"

namespace gyre::node {

// Of the process. THREAD: any, once the loops run.
struct RespNode {
  NodeId self;
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  runtime::Durability durability = runtime::Durability::everysec;
  Instant started{};
  std::string address;  // where the listener is
  std::atomic<std::uint64_t> clients{0};  // connected now
  std::atomic<std::uint64_t> connections{0};  // ever
  std::atomic<std::uint64_t> commands{0};
};

// Of one connection; what its own commands show and change.
struct RespClient {
  std::uint64_t id = 0;
  std::string peer;
  std::string local;
  Instant since{};
  std::string name;
  std::string library;
  std::string library_version;
  std::string last_command;
  wire::RespVersion version = wire::RespVersion::resp2;
  bool readonly = false;  // members that are not the primary may answer reads
  bool replies = true;    // CLIENT REPLY
  bool skip_next = false;  // no reply to the next command, whatever `replies` says
  bool speaks = false;  // CLIENT REPLY ON: this very command is answered
  bool no_evict = false;
  bool leaves = false;  // it said QUIT
  messages::ReadConsistency read;
  messages::AckCount ack = messages::kAckOne;
  std::size_t input_bytes = 0;  // when it was last looked at
  std::size_t input_capacity = 0;
  std::size_t output_bytes = 0;
};

// What a command of the connection's own runs with. `view` is that of its loop.
struct RespContext {
  const LoopView& view;
  const RespNode& node;
  RespClient& client;
};

}  // namespace gyre::node
