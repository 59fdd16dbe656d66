// What storage/engine.h promises of the log and the windows read back from it, checked on every engine.
#include <gmock/gmock.h>

#include "tests/contract/engine_contract.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class EngineLog : public EngineContract {};

TEST_P(EngineLog, ReadsItsLogBackAsItWasWritten) {
  const Position one{Term(2), Sequence(1)};
  const Position two{Term(2), Sequence(2)};
  auto full =
      std::make_shared<messages::LoggedWrite>(*logged(two, {put("k", "v2", {99}), del("gone"), put("", "")}, {7000},
                                                      {ClientId(~0ULL), WriteNumber(300)}, WriteNumber(290)));
  full->mutations.pop_back();
  full->outcomes = {{.version = two, .existed = false, .changed = true, .number = -300},
                    {.version = {Term(1), Sequence(9)}, .existed = true, .changed = false, .number = 0}};
  const messages::LoggedWritePtr writes[] = {logged(one, {put("k", "v1")}, {6000}), full};
  commit({.partition = kOne, .writes = writes, .state = state_at(two, {}, {}, {7000})});
  const auto check = [&] {
    const auto read = engine().read_log(kOne, Sequence(0), 1 << 20);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_THAT(*read, SizeIs(2));
    for (std::size_t i = 0; i < 2; ++i) expect_equal(*read->at(i), *writes[i]);
  };
  check();
  subject_->reopen();
  check();
}

TEST_P(EngineLog, ReadsTheLogOfOnePartitionBehindAnyWrite) {
  for (int i = 0; i < 5; ++i) {
    commit(kOne, {put("k", "1")});
    commit(kTwo, {put("k", "2")});
  }
  const auto check = [&] {
    EXPECT_THAT(log(kOne, 0), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_THAT(log(kTwo, 3), ElementsAre(4, 5));
    EXPECT_THAT(log(kTwo, 5), IsEmpty());
    EXPECT_THAT(log(kTwo, 6), ElementsAre(0));
    EXPECT_THAT(log(kThree, 0), IsEmpty());
    EXPECT_THAT(log(kThree, 1), ElementsAre(0));
  };
  check();
  subject_->reopen();
  check();
  commit(kTwo, {put("k", "3")});
  EXPECT_THAT(log(kTwo, 3), ElementsAre(4, 5, 6));
}

TEST_P(EngineLog, EndsAPageOfTheLogAtAboutTheBytesAskedButNeverEmpty) {
  for (int i = 0; i < 4; ++i) commit(kOne, {put("k", std::string(1000, 'x'))});
  EXPECT_THAT(log(kOne, 0, 1), ElementsAre(1));
  EXPECT_THAT(log(kOne, 1, 2000), ElementsAre(2, 3));
}

TEST_P(EngineLog, KeepsItsLogThroughCompactionAndReopening) {
  for (int i = 0; i < 3; ++i) {
    commit(kOne, {put("k" + std::to_string(i), "v")});
    subject_->compact(kOne);
    subject_->reopen();
  }
  EXPECT_THAT(log(kOne, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(log(kOne, 2), ElementsAre(3));
}

TEST_P(EngineLog, LeavesSweepsOutOfTheLog) {
  commit(kOne, {put("a", "", {10})});
  engine().set_expiry_horizon(kOne, {10});
  ASSERT_TRUE(engine().sweep(kOne, "", 10));
  commit(kOne, {put("b", "")});
  const auto read = engine().read_log(kOne, Sequence(0), 1 << 20);
  ASSERT_TRUE(read);
  ASSERT_THAT(*read, SizeIs(2));
  EXPECT_THAT(read->at(0)->mutations, SizeIs(1));
  EXPECT_THAT(read->at(1)->mutations, SizeIs(1));
}

TEST_P(EngineLog, CutsTheLogAtADropAndCountsFromThere) {
  commit(kOne, {put("old", "1")});
  commit(kOne, {put("old", "1")});
  const Position position{Term(2), Sequence(8)};
  const messages::LoggedWritePtr write = logged(position, {put("new", "2")});
  commit({.partition = kOne, .drop_first = true, .writes = {&write, 1}, .state = state_at(position)});
  const auto check = [&] {
    EXPECT_THAT(keys(kOne), ElementsAre("new"));
    EXPECT_THAT(log(kOne, 0), ElementsAre(0));
    EXPECT_THAT(log(kOne, 1), ElementsAre(0));
    EXPECT_THAT(log(kOne, 7), ElementsAre(8));
    EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne])));
  };
  check();
  subject_->reopen();
  check();
  ASSERT_TRUE(engine().drop_partition(kOne));
  EXPECT_THAT(log(kOne, 7), ElementsAre(0));
  EXPECT_THAT(log(kOne, 0), IsEmpty());
}

