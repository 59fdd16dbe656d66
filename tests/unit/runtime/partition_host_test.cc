#include "runtime/partition_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// --- Maps and routing ---

TEST_F(PartitionHostTest, WithoutAMapNothingIsServed) {
  const auto read = get("k");
  const auto wrote = write({put("k", "v")});
  for (const RequestId id : {read, wrote, scan(0)}) {
    EXPECT_EQ(error(id).code, ErrorCode::unavailable);
    EXPECT_THAT(error(id).message, HasSubstr("no cluster map yet"));
    EXPECT_EQ(inbox->answers.at(id).epoch, Epoch(0));
  }
  end_turn();
  EXPECT_EQ(metrics.refused.value(), 3u);
}

TEST_F(PartitionHostTest, ServesOnceItsTermIsSynced) {
  adopt_map();
  EXPECT_EQ(host->partitions_served(), 0u);
  end_turn();
  EXPECT_EQ(metrics.commits.value(), 1u);
  EXPECT_EQ(host->partitions_served(), 0u) << "committed is not enough";
  const auto early = get("k");
  EXPECT_EQ(error(early).code, ErrorCode::unavailable);
  EXPECT_THAT(error(early).message, HasSubstr("is taking office in term 1"));
  settle();
  EXPECT_EQ(host->partitions_served(), kPartitions);
  EXPECT_EQ(metrics.syncs.value(), 1u) << "one for all partitions";
  ASSERT_EQ(environment.traced.size(), kPartitions);
  EXPECT_TRUE(environment.traced[0].second.serving);
  EXPECT_TRUE(absent(get("k")));
}

TEST_F(PartitionHostTest, WhatAnotherNodeServesIsRefusedWithItsName) {
  adopt_map(1, {2});
  end_turn();
  const auto read = get(key_in(2));
  EXPECT_EQ(error(read).code, ErrorCode::not_primary);
  EXPECT_EQ(error(read).message, "partition 2 is served by n2");
  EXPECT_EQ(error(settled(write({put(key_in(2), "v")}))).code, ErrorCode::not_primary);
  EXPECT_EQ(error(scan(2)).code, ErrorCode::not_primary);
  EXPECT_EQ(host->partitions_served(), kPartitions - 1);
}

TEST_F(PartitionHostTest, APartitionThatMovesAwayFailsItsOpenWritesAsNotApplied) {
  serve();
  const auto open = write({put(key_in(1), "v")});
  adopt_map(2, {1});
  settle();
  EXPECT_EQ(error(open).code, ErrorCode::not_primary);
  EXPECT_EQ(error(open).outcome, Outcome::not_applied);
  EXPECT_EQ(error(open).message, "partition 1 is served by n2");
  EXPECT_FALSE(environment.traced.back().second.serving && environment.traced.back().first == PartitionId(1));
  adopt_map(3);
  settle();
  EXPECT_TRUE(absent(get(key_in(1))));
}

TEST_F(PartitionHostTest, AnotherIncarnationsAppointmentIsNotItsOwn) {
  adopt_map(1, {}, 2);
  end_turn();
  EXPECT_EQ(host->partitions_served(), 0u);
  EXPECT_THAT(error(get("k")).message, HasSubstr("waits for the coordinator to appoint this process"));
}

TEST_F(PartitionHostTest, ScansOfPartitionsThatDoNotExistAreRefused) {
  serve();
  const auto id = scan(kPartitions);
  EXPECT_EQ(error(id).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error(id).message, "there is no partition 4: the cluster has 4");
}

TEST_F(PartitionHostTest, OtherRequestsAndEmptyWritesAreRefused) {
  serve();
  for (const RequestId id :
       {ask(messages::MapRequest{}), ask(messages::StatusRequest{}), ask(messages::JoinRequest{}), write({})}) {
    EXPECT_EQ(error(id).code, ErrorCode::invalid_argument);
  }
}

TEST_F(PartitionHostTest, AnEmptyKeyIsRefused) {
  serve();
  const auto second = put(key_in(0), "v");  // as the empty key is
  for (const RequestId id : {get(""), write({put("", "v")}), write({second, put("", "v")})}) {
    EXPECT_EQ(error(id).code, ErrorCode::invalid_argument);
    EXPECT_THAT(error(id).message, HasSubstr("at least one byte"));
  }
}

TEST_F(PartitionHostTest, AnswersCarryTheirRequestsIdAndTheNewestEpoch) {
  serve();
  const auto id = get("k");
  EXPECT_EQ(inbox->answers.at(id).id, id);
  EXPECT_EQ(inbox->answers.at(id).epoch, Epoch(1));
  adopt_map();
  EXPECT_EQ(inbox->answers.at(get("k")).epoch, Epoch(2));
}

