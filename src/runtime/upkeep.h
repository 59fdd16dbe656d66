// What a store needs beside requests, a little every second: expired records are removed, partitions measured, and the
// space of those that are gone given back.
#pragma once

#include <cstddef>

#include "runtime/host_context.h"

namespace gyre::runtime {

class Upkeep {
 public:
  explicit Upkeep(HostContext& context) : context_(context) {}

  // A partition was dropped: its space is given back once no other has been for a while, for they share files.
  void on_dropped();
  // Call every second.
  void on_second();

 private:
  void move_horizons();
  static UnixMillis told_to_all(const replication::Moment& now, Machine& machine, Duration lease);
  void sweep_some();
  void measure();
  void reclaim();

  HostContext& context_;
  Instant measure_at_;
  bool measuring_ = false;
  // Also once after the start, for what an earlier process left behind.
  bool reclaim_due_ = true;
  bool reclaiming_ = false;
  Instant dropped_first_;  // of those to reclaim; the epoch: none is known
  Instant dropped_last_;
  std::size_t next_ = 0;  // the machine whose partition is swept next
  bool sweeping_ = false;
};

}  // namespace gyre::runtime
