// What clients remember of their writes, to be compared with what became of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "messages/operation.h"
#include "tests/simulation/clock.h"

namespace gyre::simulation {

// One client: which of its writes were acknowledged, when it learnt of new primaries, and what it was told is lost.
struct Memory {
  struct Written {
    PartitionId partition;
    Position version;
    WorldTime at;
  };
  struct Learnt {
    PartitionId partition;
    Term term;
    WorldTime at;
  };
  struct Told {
    PartitionId partition;
    std::vector<Position> versions;
    bool more = false;  // older ones may be lost, too
    WorldTime at;
  };
  std::string client;
  std::vector<Written> written;
  std::vector<Learnt> learnt;
  std::vector<Told> told;
};

// A write whose call ended "surely not applied".
struct RefusedWrite {
  std::string client;
  std::vector<messages::WriteId> ids;  // under which it was sent
  std::vector<std::pair<std::string, std::string>> values;  // keys, and values that nobody else gave them
};

}  // namespace gyre::simulation
