#include "replication/repair.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/unit/replication/support.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::FetchedKeys;
using messages::FetchKeys;
using messages::LoggedWrite;
using messages::LoggedWritePtr;
using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;
using messages::SnapshotAsk;
using messages::SnapshotChunk;

LoggedWritePtr write(std::uint64_t term, std::uint64_t sequence, const std::string& key, std::size_t value_bytes = 1) {
  auto write = std::make_shared<LoggedWrite>();
  write->position = {Term(term), Sequence(sequence)};
  write->time = UnixMillis{static_cast<std::int64_t>(sequence)};
  write->id = {ClientId(1), WriteNumber(sequence)};
  write->mutations.push_back({Mutation::Kind::put,
                              Bytes::copy_of(key),
                              {Bytes::copy_of(std::string(value_bytes, 'v')), write->position, kNoExpiry}});
  return write;
}

messages::WindowWrite known(std::uint64_t number, std::uint64_t term, std::uint64_t sequence) {
  return {{ClientId(1), WriteNumber(number)}, {}, {Term(term), Sequence(sequence)}, {}, 0, {}};
}

// A member that has served in term 2 from 41 to 50; its successor, of term 3, only had 45 of that.
class RepairTest : public testing::Test {
 protected:
  static constexpr PartitionId kPartition{7};
  static constexpr Term kTerm{3};

  RepairTest() {
    start_.partition = kPartition;
    start_.primary = kPrimary;
    start_.term = kTerm;
    start_.state.position = {Term(2), Sequence(50)};
    start_.state.history = {{Term(1), Sequence(1)}, {Term(2), Sequence(41)}};
    start_.state.promised = kTerm;
    start_.state.time = UnixMillis{1000};
    start_.theirs = {{Term(1), Sequence(1)}, {Term(2), Sequence(41)}, {kTerm, Sequence(46)}};
    start_.common = Sequence(45);
    for (std::uint64_t i = 41; i <= 50; ++i) log_.push_back(write(2, i, "k" + std::to_string(i)));
  }

  void in_memory() {
    for (const LoggedWritePtr& w : log_) recent_.append(w);
  }
  Repair& begin() {
    repair_.emplace(now_, start_, recent_, tasks_, broken_);
    return *repair_;
  }

  template <class Kind>
  Kind only() {
    auto effects = repair_->take_effects();
    EXPECT_EQ(effects.size(), 1u);
    if (effects.size() != 1 || !std::holds_alternative<Kind>(effects[0])) {
      ADD_FAILURE() << "another effect";
      return Kind{};
    }
    return std::get<Kind>(std::move(effects[0]));
  }
  template <class Message>
  Message only_message() {
    auto send = only<Send>();
    EXPECT_EQ(send.to, kPrimary);
    return std::get<Message>(std::move(send.message));
  }
  void expect_nothing() { EXPECT_TRUE(repair_->take_effects().empty()); }

  // Confirms the export that must be next.
  std::vector<messages::Loss> exported() {
    auto effect = only<ExportLosses>();
    EXPECT_EQ(repair_->step(), nullptr);
    repair_->on_exported(now_, effect.task, {});
    return effect.losses;
  }
  FetchedKeys answer_to(const FetchKeys& fetch, std::uint64_t sequence) {
    FetchedKeys answer{kPartition, kTerm, fetch.id, {kTerm, Sequence(sequence)}, UnixMillis{2000}, {}, {}};
    for (const Bytes& key : fetch.keys) answer.keys.push_back({key, messages::Record{key, {Term(1), Sequence(5)}}});
    return answer;
  }
  SnapshotChunk chunk(const SnapshotAsk& ask, std::vector<std::string> keys, bool last = false) {
    SnapshotChunk chunk;
    chunk.partition = kPartition;
    chunk.term = kTerm;
    chunk.id = ask.id;
    chunk.chunk = ask.chunk;
    for (const std::string& key : keys) {
      chunk.records.push_back({Bytes::copy_of(key), messages::Record{Bytes::copy_of("v"), {Term(1), Sequence(5)}}});
    }
    chunk.last = last;
    if (last) {
      chunk.position = {kTerm, Sequence(70)};
      chunk.history = start_.theirs;
      chunk.time = UnixMillis{3000};
    }
    return chunk;
  }

