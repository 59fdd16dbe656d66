#include "storage/log_index.h"

#include <gtest/gtest.h>

namespace gyre::storage {
namespace {

constexpr PartitionId kOne{1};
constexpr PartitionId kTwo{2};

class LogIndexTest : public testing::Test {
 protected:
  void write(PartitionId partition, std::uint64_t first, std::uint64_t last, std::uint64_t place, std::size_t bytes) {
    const LogStep step{.partition = partition, .first = Sequence(first), .last = Sequence(last)};
    index_.grow(place, bytes, {&step, 1});
  }
  void cut(PartitionId partition, std::uint64_t last, std::uint64_t place) {
    const LogStep step{.partition = partition, .cut = true, .first = {}, .last = Sequence(last)};
    index_.grow(place, 10, {&step, 1});
  }
  // 0: none.
  std::uint64_t place_behind(PartitionId partition, std::uint64_t after) {
    return index_.place_behind(partition, Sequence(after)).value_or(0);
  }

  LogIndex index_;
};

TEST_F(LogIndexTest, KnowsNothingOfAPartitionWithoutWrites) {
  EXPECT_EQ(index_.last(kOne), Sequence(0));
  EXPECT_EQ(place_behind(kOne, 0), 0u);
}

TEST_F(LogIndexTest, BeginsAtTheLastPlaceThatIsNotBehindTheWrite) {
  write(kOne, 1, 2, 100, LogIndex::kSpacingBytes / 2);
  write(kOne, 3, 3, 200, LogIndex::kSpacingBytes);
  write(kOne, 4, 6, 300, 10);
  EXPECT_EQ(index_.last(kOne), Sequence(6));
  EXPECT_EQ(place_behind(kOne, 0), 100u);
  EXPECT_EQ(place_behind(kOne, 2), 100u);  // too close to the first for a place of its own
  EXPECT_EQ(place_behind(kOne, 3), 300u);
  EXPECT_EQ(place_behind(kOne, 5), 300u);
  EXPECT_EQ(place_behind(kOne, 6), 0u);
}

TEST_F(LogIndexTest, CountsTheLogOfAllPartitions) {
  write(kOne, 1, 1, 100, 10);
  write(kTwo, 1, 1, 200, LogIndex::kSpacingBytes);
  write(kOne, 2, 2, 300, 10);
  EXPECT_EQ(place_behind(kOne, 1), 300u);
}

TEST_F(LogIndexTest, BeginsAnewAtACutAndAtAGap) {
  write(kOne, 1, 5, 100, 10);
  cut(kOne, 3, 200);
  EXPECT_EQ(index_.last(kOne), Sequence(3));
  EXPECT_EQ(place_behind(kOne, 0), 0u);
  EXPECT_EQ(place_behind(kOne, 3), 0u);
  write(kOne, 4, 4, 300, 10);
  EXPECT_EQ(place_behind(kOne, 2), 0u);
  EXPECT_EQ(place_behind(kOne, 3), 300u);
  write(kOne, 9, 9, 400, 10);
  EXPECT_EQ(place_behind(kOne, 3), 0u);
  EXPECT_EQ(place_behind(kOne, 8), 400u);
}

TEST_F(LogIndexTest, ForgetsWhatIsGone) {
  write(kOne, 1, 1, 100, LogIndex::kSpacingBytes);
  write(kOne, 2, 2, 200, LogIndex::kSpacingBytes);
  index_.forget_before(199);
  EXPECT_EQ(place_behind(kOne, 0), 100u);  // of the writes from there on some may be left
  index_.forget_before(200);
  EXPECT_EQ(place_behind(kOne, 0), 0u);
  EXPECT_EQ(place_behind(kOne, 1), 200u);
  EXPECT_EQ(index_.last(kOne), Sequence(2));
}

TEST_F(LogIndexTest, IsExtendedToOlderPartsUpToACut) {
  index_.settle(kTwo, Sequence(4));
  write(kOne, 6, 9, 500, 10);
  index_.settle(kOne, Sequence(9));
  EXPECT_EQ(place_behind(kOne, 4), 0u);

  LogIndex older;
  const LogStep steps[] = {{.partition = kOne, .first = Sequence(3), .last = Sequence(5)},
                           {.partition = kTwo, .cut = true, .first = {}, .last = Sequence(2)},
                           {.partition = kTwo, .first = Sequence(3), .last = Sequence(4)}};
  older.grow(300, 10, steps);
  index_.prepend(older);
  EXPECT_EQ(place_behind(kOne, 2), 300u);
  EXPECT_EQ(place_behind(kOne, 5), 500u);
  EXPECT_EQ(place_behind(kTwo, 2), 300u);

  LogIndex oldest;
  const LogStep more[] = {{.partition = kOne, .first = Sequence(1), .last = Sequence(2)},
                          {.partition = kTwo, .first = Sequence(1), .last = Sequence(2)}};
  oldest.grow(100, 10, more);
  index_.prepend(oldest);
  EXPECT_EQ(place_behind(kOne, 0), 100u);
  EXPECT_EQ(place_behind(kTwo, 0), 0u);  // behind the cut
}

TEST_F(LogIndexTest, TakesNoOlderPartThatDoesNotLeadToWhatItHas) {
  write(kOne, 6, 9, 500, 10);
  LogIndex older;
  const LogStep step{.partition = kOne, .first = Sequence(3), .last = Sequence(7)};
  older.grow(300, 10, {&step, 1});
  index_.prepend(older);
  EXPECT_EQ(place_behind(kOne, 2), 0u);
  EXPECT_EQ(place_behind(kOne, 5), 500u);
}

TEST_F(LogIndexTest, DividesTheLogIntoStretches) {
  write(kOne, 1, 1, 100, LogIndex::kStretchBytes);
  write(kOne, 2, 2, 200, LogIndex::kStretchBytes / 2);
  write(kOne, 3, 3, 300, LogIndex::kStretchBytes);
  write(kOne, 4, 4, 400, 10);
  EXPECT_EQ(index_.stretch_at(100).begin, 100u);
  EXPECT_EQ(index_.stretch_at(100).end, 200u);
  EXPECT_EQ(index_.stretch_at(300).begin, 200u);
  EXPECT_EQ(index_.stretch_at(300).end, 400u);
  EXPECT_EQ(index_.stretch_at(400).end, std::nullopt);
}

TEST_F(LogIndexTest, BeginsAnewWhereItBreaksOff) {
  write(kOne, 1, 1, 100, 10);
  index_.break_off();
  EXPECT_EQ(place_behind(kOne, 0), 0u);
  write(kOne, 2, 2, 200, 10);
  EXPECT_EQ(place_behind(kOne, 0), 0u);
  EXPECT_EQ(place_behind(kOne, 1), 200u);
  EXPECT_EQ(index_.stretch_at(200).begin, 200u);
}

}  // namespace
}  // namespace gyre::storage
