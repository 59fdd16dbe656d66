#include "tools/gyre/watch_view.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/watch_states.h"
#include "tools/gyre/canvas.h"

namespace gyre::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr TerminalSize kSmall{80, 24};
constexpr TerminalSize kLarge{200, 60};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

std::string plain(const WatchState& state, TerminalSize size) { return joined(watch_frame(state, size, false, false)); }

std::size_t row_of(const std::vector<std::string>& lines, std::string_view text) {
  const auto at = std::ranges::find_if(lines, [&](const auto& line) { return line.find(text) != std::string::npos; });
  return static_cast<std::size_t>(at - lines.begin());
}

TEST(WatchFrame, FillsAnySizeAndNeverMore) {
  const WatchState state = moving_state(12, 256, 9);
  for (const TerminalSize size : {kSmall, kLarge, TerminalSize{110, 30}, TerminalSize{40, 10}, TerminalSize{1, 1},
                                  TerminalSize{300, 5}, TerminalSize{20, 100}}) {
    const auto lines = watch_frame(state, size, false, true);
    EXPECT_EQ(lines.size(), size.rows);
    for (const auto& line : lines) EXPECT_LE(width_of(line), size.columns) << line;
  }
}

TEST(WatchFrame, ShowsAHealthyClusterAtEightyColumns) {
  const auto lines = watch_frame(healthy_state(3, 256), kSmall, false, false);
  EXPECT_EQ(lines[0].substr(0, 62), " Gyre 4f2a9c1d  epoch 214  3 of 3 nodes up  256 partitions x 3");
  EXPECT_THAT(lines[0], HasSubstr("12:04:31"));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("9.2k reads/s   3.1k writes/s   p99 1.8 ms   lag 3 ms"), HasSubstr("▂▃▅█")));
  EXPECT_EQ(lines[2], " every partition is served and has 3 copies");
  EXPECT_EQ(row_of(lines, "AAAAAAAA"), 4u) << "the ring";
  EXPECT_THAT(lines[8], HasSubstr("NODE     STATE       ZONE  PRIM  REPL LEARN     BYTES  OPS/S     P99    LAG"));
  EXPECT_EQ(lines[9], " A n1       up          a       85   170     0   1.0 GiB   4.1k  1.8 ms    3ms");
  EXPECT_THAT(lines[12], HasSubstr("events"));
  EXPECT_THAT(lines[13], HasSubstr("event 40")) << "the newest first";
  EXPECT_THAT(joined(lines), Not(HasSubstr("moves ")));
}

TEST(WatchFrame, ShowsMovesInFlightWithBars) {
  const auto lines = watch_frame(moving_state(4, 256, 4), kSmall, false, false);
  const std::size_t title = row_of(lines, "moves 33/64");
  ASSERT_LT(title, lines.size());
  EXPECT_THAT(lines[title], HasSubstr("moves 33/64 [=====>    ] 50% 50.0 MiB of 100.0 MiB, 5.0 MiB/s, 0:10 left"));
  EXPECT_EQ(lines[title + 1], " p0     n1 -> n2       copying      [==>       ]  25%  1.0 MiB of 4.0 MiB");
  EXPECT_LT(title, row_of(lines, "events")) << "events keep a place";
}

TEST(WatchFrame, CountsWhatDoesNotFit) {
  const std::string text = plain(moving_state(30, 256, 20), kSmall);
  EXPECT_THAT(text, AllOf(HasSubstr("... and"), HasSubstr("more in flight"), HasSubstr("events")));
}

TEST(WatchFrame, SaysWhatIsWrong) {
  WatchState state = healthy_state(3, 256);
  state.nodes[1].state = "down";
  state.nodes[2].faults = 2;
  state.partitions[7].primary.reset();
  state.partitions[7].whole = state.partitions[8].whole = false;
  state.not_serving = 4;
  const auto lines = watch_frame(state, kLarge, false, false);
  EXPECT_THAT(lines[0], HasSubstr("2 of 3 nodes up"));
  EXPECT_EQ(lines[2], " 1 without a primary   4 not serving   2 under-replicated   network faults on: n3 (2)");
}

