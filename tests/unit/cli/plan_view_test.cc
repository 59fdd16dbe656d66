#include "tools/gyre/plan_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const NodeId n1("n1"), n2("n2"), n4("n4"), nobody;

PartitionId p(std::uint16_t number) { return PartitionId(number); }

// Three copies go to n4, one of them from nobody; n2 gives one up for nothing.
messages::PlanResponse response() {
  messages::PlanResponse made;
  ring::Plan& plan = made.plan;
  plan.id = 0xABCDEF;
  plan.moves = {{p(0), n1, n4, 1 << 20}, {p(1), n1, n4, 1 << 20}, {p(7), nobody, n4, 3 << 20}, {p(9), n2, nobody, 0}};
  plan.primaries_moved = 2;
  plan.moves_minimum = 2;
  plan.bytes = 5 << 20;
  plan.nodes = {{.node = n1, .share = 2, .before = {3, 3, 3 << 20, 300}, .after = {2, 2, 2 << 20, 100}},
                {.node = n2, .share = 2, .before = {1, 1, 1 << 20, 100}, .after = {2, 2, 2 << 20, 300}},
                {.node = n4, .share = 0, .before = {}, .after = {}}};
  plan.before = {.distinct_sets = 4, .lost_with_node = 1, .lost_with_zone = 9};
  plan.after = {.distinct_sets = 6, .lost_with_node = 0, .lost_with_zone = 1};
  made.estimate = std::chrono::seconds(200);
  return made;
}

TEST(PlanId, IsSixteenHexDigitsThereAndBack) {
  EXPECT_EQ(plan_id_text(0xABCDEF), "0000000000abcdef");
  EXPECT_EQ(*parse_plan_id("0000000000abcdef"), 0xABCDEFu);
  EXPECT_EQ(*parse_plan_id("ffffffffffffffff"), ~std::uint64_t{0});
}

TEST(PlanId, RefusesWhatNamesNoPlan) {
  for (const auto* text : {"", "0", "xyz", "12 ", "0x12", "00000000000000001", "-1"}) {
    const auto refused = parse_plan_id(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(refused.error().message, HasSubstr("gyre rebalance plan"));
  }
}

TEST(PartitionsText, PutsNeighboursTogether) {
  EXPECT_EQ(partitions_text({p(0), p(1), p(2), p(5), p(7), p(8)}), "0-2, 5, 7-8");
  EXPECT_EQ(partitions_text({p(3)}), "3");
  EXPECT_EQ(partitions_text({}), "");
}

TEST(GroupMoves, PutsCopiesThatGoTheSameWayTogether) {
  const auto groups = group_moves(response().plan.moves);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].from, nobody);
  EXPECT_EQ(groups[1].from, n1);
  EXPECT_EQ(groups[1].to, n4);
  EXPECT_THAT(groups[1].partitions, ElementsAre(p(0), p(1)));
  EXPECT_EQ(groups[1].bytes, 2u << 20);
  EXPECT_EQ(groups[2].to, nobody);
}

TEST(WayText, ShowsWhereCopiesComeFromAndGo) {
  EXPECT_EQ(way_text(n1, n4), "n1 -> n4");
  EXPECT_EQ(way_text(nobody, n4), "-> n4");
  EXPECT_EQ(way_text(n1, nobody), "n1 ->");
}

TEST(BalanceOf, IsTheMostOverTheMeanByShare) {
  const auto plan = response().plan;
  const Balance before = balance_of(plan.nodes, &ring::NodeBalance::before);
  EXPECT_DOUBLE_EQ(before.primaries, 1.5);
  EXPECT_DOUBLE_EQ(before.bytes, 1.5);
  EXPECT_DOUBLE_EQ(before.operations, 1.5);
  const Balance after = balance_of(plan.nodes, &ring::NodeBalance::after);
  EXPECT_DOUBLE_EQ(after.primaries, 1);
  EXPECT_DOUBLE_EQ(after.operations, 1.5);
}

