#include "replication/deadlines.h"

#include <gtest/gtest.h>

#include "tests/unit/replication/support.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;

TEST(Deadlines, NoneIsNeverDue) {
  Deadlines deadlines;
  EXPECT_FALSE(deadlines.due(kStart));
  deadlines.add(kNever);
  EXPECT_FALSE(deadlines.due(kStart + 1000h));
  deadlines.remove(kNever);
}

TEST(Deadlines, IsDueOnceADeadlineHasPassedAndItsSlotIsOver) {
  Deadlines deadlines;
  deadlines.add(kStart + 250ms);
  EXPECT_FALSE(deadlines.due(kStart + 299ms));
  EXPECT_TRUE(deadlines.due(kStart + 300ms));
  deadlines.remove(kStart + 250ms);
  EXPECT_FALSE(deadlines.due(kStart + 300ms));
}

TEST(Deadlines, OneAtTheEndOfASlotIsOfThatSlot) {
  Deadlines deadlines;
  deadlines.add(kStart + kDeadlineSlot);
  EXPECT_TRUE(deadlines.due(kStart + kDeadlineSlot));
}

TEST(Deadlines, CountsEachOfASlot) {
  Deadlines deadlines;
  deadlines.add(kStart + 5s);
  for (int i = 0; i < 3; ++i) deadlines.add(kStart + 10ms);
  deadlines.remove(kStart + 10ms);
  deadlines.remove(kStart + 20ms);  // of the same slot
  EXPECT_TRUE(deadlines.due(kStart + 1s));
  deadlines.remove(kStart + 10ms);
  EXPECT_FALSE(deadlines.due(kStart + 1s));
  EXPECT_TRUE(deadlines.due(kStart + 5s));
}

}  // namespace
}  // namespace gyre::replication
