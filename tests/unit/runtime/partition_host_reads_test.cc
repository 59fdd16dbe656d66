#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::runtime {
namespace {

using testing::ElementsAre;

class PartitionHostReadsTest : public PartitionHostTest {
 protected:
  PartitionHostReadsTest() { serve(); }
  // From now on memory holds nothing.
  void leave_memory() { engine.set_plan({.needs_disk = 1}); }
};

TEST_F(PartitionHostReadsTest, WhatIsInMemoryIsAnsweredAtOnce) {
  store("k", "v");
  const auto id = get("k");
  EXPECT_EQ(value(id), "v");
  EXPECT_EQ(got(id).record->version, (Position{Term(1), Sequence(1)}));
  EXPECT_TRUE(environment.jobs.empty());
  EXPECT_EQ(metrics.reads.value(), 1u);
  EXPECT_EQ(metrics.reads_from_disk.value(), 0u);
}

TEST_F(PartitionHostReadsTest, ReadsThatNeedTheDiskGoAsOneJobForEachPartition) {
  store(key_in(0), "zero");
  store(key_in(1), "one");
  leave_memory();
  const auto found = get(key_in(0));
  const auto missing = get(key_in(0, 1));
  const auto again = get(key_in(0));
  const auto elsewhere = get(key_in(1));
  EXPECT_TRUE(environment.jobs.empty());
  end_turn();
  EXPECT_EQ(environment.jobs.size(), 2u);
  EXPECT_FALSE(answered(found));
  run_jobs();
  EXPECT_EQ(value(found), "zero");
  EXPECT_EQ(value(again), "zero");
  EXPECT_EQ(value(elsewhere), "one");
  EXPECT_TRUE(absent(missing));
  EXPECT_EQ(metrics.reads_from_disk.value(), 4u);
  EXPECT_EQ(metrics.refused.value(), 0u);
}

TEST_F(PartitionHostReadsTest, ConditionalWritesReadTheDiskOffTheLoop) {
  store("k", "v");
  leave_memory();
  messages::WriteOperation cas = put("k", "w");
  cas.condition = {messages::Condition::Kind::version, Position{Term(1), Sequence(1)}};
  const auto id = write({cas});
  end_turn();
  EXPECT_FALSE(answered(id));
  run_jobs();
  EXPECT_FALSE(answered(id));  // decided, not committed
  end_turn();
  EXPECT_TRUE(outcome(id).existed);
  EXPECT_EQ(outcome(id).version.sequence, Sequence(2));
}

TEST_F(PartitionHostReadsTest, ABatchReadsAllItsValuesInOneJob) {
  leave_memory();
  const auto id = write({put_if_absent(key_in(0, 0), "a"), put_if_absent(key_in(0, 1), "b")});
  end_turn();
  EXPECT_EQ(environment.jobs.size(), 1u);
  settle();
  EXPECT_TRUE(succeeded(id));
}

TEST_F(PartitionHostReadsTest, AConditionalWriteWhoseDeadlinePassesMeanwhileIsNotApplied) {
  leave_memory();
  const auto late = write({put_if_absent("k", "v")}, 100ms);
  const auto behind = write({put("other", "v")});
  end_turn();
  environment.advance(100ms);
  run_jobs();
  end_turn();
  EXPECT_EQ(error(late).code, ErrorCode::timeout);
  EXPECT_EQ(error(late).outcome, Outcome::not_applied);
  EXPECT_TRUE(succeeded(behind));
  engine.set_plan({});
  EXPECT_TRUE(absent(get("k")));
}

TEST_F(PartitionHostReadsTest, AReadWhoseDeadlinePassesMeanwhileTimesOutAndIsNoStorageError) {
  store("k", "v");
  leave_memory();
  const auto late = get("k", 50ms);
  const auto patient = get("k", 500ms);
  const auto unhurried = get("k");
  end_turn();
  environment.advance(60ms);
  run_jobs();
  EXPECT_EQ(error(late).code, ErrorCode::timeout);
  EXPECT_EQ(value(patient), "v");
  EXPECT_EQ(value(unhurried), "v");
  EXPECT_EQ(metrics.storage_errors.value(), 0u);
}

TEST_F(PartitionHostReadsTest, AFullPoolAnswersBusy) {
  leave_memory();
  environment.pool_full = true;
  const auto read = get("k");
  const auto conditional = write({put_if_absent("k", "v")});
  const auto scanned = scan(0);
  const auto plain = write({put("k", "v")});
  end_turn();
  end_turn();
  for (const RequestId id : {read, conditional, scanned}) EXPECT_EQ(error(id).code, ErrorCode::busy) << id.value();
  EXPECT_TRUE(succeeded(plain));
  EXPECT_EQ(metrics.storage_errors.value(), 0u);
  EXPECT_EQ(host->open_requests(), 0u);
}

TEST_F(PartitionHostReadsTest, ADamagedRecordIsNeverServed) {
  const std::string bad = key_in(0, 0);
  const std::string good = key_in(0, 1);
  store(bad, "v");
  store(good, "v");
  engine.corrupt(PartitionId(0), bad);
  const auto conditional = write({put_if_absent(bad, "w")});
  const auto scanned = scan(0);
  settle();
  for (const RequestId id : {get(bad), conditional, scanned}) EXPECT_EQ(error(id).code, ErrorCode::corrupt);
  EXPECT_EQ(value(get(good)), "v");
  EXPECT_EQ(metrics.storage_errors.value(), 3u);
  store(bad, "overwritten");
  EXPECT_EQ(value(get(bad)), "overwritten");
}

TEST_F(PartitionHostReadsTest, ADamagedRecordOnTheDiskIsNeverServed) {
  store("k", "v");
  leave_memory();
  engine.corrupt(ring::Partitioning(kPartitions).of("k"), "k");
  const auto read = get("k");
  const auto conditional = write({put_if_absent("k", "w")});
  settle();
  EXPECT_EQ(error(read).code, ErrorCode::corrupt);
  EXPECT_EQ(error(conditional).code, ErrorCode::corrupt);
}

TEST_F(PartitionHostReadsTest, ADamagedRecordDoesNotHarmThoseReadWithIt) {
  for (int i = 0; i < 3; ++i) store(key_in(0, i), "v");
  leave_memory();
  engine.corrupt(PartitionId(0), key_in(0, 1));
  const auto before = get(key_in(0, 0));
  const auto damaged = get(key_in(0, 1));
  const auto behind = get(key_in(0, 2));
  settle();
  EXPECT_EQ(value(before), "v");
  EXPECT_EQ(error(damaged).code, ErrorCode::corrupt);
  EXPECT_EQ(value(behind), "v");
  EXPECT_EQ(metrics.storage_errors.value(), 1u);
}

TEST_F(PartitionHostReadsTest, APartitionThatMovedAwayMeanwhileAnswersNothingItRead) {
  store(key_in(1), "v");
  leave_memory();
  const auto read = get(key_in(1));
  const auto conditional = write({put_if_absent(key_in(1), "w")});
  const auto scanned = scan(1);
  end_turn();
  adopt_map(2, {1});
  settle();
  for (const RequestId id : {read, conditional, scanned}) {
    EXPECT_EQ(error(id).code, ErrorCode::not_primary) << id.value();
  }
}

TEST_F(PartitionHostReadsTest, ExpiredValuesAreInvisibleAtOnceAndTimeToLiveIsTold) {
  write({put_for("k", "v", 100)});
  settle();
  const auto before = get("k");
  EXPECT_EQ(got(before).ttl_ms, 100);
  store("forever", "v");
  EXPECT_EQ(got(get("forever")).ttl_ms, -1);
  environment.advance(100ms);
  EXPECT_TRUE(absent(get("k")));
}

TEST_F(PartitionHostReadsTest, AValueThatExpiresOnItsWayFromTheDiskIsNotServed) {
  write({put_for("k", "v", 100)});
  settle();
  leave_memory();
  const auto read = get("k");
  end_turn();
  auto job = environment.take_job();
  job.work();
  environment.advance(100ms);
  job.done();
  EXPECT_TRUE(absent(read));
}

TEST_F(PartitionHostReadsTest, AGetMayAskForTheVersionAlone) {
  store("k", "v");
  const auto id = ask(messages::GetRequest{Bytes::copy_of("k"), false});
  EXPECT_EQ(value(id), "");
  EXPECT_EQ(got(id).record->version.sequence, Sequence(1));
}

// --- Digests ---

TEST_F(PartitionHostReadsTest, ADigestIsOfTheMomentItWasAskedFor) {
  store(key_in(0), "v");
  const auto first = ask(messages::DigestRequest{PartitionId(0), UnixMillis{1}});
  EXPECT_FALSE(answered(first));  // it is computed off the loop
  store(key_in(0, 1), "w");
  const auto second = ask(messages::DigestRequest{PartitionId(0), UnixMillis{1}});
  settle();
  const auto& digest = std::get<messages::DigestResponse>(body(first));
  EXPECT_EQ(digest.position, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(digest.records, 1u);
  EXPECT_TRUE(digest.whole);
  EXPECT_NE(digest.digest, std::get<messages::DigestResponse>(body(second)).digest);
}

TEST_F(PartitionHostReadsTest, ADigestOfAPartitionThatDoesNotExistIsRefused) {
  const auto id = ask(messages::DigestRequest{PartitionId(kPartitions), UnixMillis{1}});
  EXPECT_EQ(error(id).code, ErrorCode::invalid_argument);
}

// --- Scans ---

TEST_F(PartitionHostReadsTest, AScanSeesAllThatWasWrittenBeforeIt) {
  store(key_in(0, 0), "1");
  write({put(key_in(0, 1), "2")});
  const auto id = scan(0);
  EXPECT_TRUE(environment.jobs.empty());  // waits for the commit
  settle();
  ASSERT_EQ(items(id).size(), 2u);
  EXPECT_EQ(metrics.scans.value(), 1u);
}

TEST_F(PartitionHostReadsTest, AScanDoesNotWaitForOtherPartitions) {
  write({put(key_in(1), "v")});
  scan(0);
  EXPECT_EQ(environment.jobs.size(), 1u);
  settle();
}

TEST_F(PartitionHostReadsTest, AScanComesInPages) {
  for (int i = 0; i < 5; ++i) store("{t}" + std::to_string(i), "v");
  store("{t}", "v");
  messages::ScanRequest request{.partition = ring::Partitioning(kPartitions).of("{t}"),
                                .prefix = Bytes::copy_of("{t}"),
                                .after = Bytes::copy_of("{t}1"),
                                .items_max = 2,
                                .values_wanted = false};
  const auto first = ask(request);
  settle();
  EXPECT_TRUE(std::get<messages::ScanResponse>(body(first)).more);
  ASSERT_EQ(items(first).size(), 2u);
  EXPECT_EQ(items(first)[1].key, Bytes::copy_of("{t}3"));
  EXPECT_EQ(items(first)[1].ttl_ms, -1);
  EXPECT_TRUE(items(first)[1].record.value.empty());
  request.after = items(first)[1].key;
  const auto last = ask(request);
  settle();
  EXPECT_FALSE(std::get<messages::ScanResponse>(body(last)).more);
  ASSERT_EQ(items(last).size(), 1u);
  EXPECT_EQ(items(last)[0].key, Bytes::copy_of("{t}4"));
}

// --- The record cache ---

class PartitionHostCacheTest : public PartitionHostReadsTest {
 protected:
  PartitionHostCacheTest() {
    HostOptions options;
    options.record_cache_bytes = 1 << 20;
    options.incarnation = Incarnation(2);
    open(options);
    adopt_map(2, {}, 2);
    settle();
  }
};

TEST_F(PartitionHostCacheTest, WhatTheDiskGaveIsKept) {
  leave_memory();
  const auto first = get("none");
  settle();
  EXPECT_TRUE(absent(first));
  EXPECT_EQ(metrics.reads_from_disk.value(), 1u);
  EXPECT_TRUE(absent(get("none")));
  EXPECT_EQ(metrics.reads_from_disk.value(), 1u);
}

TEST_F(PartitionHostCacheTest, WhatAWriteOvertookOnItsWayFromTheDiskIsNotKept) {
  leave_memory();
  const auto read = get("k");
  end_turn();
  auto job = environment.take_job();
  job.work();
  store("k", "v");
  job.done();
  settle();
  EXPECT_TRUE(absent(read)) << "as the disk was when it was read";
  EXPECT_EQ(value(get("k")), "v");
}

TEST_F(PartitionHostCacheTest, WhatWasReadOnceNeedsNoEngine) {
  store("k", "old");
  EXPECT_EQ(value(get("k")), "old");
  EXPECT_TRUE(absent(get("none")));
  store("k", "v");
  leave_memory();
  EXPECT_EQ(value(get("k")), "v");
  EXPECT_TRUE(absent(get("none")));
  EXPECT_TRUE(environment.jobs.empty());
  EXPECT_EQ(metrics.reads_from_cache.value(), 3u);
  messages::WriteOperation cas = put("k", "w");
  cas.condition = {messages::Condition::Kind::version, Position{Term(2), Sequence(2)}};
  EXPECT_TRUE(succeeded(settled(write({cas}))));
  EXPECT_EQ(value(get("k")), "w");
}

TEST_F(PartitionHostCacheTest, WhatIsWrittenAndNotYetCommittedIsWaitedFor) {
  store("k", "old");
  write({put("k", "new")});
  const auto read = get("k");
  EXPECT_FALSE(answered(read));
  settle();
  EXPECT_EQ(value(read), "new");
}

TEST_F(PartitionHostCacheTest, WhatHasExpiredIsNotShown) {
  const auto written = write({put_for("k", "v", 1000)});
  settle();
  ASSERT_TRUE(succeeded(written));
  EXPECT_EQ(got(get("k")).ttl_ms, 1000);
  environment.advance(1s);
  EXPECT_TRUE(absent(get("k")));
  EXPECT_TRUE(succeeded(settled(write({put_if_absent("k", "again")}))));
}

TEST_F(PartitionHostCacheTest, AGetAtOnceIsAGet) {
  store("k", "v");
  const PartitionId partition = host->map()->partitioning().of("k");
  const auto found = host->get_at_once(partition, "k", {});
  ASSERT_TRUE(found && found->record);
  EXPECT_EQ(found->record->value, Bytes::literal("v"));
  EXPECT_EQ(found->standing.position, (Position{Term(2), Sequence(1)}));
  EXPECT_FALSE(host->get_at_once(partition, "", {})) << "what is wrong with it on_request() says";
  EXPECT_FALSE(host->get_at_once(partition, "k", {.level = messages::ReadLevel::linearizable}));
  write({put("k", "new")});
  EXPECT_FALSE(host->get_at_once(partition, "k", {})) << "a write of it has its place already";
}

}  // namespace
}  // namespace gyre::runtime