  Instant now_{1000s};
  RepairStart start_;
  RecentLog recent_{1 << 20};
  std::vector<LoggedWritePtr> log_;  // of the member, from 41
  TaskIds tasks_;
  BrokenRule broken_ = BrokenRule::none;
  std::optional<Repair> repair_;
};

// --- The tail ---

TEST_F(RepairTest, ExportsTheTailFromMemoryBeforeAnythingElse) {
  in_memory();
  begin();
  const auto losses = exported();
  ASSERT_EQ(losses.size(), 5u);
  const auto& first = std::get<LostWrite>(losses[0]);
  EXPECT_EQ(first.partition, kPartition);
  EXPECT_EQ(first.position, (Position{Term(2), Sequence(46)}));
  EXPECT_EQ(first.id, log_[5]->id);
  EXPECT_EQ(first.mutations.size(), 1u);
  EXPECT_FALSE(first.reapplied);
  EXPECT_EQ(repair_->exported_writes(), 5u);
  EXPECT_EQ(repair_->exported_ids().size(), 5u);
  EXPECT_EQ(only_message<FetchKeys>().keys.size(), 5u);
}

TEST_F(RepairTest, ReadsTheTailFromTheLogPageByPage) {
  begin();
  auto read = only<ReadLog>();
  EXPECT_EQ(read.after, Sequence(45));
  repair_->on_log(now_, read.task, std::vector<LoggedWritePtr>{log_.begin() + 5, log_.begin() + 8});
  EXPECT_EQ(exported().size(), 3u);
  read = only<ReadLog>();
  EXPECT_EQ(read.after, Sequence(48));
  repair_->on_log(now_, read.task, std::vector<LoggedWritePtr>{log_.begin() + 8, log_.end()});
  EXPECT_EQ(exported().size(), 2u);
  EXPECT_EQ(only_message<FetchKeys>().keys.size(), 5u);
}

TEST_F(RepairTest, WhatTheLogNoLongerHasIsExportedAsARangeAndASnapshotTaken) {
  start_.common = Sequence(38);  // of term 1
  begin();
  repair_->on_log(now_, only<ReadLog>().task, fail(ErrorCode::not_found, "gone"));
  const auto losses = exported();
  ASSERT_EQ(losses.size(), 2u);
  const auto& older = std::get<LostRange>(losses[0]);
  EXPECT_EQ(older.term, Term(1));
  EXPECT_EQ(older.first, Sequence(39));
  EXPECT_EQ(older.last, Sequence(40));
  const auto& newer = std::get<LostRange>(losses[1]);
  EXPECT_EQ(newer.term, Term(2));
  EXPECT_EQ(newer.first, Sequence(41));
  EXPECT_EQ(newer.last, Sequence(50));
  EXPECT_EQ(repair_->exported_writes(), 12u);
  EXPECT_FALSE(repair_->rewinding());
  EXPECT_EQ(only_message<SnapshotAsk>().chunk, 0u);
}

TEST_F(RepairTest, WithoutACommonPartEverythingIsExportedAsARange) {
  start_.common.reset();
  start_.state.history = {{Term(2), Sequence(31)}};
  begin();
  const auto losses = exported();
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(std::get<LostRange>(losses[0]).first, Sequence(31));
  only_message<SnapshotAsk>();
}

TEST_F(RepairTest, AnEmptyMemberTakesASnapshotAtOnce) {
  start_.state = {};
  start_.common = Sequence(0);
  start_.snapshot = true;
  begin();
  only_message<SnapshotAsk>();
}