TEST_P(EngineLog, CutsTheLogAtARepairAndAtAStepBack) {
  for (int i = 0; i < 5; ++i) commit(kOne, {put("k", std::to_string(i))});
  // Goes back behind write 3, as a member with a divergent tail does.
  const messages::Mutation repairs[] = {put("k", "repaired"), del("never")};
  PartitionState state = states_[kOne];
  state.position = {Term(1), Sequence(3)};
  state.whole_at = Sequence(6);
  commit({.partition = kOne, .repairs = repairs, .state = state});
  EXPECT_EQ(value(kOne, "k"), "repaired");
  commit(kOne, {put("k", "4b")});
  const auto check = [&] {
    EXPECT_EQ(value(kOne, "k"), "4b");
    EXPECT_THAT(log(kOne, 0), ElementsAre(0));
    EXPECT_THAT(log(kOne, 2), ElementsAre(0));
    EXPECT_THAT(log(kOne, 3), ElementsAre(4));
    EXPECT_THAT(log(kOne, 4), IsEmpty());
    EXPECT_THAT(log(kOne, 5), ElementsAre(0));
  };
  check();
  subject_->reopen();
  check();
  // A repair cuts where nothing moves, too.
  commit({.partition = kOne, .repairs = repairs, .state = states_[kOne]});
  EXPECT_THAT(log(kOne, 3), ElementsAre(0));
  EXPECT_THAT(log(kOne, 4), IsEmpty());
  state.position.sequence = Sequence(1);
  commit({.partition = kOne, .state = state});
  EXPECT_THAT(log(kOne, 1), IsEmpty());
  EXPECT_THAT(log(kOne, 4), ElementsAre(0));
}

TEST_P(EngineLog, GivesTheIdsOfItsLogBackAsTheWindow) {
  commit_named(kOne, 7, 1, {1000});
  commit(kOne, {put("no id", "")});
  const messages::LoggedWritePtr write = commit_named(kOne, 8, 2, {2000});
  commit_named(kTwo, 7, 3, {2000});
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(1, 2));
  EXPECT_THAT(window(kTwo), ElementsAre(3));
  const messages::WindowWrite expected{.id = write->id,
                                       .lowest_open = write->lowest_open,
                                       .position = write->position,
                                       .time = write->time,
                                       .fingerprint = write->fingerprint,
                                       .outcomes = write->outcomes};
  EXPECT_EQ((*engine().partitions())[0].second.window.at(1), expected);
}

TEST_P(EngineLog, LeavesOutOfTheWindowWhatNobodyAsksForAgain) {
  commit_named(kOne, 7, 1, {1000});
  commit_named(kOne, 7, 2, {2000});
  commit_named(kOne, 8, 1, {2000});
  commit_named(kOne, 7, 3, {3000}, /*lowest_open=*/3);
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(1, 3));  // of client 8, of client 7
}

// A wall clock that was set is no reason to forget who wrote.
TEST_P(EngineLog, KeepsIdsHoweverFarThePartitionsTimeJumps) {
  commit_named(kOne, 7, 1, {1000});
  commit_named(kOne, 8, 2, {121'000});
  states_[kOne].time = {3'600'000'000};
  commit({.partition = kOne, .state = states_[kOne]});
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(1, 2));
}

TEST_P(EngineLog, ReplacesTheWindowByTheOneGivenAndGoesOnFromThere) {
  commit_named(kOne, 7, 1, {1000});
  std::vector<messages::WindowWrite> given(2);
  given[0] = {.id = {ClientId(9), WriteNumber(50)},
              .lowest_open = {},
              .position = {Term(1), Sequence(20)},
              .time = {1500},
              .fingerprint = 5,
              .outcomes = {}};
  given[1] = {.id = {ClientId(9), WriteNumber(51)},
              .lowest_open = {},
              .position = {Term(1), Sequence(21)},
              .time = {1600},
              .fingerprint = 6,
              .outcomes = {{.version = {Term(1), Sequence(21)}, .number = -1}}};
  PartitionState state = states_[kOne];
  state.position.sequence = Sequence(21);
  const messages::Mutation repairs[] = {put("k", "repaired")};
  commit({.partition = kOne, .drop_first = true, .repairs = repairs, .window = given, .state = state});
  commit_named(kOne, 7, 2, {2000});
  for (int i = 0; i < 2; ++i) {
    subject_->reopen();
    EXPECT_THAT(window(kOne), ElementsAre(50, 51, 2));
    EXPECT_EQ((*engine().partitions())[0].second.window.at(1), given[1]);
  }
  commit({.partition = kOne, .window = std::vector<messages::WindowWrite>{}, .state = states_[kOne]});
  subject_->reopen();
  EXPECT_THAT(window(kOne), IsEmpty());
}

TEST_P(EngineLog, ForgetsIdsOfAHistoryThatIsGone) {
  for (std::uint64_t number = 1; number <= 4; ++number) commit_named(kOne, 7, number, {1000});
  PartitionState back = states_[kOne];
  back.position.sequence = Sequence(2);
  commit({.partition = kOne, .state = back});
  commit_named(kOne, 7, 5, {1000});
  subject_->reopen();
  EXPECT_THAT(window(kOne), ElementsAre(1, 2, 5));
  ASSERT_TRUE(engine().drop_partition(kOne));
  states_.erase(kOne);
  commit(kOne, {put("again", "")});
  subject_->reopen();
  EXPECT_THAT(window(kOne), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineLog, every_engine(), name_of);

}  // namespace
}  // namespace gyre::storage
