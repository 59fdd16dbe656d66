#include "replication/lost_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::WriteId;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr UnixMillis kLost{1'700'000'000'000};
constexpr UnixMillis kLongAfter{kLost.value + 3 * to_ms(limits::kWriteIdLife)};
constexpr Term kTerm{1};
constexpr Term kRetried{2};

WriteId id_of(std::uint64_t number) { return {ClientId(1), WriteNumber(number)}; }

class LostIdsTest : public testing::Test {
 protected:
  // What the ledger is asked to mark when everything up to `stored` is stored.
  std::vector<WriteId> marks(std::uint64_t stored, bool works = true) {
    std::vector<Effect> effects;
    lost_.progress(now_, Sequence(stored), tasks_, effects);
    if (effects.empty()) return {};
    auto mark = std::get<MarkReapplied>(effects.front());
    lost_.on_marked(now_, mark.task, works ? Result<void>() : fail(ErrorCode::storage_failed, "the disk is full"));
    std::vector<WriteId> ids;
    for (const messages::Retried& retry : mark.retries) {
      EXPECT_EQ(retry.term, kRetried);
      ids.push_back(retry.id);
    }
    return ids;
  }
  void write(std::uint64_t number, std::uint64_t at, UnixMillis time = kLost, Term term = kRetried) {
    lost_.on_written(id_of(number), {term, Sequence(at)}, time);
  }
  void look_through(std::uint64_t number, std::uint64_t at, UnixMillis time) {
    Window window;
    window.add({.id = id_of(number),
                .lowest_open = WriteNumber(1),
                .position = {kRetried, Sequence(at)},
                .time = time,
                .outcomes = {}});
    lost_.look_through(window);
  }

  Instant now_{10s};
  TaskIds tasks_;
  LostIds lost_{{{id_of(1), kTerm, kLost}, {id_of(2), kTerm, kLost}, {id_of(3), kTerm, kLost}}, now_};
};

TEST_F(LostIdsTest, ARetryIsMarkedOnceWhenItIsStored) {
  write(9, 40);
  write(2, 41);
  EXPECT_THAT(marks(40), IsEmpty());
  EXPECT_THAT(marks(41), ElementsAre(id_of(2)));
  write(2, 42);
  EXPECT_THAT(marks(42), IsEmpty());
}

TEST_F(LostIdsTest, WhatWasWrittenInTheTermOfTheLostWriteIsThatWrite) {
  write(2, 41, kLost, kTerm);
  EXPECT_THAT(marks(41), IsEmpty());
  write(2, 50);
  EXPECT_THAT(marks(50), ElementsAre(id_of(2)));
}

TEST_F(LostIdsTest, ARetryThatIsGivenUpBeforeItIsStoredMayComeOnceMore) {
  write(1, 40);
  write(2, 41);
  lost_.on_given_up(Sequence(40), Sequence(41));
  EXPECT_THAT(marks(99), ElementsAre(id_of(1))) << "another write has the other one's place";
  write(2, 100);
  EXPECT_THAT(marks(100), ElementsAre(id_of(2)));
}

// This member rewound to 40, and its primary told that it has the retry at 45.
TEST_F(LostIdsTest, WhatAnotherPrimaryHadNeedNotCome) {
  write(1, 40);
  write(2, 45);
  lost_.on_given_up(Sequence(39), Sequence(40));
  lost_.on_new_primary(Sequence(40));
  EXPECT_THAT(marks(99), IsEmpty());
  write(2, 100);
  EXPECT_THAT(marks(100), ElementsAre(id_of(2)));
}

TEST_F(LostIdsTest, AWindowTellsWhatHasComeBack) {
  look_through(2, 7, kLost);
  look_through(9, 8, kLost);
  EXPECT_THAT(marks(8), ElementsAre(id_of(2)));
}

TEST_F(LostIdsTest, AWindowTellsOfWhatNobodyAsksForAnyMore) {
  Window window;
  for (std::uint64_t number = 2; number <= 4; ++number) {
    window.add({.id = id_of(number),
                .lowest_open = WriteNumber(number),
                .position = {kRetried, Sequence(number)},
                .time = kLost,
                .may_repeat = true,
                .outcomes = {}});
  }
  ASSERT_EQ(window.find(id_of(2)), nullptr);
  lost_.look_through(window);
  EXPECT_THAT(marks(8), ElementsAre(id_of(2), id_of(3)));
}

TEST_F(LostIdsTest, AMarkThatFailsIsTriedAgainBeforeLong) {
  write(3, 40);
  EXPECT_THAT(marks(40, false), ElementsAre(id_of(3)));
  EXPECT_THAT(marks(40), IsEmpty()) << "not at once";
  now_ += 1s;
  EXPECT_THAT(marks(40), ElementsAre(id_of(3)));
}

TEST_F(LostIdsTest, AnIdThatIsUsedAgainLongAfterIsNoRetry) {
  look_through(1, 40, kLongAfter);
  write(1, 41, kLongAfter);
  EXPECT_THAT(marks(41), IsEmpty());
}

}  // namespace
}  // namespace gyre::replication
