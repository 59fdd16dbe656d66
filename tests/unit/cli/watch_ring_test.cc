#include "tools/gyre/watch_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/watch_states.h"

namespace gyre::cli {
namespace {

using Mark = RingCell::Mark;

std::vector<std::string> strip(const WatchState& state, std::size_t columns, std::size_t rows_max) {
  const StripShape shape = strip_shape(state.partitions.size(), columns, rows_max);
  Canvas canvas(columns, shape.rows);
  draw_strip(canvas, canvas.whole(), state, shape, false);
  return canvas.lines(false);
}

TEST(RingCell, HasThePrimaryOfMostOfItsPartitions) {
  const WatchState state = healthy_state(4, 16);
  EXPECT_EQ(ring_cell(state, 0, 1).primary, 0u);
  EXPECT_EQ(ring_cell(state, 3, 4).primary, 1u) << "one of the first, three of the second";
  EXPECT_EQ(ring_cell(state, 15, 3).primary, 0u) << "around the ring";
}

TEST(RingCell, ShowsTheWorstOfItsPartitions) {
  WatchState state = healthy_state(4, 16);
  EXPECT_EQ(ring_cell(state, 0, 4).mark, Mark::none);
  state.partitions[1].moves = true;
  EXPECT_EQ(ring_cell(state, 0, 4).mark, Mark::moves);
  state.partitions[2].whole = false;
  EXPECT_EQ(ring_cell(state, 0, 4).mark, Mark::copies_missing);
  state.partitions[3].primary.reset();
  EXPECT_EQ(ring_cell(state, 0, 4).mark, Mark::unserved);
  EXPECT_EQ(ring_cell(state, 0, 4).primary, 0u);
}

TEST(StripShape, GivesEachPartitionACellWhereTheyFit) {
  const StripShape shape = strip_shape(256, 78, 4);
  EXPECT_EQ(shape.columns, 64u);
  EXPECT_EQ(shape.rows, 4u);
  EXPECT_EQ(shape.partitions_a_cell, 1u);
}

TEST(StripShape, PutsNeighboursTogetherWhereTheyDoNot) {
  const StripShape shape = strip_shape(16384, 78, 4);
  EXPECT_EQ(shape.rows, 4u);
  EXPECT_EQ(shape.partitions_a_cell, 64u);
  EXPECT_EQ(strip_shape(256, 78, 1).partitions_a_cell, 4u);
}

TEST(StripShape, StretchesFewPartitionsOverOneRow) {
  EXPECT_EQ(strip_shape(8, 78, 4).rows, 1u);
  EXPECT_EQ(strip_shape(0, 78, 4).rows, 0u);
  EXPECT_EQ(strip_shape(8, 0, 4).rows, 0u);
}

TEST(Strip, DrawsALetterForEachPrimary) {
  EXPECT_EQ(strip(healthy_state(4, 16), 16, 1), std::vector<std::string>{"AAAABBBBCCCCDDDD"});
  EXPECT_EQ(strip(healthy_state(2, 4), 16, 1), std::vector<std::string>{"AAAAAAAABBBBBBBB"}) << "four cells each";
  EXPECT_EQ(strip(healthy_state(4, 16), 8, 2), (std::vector<std::string>{"AAAABBBB", "CCCCDDDD"}));
}

TEST(Strip, MarksWhatIsMissingWithoutColours) {
  WatchState state = healthy_state(4, 16);
  state.partitions[5].whole = false;
  state.partitions[8].primary.reset();
  EXPECT_EQ(strip(state, 16, 1), std::vector<std::string>{"AAAABbBB!CCCDDDD"});
}

TEST(Circle, IsRoundAndHollowAndStartsAtTheTop) {
  const WatchState state = healthy_state(4, 256);
  constexpr std::size_t kRows = 20;
  Canvas canvas(2 * kRows, kRows);
  draw_circle(canvas, canvas.whole(), state, false);
  const auto lines = canvas.lines(false);
  EXPECT_EQ(lines[0].find_first_not_of(' '), lines[kRows - 1].find_first_not_of(' ')) << "symmetrical";
  EXPECT_EQ(lines[0][kRows], 'A') << "partition 0 is right of the top";
  EXPECT_EQ(lines[0][kRows - 1], 'D') << "and the last one left of it";
  EXPECT_EQ(lines[kRows - 1][kRows], 'B');
  EXPECT_EQ(lines[kRows - 1][kRows - 1], 'C');
  EXPECT_EQ(lines[kRows / 2].substr(kRows - 3, 6), "      ") << "hollow";
}

TEST(Circle, UsesHalfBlocksWhereThereAreColours) {
  const WatchState state = healthy_state(4, 256);
  Canvas canvas(40, 20);
  draw_circle(canvas, canvas.whole(), state, true);
  std::string all;
  for (const auto& line : canvas.lines(true)) all += line;
  EXPECT_NE(all.find("▄"), std::string::npos);
  EXPECT_NE(all.find("38;5;39"), std::string::npos);
}

TEST(NodeLetters, StartAgainBehindZ) {
  EXPECT_EQ(node_letter(0), 'A');
  EXPECT_EQ(node_letter(26), 'A');
  EXPECT_EQ(node_colour(0), node_colour(12));
}

}  // namespace
}  // namespace gyre::cli
