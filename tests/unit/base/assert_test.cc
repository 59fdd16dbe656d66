#include "base/assert.h"

#include <gtest/gtest.h>

namespace gyre {
namespace {

TEST(Assert, LetsTruthPass) { GYRE_ASSERT(1 + 1 == 2); }

TEST(AssertDeathTest, NamesExpressionAndPlace) {
  EXPECT_DEATH(GYRE_ASSERT(1 + 1 == 3), "1 \\+ 1 == 3.*assert_test.cc|assert_test.cc.*1 \\+ 1 == 3");
}

}  // namespace
}  // namespace gyre
