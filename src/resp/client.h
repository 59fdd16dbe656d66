// What a process knows of one Redis client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"
#include "messages/request.h"
#include "resp/seen.h"
#include "resp/users.h"
#include "wire/resp_writer.h"

namespace gyre::resp {

// Of one connection; what its own commands show and change.
struct Client {
  std::uint64_t id = 0;
  std::string peer;
  std::string address;         // of peer, without the port
  std::uint64_t affinity = 0;  // of that address: for reads that stick to members
  std::string local;
  Instant since{};
  const User* user = nullptr;  // null: it has not said who it is, and gets nothing
  std::string name;
  std::string library;
  std::string library_version;
  wire::RespVersion version = wire::RespVersion::resp2;
  bool readonly = false;  // members that are not the primary may answer reads
  bool replies = true;    // CLIENT REPLY
  bool skip_next = false;  // no reply to the next command, whatever `replies` says
  bool speaks = false;  // CLIENT REPLY ON: this very command is answered
  bool no_evict = false;
  bool leaves = false;  // it said QUIT
  messages::ReadConsistency read;
  std::unique_ptr<Seen> seen;  // with reads of level session, since that was chosen; else null
  messages::AckCount ack = messages::kAckOne;
  std::size_t input_bytes = 0;  // when it was last looked at
  std::size_t input_capacity = 0;
  std::size_t output_bytes = 0;
};

// A session goes on where it was one before.
inline void set_read(Client& client, const messages::ReadConsistency& read) {
  client.read = read;
  if (read.level != messages::ReadLevel::session) {
    client.seen.reset();
  } else if (!client.seen) {
    client.seen = std::make_unique<Seen>();
  }
}

}  // namespace gyre::resp
