#include "tools/gyre/workload.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

TEST(FillWorkload, WritesEveryKeyOnceThenEnds) {
  FillWorkload workload(3);
  Rng rng(1);
  for (std::uint64_t key = 0; key < 3; ++key) {
    const auto operation = workload.next(rng);
    ASSERT_TRUE(operation);
    EXPECT_FALSE(operation->read);
    EXPECT_EQ(operation->key, key);
  }
  EXPECT_FALSE(workload.next(rng));
}

TEST(MixedWorkload, KeepsTheMixAndTheRange) {
  MixedWorkload workload(10, 90, 0);
  Rng rng(1);
  int reads = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto operation = workload.next(rng);
    reads += operation->read ? 1 : 0;
    EXPECT_LT(operation->key, 10u);
  }
  EXPECT_NEAR(reads, 9000, 200);
}

TEST(MixedWorkload, ExtremesAreExact) {
  Rng rng(1);
  MixedWorkload reads(5, 100, 0.99);
  MixedWorkload writes(5, 0, 0.99);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(reads.next(rng)->read);
    EXPECT_FALSE(writes.next(rng)->read);
  }
}

TEST(KeyText, IsOfOneLength) {
  KeyText text;
  EXPECT_EQ(text.of(0), "key000000000000");
  EXPECT_EQ(text.of(42), "key000000000042");
  EXPECT_EQ(text.of(999'999'999'999), "key999999999999");
  EXPECT_EQ(text.of(7), "key000000000007");
}

TEST(ValueSlices, HaveTheSizeAskedForAndDiffer) {
  const ValueSlices values(100, 1);
  Rng rng(1);
  const auto first = values.next(rng);
  EXPECT_EQ(first.size(), 100u);
  EXPECT_NE(first, values.next(rng));
  EXPECT_EQ(ValueSlices(0, 1).next(rng), "");
}

}  // namespace
}  // namespace gyre::cli