// --- Writes ---

TEST_F(PartitionHostTest, TheWritesOfATurnAreOneCommitAndAnsweredOnlyAfterIt) {
  serve();
  const auto before = metrics.commits.value();
  std::vector<RequestId> asked;
  for (int i = 0; i < 20; ++i) asked.push_back(write({put("key" + std::to_string(i), "v")}));
  for (const RequestId id : asked) EXPECT_FALSE(answered(id));
  EXPECT_EQ(host->open_requests(), 20u);
  end_turn();
  for (const RequestId id : asked) EXPECT_TRUE(succeeded(id));
  EXPECT_EQ(metrics.commits.value(), before + 1);
  EXPECT_EQ(metrics.writes.value(), 20u);
  EXPECT_EQ(host->open_requests(), 0u);
}

TEST_F(PartitionHostTest, ATurnWithoutWritesCommitsNothing) {
  serve();
  const auto before = metrics.commits.value();
  get("k");
  end_turn();
  end_turn();
  EXPECT_EQ(metrics.commits.value(), before);
}

TEST_F(PartitionHostTest, AReadBehindAWriteOfItsKeyWaitsForTheCommit) {
  serve();
  store("k", "old");
  write({put("k", "new")});
  const auto read = get("k");
  const auto other = get("another key");
  EXPECT_FALSE(answered(read));
  EXPECT_TRUE(answered(other));
  end_turn();
  EXPECT_EQ(value(read), "new");
}

TEST_F(PartitionHostTest, ABatchIsAppliedAllOrNotAtAll) {
  serve();
  const std::string a = key_in(0, 0);
  const std::string b = key_in(0, 1);
  store(b, "there");
  const auto refused = write({put(a, "1"), put_if_absent(b, "2")});
  const auto applied = write({put(a, "3"), put(b, "4")});
  settle();
  EXPECT_EQ(error(refused).code, ErrorCode::condition_failed);
  const auto& outcomes = std::get<messages::WriteResponse>(body(applied)).outcomes;
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[0].version, outcomes[1].version);
  EXPECT_EQ(outcomes[0].version, (Position{Term(1), Sequence(2)}));
  EXPECT_EQ(value(get(a)), "3");
  EXPECT_EQ(value(get(b)), "4");
}

TEST_F(PartitionHostTest, ABatchAcrossPartitionsIsRefused) {
  serve();
  const auto id = write({put(key_in(0), "1"), put(key_in(1), "2")});
  EXPECT_EQ(error(id).code, ErrorCode::invalid_argument);
  EXPECT_THAT(error(id).message, HasSubstr("{hash tag}"));
  settle();
  EXPECT_TRUE(absent(get(key_in(0))));
}

TEST_F(PartitionHostTest, WritesQueuedBehindAReadAreCommittedInTheSameTurnAsItsAnswerComes) {
  serve();
  store("k", "v");
  engine.set_plan({.needs_disk = 1});
  const auto first = write({put_if_absent("k", "1")});
  const auto second = write({put("k", "2")});
  const auto third = get("k");
  end_turn();
  EXPECT_EQ(environment.jobs.size(), 1u);
  run_jobs();
  end_turn();
  EXPECT_EQ(error(first).code, ErrorCode::condition_failed);
  EXPECT_EQ(outcome(second).version.sequence, Sequence(2));
  EXPECT_EQ(value(third), "2");
}

TEST_F(PartitionHostTest, AReopenedHostGoesOnWhereTheLastOneStopped) {
  serve();
  store("k", "v");
  open({.incarnation = Incarnation(2)});
  adopt_map(2, {}, 2);
  settle();
  EXPECT_EQ(value(get("k")), "v");
  const auto id = write({put("k", "w")});
  settle();
  EXPECT_EQ(outcome(id).version, (Position{Term(2), Sequence(2)}));
}

TEST_F(PartitionHostTest, HostsThatShareAnEngineTableEachKeepTheirOwnPartitions) {
  open({.shard = 1, .shards = 3});
  adopt_map();
  settle();
  EXPECT_EQ(host->partitions_served(), 1u);  // of 0 to 3, only 1 is 1 modulo 3
  store(key_in(1), "v");
  EXPECT_EQ(value(get(key_in(1))), "v");
}

// --- Backpressure and failure ---

