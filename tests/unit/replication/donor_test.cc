#include "replication/donor.h"

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::FetchedKey;
using messages::FetchedKeys;
using messages::SnapshotAsk;
using messages::SnapshotChunk;

const NodeId kB("b");
const NodeId kC("c");
const NodeId kD("d");
constexpr Term kTerm{4};

FetchedKey record(const std::string& key, std::size_t value_bytes = 1) {
  return {Bytes::copy_of(key), messages::Record{Bytes::copy_of(std::string(value_bytes, 'v')), {kTerm, Sequence(1)}}};
}

class DonorTest : public testing::Test {
 protected:
  static constexpr PartitionId kPartition{7};

  DonorTest() {
    state_.position = {kTerm, Sequence(50)};
    state_.history = {{Term(1), Sequence(1)}, {kTerm, Sequence(30)}};
  }

  void remember(std::uint64_t number, std::uint64_t sequence, std::size_t outcomes = 1) {
    messages::WindowWrite write;
    write.id = {ClientId(1), WriteNumber(number)};
    write.position = {kTerm, Sequence(sequence)};
    write.outcomes.resize(outcomes);
    window_.add(write);
  }

  DonorView view() { return {state_, window_, UnixMillis{777}}; }

  void ask(const NodeId& from, std::uint64_t id, std::uint64_t chunk) {
    donor_.on_ask(now_, view(), from, SnapshotAsk{kPartition, kTerm, id, chunk});
  }
  void fetch(const NodeId& from, std::uint64_t id, std::vector<std::string> keys) {
    messages::FetchKeys fetch{kPartition, kTerm, id, {}};
    for (const std::string& key : keys) fetch.keys.push_back(Bytes::copy_of(key));
    donor_.on_fetch(now_, from, std::move(fetch));
  }

  // The only effect there is; fails the test if there is another or none.
  template <class Kind>
  Kind only() {
    auto effects = donor_.take_effects();
    EXPECT_EQ(effects.size(), 1u);
    if (effects.size() != 1 || !std::holds_alternative<Kind>(effects[0])) {
      ADD_FAILURE() << "another effect";
      return Kind{};
    }
    return std::get<Kind>(std::move(effects[0]));
  }
  template <class Message>
  Message only_message(const NodeId& to) {
    auto send = only<Send>();
    EXPECT_EQ(send.to, to);
    return std::get<Message>(std::move(send.message));
  }
  void expect_nothing() { EXPECT_TRUE(donor_.take_effects().empty()); }

  // Opens a snapshot for `from`; its first records are being read then.
  TaskId opened(const NodeId& from, std::uint64_t id) {
    ask(from, id, 0);
    const TaskId task = only<OpenSnapshot>().task;
    donor_.on_snapshot_open(now_, task, {});
    EXPECT_EQ(only<ReadSnapshot>().task, task);
    return task;
  }
  void read(TaskId task, std::vector<FetchedKey> records) {
    donor_.on_snapshot_records(now_, view(), task, std::move(records));
  }

  Instant now_{1000s};
  messages::PartitionState state_;
  Window window_;
  TaskIds tasks_;
  Donor donor_{kPartition, kTerm, tasks_};
};

TEST_F(DonorTest, AnswersAFetchWithRecordsAndTheWindowOfWhatIsCommittedThen) {
  remember(1, 40);
  remember(2, 55);  // not committed yet
  fetch(kB, 9, {"x", "y"});
  const auto task = only<ReadKeys>();
  EXPECT_EQ(task.keys.size(), 2u);
  state_.position = {kTerm, Sequence(52)};
  donor_.on_keys(now_, view(), task.task, std::vector<FetchedKey>{record("x"), {Bytes::copy_of("y"), {}}});
  const auto answer = only_message<FetchedKeys>(kB);
  EXPECT_EQ(answer.partition, kPartition);
  EXPECT_EQ(answer.term, kTerm);
  EXPECT_EQ(answer.id, 9u);
  EXPECT_EQ(answer.position, state_.position);
  EXPECT_EQ(answer.time, UnixMillis{777});
  EXPECT_EQ(answer.keys.size(), 2u);
  ASSERT_EQ(answer.window.size(), 1u);
  EXPECT_EQ(answer.window[0].id.number, WriteNumber(1));
}

TEST_F(DonorTest, AnswersAsManyKeysAsAMessageTakes) {
  fetch(kB, 1, {"a", "b", "c"});
  const auto task = only<ReadKeys>().task;
  const std::size_t large = limits::kFetchBytesPerMessage * 2 / 3;
  donor_.on_keys(now_, view(), task, std::vector<FetchedKey>{record("a", large), record("b", large), record("c")});
  EXPECT_EQ(only_message<FetchedKeys>(kB).keys.size(), 1u);
}

