#include "storage/logged_ids.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;

messages::WindowWrite write(std::uint64_t sequence, std::uint64_t client, std::uint64_t lowest_open = 0,
                            std::int64_t time = 0) {
  return {.id = {ClientId(client), WriteNumber(sequence)},
          .lowest_open = WriteNumber(lowest_open),
          .position = {Term(1), Sequence(sequence)},
          .time = {time},
          .fingerprint = 0,
          .outcomes = {}};
}

std::vector<std::uint64_t> open(const LoggedIds& ids) {
  std::vector<std::uint64_t> sequences;
  for (const messages::WindowWrite& write : ids.window()) sequences.push_back(write.position.sequence.value());
  return sequences;
}

TEST(LoggedIds, TakesWhatHasAnIdAndIsNew) {
  LoggedIds ids;
  ids.add(*testing_support::logged({Term(1), Sequence(1)}, {}));
  ids.add(*testing_support::logged({Term(1), Sequence(2)}, {}, {5}, {ClientId(1), WriteNumber(1)}, WriteNumber(1)));
  ids.add(*testing_support::logged({Term(1), Sequence(2)}, {}, {5}, {ClientId(1), WriteNumber(1)}, WriteNumber(1)));
  EXPECT_THAT(open(ids), ElementsAre(2));
}

TEST(LoggedIds, LeavesOutWhatItsClientClosed) {
  LoggedIds ids;
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) ids.add(write(sequence, /*client=*/sequence % 2));
  ids.add(write(5, 1, /*lowest_open=*/3));
  ids.add(write(6, 1, /*lowest_open=*/2));  // a lower one says nothing new
  EXPECT_THAT(open(ids), ElementsAre(2, 3, 4, 5, 6));
}

TEST(LoggedIds, KeepsAnIdHoweverFarTimesLieApart) {
  LoggedIds ids;
  ids.add(write(1, 1, 0, 1000));
  ids.add(write(2, 1, 0, 3'600'000'000));
  ids.add(write(3, 1, 0, 0));
  EXPECT_THAT(open(ids), ElementsAre(1, 2, 3));
}

TEST(LoggedIds, AWriteIsOpenItselfWhateverItSays) {
  LoggedIds ids;
  ids.add(write(1, 1));
  ids.add(write(2, 1, /*lowest_open=*/99));
  ids.add(write(3, 1));
  EXPECT_THAT(open(ids), ElementsAre(2, 3));
}

TEST(LoggedIds, GivesTheNewestThatAWindowHoldsByNumber) {
  LoggedIds ids;
  constexpr std::uint64_t kWrites = 5 * limits::kWindowWritesMax / 2;
  for (std::uint64_t sequence = 1; sequence <= kWrites; ++sequence) ids.add(write(sequence, sequence));
  const auto kept = ids.window();
  EXPECT_EQ(kept.size(), limits::kWindowWritesMax);
  EXPECT_EQ(kept.back().position.sequence, Sequence(kWrites));
}

// A window that took its newest write while it was not full is given back whole.
TEST(LoggedIds, GivesTheNewestThatAWindowHoldsByBytes) {
  LoggedIds ids;
  messages::WindowWrite large = write(1, 1);
  large.outcomes.resize(limits::kBatchOperationsMax);
  const std::size_t bytes = sizeof large + large.outcomes.size() * sizeof(messages::WriteOutcome);
  const std::uint64_t held = (limits::kWindowBytesMax + bytes - 1) / bytes;
  for (std::uint64_t sequence = 1; sequence <= held + 5; ++sequence) {
    large.id.number = WriteNumber(sequence);
    large.position.sequence = Sequence(sequence);
    ids.add(large);
  }
  EXPECT_EQ(ids.window().size(), held + 1);
  EXPECT_EQ(ids.window().back().position.sequence, Sequence(held + 5));
}

TEST(LoggedIds, KeepsWhatMayRepeatAnotherWriteThoughItIsClosed) {
  LoggedIds ids;
  constexpr std::uint64_t kWrites = 3 * limits::kRetriesKeptMax;
  for (std::uint64_t sequence = 1; sequence <= kWrites; ++sequence) {
    messages::WindowWrite retry = write(sequence, 1, sequence);
    retry.may_repeat = sequence % 2 == 0;
    ids.add(retry);
  }
  const auto kept = ids.window();
  EXPECT_EQ(kept.size(), limits::kRetriesKeptMax + 1);
  EXPECT_EQ(kept.front().position.sequence, Sequence(kWrites - 2 * limits::kRetriesKeptMax));
  EXPECT_EQ(kept.back().position.sequence, Sequence(kWrites));
  EXPECT_TRUE(std::ranges::all_of(kept, &messages::WindowWrite::may_repeat));
  EXPECT_TRUE(kept.front().closed);
  EXPECT_FALSE(kept.back().closed);
}

// Though nothing that is here closes it.
TEST(LoggedIds, WhatIsClosedStaysClosed) {
  LoggedIds ids;
  messages::WindowWrite retry = write(1, 1);
  retry.may_repeat = retry.closed = true;
  retry.outcomes.clear();
  ids.replace({retry});
  ids.add(write(2, 1));
  ASSERT_EQ(ids.window().size(), 2u);
  EXPECT_TRUE(ids.window().front().closed);
}

TEST(LoggedIds, ForgetsWhatIsClosedAsItGoes) {
  LoggedIds ids;
  for (std::uint64_t sequence = 1; sequence <= 100'000; ++sequence) ids.add(write(sequence, 1, sequence));
  EXPECT_THAT(open(ids), ElementsAre(100'000));
}

TEST(LoggedIds, IsReplacedInTheOrderOfPositions) {
  LoggedIds ids;
  ids.add(write(9, 1));
  ids.replace({write(4, 1), write(3, 1)});
  ids.add(write(5, 1));
  ids.add(write(6, 1));
  ids.truncate_after(Sequence(5));
  EXPECT_THAT(open(ids), ElementsAre(3, 4, 5));
}

}  // namespace
}  // namespace gyre::storage