TEST_F(PartitionHostTest, AStalledEngineAnswersWritesBusyAndReadsGoOn) {
  serve();
  store("k", "v");
  engine.set_stalled(true);
  const auto refused = write({put("k", "w")});
  end_turn();
  EXPECT_EQ(error(refused).code, ErrorCode::busy);
  EXPECT_EQ(error(refused).outcome, Outcome::not_applied);
  EXPECT_GT(error(refused).retry_after, 0ms);
  EXPECT_EQ(value(get("k")), "v");
  engine.set_stalled(false);
  store("k", "x");
  EXPECT_EQ(value(get("k")), "x");
}

TEST_F(PartitionHostTest, ATermWhoseCommitWasRefusedIsTriedAgain) {
  engine.set_stalled(true);
  adopt_map();
  settle();
  EXPECT_EQ(host->partitions_served(), 0u);
  engine.set_stalled(false);
  settle();
  EXPECT_EQ(host->partitions_served(), kPartitions);
}

TEST_F(PartitionHostTest, AFailedCommitLeavesTheOutcomeUnknownAndEndsTheService) {
  serve();
  engine.set_plan({.commit_fails = 1});
  const auto lost = write({put("k", "v")});
  end_turn();
  EXPECT_EQ(error(lost).code, ErrorCode::outcome_unknown);
  EXPECT_EQ(error(lost).outcome, Outcome::unknown);
  EXPECT_EQ(host->partitions_served(), 0u);
  EXPECT_EQ(metrics.storage_errors.value(), 1u);
  engine.set_plan({});
  for (const RequestId id : {get("k"), write({put("k", "v")}), scan(0)}) {
    EXPECT_EQ(error(settled(id)).code, ErrorCode::unavailable);
    EXPECT_THAT(error(id).message, HasSubstr("failed"));
  }
  adopt_map(2);
  settle();
  EXPECT_EQ(host->partitions_served(), 0u);
}

TEST_F(PartitionHostTest, EveryRequestIsAnsweredWhenStorageFailsWithManyOpen) {
  serve();
  store("k", "v");
  engine.set_plan({.needs_disk = 1});
  const auto waiting = write({put_if_absent("k", "1")});
  const auto behind = write({put("k", "2")});
  const auto read = get("k");
  const auto scanned = scan(ring::Partitioning(kPartitions).of("k").value());
  end_turn();
  engine.set_plan({.commit_fails = 1});
  write({put(key_in(0), "v")});
  write({put(key_in(1), "v")});
  end_turn();
  settle();
  for (const RequestId id : {waiting, behind, read, scanned}) EXPECT_TRUE(answered(id)) << id.value();
  EXPECT_EQ(host->open_requests(), 0u);
}

// --- Upkeep ---

TEST_F(PartitionHostTest, SweepsGoFromPartitionToPartitionAndRemoveWhatHasExpired) {
  serve();
  for (std::uint16_t p = 0; p < kPartitions; ++p) {
    for (int i = 0; i < 10; ++i) write({put_for(key_in(p, i), "v", 50)});
    write({put(key_in(p, 10), "stays")});
  }
  settle();
  environment.advance(100ms);
  host->on_second();  // nobody else may know of this time yet
  settle();
  EXPECT_GT(memory.size_of(PartitionId(0)).bytes, key_in(0, 10).size() + 5);
  environment.advance(host->map()->shape.timing.lease);
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    host->on_second();
    settle();
  }
  EXPECT_EQ(metrics.sweeps.value(), kPartitions + 1);
  for (std::uint16_t p = 0; p < kPartitions; ++p) {
    EXPECT_EQ(memory.size_of(PartitionId(p)).bytes, key_in(p, 10).size() + 5) << p;
  }
}

TEST_F(PartitionHostTest, ALargePartitionIsSweptPieceByPiece) {
  serve();
  for (int i = 0; i < 2500; ++i) write({put("{tag}" + std::to_string(i), "v")});
  settle();
  for (int i = 0; i < 5; ++i) {
    host->on_second();
    settle();
  }
  EXPECT_EQ(metrics.sweeps.value(), 5u);  // four partitions, one of them in two pieces
  host->on_second();
  EXPECT_FALSE(environment.jobs.empty());
  settle();
}

TEST_F(PartitionHostTest, ASweepStillRunningIsNotStartedTwice) {
  serve();
  environment.pool_full = true;
  host->on_second();
  environment.pool_full = false;
  EXPECT_TRUE(environment.jobs.empty());
  host->on_second();
  const auto pooled = environment.jobs.size();
  host->on_second();
  EXPECT_EQ(environment.jobs.size(), pooled);
  settle();
}

}  // namespace
}  // namespace gyre::runtime
