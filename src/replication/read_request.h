// What a read asks of the machine of a partition.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"
#include "messages/request.h"

namespace gyre::replication {

// What a read asks for. No key: the whole partition (a scan).
struct ReadRequest {
  std::optional<Bytes> key;
  messages::ReadConsistency read;
  // For may_leave: Partition::era() when the read was admitted. What was read before a repair must not leave after it.
  std::optional<std::uint64_t> era = std::nullopt;
  Instant deadline = kNever;  // later, nobody waits for the answer
};

}  // namespace gyre::replication