TEST_F(RepairTest, AReadOrExportThatFailedIsTriedAgain) {
  begin();
  repair_->on_log(now_, only<ReadLog>().task, fail(ErrorCode::busy, "later"));
  expect_nothing();
  repair_->on_tick(now_);
  expect_nothing();
  repair_->on_tick(now_ += 200ms);
  repair_->on_log(now_, only<ReadLog>().task, std::vector<LoggedWritePtr>{log_.begin() + 5, log_.end()});
  const auto first = only<ExportLosses>();
  repair_->on_exported(now_, first.task, fail(ErrorCode::storage_failed, "disk"));
  EXPECT_EQ(repair_->step(), nullptr);
  repair_->on_tick(now_ += 200ms);
  EXPECT_EQ(exported(), first.losses);
  only_message<FetchKeys>();
}

TEST_F(RepairTest, AStepOfAnEarlierRepairDoesNotEndIt) {
  in_memory();
  begin();
  exported();
  repair_->on_step_persisted(now_);
  EXPECT_FALSE(repair_->done());
}

TEST_F(RepairTest, TasksOfOthersAreNotItsOwn) {
  begin();
  const TaskId task = only<ReadLog>().task;
  repair_->on_log(now_, TaskId(task.value() + 100), std::vector<LoggedWritePtr>{});
  repair_->on_exported(now_, task, {});
  expect_nothing();
}

TEST_F(RepairTest, WithoutTheRuleNothingIsExported) {
  broken_ = BrokenRule::export_before_rewind;
  in_memory();
  begin();
  only_message<FetchKeys>();
}

// --- Rewinding ---

TEST_F(RepairTest, ARewoundMemberIsALearnerUntilItPassedWhatItFetched) {
  in_memory();
  begin();
  exported();
  auto answer = answer_to(only_message<FetchKeys>(), 60);
  answer.keys[0].record.reset();
  answer.window = {known(1, 1, 30), known(2, 3, 55)};
  repair_->on_fetched(now_, answer);
  const RepairStep* step = repair_->step();
  ASSERT_NE(step, nullptr);
  EXPECT_FALSE(step->drop_first);
  EXPECT_EQ(step->repairs.size(), 5u);
  EXPECT_EQ(step->repairs[0].kind, Mutation::Kind::del);
  EXPECT_EQ(step->repairs[1].record.version, (Position{Term(1), Sequence(5)}));
  EXPECT_EQ(step->state.position, (Position{Term(2), Sequence(45)}));
  EXPECT_EQ(step->state.history, start_.state.history);
  EXPECT_EQ(step->state.whole_at, Sequence(60));
  EXPECT_EQ(step->state.time, UnixMillis{2000});
  EXPECT_EQ(step->state.promised, kTerm);
  ASSERT_TRUE(step->window);
  EXPECT_EQ(*step->window, std::vector{known(1, 1, 30)}) << "what is behind comes with the stream";
  EXPECT_FALSE(repair_->done());
  repair_->on_step_persisted(now_);
  EXPECT_EQ(repair_->step(), nullptr);
  EXPECT_TRUE(repair_->done());
  EXPECT_TRUE(repair_->rewinding());
}

TEST_F(RepairTest, AMemberIsWholeAtOnceIfItsPrimaryHasNothingBehindTheCommonPart) {
  in_memory();
  begin();
  exported();
  repair_->on_fetched(now_, answer_to(only_message<FetchKeys>(), 45));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_EQ(repair_->step()->state.whole_at, Sequence());
}

TEST_F(RepairTest, TheTermsOfAGivenUpTailLeaveItsHistory) {
  in_memory();
  start_.common = Sequence(40);
  begin();
  exported();
  repair_->on_fetched(now_, answer_to(only_message<FetchKeys>(), 60));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_EQ(repair_->step()->state.position, (Position{Term(1), Sequence(40)}));
  EXPECT_EQ(repair_->step()->state.history, (messages::TermHistory{{Term(1), Sequence(1)}}));
}

