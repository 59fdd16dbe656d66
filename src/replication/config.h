// Who the machine of a partition is.
#pragma once

#include <cstddef>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"

namespace gyre::replication {

class RunningClock;

struct PartitionConfig {
  PartitionId id;
  NodeId self;
  Incarnation incarnation;
  Generation generation;
  bool loses_nothing = true;  // false: this start may lack writes that were acknowledged (a new generation)
  Instant started;  // when the process started: it may have given leases until then
  const RunningClock* running;  // the process's; must outlive the machine
  // Of a write as it is logged; beyond: too_large, for no message could bring it to the other members.
  std::size_t write_bytes_max = limits::kValueBytesDefaultMax + limits::kFrameEnvelopeBytes / 2;
  // Of a snapshot that is received, committed before the rest is ingested.
  std::size_t snapshot_committed_bytes_max = limits::kSnapshotCommittedBytesMax;
  BrokenRule broken = BrokenRule::none;  // of tests only
};

}  // namespace gyre::replication
