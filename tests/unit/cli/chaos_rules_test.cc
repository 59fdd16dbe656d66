#include "tools/gyre/chaos_rules.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using messages::FaultRule;
using Direction = FaultRule::Direction;

LocalProcess process(std::string id, std::string role = "node") {
  LocalProcess made;
  made.id = std::move(id);
  made.role = std::move(role);
  return made;
}

FaultRule rule(std::string peer, Direction direction, double drop, Duration delay = {}, Duration jitter = {}) {
  return {.peer = std::move(peer), .direction = direction, .drop = drop, .delay = delay, .jitter = jitter};
}

TEST(CutRules, HoldOnBothSides) {
  EXPECT_EQ(cut_rules(process("n1"), process("n2"), false),
            (std::vector<PlacedRule>{{"n1", rule("n2", Direction::both, 1)}, {"n2", rule("n1", Direction::both, 1)}}));
}

TEST(CutRules, OneWayLoseWhatTheFirstSends) {
  EXPECT_EQ(cut_rules(process("n1"), process("n2"), true),
            (std::vector<PlacedRule>{{"n1", rule("n2", Direction::out, 1)}, {"n2", rule("n1", Direction::in, 1)}}));
}

TEST(CutRules, NameTheCoordinatorByItsRole) {
  const auto rules = cut_rules(process("c1", "coordinator"), process("n2"), false);
  EXPECT_EQ(rules[0], (PlacedRule{"c1", rule("n2", Direction::both, 1)}));
  EXPECT_EQ(rules[1], (PlacedRule{"n2", rule("coordinator", Direction::both, 1)}));
}

TEST(CutRules, OfClientsHoldAtTheProcessAlone) {
  EXPECT_EQ(cut_rules(process("n1"), clients(), false),
            (std::vector<PlacedRule>{{"n1", rule("clients", Direction::both, 1)}}));
}

TEST(SlowRule, IsAboutEveryProcessOrAboutClients) {
  EXPECT_EQ(slow_clients_rule(process("n1"), 50ms, 5ms),
            (PlacedRule{"n1", rule("clients", Direction::both, 0, 50ms, 5ms)}));
  EXPECT_EQ(slow_rule(process("n1"), 50ms, 5ms), (PlacedRule{"n1", rule("*", Direction::both, 0, 50ms, 5ms)}));
}

TEST(DropRule, HoldsOnOneSideSoThatTheRateIsRight) {
  EXPECT_EQ(drop_rule(process("n1"), process("n2"), 0.1), (PlacedRule{"n1", rule("n2", Direction::both, 0.1)}));
}

TEST(AddRule, KeepsWhatOtherRulesSay) {
  Rules rules = {rule("n2", Direction::both, 1)};
  add_rule(rules, rule("n2", Direction::in, 0.5));
  add_rule(rules, rule("n3", Direction::both, 0.5));
  EXPECT_EQ(rules.size(), 3u);
}

TEST(AddRule, ChangesWhatItSaysOfTheSamePeerAndDirection) {
  Rules rules = {rule("*", Direction::both, 0.1, 50ms, 5ms)};
  add_rule(rules, rule("*", Direction::both, 0.3));
  EXPECT_EQ(rules, (Rules{rule("*", Direction::both, 0.3, 50ms, 5ms)}));
  add_rule(rules, rule("*", Direction::both, 0, 10ms));
  EXPECT_EQ(rules, (Rules{rule("*", Direction::both, 0.3, 10ms)}));
}

TEST(RuleText, SaysWhomAndWhat) {
  EXPECT_EQ(rule_text(rule("n2", Direction::in, 1)), "from n2: all is lost");
  EXPECT_EQ(rule_text(rule("n2", Direction::out, 0.1)), "to n2: 10% is lost");
  EXPECT_EQ(rule_text(rule("coordinator", Direction::both, 0.5, 50ms, 10ms)),
            "to and from the coordinator: 50 ms late, up to 10 ms more; 50% is lost");
  EXPECT_EQ(rule_text(rule("*", Direction::both, 0, 50ms)), "to and from every other process: 50 ms late");
}

TEST(RuleJson, HasEverythingByName) {
  const Json json = rule_json(rule("n2", Direction::out, 0.5, 50ms, 10ms));
  EXPECT_EQ(json["direction"], "out");
  EXPECT_EQ(json["drop"], 0.5);
  EXPECT_EQ(json["delay_ms"], 50);
  EXPECT_EQ(json["jitter_ms"], 10);
}

}  // namespace
}  // namespace gyre::cli