TEST_F(RepairTest, NothingInCommonLeavesAnEmptyHistory) {
  start_.state.position = {Term(2), Sequence(3)};
  start_.state.history = {{Term(2), Sequence(1)}};
  start_.common = Sequence(0);
  for (std::uint64_t i = 1; i <= 3; ++i) recent_.append(write(2, i, "k"));
  begin();
  exported();
  const auto fetch = only_message<FetchKeys>();
  EXPECT_EQ(fetch.keys.size(), 1u);
  repair_->on_fetched(now_, answer_to(fetch, 60));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_EQ(repair_->step()->state.position, Position());
  EXPECT_TRUE(repair_->step()->state.history.empty());
}

TEST_F(RepairTest, AFetchIsRepeatedLessAndLessOften) {
  in_memory();
  begin();
  exported();
  const auto first = only_message<FetchKeys>();
  for (const Duration pause : {200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
    repair_->on_tick(now_ += pause - 1ms);
    expect_nothing();
    repair_->on_tick(now_ += 1ms);
    EXPECT_EQ(only_message<FetchKeys>().id, first.id);
  }
}

TEST_F(RepairTest, KeysThatWereNotAnsweredAreAskedForNext) {
  in_memory();
  begin();
  exported();
  const auto first = only_message<FetchKeys>();
  auto part = answer_to(first, 60);
  part.keys.resize(2);
  repair_->on_fetched(now_, part);
  const auto second = only_message<FetchKeys>();
  EXPECT_NE(second.id, first.id);
  EXPECT_EQ(second.keys, (std::vector<Bytes>{first.keys.begin() + 2, first.keys.end()}));
  repair_->on_fetched(now_, answer_to(first, 90));  // doubled
  EXPECT_EQ(repair_->step(), nullptr);
  repair_->on_fetched(now_, answer_to(second, 58));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_EQ(repair_->step()->repairs.size(), 5u);
  EXPECT_EQ(repair_->step()->state.whole_at, Sequence(60)) << "the highest position of all answers";
}

TEST_F(RepairTest, AFetchAsksForAsMuchAsOneAnswerTakes) {
  recent_.clear();
  for (std::uint64_t i = 41; i <= 50; ++i) recent_.append(write(2, i, "k" + std::to_string(i), 80'000));
  start_.common = Sequence(41);
  begin();
  exported();
  EXPECT_EQ(only_message<FetchKeys>().keys.size(), 9u);

  RecentLog large(16 << 20);
  for (std::uint64_t i = 41; i <= 50; ++i) large.append(write(2, i, "k" + std::to_string(i), 400'000));
  repair_.emplace(now_, start_, large, tasks_, BrokenRule::export_before_rewind);
  EXPECT_EQ(repair_->take_effects().size(), 1u) << "the rest of the tail is read from the log";
}

TEST_F(RepairTest, IgnoresAnswersOfOtherTermsAndIds) {
  in_memory();
  begin();
  exported();
  const auto fetch = only_message<FetchKeys>();
  auto stale = answer_to(fetch, 60);
  stale.term = Term(2);
  repair_->on_fetched(now_, stale);
  stale.term = kTerm;
  ++stale.id;
  repair_->on_fetched(now_, stale);
  EXPECT_EQ(repair_->step(), nullptr);
  repair_->on_chunk(now_, chunk({kPartition, kTerm, fetch.id, 0}, {"x"}, true));
  EXPECT_EQ(repair_->step(), nullptr);
}

TEST_F(RepairTest, KnowsWhatThePrimaryWroteSinceTheHistoriesParted) {
  in_memory();
  begin();
  exported();
  auto answer = answer_to(only_message<FetchKeys>(), 60);
  answer.window = {known(44, 2, 44), known(47, 3, 52), known(99, 3, 53)};
  repair_->on_fetched(now_, answer);
  EXPECT_EQ(repair_->written_since(), (std::vector{answer.window[1], answer.window[2]}));
  EXPECT_EQ(repair_->step()->window, (std::vector{answer.window[0]}));
}

TEST_F(RepairTest, APrimaryThatGivesNoKeysLeavesOnlyTheSnapshot) {
  in_memory();
  begin();
  exported();
  auto answer = answer_to(only_message<FetchKeys>(), 60);
  answer.keys.clear();
  repair_->on_fetched(now_, answer);
  only_message<SnapshotAsk>();
  EXPECT_FALSE(repair_->rewinding());
}

TEST_F(RepairTest, TooManyKeysLeaveOnlyTheSnapshot) {
  start_.common = Sequence(49);
  auto many = std::make_shared<LoggedWrite>(*log_.back());
  for (std::size_t i = 0; i <= limits::kFetchKeysMax; ++i) {
    many->mutations.push_back({Mutation::Kind::put, Bytes::copy_of("k" + std::to_string(i)), {}});
  }
  begin();
  repair_->on_log(now_, only<ReadLog>().task, std::vector<LoggedWritePtr>{many});
  EXPECT_EQ(exported().size(), 1u);
  only_message<SnapshotAsk>();
}

// --- Snapshot ---

TEST_F(RepairTest, ASnapshotIsStoredChunkByChunk) {
  in_memory();
  start_.snapshot = true;
  begin();
  exported();
  auto ask = only_message<SnapshotAsk>();
  repair_->on_chunk(now_, chunk(ask, {"a", "b"}));
  const RepairStep* step = repair_->step();
  ASSERT_NE(step, nullptr);
  EXPECT_TRUE(step->drop_first);
  EXPECT_EQ(step->repairs.size(), 2u);
  EXPECT_FALSE(step->window);
  EXPECT_EQ(step->state.position, Position());
  EXPECT_TRUE(step->state.history.empty());
  EXPECT_EQ(step->state.whole_at, messages::kNeverWhole);
  EXPECT_EQ(step->state.promised, kTerm);

  ask = only_message<SnapshotAsk>();  // while the first one is being committed
  EXPECT_EQ(ask.chunk, 1u);
  auto last = chunk(ask, {"c"}, true);
  last.window = {known(48, 3, 60), known(7, 1, 30)};
  repair_->on_chunk(now_, last);
  EXPECT_TRUE(repair_->step()->drop_first) << "one at a time";
  expect_nothing();
  repair_->on_step_persisted(now_);
  EXPECT_FALSE(repair_->done());
  step = repair_->step();
  ASSERT_NE(step, nullptr);
  EXPECT_FALSE(step->drop_first);
  EXPECT_EQ(step->repairs.size(), 1u);
  ASSERT_TRUE(step->window);
  EXPECT_EQ(step->window->size(), 2u);
  EXPECT_EQ(step->state.position, last.position);
  EXPECT_EQ(step->state.history, start_.theirs);
  EXPECT_EQ(step->state.whole_at, Sequence());
  EXPECT_EQ(step->state.time, UnixMillis{3000});
  repair_->on_step_persisted(now_);
  EXPECT_TRUE(repair_->done());
  EXPECT_FALSE(repair_->rewinding());
}

// A snapshot that is ingested from its third byte on: keys and values are of one byte each. The first chunk is stored.
class IngestingRepairTest : public RepairTest {
 protected:
  IngestingRepairTest() {
    start_.state = {};
    start_.snapshot = true;
    start_.committed_bytes_max = 2;
    begin();
    repair_->on_chunk(now_, chunk(only_message<SnapshotAsk>(), {"a"}));
    EXPECT_TRUE(repair_->step()->drop_first);
    EXPECT_EQ(repair_->step()->repairs.size(), 1u);
    repair_->on_step_persisted(now_);
    ask_ = only_message<SnapshotAsk>();
  }

  // What is to be ingested of the next chunk, which is also asked for again.
  IngestRecords ingested(std::vector<std::string> keys) {
    repair_->on_chunk(now_, chunk(ask_, std::move(keys)));
    EXPECT_EQ(repair_->step(), nullptr);
    auto effects = repair_->take_effects();
    EXPECT_EQ(effects.size(), 2u);
    ask_ = std::get<SnapshotAsk>(std::get<Send>(effects.at(1)).message);
    return std::get<IngestRecords>(std::move(effects.at(0)));
  }

  SnapshotAsk ask_;
};

TEST_F(IngestingRepairTest, WhatIsManyIsIngestedAndTheLastStepWaitsForIt) {
  const auto first = ingested({"b", "c"});
  EXPECT_EQ(first.records.size(), 2u);
  auto last = chunk(ask_, {"d"}, true);
  last.window = {known(48, 3, 60)};
  repair_->on_chunk(now_, last);
  expect_nothing();
  repair_->on_ingested(now_, first.task, {});
  const auto second = only<IngestRecords>();
  EXPECT_EQ(second.task, first.task);
  EXPECT_EQ(second.records.size(), 1u);
  repair_->on_ingested(now_, first.task, {});
  EXPECT_EQ(only<FinishIngestion>().task, first.task);
  EXPECT_EQ(repair_->step(), nullptr);
  repair_->on_ingested(now_, first.task, {});
  const RepairStep* step = repair_->step();
  ASSERT_NE(step, nullptr);
  EXPECT_FALSE(step->drop_first);
  EXPECT_TRUE(step->repairs.empty());
  EXPECT_EQ(step->window->size(), 1u);
  EXPECT_EQ(step->state.position, last.position);
  EXPECT_EQ(step->state.whole_at, Sequence());
  repair_->on_step_persisted(now_);
  EXPECT_TRUE(repair_->done());
  expect_nothing();
}

TEST_F(IngestingRepairTest, AFailureBeginsTheSnapshotAnew) {
  const auto first = ingested({"b", "c"});
  repair_->on_ingested(now_, TaskId(first.task.value() + 1), {});
  repair_->on_ingested(now_ += 200ms, first.task, fail(ErrorCode::not_found, "not so"));
  EXPECT_EQ(only<DropIngestion>().task, first.task);
  repair_->on_tick(now_);
  expect_nothing();  // not again at once
  repair_->on_tick(now_ += 200ms);
  const auto anew = only_message<SnapshotAsk>();
  EXPECT_EQ(anew.chunk, 0u);
  EXPECT_NE(anew.id, ask_.id);
  repair_->on_chunk(now_, chunk(anew, {"a"}));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_TRUE(repair_->step()->drop_first);
  EXPECT_EQ(repair_->step()->repairs.size(), 1u);
}

TEST_F(IngestingRepairTest, WhoGivesItUpLetsGoOfIt) {
  const auto first = ingested({"b", "c"});
  repair_->close();
  EXPECT_EQ(only<DropIngestion>().task, first.task);
}

TEST_F(RepairTest, TheFirstStepDropsWhatWasThereBeforeAnythingIsIngested) {
  start_.state = {};
  start_.snapshot = true;
  start_.committed_bytes_max = 0;
  begin();
  repair_->on_chunk(now_, chunk(only_message<SnapshotAsk>(), {"a"}));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_TRUE(repair_->step()->drop_first);
  EXPECT_TRUE(repair_->step()->repairs.empty());
  EXPECT_EQ(repair_->step()->state.whole_at, messages::kNeverWhole);
  only_message<SnapshotAsk>();
  repair_->on_step_persisted(now_);
  EXPECT_EQ(only<IngestRecords>().records.size(), 1u);
}

TEST_F(RepairTest, AnEmptySnapshotIsOneStep) {
  start_.state = {};
  start_.snapshot = true;
  begin();
  repair_->on_chunk(now_, chunk(only_message<SnapshotAsk>(), {}, true));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_TRUE(repair_->step()->drop_first);
  EXPECT_EQ(repair_->step()->state.position.sequence, Sequence(70));
  repair_->on_step_persisted(now_);
  EXPECT_TRUE(repair_->done());
}

TEST_F(RepairTest, AWindowMayComeInParts) {
  start_.state = {};
  start_.snapshot = true;
  begin();
  auto first = chunk(only_message<SnapshotAsk>(), {});
  first.window = {known(1, 1, 10)};
  repair_->on_chunk(now_, first);
  repair_->on_step_persisted(now_);
  auto second = chunk(only_message<SnapshotAsk>(), {}, true);
  second.window = {known(2, 1, 20)};
  repair_->on_chunk(now_, second);
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_EQ(*repair_->step()->window, (std::vector{known(1, 1, 10), known(2, 1, 20)}));
}

TEST_F(RepairTest, DoubledAndStaleChunksAreIgnored) {
  start_.state = {};
  start_.snapshot = true;
  begin();
  const auto ask = only_message<SnapshotAsk>();
  repair_->on_chunk(now_, chunk(ask, {"a"}));
  repair_->take_effects();
  repair_->on_chunk(now_, chunk(ask, {"a"}));
  expect_nothing();
  auto other = chunk({kPartition, kTerm, ask.id + 5, 1}, {"z"});
  repair_->on_chunk(now_, other);
  repair_->on_step_persisted(now_);
  EXPECT_EQ(repair_->step(), nullptr);
}

TEST_F(RepairTest, AChunkIsAskedForAgainAndASnapshotThatWentAwayBegunAnew) {
  start_.state = {};
  start_.snapshot = true;
  begin();
  const auto first = only_message<SnapshotAsk>();
  repair_->on_chunk(now_, chunk(first, {"a"}));
  const auto second = only_message<SnapshotAsk>();
  repair_->on_step_persisted(now_);
  repair_->on_tick(now_ += 200ms);
  EXPECT_EQ(only_message<SnapshotAsk>().chunk, second.chunk);
  const Instant end = now_ + limits::kSnapshotPatience + 2s;
  while (now_ < end) repair_->on_tick(now_ += 20ms);
  const auto effects = repair_->take_effects();
  ASSERT_FALSE(effects.empty());
  const auto anew = std::get<SnapshotAsk>(std::get<Send>(effects.back()).message);
  EXPECT_EQ(anew.chunk, 0u);
  EXPECT_NE(anew.id, first.id);
  repair_->on_chunk(now_, chunk({kPartition, kTerm, anew.id, 0}, {"a"}));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_TRUE(repair_->step()->drop_first);
}

TEST_F(RepairTest, ASnapshotIsNotBegunAnewWhileItsNextChunkIsSaidToCome) {
  start_.state = {};
  start_.snapshot = true;
  begin();
  const auto first = only_message<SnapshotAsk>();
  repair_->on_chunk(now_, chunk(first, {"a"}));
  const auto second = only_message<SnapshotAsk>();
  repair_->on_step_persisted(now_);
  const Instant end = now_ + 3 * limits::kSnapshotPatience;
  while (now_ < end) {
    repair_->on_tick(now_ += 20ms);
    for (const Effect& effect : repair_->take_effects()) {
      const auto ask = std::get<SnapshotAsk>(std::get<Send>(effect).message);
      EXPECT_EQ(ask.id, first.id);
      EXPECT_EQ(ask.chunk, 1u);
      repair_->on_chunk(now_, chunk(first, {}));
    }
  }
  repair_->on_chunk(now_, chunk(second, {"b"}));
  ASSERT_NE(repair_->step(), nullptr);
  EXPECT_FALSE(repair_->step()->drop_first);
}

}  // namespace
}  // namespace gyre::replication