TEST_F(DonorTest, AWindowTooLargeForAFetchIsLeftToASnapshot) {
  for (std::uint64_t i = 1; i <= 10; ++i) remember(i, i, limits::kBatchOperationsMax);
  fetch(kB, 1, {"a"});
  donor_.on_keys(now_, view(), only<ReadKeys>().task, std::vector<FetchedKey>{record("a")});
  const auto answer = only_message<FetchedKeys>(kB);
  EXPECT_TRUE(answer.keys.empty());
  EXPECT_TRUE(answer.window.empty());
}

TEST_F(DonorTest, AFetchThatIsRepeatedIsReadOnce) {
  fetch(kB, 1, {"a"});
  const auto first = only<ReadKeys>().task;
  fetch(kB, 1, {"a"});
  expect_nothing();
  fetch(kB, 2, {"a"});
  const auto second = only<ReadKeys>().task;
  donor_.on_keys(now_, view(), first, std::vector<FetchedKey>{record("a")});
  expect_nothing();
  donor_.on_keys(now_, view(), second, std::vector<FetchedKey>{record("a")});
  EXPECT_EQ(only_message<FetchedKeys>(kB).id, 2u);
}

TEST_F(DonorTest, AFetchThatFailedMayBeAskedAgain) {
  fetch(kB, 1, {"a"});
  donor_.on_keys(now_, view(), only<ReadKeys>().task, fail(ErrorCode::busy, "later"));
  expect_nothing();
  fetch(kB, 1, {"a"});
  only<ReadKeys>();
}

TEST_F(DonorTest, IgnoresOtherTerms) {
  donor_.on_fetch(now_, kB, {kPartition, Term(3), 1, {Bytes::copy_of("a")}});
  donor_.on_ask(now_, view(), kB, {kPartition, Term(5), 1, 0});
  expect_nothing();
}

TEST_F(DonorTest, GivesASnapshotChunkByChunk) {
  remember(1, 40);
  const TaskId task = opened(kB, 3);
  state_.position = {kTerm, Sequence(60)};  // what comes later is not of the snapshot
  remember(2, 55);
  read(task, {record("a"), record("b")});
  auto chunk = only_message<SnapshotChunk>(kB);
  EXPECT_EQ(chunk.chunk, 0u);
  EXPECT_EQ(chunk.records.size(), 2u);
  EXPECT_FALSE(chunk.last);

  ask(kB, 3, 1);
  EXPECT_EQ(only<ReadSnapshot>().task, task);
  read(task, {});
  auto effects = donor_.take_effects();
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(std::get<CloseSnapshot>(effects[0]).task, task);
  chunk = std::get<SnapshotChunk>(std::get<Send>(effects[1]).message);
  EXPECT_EQ(chunk.id, 3u);
  EXPECT_EQ(chunk.chunk, 1u);
  EXPECT_TRUE(chunk.last);
  EXPECT_EQ(chunk.position.sequence, Sequence(50));
  EXPECT_EQ(chunk.history, state_.history);
  EXPECT_EQ(chunk.time, UnixMillis{777});
  ASSERT_EQ(chunk.window.size(), 1u);
  EXPECT_EQ(chunk.window[0].id.number, WriteNumber(1));
}

TEST_F(DonorTest, ALargeWindowComesInManyChunks) {
  for (std::uint64_t i = 1; i <= 30; ++i) remember(i, i, 2000);
  const TaskId task = opened(kB, 3);
  read(task, {});
  auto effects = donor_.take_effects();
  ASSERT_EQ(effects.size(), 2u);
  auto chunk = std::get<SnapshotChunk>(std::get<Send>(effects[1]).message);
  std::vector<messages::WindowWrite> received = chunk.window;
  while (!chunk.last) {
    EXPECT_LT(chunk.window.size(), 30u);
    ask(kB, 3, chunk.chunk + 1);
    chunk = only_message<SnapshotChunk>(kB);
    received.insert(received.end(), chunk.window.begin(), chunk.window.end());
  }
  EXPECT_GT(chunk.chunk, 0u);
  EXPECT_EQ(received, window_.all());
}

TEST_F(DonorTest, AChunkThatWasLostIsSentAgain) {
  const TaskId task = opened(kB, 3);
  ask(kB, 3, 0);
  expect_nothing();  // it is being read
  read(task, {record("a")});
  EXPECT_EQ(only_message<SnapshotChunk>(kB).chunk, 0u);
  ask(kB, 3, 0);
  EXPECT_EQ(only_message<SnapshotChunk>(kB).records.size(), 1u);
  ask(kB, 3, 1);
  read(only<ReadSnapshot>().task, {});
  donor_.take_effects();
  ask(kB, 3, 1);
  EXPECT_TRUE(only_message<SnapshotChunk>(kB).last);
  ask(kB, 3, 2);
  expect_nothing();
}

