#include "storage/rocksdb_ingestion.h"

#include <gtest/gtest.h>

namespace gyre::storage {
namespace {

constexpr PartitionId kFilled{1};

TEST(OpenIngestions, OneThatIsBeingPutInPlaceHoldsUpADrop) {
  OpenIngestions open;
  const std::uint64_t number = open.begin(kFilled);
  for (int pieces = 0; pieces < 2; ++pieces) {
    ASSERT_TRUE(open.place(kFilled, number));
    EXPECT_FALSE(open.cancel(kFilled));
    EXPECT_TRUE(open.cancel(PartitionId(2)));
    open.placed(kFilled);
  }
  EXPECT_TRUE(open.cancel(kFilled));
  EXPECT_FALSE(open.place(kFilled, number));
}

TEST(OpenIngestions, OnlyTheLastOneOfAPartitionThatIsStillThereIsPutInPlace) {
  OpenIngestions open;
  const std::uint64_t first = open.begin(kFilled);
  const std::uint64_t second = open.begin(kFilled);
  EXPECT_FALSE(open.place(kFilled, first));
  EXPECT_TRUE(open.cancel(kFilled));
  EXPECT_FALSE(open.place(kFilled, second));
  EXPECT_TRUE(open.place(kFilled, open.begin(kFilled)));
}

}  // namespace
}  // namespace gyre::storage
