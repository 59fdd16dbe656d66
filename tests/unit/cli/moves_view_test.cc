#include "tools/gyre/moves_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/gyre/moves_follow.h"

namespace gyre::cli {
namespace {

using messages::MovesResponse;
using messages::MoveStatus;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Stage = MoveStatus::Stage;

MoveStatus move(std::uint16_t partition, Stage stage) {
  return {PartitionId(partition), NodeId("n1"), NodeId("n4"), stage, 1 << 20, 4 << 20};
}

MovesResponse half_way() {
  MovesResponse moves;
  moves.moves = {move(3, Stage::copying), move(5, Stage::handing_over), move(8, Stage::waiting),
                 move(9, Stage::waiting)};
  moves.bytes_done = 50 << 20;
  moves.bytes_total = 100 << 20;
  moves.moves_done = 33;
  moves.moves_total = 64;
  moves.bytes_per_second = 5 << 20;
  return moves;
}

TEST(ProgressLine, ShowsBarMovesBytesRateAndTimeLeft) {
  EXPECT_EQ(progress_line(half_way()), "[=====>    ]  50%  33 of 64 moves  50.0 MiB of 100.0 MiB  5.0 MiB/s  ETA 0:10");
}

TEST(ProgressLine, SaysThatMovesArePaused) {
  auto paused = half_way();
  paused.policy.paused = true;
  EXPECT_THAT(progress_line(paused), HasSubstr("paused"));
}

TEST(DoneFraction, IsWholeOnlyWhenNoMoveIsOpen) {
  auto moves = half_way();
  moves.bytes_done = moves.bytes_total;
  EXPECT_LT(done_fraction(moves), 1);
  moves.moves.clear();
  EXPECT_EQ(done_fraction(moves), 1);
}

TEST(DoneFraction, CountsMovesWhereNothingIsCopied) {
  auto moves = half_way();
  moves.bytes_done = moves.bytes_total = 0;
  EXPECT_DOUBLE_EQ(done_fraction(moves), 33.0 / 64);
}

TEST(TimeLeft, IsUnknownWithoutARate) {
  auto moves = half_way();
  EXPECT_EQ(time_left(moves), std::chrono::seconds(10));
  moves.bytes_per_second = 0;
  EXPECT_FALSE(time_left(moves));
}

TEST(MovesText, ListsWhatIsInFlightAndCountsWhatWaits) {
  const std::string text = moves_text(half_way(), 10);
  EXPECT_THAT(text, AllOf(HasSubstr("partition     3  n1 -> n4       copying      [==>     ]  25%  1.0 MiB of 4.0 MiB"),
                          HasSubstr("handing over"), HasSubstr("2 moves wait for their turn"), HasSubstr("Limits: ")));
  EXPECT_THAT(moves_text(half_way(), 1), AllOf(HasSubstr("... and 1 more"), Not(HasSubstr("handing over"))));
}

TEST(MovesText, SaysWhichNodeThatIsDownIsWaitedForAndTheWayOut) {
  MovesResponse moves = half_way();
  moves.moves[1].node_down = true;
  const std::string text = moves_text(moves, 10);
  EXPECT_THAT(text, AllOf(HasSubstr("waits for n1, which is down"), HasSubstr("gyre cluster remove-node n1 --force")));
  EXPECT_THAT(progress_line(moves), HasSubstr("waits for n1 (down)"));
  EXPECT_EQ(moves_json(moves)["moves"][1]["waits_for_down"], "n1");
  EXPECT_TRUE(moves_json(moves)["moves"][0]["waits_for_down"].is_null());
}

TEST(MovesText, SaysThatNothingMoves) { EXPECT_THAT(moves_text({}, 10), HasSubstr("Nothing moves.\n")); }

TEST(LimitsText, SaysWhatHoldsMovesBack) {
  EXPECT_EQ(limits_text({.moves_per_node = 1, .bytes_per_second = 50 << 20, .p99_factor = 2}),
            "1 move of a node at once, 50.0 MiB/s from a node, slower while p99 is above 2 times that at rest");
  EXPECT_EQ(limits_text({.moves_per_node = 4, .bytes_per_second = 0, .p99_factor = 0}),
            "4 moves of a node at once, as fast as it can, whatever the p99");
}

TEST(PolicyText, SaysWhatTheClusterDoesByItself) {
  EXPECT_THAT(policy_text({}), AllOf(HasSubstr("by itself."), HasSubstr("replaced after 5 min;")));
  EXPECT_THAT(policy_text({.automatic = false, .paused = false, .spread_hot = true, .replace_after = Duration(0)}),
              AllOf(HasSubstr("only by `gyre rebalance apply`"), HasSubstr("replaced never"), Not(HasSubstr("not "))));
}

TEST(MovesJson, HasEverythingByName) {
  const Json json = moves_json(half_way());
  EXPECT_EQ(json["moves"].size(), 4u);
  EXPECT_EQ(json["moves"][0]["stage"], "copying");
  EXPECT_EQ(json["eta_s"], 10);
  EXPECT_EQ(json["policy"]["replace_after_ms"], 300'000);
  EXPECT_EQ(json["limits"]["moves_per_node"], 4);
  EXPECT_TRUE(moves_json({})["eta_s"].is_null());
}

TEST(AftermathOf, TellsHowToFollowWhatMoves) {
  const Aftermath after = aftermath_of(half_way());
  EXPECT_EQ(after.moves, 4u);
  EXPECT_EQ(after.bytes, 50u << 20);
  EXPECT_THAT(after.sentence, AllOf(HasSubstr("4 moves are open"), HasSubstr("gyre rebalance status -f")));
}

TEST(AftermathOf, TellsWhatToDoWhereTheClusterDoesNothingByItself) {
  MovesResponse idle;
  EXPECT_EQ(aftermath_of(idle).sentence, "Nothing has to move.");
  idle.policy.automatic = false;
  EXPECT_THAT(aftermath_of(idle).sentence, HasSubstr("gyre rebalance plan"));
  auto paused = half_way();
  paused.policy.paused = true;
  EXPECT_THAT(aftermath_of(paused).sentence, HasSubstr("gyre rebalance resume"));
}

}  // namespace
}  // namespace gyre::cli
