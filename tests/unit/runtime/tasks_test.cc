#include "runtime/tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "support.h"
#include "tests/storage_support.h"

namespace gyre::runtime {
namespace {

using replication::TaskId;
using testing::IsEmpty;
using testing::SizeIs;

class TasksTest : public testing::Test {
 protected:
  TasksTest() {
    auto map = std::make_shared<ring::ClusterMap>();
    map->epoch = Epoch(1);
    map->shape.partitions = kPartitions;
    map->entries.resize(kPartitions);
    context.machines.adopt(std::move(map));
  }

  Machine& machine() { return *context.machines.find(PartitionId(0)); }
  void read_log() { tasks.carry_out(machine(), replication::ReadLog{TaskId(1), Sequence(0), 1000}); }
  void read_log_for_learner() {
    tasks.carry_out(machine(), replication::ReadLog{TaskId(2), Sequence(0), limits::kAppendBytesMax, true});
  }
  void run_one() {
    auto job = environment.take_job();
    job.work();
    job.done();
  }

  storage::MemoryEngine memory;
  storage::FaultyEngine engine{memory, {}};
  std::unique_ptr<storage::Ledger> ledger = storage::make_memory_ledger();
  ScriptedEnvironment environment;
  MetricsRegistry registry;
  HostMetrics metrics{registry};
  HostOptions options{.self = NodeId("n1"), .incarnation = Incarnation(1)};
  HostContext context{options, engine, *ledger, environment, metrics, Machines(options, {}, {})};
  Tasks tasks{context};
};

TEST_F(TasksTest, OnlySoManyRunAtOnceAndTheRestFollows) {
  for (std::size_t i = 0; i < limits::kHostTasksMax + 3; ++i) read_log();
  EXPECT_THAT(environment.jobs, IsEmpty()) << "they start at the end of the turn";
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(limits::kHostTasksMax));
  run_one();
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(limits::kHostTasksMax));
  while (!environment.jobs.empty()) {
    run_one();
    tasks.end_turn();
  }
  EXPECT_EQ(metrics.log_reads.value(), limits::kHostTasksMax + 3);
}

TEST_F(TasksTest, AFullPoolPutsWorkOffAndLosesNone) {
  environment.pool_full = true;
  read_log();
  tasks.carry_out(machine(), replication::ExportLosses{TaskId(2), {messages::LostWrite{}}});
  tasks.end_turn();
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, IsEmpty());
  environment.pool_full = false;
  tasks.end_turn();
  ASSERT_THAT(environment.jobs, SizeIs(2));
  while (!environment.jobs.empty()) run_one();
  EXPECT_EQ(metrics.lost_writes.value(), 1u);
  EXPECT_THAT(ledger->page(0, 10)->items, SizeIs(1));
}

// --- What is read for learners ---

TEST_F(TasksTest, WhatIsReadForLearnersWaitsUntilItMayGoOn) {
  context.pace.set_limits(limits::kSnapshotChunkBytes, 0);
  tasks.carry_out(machine(), replication::OpenSnapshot{TaskId(7)});
  tasks.carry_out(machine(), replication::ReadSnapshot{TaskId(7)});
  read_log_for_learner();
  read_log_for_learner();
  read_log();
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(2)) << "one chunk, and what others wait for";
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(2));
  environment.advance(1s);
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(3)) << "before anything is known of what was read";
  while (!environment.jobs.empty()) run_one();
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(1)) << "nothing was there to read, so nothing is paid for";
  EXPECT_EQ(metrics.copied_bytes.value(), 0u);
}

TEST_F(TasksTest, WithoutALimitNothingWaits) {
  for (int i = 0; i < 5; ++i) read_log_for_learner();
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(5));
}

TEST_F(TasksTest, WhatIsClosedIsNotReadAnyMore) {
  context.pace.set_limits(1, 0);
  read_log_for_learner();
  tasks.carry_out(machine(), replication::OpenSnapshot{TaskId(7)});
  tasks.carry_out(machine(), replication::ReadSnapshot{TaskId(7)});
  tasks.end_turn();
  ASSERT_THAT(environment.jobs, SizeIs(1));
  tasks.carry_out(machine(), replication::CloseSnapshot{TaskId(7)});
  context.pace.set_limits(0, 0);
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(1));
}

TEST_F(TasksTest, TheLineOfWhatWaitsIsBounded) {
  context.pace.set_limits(1, 0);
  for (std::size_t i = 0; i < Tasks::kPacedMax + 10; ++i) read_log_for_learner();
  EXPECT_EQ(metrics.log_reads.value(), Tasks::kPacedMax) << "the others were answered busy";
  tasks.carry_out(machine(), replication::OpenSnapshot{TaskId(7)});
  tasks.carry_out(machine(), replication::ReadSnapshot{TaskId(7)});
  read_log();
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, SizeIs(2)) << "what is not for learners goes on";
  EXPECT_FALSE(context.storage_failed);
}

