// What the machine of a partition asks its host to commit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "messages/operation.h"

namespace gyre::replication {

// What must be committed in this turn, in this order. Spans stay valid until the next call of the machine.
struct Persist {
  std::uint64_t id = 0;  // names it in the report that must follow
  bool drop_first = false;
  std::span<const messages::LoggedWritePtr> writes;
  std::span<const messages::Mutation> repairs;
  std::optional<std::vector<messages::WindowWrite>> window;
  messages::PartitionState state;  // after them
  bool synced = false;  // report it as persisted only after a sync, whatever the node's durability
};

}  // namespace gyre::replication