TEST_F(DonorTest, WhoAsksWhileTheNextChunkIsReadIsToldThatItComes) {
  const TaskId task = opened(kB, 3);
  ask(kB, 3, 0);
  expect_nothing();
  read(task, {record("a")});
  only_message<SnapshotChunk>(kB);
  ask(kB, 3, 1);
  only<ReadSnapshot>();
  ask(kB, 3, 1);
  const auto again = only_message<SnapshotChunk>(kB);
  EXPECT_EQ(again.chunk, 0u);
  EXPECT_TRUE(again.records.empty());
  EXPECT_FALSE(again.last);
}

TEST_F(DonorTest, KnowsHowMuchItHasSentToWhom) {
  EXPECT_TRUE(donor_.transfers().empty());
  const TaskId task = opened(kB, 3);
  read(task, {record("a", 100)});
  ask(kB, 3, 0);  // lost, and sent again
  auto transfers = donor_.transfers();
  ASSERT_EQ(transfers.size(), 1u);
  EXPECT_EQ(transfers[0].partition, kPartition);
  EXPECT_EQ(transfers[0].to, kB);
  EXPECT_EQ(transfers[0].bytes_sent, 101u);
  EXPECT_EQ(transfers[0].bytes_total, 0u) << "not known";
  ask(kB, 3, 1);
  read(task, {});
  transfers = donor_.transfers();
  EXPECT_EQ(transfers[0].bytes_total, 101u);
  donor_.on_tick(now_ += limits::kSnapshotPatience);
  EXPECT_TRUE(donor_.transfers().empty());
}

TEST_F(DonorTest, RemembersHowManySnapshotsAMemberHadToTheEnd) {
  for (std::uint64_t id = 1; id <= 2; ++id) {
    const TaskId task = opened(kB, id);
    EXPECT_EQ(donor_.snapshots_of(kB), id - 1);
    read(task, {});
    donor_.take_effects();
    EXPECT_EQ(donor_.snapshots_of(kB), id);
  }
  EXPECT_EQ(donor_.snapshots_of(kC), 0u);
  donor_.forget(kB);
  EXPECT_EQ(donor_.snapshots_of(kB), 0u);
}

TEST_F(DonorTest, AMemberThatBeginsAnewGetsANewSnapshot) {
  const TaskId first = opened(kB, 3);
  ask(kB, 4, 0);
  auto effects = donor_.take_effects();
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(std::get<CloseSnapshot>(effects[0]).task, first);
  EXPECT_NE(std::get<OpenSnapshot>(effects[1]).task, first);
  read(first, {record("a")});
  ask(kB, 3, 0);  // came late
  expect_nothing();
}

TEST_F(DonorTest, OpensSoManySnapshotsAtOnce) {
  static_assert(limits::kSnapshotsMax == 2);
  const TaskId first = opened(kB, 1);
  opened(kC, 1);
  ask(kD, 1, 0);
  expect_nothing();
  read(first, {});  // done
  donor_.take_effects();
  opened(kD, 1);
}

TEST_F(DonorTest, ASnapshotOfASilentMemberIsClosed) {
  const TaskId task = opened(kB, 1);
  now_ += limits::kSnapshotPatience - 1ms;
  ask(kB, 1, 0);
  now_ += limits::kSnapshotPatience - 1ms;
  donor_.on_tick(now_);
  expect_nothing();
  now_ += 1ms;
  donor_.on_tick(now_);
  EXPECT_EQ(only<CloseSnapshot>().task, task);
  ask(kB, 1, 1);
  expect_nothing();
}

TEST_F(DonorTest, ASnapshotThatCannotBeOpenedOrReadIsForgotten) {
  ask(kB, 1, 0);
  donor_.on_snapshot_open(now_, only<OpenSnapshot>().task, fail(ErrorCode::busy, "later"));
  expect_nothing();
  const TaskId task = opened(kB, 1);
  donor_.on_snapshot_records(now_, view(), task, fail(ErrorCode::storage_failed, "disk"));
  EXPECT_EQ(only<CloseSnapshot>().task, task);
}

TEST_F(DonorTest, AtTheEndOfTheTermAllIsClosed) {
  const TaskId task = opened(kB, 1);
  ask(kC, 1, 0);
  const TaskId opening = only<OpenSnapshot>().task;
  donor_.close();
  EXPECT_EQ(donor_.take_effects().size(), 2u);
  donor_.on_snapshot_open(now_, opening, {});
  EXPECT_EQ(only<CloseSnapshot>().task, opening);
  read(task, {record("a")});
  expect_nothing();
}

}  // namespace
}  // namespace gyre::replication