TEST(WatchFrame, SaysInFewerWordsWhereFaultsAreWhenThereIsLittleRoom) {
  WatchState state = healthy_state(3, 256);
  state.partitions[7].primary.reset();
  state.partitions[7].whole = state.partitions[8].whole = false;
  state.not_serving = 4;
  state.nodes[2].faults = 2;
  EXPECT_EQ(watch_frame(state, kSmall, false, false)[2],
            " 1 without a primary   4 not serving   2 under-replicated   faults on: n3 (2)");
  state.nodes[0].faults = state.nodes[1].faults = 1;
  EXPECT_EQ(watch_frame(state, kSmall, false, false)[2],
            " 1 without a primary   4 not serving   2 under-replicated   4 network faults");
}

TEST(WatchFrame, SaysThatTheCoordinatorIsAway) {
  WatchState state = healthy_state(3, 256);
  state.coordinator = false;
  state.moves.reset();
  for (auto& node : state.nodes) node.load.reset();
  const std::string text = plain(state, kSmall);
  EXPECT_THAT(text, AllOf(HasSubstr("no coordinator answers"), HasSubstr(" A n1       up ")));
}

TEST(WatchFrame, PutsThingsBesideEachOtherWhereThereIsRoom) {
  const auto lines = watch_frame(moving_state(6, 256, 5), kLarge, false, false);
  EXPECT_GT(lines[row_of(lines, "NODE")].find("NODE"), 54u) << "nodes are right of the circle";
  for (const auto* text : {"256 partitions", "writes/s"}) {
    const auto rows = std::ranges::count_if(lines, [&](const auto& line) { return line.find(text) != line.npos; });
    EXPECT_EQ(rows, 2) << text << ": in the head, and in the circle's middle";
  }
  const std::size_t moves = row_of(lines, "moves 33/64");
  EXPECT_EQ(moves, row_of(lines, "── events"));
  EXPECT_THAT(lines[moves + 1], AllOf(HasSubstr("p0 "), HasSubstr("event 40")));
}

TEST(WatchFrame, HasNoEscapesWithoutColours) {
  for (const TerminalSize size : {kSmall, kLarge}) {
    EXPECT_THAT(plain(moving_state(6, 256, 5), size), Not(HasSubstr("\033")));
    EXPECT_THAT(joined(watch_frame(moving_state(6, 256, 5), size, true, true)),
                AllOf(HasSubstr("\033["), HasSubstr("q quits")));
  }
}

TEST(WatchFrame, ShowsAClusterOfWhichNothingIsKnownYet) {
  for (const TerminalSize size : {kSmall, kLarge}) EXPECT_THAT(plain({}, size), HasSubstr("0 of 0 nodes up"));
}

TEST(ShareRows, GivesEventsWhatNobodyElseNeeds) {
  EXPECT_EQ(share_rows(21, 4, 3, 0), (StackedRows{.ring = 5, .nodes = 4, .moves = 0, .events = 12}));
}

TEST(ShareRows, LeavesRoomForMovesAndEventsWhateverTheNodes) {
  const StackedRows rows = share_rows(21, 4, 50, 10);
  EXPECT_EQ(rows.ring + rows.nodes + rows.moves + rows.events, 21u);
  EXPECT_GE(rows.moves, 4u);
  EXPECT_GE(rows.events, 3u);
}

TEST(ShareRows, GivesUpTheRingFirst) {
  const StackedRows rows = share_rows(9, 4, 3, 3);
  EXPECT_EQ(rows.ring, 0u);
  EXPECT_EQ(rows.nodes, 4u);
  EXPECT_LE(rows.nodes + rows.moves + rows.events, 9u);
}

TEST(Sparkline, IsRelativeToTheHighestThatIsShown) {
  EXPECT_EQ(sparkline({0, 7, 14}, 10), "▁▅█");
  EXPECT_EQ(sparkline({100, 7, 14}, 2), "▅█");
  EXPECT_EQ(sparkline({0, 0}, 5), "▁▁");
  EXPECT_EQ(sparkline({}, 5), "");
}

}  // namespace
}  // namespace gyre::cli
