#include "net/delay_line.h"

#include <gtest/gtest.h>

namespace gyre::net {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};

TEST(DelayLine, HandsOnWhatIsDueAndNothingElse) {
  DelayLine<int> line;
  EXPECT_TRUE(line.empty());
  EXPECT_EQ(line.next(), kNever);
  line.add(kStart, 10ms, 1);
  EXPECT_EQ(line.next(), kStart + 10ms);
  EXPECT_EQ(line.take_due(kStart + 9ms), std::nullopt);
  EXPECT_EQ(line.take_due(kStart + 10ms), 1);
  EXPECT_EQ(line.take_due(kStart + 10ms), std::nullopt);
  EXPECT_TRUE(line.empty());
}

TEST(DelayLine, KeepsTheOrderHoweverShortTheDelayOfWhatComesLater) {
  DelayLine<int> line;
  line.add(kStart, 10ms, 1);
  line.add(kStart + 1ms, 0ms, 2);
  line.add(kStart + 2ms, 20ms, 3);
  EXPECT_EQ(line.take_due(kStart + 5ms), std::nullopt);
  EXPECT_EQ(line.take_due(kStart + 10ms), 1);
  EXPECT_EQ(line.take_due(kStart + 10ms), 2);
  EXPECT_EQ(line.take_due(kStart + 10ms), std::nullopt);
  EXPECT_EQ(line.next(), kStart + 22ms);
}

}  // namespace
}  // namespace gyre::net