TEST(BalanceOf, HeedsWeights) {
  const std::vector<ring::NodeBalance> nodes = {{.node = n1, .share = 4, .before = {8, 8, 0, 0}, .after = {}},
                                                {.node = n2, .share = 1, .before = {2, 2, 0, 0}, .after = {}}};
  const Balance balance = balance_of(nodes, &ring::NodeBalance::before);
  EXPECT_DOUBLE_EQ(balance.primaries, 1);
  EXPECT_DOUBLE_EQ(balance.bytes, 0) << "there is nothing";
}

TEST(PlanText, ShowsMovesBalanceMovementAndSafety) {
  const std::string text = plan_text(response(), {.every_move = false, .zones = true});
  EXPECT_THAT(text, AllOf(HasSubstr("Plan 0000000000abcdef: 3 copies are made, 5.0 MiB, about 3 min 20 s; 2 primaries "
                                    "are handed over without one."),
                          HasSubstr("FROM"), HasSubstr("0-1\n"), HasSubstr("max/mean")));
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("Movement: 3 copies are made; any placement within the bounds needs 2 at least: 1.50 "
                      "times that."),
            HasSubstr("Distinct replica sets: 4 before, 6 after."),
            HasSubstr("Losing any one node leaves 0 partitions without a copy (before: 1)."),
            HasSubstr("Losing any one zone leaves 1 partition without a copy (before: 9)."),
            HasSubstr("`gyre rebalance apply 0000000000abcdef` does just this."), Not(HasSubstr("spread for load"))));
}

TEST(PlanText, SaysNothingOfZonesWhereThereAreNone) {
  EXPECT_THAT(plan_text(response(), {}), Not(HasSubstr("any one zone")));
}

TEST(PlanText, SaysSoWhenPrimariesAreSpreadForLoad) {
  auto hot = response();
  hot.plan.spreads_hot_primaries = true;
  EXPECT_THAT(plan_text(hot, {}), HasSubstr("Primaries are spread for load"));
}

TEST(PlanText, ListsEveryMoveWhenAskedTo) {
  const std::string text = plan_text(response(), {.every_move = true, .zones = false});
  EXPECT_THAT(text, AllOf(HasSubstr("PARTITION"), HasSubstr("\n7          -         n4           3.0 MiB\n"),
                          HasSubstr("\n9          n2        -                0 B\n")));
}

TEST(PlanText, WrapsLongListsOfPartitions) {
  auto large = response();
  large.plan.moves.clear();
  for (std::uint16_t i = 0; i < 200; i += 2) large.plan.moves.push_back({p(i), n1, n4, 1});
  std::size_t longest = 0;
  std::string line;
  const std::string text = plan_text(large, {});
  for (const char c : text) {
    longest = std::max(longest, line.size());
    line = c == '\n' ? "" : line + c;
  }
  EXPECT_LE(longest, 120u);
  for (std::uint16_t i = 0; i < 200; i += 2) EXPECT_THAT(text, HasSubstr(std::to_string(i))) << i;
}

TEST(PlanText, SaysThatNothingIsToBeDone) {
  const std::string text = plan_text({}, {});
  EXPECT_THAT(text, AllOf(HasSubstr("Nothing is to be done"), Not(HasSubstr("apply"))));
}

TEST(PlanText, TellsWhatEarlierPlansStillHaveToDo) {
  auto earlier = response();
  earlier.plan.id = 0;
  EXPECT_THAT(plan_summary(earlier), HasSubstr("Nothing new is to be done; of earlier plans: 3 copies are made"));
}

TEST(PlanJson, HasEverythingByName) {
  const Json json = plan_json(response());
  EXPECT_EQ(json["id"], "0000000000abcdef");
  EXPECT_EQ(json["copies"], 3);
  EXPECT_EQ(json["copies_minimum"], 2);
  EXPECT_EQ(json["estimate_ms"], 200'000);
  EXPECT_EQ(json["moves"].size(), 4u);
  EXPECT_TRUE(json["moves"][2]["from"].is_null());
  EXPECT_TRUE(json["moves"][3]["to"].is_null());
  EXPECT_EQ(json["nodes"][0]["before"]["copies"], 3);
  EXPECT_EQ(json["before"]["max_over_mean"]["primaries"], 1.5);
  EXPECT_EQ(json["after"]["lost_with_node"], 0);
  EXPECT_TRUE(plan_json({})["id"].is_null());
}

}  // namespace
}  // namespace gyre::cli
