#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "support.h"

namespace gyre::runtime {
namespace {

using testing::HasSubstr;

class PartitionHostAlwaysTest : public PartitionHostTest {
 protected:
  PartitionHostAlwaysTest() : PartitionHostTest(Durability::always) { serve(); }
};

TEST_F(PartitionHostAlwaysTest, AWriteIsAnsweredOnlyOnceItIsSynced) {
  const auto id = write({put("k", "v")});
  end_turn();
  EXPECT_FALSE(answered(id));
  ASSERT_EQ(environment.jobs.size(), 1u);
  run_jobs();
  end_turn();
  EXPECT_TRUE(succeeded(id));
  memory.crash(0);
  EXPECT_EQ(value(get("k")), "v");
}

TEST_F(PartitionHostAlwaysTest, OneSyncServesAllThatWaitAndOneRunsAtATime) {
  const auto syncs = metrics.syncs.value();
  const auto first = write({put(key_in(0), "v")});
  end_turn();
  std::vector<RequestId> meanwhile;
  for (std::uint16_t i = 0; i < 10; ++i) {
    meanwhile.push_back(write({put(key_in(i % kPartitions, i), "v")}));
    end_turn();
  }
  EXPECT_EQ(environment.jobs.size(), 1u);
  run_jobs(1);
  end_turn();
  EXPECT_TRUE(answered(first));
  for (const RequestId id : meanwhile) EXPECT_FALSE(answered(id));  // that sync began before them
  EXPECT_EQ(environment.jobs.size(), 1u);
  run_jobs(1);
  end_turn();
  for (const RequestId id : meanwhile) EXPECT_TRUE(succeeded(id));
  EXPECT_EQ(metrics.syncs.value(), syncs + 2);
}

TEST_F(PartitionHostAlwaysTest, WritesThatHoldTooMuchMemoryAreRefused) {
  messages::WriteOperation operation = put("k", std::string(limits::kValueBytesDefaultMax, 'v'));
  std::vector<RequestId> accepted;
  while (host->open_request_bytes() <= limits::kOpenRequestBytesMax) accepted.push_back(write({operation}));
  const auto refused = write({operation});
  ASSERT_TRUE(answered(refused));
  EXPECT_EQ(error(refused).code, ErrorCode::busy);
  EXPECT_EQ(error(refused).outcome, Outcome::not_applied);
  settle();
  for (const RequestId id : accepted) EXPECT_TRUE(succeeded(id));
  EXPECT_EQ(host->open_request_bytes(), 0u);
  store("k", "small");
}

TEST_F(PartitionHostAlwaysTest, AReadOfAKeyBeingSyncedWaitsAndOthersDoNot) {
  store("other", "v");
  write({put("k", "v")});
  end_turn();
  const auto waiting = get("k");
  const auto free = get("other");
  EXPECT_FALSE(answered(waiting));
  EXPECT_EQ(value(free), "v");
  settle();
  EXPECT_EQ(value(waiting), "v");
}

TEST_F(PartitionHostAlwaysTest, AReadFromTheDiskShowsNothingThatACrashCouldTakeBack) {
  store("k", "old");
  engine.set_plan({.needs_disk = 1});
  const auto read = get("k");
  const auto scanned = scan(ring::Partitioning(kPartitions).of("k").value());
  const auto overwrite = write({put("k", "new")});
  end_turn();
  ASSERT_EQ(environment.jobs.size(), 3u);  // the scan, the read and the sync
  auto sync = std::move(environment.jobs.back());
  environment.jobs.pop_back();
  run_jobs();
  EXPECT_FALSE(answered(read));
  EXPECT_FALSE(answered(scanned));
  sync.work();
  sync.done();
  end_turn();
  EXPECT_TRUE(succeeded(overwrite));
  EXPECT_EQ(value(read), "new");
  ASSERT_EQ(items(scanned).size(), 1u);
}

TEST_F(PartitionHostAlwaysTest, WhatWasReadFromTheDiskFailsWithTheSyncItWaitsFor) {
  store("k", "old");
  engine.set_plan({.sync_fails = 1, .needs_disk = 1});
  const auto read = get("k");
  write({put("k", "new")});
  end_turn();
  ASSERT_EQ(environment.jobs.size(), 2u);
  auto sync = std::move(environment.jobs.back());
  environment.jobs.pop_back();
  run_jobs();
  EXPECT_FALSE(answered(read));
  sync.work();
  sync.done();
  end_turn();
  EXPECT_EQ(error(read).code, ErrorCode::unavailable);
  EXPECT_EQ(host->open_requests(), 0u);
}

TEST_F(PartitionHostAlwaysTest, AFullPoolPutsTheSyncOff) {
  environment.pool_full = true;
  const auto id = write({put("k", "v")});
  end_turn();
  EXPECT_FALSE(answered(id));
  environment.pool_full = false;
  settle();
  EXPECT_TRUE(succeeded(id));
}

TEST_F(PartitionHostAlwaysTest, AFailedSyncLeavesTheOutcomeUnknownAndEndsTheService) {
  engine.set_plan({.sync_fails = 1});
  const auto first = write({put("k", "v")});
  end_turn();
  const auto second = write({put("k", "w")});
  settle();
  for (const RequestId id : {first, second}) {
    EXPECT_EQ(error(id).code, ErrorCode::outcome_unknown) << id.value();
    EXPECT_EQ(error(id).outcome, Outcome::unknown);
  }
  EXPECT_EQ(host->partitions_served(), 0u);
  EXPECT_EQ(error(get("k")).code, ErrorCode::unavailable);
  EXPECT_GE(metrics.storage_errors.value(), 1u);
  EXPECT_EQ(host->open_requests(), 0u);
}

TEST_F(PartitionHostAlwaysTest, ARefusedCommitDoesNotTouchWhatIsBeingSynced) {
  const auto syncing = write({put("k", "1")});
  end_turn();
  engine.set_stalled(true);
  const auto refused = write({put("k", "2")});
  end_turn();
  EXPECT_EQ(error(refused).code, ErrorCode::busy);
  engine.set_stalled(false);
  settle();
  EXPECT_EQ(outcome(syncing).version.sequence, Sequence(1));
  EXPECT_EQ(value(get("k")), "1");
}

TEST_F(PartitionHostAlwaysTest, TheTermIsSyncedBeforeItServes) {
  adopt_map(2);
  end_turn();
  EXPECT_EQ(host->partitions_served(), 0u);
  EXPECT_EQ(error(get("k")).code, ErrorCode::unavailable);
  settle();
  EXPECT_EQ(host->partitions_served(), kPartitions);
}

class PartitionHostEverysecTest : public PartitionHostTest {
 protected:
  PartitionHostEverysecTest() { serve(); }
};

TEST_F(PartitionHostEverysecTest, SyncsOnceASecondIfAnythingWasWritten) {
  host->on_second();
  settle();
  const auto syncs = metrics.syncs.value();
  host->on_second();
  settle();
  EXPECT_EQ(metrics.syncs.value(), syncs);
  const auto id = write({put("k", "v")});
  end_turn();
  EXPECT_TRUE(succeeded(id));
  EXPECT_GT(memory.unsynced(), 0u);
  host->on_second();
  settle();
  EXPECT_EQ(metrics.syncs.value(), syncs + 1);
  EXPECT_EQ(memory.unsynced(), 0u);
}

TEST_F(PartitionHostEverysecTest, AFailedSyncEndsTheService) {
  store("k", "v");
  engine.set_plan({.sync_fails = 1});
  host->on_second();
  settle();
  EXPECT_EQ(host->partitions_served(), 0u);
  EXPECT_EQ(error(settled(write({put("k", "v")}))).code, ErrorCode::unavailable);
}

class PartitionHostOsTest : public PartitionHostTest {
 protected:
  PartitionHostOsTest() : PartitionHostTest(Durability::os) { serve(); }
};

TEST_F(PartitionHostOsTest, SyncsOnlyToTakeOffice) {
  EXPECT_EQ(metrics.syncs.value(), 1u);
  store("k", "v");
  host->on_second();
  settle();
  EXPECT_EQ(metrics.syncs.value(), 1u);
}

}  // namespace
}  // namespace gyre::runtime
