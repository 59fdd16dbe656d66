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
//
// What is read for learners waits in a line of its own until Pace lets it go on, so that copies take no more of the
// disk and the network than they may. That line is bounded; beyond, a machine is told at once that the host is busy,
// and asks again later.
class Tasks {
 public:
  static constexpr std::size_t kPacedMax = 1024;

  explicit Tasks(HostContext& context) : context_(context) {}

  void carry_out(Machine& machine, replication::ReadLog effect);
  void carry_out(Machine& machine, replication::ReadKeys effect);
  // Taken at once; kept until closed.
  void carry_out(Machine& machine, replication::OpenSnapshot effect);
  void carry_out(Machine& machine, replication::ReadSnapshot effect);
  void carry_out(Machine& machine, replication::CloseSnapshot effect);
  // Kept until finished or dropped; a failure of the store is told to all machines.
  void carry_out(Machine& machine, replication::IngestRecords effect);
  void carry_out(Machine& machine, replication::FinishIngestion effect);
  void carry_out(Machine& machine, replication::DropIngestion effect);
  void carry_out(Machine& machine, replication::ExportLosses effect);
  void carry_out(Machine& machine, replication::MarkReapplied effect);
  // Gives to the pool what may run now.
  void end_turn();

 private:
  struct Task {
    Job work;
    Job done;
  };
  using TaskName = std::pair<PartitionId, replication::TaskId>;
  struct Paced {
    TaskName name;  // or that of another piece of work
    std::size_t bytes;  // that it reads, about
    Task task;
  };

  // `work`, which may block and must not touch the host; `deliver` tells the machine what it gave.
  template <class T>
  Task make(Machine& machine, std::move_only_function<T()> work,
            std::move_only_function<void(const replication::Moment&, T)> deliver);
  // On an ingestion, until the store takes it.
  using IngestionWork = std::move_only_function<Result<void>()>;
  void run_ingestion(Machine& machine, replication::TaskId task, std::shared_ptr<IngestionWork> work);
  void run_ingestion(Machine& machine, replication::TaskId task, IngestionWork work);
  void retry_stalled();
  // Lets what is paced join the others, as far as it may.
  void admit_paced();
  // What was read for a learner, after `expected` was taken.
  void count_copied(std::size_t expected, std::size_t actual);

  HostContext& context_;
  std::map<TaskName, std::shared_ptr<storage::Snapshot>> snapshots_;
  std::map<TaskName, std::shared_ptr<storage::Ingestion>> ingestions_;
  struct Stalled {
    Instant until;
    Job again;
  };
  std::deque<Stalled> stalled_;  // ingestions that the store had no room for; the first to try again in front
  std::deque<Task> waiting_;
  std::deque<Paced> paced_;
  std::size_t running_ = 0;
};

}  // namespace gyre::runtime