TEST_F(TasksTest, WhatIsCopiedIsCounted) {
  const messages::LoggedWritePtr write = testing_support::logged({Term(1), Sequence(1)}, {{}});
  messages::PartitionState state;
  state.position = write->position;
  const storage::PartitionBatch batch{.partition = PartitionId(0), .writes = {&write, 1}, .state = state};
  ASSERT_TRUE(memory.commit({&batch, 1}));
  read_log_for_learner();
  tasks.end_turn();
  run_one();
  EXPECT_EQ(metrics.copied_bytes.value(), write->bytes());
  EXPECT_TRUE(context.pace.busy());
}

TEST_F(TasksTest, WorkDoneTouchesItsMachine) {
  read_log();
  tasks.end_turn();
  EXPECT_FALSE(context.machines.any_touched());
  run_one();
  EXPECT_TRUE(context.machines.any_touched());
}

TEST_F(TasksTest, AClosedSnapshotLivesUntilItsReadIsDone) {
  tasks.carry_out(machine(), replication::OpenSnapshot{TaskId(7)});
  tasks.carry_out(machine(), replication::ReadSnapshot{TaskId(7)});
  tasks.end_turn();
  tasks.carry_out(machine(), replication::CloseSnapshot{TaskId(7)});
  tasks.carry_out(machine(), replication::CloseSnapshot{TaskId(7)});
  run_one();
  EXPECT_EQ(metrics.storage_errors.value(), 0u);
}

TEST_F(TasksTest, AReadOfTheLogThatTheDiskFailsEndsTheService) {
  engine.set_plan({.log_fails = 1});
  read_log();
  tasks.end_turn();
  run_one();
  EXPECT_TRUE(context.storage_failed);
}

TEST_F(TasksTest, ALogThatDoesNotReachBackIsNoFailure) {
  engine.set_plan({.log_forgets = 1});
  read_log();
  tasks.end_turn();
  run_one();
  EXPECT_FALSE(context.storage_failed);
  EXPECT_EQ(metrics.storage_errors.value(), 0u);
}

// --- Ingestions ---

replication::IngestRecords ingest(TaskId task, std::string_view key) {
  return {task, {{messages::Mutation::Kind::put, Bytes::copy_of(key), {Bytes::copy_of("v"), {}, kNoExpiry}}}};
}

TEST_F(TasksTest, WhatIsIngestedIsInPlaceOnceFinished) {
  tasks.carry_out(machine(), ingest(TaskId(7), "a"));
  tasks.end_turn();
  run_one();
  tasks.carry_out(machine(), ingest(TaskId(7), "b"));
  tasks.end_turn();
  run_one();
  EXPECT_EQ(memory.size_of(PartitionId(0)).bytes, 0u);
  tasks.carry_out(machine(), replication::FinishIngestion{TaskId(7)});
  tasks.end_turn();
  run_one();
  EXPECT_EQ(memory.size_of(PartitionId(0)).bytes, 4u);
}

TEST_F(TasksTest, NothingIsLeftOfAnIngestionThatIsDropped) {
  tasks.carry_out(machine(), ingest(TaskId(7), "b"));
  tasks.end_turn();
  run_one();
  tasks.carry_out(machine(), replication::DropIngestion{TaskId(7)});
  tasks.carry_out(machine(), ingest(TaskId(7), "a"));
  tasks.carry_out(machine(), replication::FinishIngestion{TaskId(7)});
  tasks.end_turn();
  while (!environment.jobs.empty()) run_one();
  EXPECT_EQ(memory.get(PartitionId(0), "a", {0}, storage::Tier::all)->state, storage::Lookup::State::found);
  EXPECT_EQ(memory.get(PartitionId(0), "b", {0}, storage::Tier::all)->state, storage::Lookup::State::absent);
}

TEST_F(TasksTest, WhatAStalledStoreDoesNotTakeInIsGivenToItLater) {
  engine.set_stalled(true);
  tasks.carry_out(machine(), ingest(TaskId(7), "a"));
  tasks.end_turn();
  run_one();
  tasks.end_turn();
  EXPECT_THAT(environment.jobs, IsEmpty());
  for (const bool stalled : {true, false}) {
    engine.set_stalled(stalled);
    environment.advance(limits::kBusyRetryAfter);
    tasks.end_turn();
    ASSERT_THAT(environment.jobs, SizeIs(1));
    run_one();
  }
  tasks.carry_out(machine(), replication::FinishIngestion{TaskId(7)});
  tasks.end_turn();
  run_one();
  EXPECT_EQ(memory.get(PartitionId(0), "a", {0}, storage::Tier::all)->state, storage::Lookup::State::found);
}

TEST_F(TasksTest, AStoreThatCannotIngestServesNoMore) {
  engine.set_disk_full(true);
  tasks.carry_out(machine(), ingest(TaskId(7), "a"));
  tasks.end_turn();
  run_one();
  EXPECT_TRUE(context.storage_failed);
}

TEST_F(TasksTest, RecordsThatCannotBeIngestedAreNoFaultOfTheStore) {
  tasks.carry_out(machine(), ingest(TaskId(7), "b"));
  tasks.carry_out(machine(), ingest(TaskId(7), "a"));
  tasks.end_turn();
  while (!environment.jobs.empty()) run_one();
  EXPECT_FALSE(context.storage_failed);
}

}  // namespace
}  // namespace gyre::runtime
