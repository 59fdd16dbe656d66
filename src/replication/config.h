// Who the machine of a partition is.
#pragma once

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/time.h"

namespace gyre::replication {

struct PartitionConfig {
  PartitionId id;
  NodeId self;
  Incarnation incarnation;
  Generation generation;
  bool loses_nothing = true;  // false: this start may lack writes that were acknowledged (a new generation)
  Instant started;  // when the process started: it may have given leases until then
  BrokenRule broken = BrokenRule::none;  // of tests only
};

}  // namespace gyre::replication
