// What a process knows of one Redis client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "messages/request.h"
#include "wire/resp_writer.h"

namespace gyre::resp {

// Of one connection; what its own commands show and change.
struct Client {
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

}  // namespace gyre::resp
