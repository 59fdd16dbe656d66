// Collects the events of one turn, so that what happened to many partitions for one reason is told once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "control/effect.h"

namespace gyre::control {

class EventGroups {
 public:
  using Kind = CoordinatorEvent::Kind;

  void add(Kind kind, NodeId node, std::string detail);
  // The sentence is `before`, the partitions (each with its `remark`, if any), `after`. What agrees in everything but
  // partition, remark and count becomes one event; a count is written as "N writes of " before the partitions.
  struct About {
    PartitionId partition;
    std::string remark;
    std::uint64_t count = 0;
  };
  void add(Kind kind, NodeId node, std::string before, About about, std::string after);

  // In the order in which they began.
  std::vector<CoordinatorEvent> take();

 private:
  struct Group {
    Kind kind;
    NodeId node;
    std::string before;
    std::string after;
    std::vector<About> partitions;  // empty: `before` is the sentence
  };

  std::vector<Group> groups_;
};

// "n1, n2 and n3"; "nobody".
std::string list_of(const std::vector<NodeId>& nodes);
std::string list_of(const std::vector<ring::InSyncMember>& members);

}  // namespace gyre::control
