#include "replication/progress.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;

TEST(Progress, PartitionsShowThemselvesAtDifferentMomentsWithinTheInterval) {
  constexpr Duration kInterval = 100ms;
  const Progress member(NodeId("n2"), Generation(1), Instant(1h));
  std::vector<Duration> due;
  for (std::uint16_t i = 0; i < 256; ++i) {
    due.push_back(member.life_due(kInterval, PartitionId(i)) - Instant());  // nothing was sent yet
  }
  std::ranges::sort(due);
  EXPECT_LE(due.back(), kInterval);
  EXPECT_GE(due.front(), kInterval * 3 / 4);
  for (const Duration part : {80ms, 85ms, 90ms, 95ms}) {
    const auto before = std::ranges::count_if(due, [&](Duration one) { return one > part - 5ms && one <= part; });
    EXPECT_GT(before, 256 / 10) << "a fifth of them, about";
  }
}

TEST(Progress, NoIntervalIsNow) {
  const Progress member(NodeId("n2"), Generation(1), Instant(1h));
  EXPECT_EQ(member.life_due(0ms, PartitionId(7)), Instant());
}

}  // namespace
}  // namespace gyre::replication
