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

}  // namespace
}  // namespace gyre::storage
