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
    return mark.ids;
  }
  void write(std::uint64_t number, std::uint64_t at, UnixMillis time = kLost) {
    lost_.on_written(id_of(number), time, Sequence(at));
  }

  Instant now_{10s};
  TaskIds tasks_;
  LostIds lost_{{id_of(1), id_of(2), id_of(3)}, kLost, now_};
};

TEST_F(LostIdsTest, ARetryIsMarkedOnceWhenItIsStored) {
  write(9, 40);
  write(2, 41);
  EXPECT_THAT(marks(40), IsEmpty());
  EXPECT_THAT(marks(41), ElementsAre(id_of(2)));
  write(2, 42);
  EXPECT_THAT(marks(42), IsEmpty());
}

TEST_F(LostIdsTest, WhatThePrimaryHoldsIsMarkedAtOnce) {
  lost_.on_written(id_of(3), kLost);
  EXPECT_THAT(marks(0), ElementsAre(id_of(3)));
}

TEST_F(LostIdsTest, ARetryThatIsGivenUpBeforeItIsStoredMayComeOnceMore) {
  write(1, 40);
  write(2, 41);
  lost_.on_given_up(Sequence(40));
  EXPECT_THAT(marks(99), ElementsAre(id_of(1))) << "another write has the other one's place";
  write(2, 100);
  EXPECT_THAT(marks(100), ElementsAre(id_of(2)));
}

TEST_F(LostIdsTest, AWindowTellsWhatHasComeBack) {
  Window window;
  for (const std::uint64_t number : {2, 7}) {
    window.add({.id = id_of(number),
                .lowest_open = WriteNumber(1),
                .position = {Term(1), Sequence(number)},
                .time = kLost,
                .outcomes = {}});
  }
  lost_.look_through(window);
  EXPECT_THAT(marks(7), ElementsAre(id_of(2)));
}

TEST_F(LostIdsTest, AMarkThatFailsIsTriedAgainBeforeLong) {
  lost_.on_written(id_of(3), kLost);
  EXPECT_THAT(marks(0, false), ElementsAre(id_of(3)));
  EXPECT_THAT(marks(0), IsEmpty()) << "not at once";
  now_ += 1s;
  EXPECT_THAT(marks(0), ElementsAre(id_of(3)));
}

TEST_F(LostIdsTest, AnIdThatIsUsedAgainLongAfterIsNoRetry) {
  write(1, 40, {kLost.value + 3 * to_ms(limits::kWriteIdLife)});
  EXPECT_THAT(marks(40), IsEmpty());
}

}  // namespace
}  // namespace gyre::replication
