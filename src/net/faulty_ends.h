// What injected faults do to the frames of one connection: who the other side is, and what comes late. Of
// connection*.cc.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "net/connection.h"
#include "net/delay_line.h"
#include "net/faults.h"

namespace gyre::net {

struct Connection::FaultyEnds {
  Faults& faults;
  std::string peer;  // as rules name it; empty: nobody has said so yet
  bool peer_is_fixed;
  DelayLine<std::pair<messages::Frame, std::size_t>> incoming = {};  // with their bytes
  std::size_t incoming_bytes = 0;
  DelayLine<Bytes> outgoing = {};
  bool incoming_armed = false;  // a timer runs
  bool outgoing_armed = false;

  std::string_view name() const { return peer.empty() ? kClientPeers : std::string_view(peer); }
};

}  // namespace gyre::net
