// Work that machines ask for and that blocks: reads of the log, of keys and of snapshots, and the loss ledger.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "runtime/host_context.h"

namespace gyre::runtime {

// A few pieces run at a time, for each holds what it has read in memory; the rest waits in order, and so does what a
// full pool refuses. A machine asks for little at once, so what waits is bounded by the number of machines.
class Tasks {
 public:
  explicit Tasks(HostContext& context) : context_(context) {}

  void carry_out(Machine& machine, replication::ReadLog effect);
  void carry_out(Machine& machine, replication::ReadKeys effect);
  // Taken at once; kept until closed.
  void carry_out(Machine& machine, replication::OpenSnapshot effect);
  void carry_out(Machine& machine, replication::ReadSnapshot effect);
  void carry_out(Machine& machine, replication::CloseSnapshot effect);
  void carry_out(Machine& machine, replication::ExportLosses effect);
  void carry_out(Machine& machine, replication::MarkReapplied effect);
  // Gives to the pool what may run now.
  void end_turn();

 private:
  struct Task {
    Job work;
    Job done;
  };
  using SnapshotName = std::pair<PartitionId, replication::TaskId>;

  // Queues `work`, which may block and must not touch the host; `deliver` tells the machine what it gave.
  template <class T>
  void queue(Machine& machine, std::move_only_function<T()> work,
             std::move_only_function<void(const replication::Moment&, T)> deliver);

  HostContext& context_;
  std::map<SnapshotName, std::shared_ptr<storage::Snapshot>> snapshots_;
  std::deque<Task> waiting_;
  std::size_t running_ = 0;
};

}  // namespace gyre::runtime
