#include "tools/gyre/chaos_schedule.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::array kAll = {ChaosKind::kill, ChaosKind::pause, ChaosKind::partition,       ChaosKind::one_way,
                             ChaosKind::slow, ChaosKind::drop,  ChaosKind::kill_coordinator};

ChaosSetup setup(std::uint64_t seed = 7) {
  return {.kinds = {kAll.begin(), kAll.end()},
          .every = 10s,
          .duration = 300s,
          .seed = seed,
          .nodes = {"n1", "n2", "n3"},
          .coordinators = {"c1"}};
}

TEST(ChaosKinds, AreReadByTheirNames) {
  for (const ChaosKind kind : kAll) EXPECT_EQ(*parse_chaos_kinds(to_string(kind)), std::vector{kind});
  EXPECT_EQ(*parse_chaos_kinds("kill, slow"), (std::vector{ChaosKind::kill, ChaosKind::slow}));
}

TEST(ChaosKinds, NameThoseThereAreWhereOneIsUnknown) {
  const auto refused = parse_chaos_kinds("kill,explode");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("explode"), HasSubstr("one_way")));
  EXPECT_FALSE(parse_chaos_kinds(" , "));
}

TEST(ChaosKinds, KnowWhichNeedTheNetwork) {
  EXPECT_FALSE(is_network_fault(ChaosKind::kill));
  EXPECT_FALSE(is_network_fault(ChaosKind::pause));
  EXPECT_FALSE(is_network_fault(ChaosKind::kill_coordinator));
  EXPECT_TRUE(is_network_fault(ChaosKind::slow));
  EXPECT_TRUE(is_network_fault(ChaosKind::one_way));
}

TEST(ChaosSchedule, IsTheSameForTheSameSeed) {
  EXPECT_EQ(*chaos_schedule(setup(7)), *chaos_schedule(setup(7)));
  EXPECT_NE(*chaos_schedule(setup(7)), *chaos_schedule(setup(8)));
}

TEST(ChaosSchedule, HasOneFaultAtATimeAndIsOverInTime) {
  const auto acts = *chaos_schedule(setup());
  ASSERT_EQ(acts.size(), 30u);
  for (std::size_t i = 0; i < acts.size(); ++i) {
    EXPECT_EQ(acts[i].at, 10s * i);
    EXPECT_GE(acts[i].until - acts[i].at, 2500ms);
    EXPECT_LE(acts[i].until - acts[i].at, 7500ms);
  }
  EXPECT_LE(acts.back().until, 300s);
}

TEST(ChaosSchedule, BreaksOnlyWhatThereIs) {
  std::set<ChaosKind> seen;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto acts = chaos_schedule(setup(seed));
    ASSERT_TRUE(acts);
    for (const ChaosAct& act : *acts) {
      seen.insert(act.kind);
      EXPECT_EQ(act.process[0], act.kind == ChaosKind::kill_coordinator ? 'c' : 'n');
      EXPECT_NE(act.process, act.other);
      EXPECT_EQ(act.other.empty(), !is_network_fault(act.kind) || act.kind == ChaosKind::slow);
      EXPECT_EQ(act.delay > 0ms, act.kind == ChaosKind::slow);
      EXPECT_EQ(act.rate > 0, act.kind == ChaosKind::drop);
      EXPECT_LT(act.rate, 1);
    }
  }
  EXPECT_EQ(seen.size(), kAll.size());
}

TEST(ChaosSchedule, RefusesWhatMakesNoSense) {
  auto brief = setup();
  brief.every = 100ms;
  EXPECT_THAT(chaos_schedule(brief).error().message, HasSubstr("--every"));
  auto never = setup();
  never.duration = 5s;
  EXPECT_THAT(chaos_schedule(never).error().message, HasSubstr("--for"));
  auto lonely = setup();
  lonely.nodes = {"n1"};
  lonely.coordinators.clear();
  EXPECT_FALSE(chaos_schedule(lonely));
  lonely.kinds = {ChaosKind::kill};
  EXPECT_TRUE(chaos_schedule(lonely));
}

TEST(ChaosTexts, SayWhatBeginsAndWhatEndsIt) {
  EXPECT_EQ(begin_text({.until = 4100ms, .kind = ChaosKind::pause, .process = "n2", .other = {}}),
            "pause n2 for 4.1 s");
  EXPECT_EQ(end_text({.kind = ChaosKind::pause, .process = "n2", .other = {}}), "resume n2");
  EXPECT_EQ(begin_text({.until = 1s, .kind = ChaosKind::partition, .process = "n1", .other = "n3"}),
            "cut n1 and n3 apart for 1.0 s");
  EXPECT_EQ(begin_text({.until = 1s, .kind = ChaosKind::one_way, .process = "n1", .other = "n3"}),
            "let n3 hear nothing of n1 for 1.0 s");
  EXPECT_EQ(begin_text({.until = 1s, .kind = ChaosKind::slow, .process = "n1", .other = {}, .delay = 50ms}),
            "slow n1 by 50 ms for 1.0 s");
  EXPECT_EQ(
      begin_text({.until = 1s, .kind = ChaosKind::drop, .process = "n1", .other = "c1", .delay = {}, .rate = 0.2}),
      "lose 20% between n1 and c1 for 1.0 s");
  EXPECT_EQ(end_text({.kind = ChaosKind::drop, .process = "n1", .other = "c1"}), "heal n1 and c1");
  EXPECT_EQ(end_text({.kind = ChaosKind::kill_coordinator, .process = "c1", .other = {}}), "start c1");
}

TEST(ActJson, NamesTheFaultAndItsTimes) {
  const Json json =
      act_json({.at = 1s, .until = 2s, .kind = ChaosKind::slow, .process = "n1", .other = {}, .delay = 5ms});
  EXPECT_EQ(json["fault"], "slow");
  EXPECT_EQ(json["at_ms"], 1000);
  EXPECT_EQ(json["delay_ms"], 5);
  EXPECT_TRUE(json["other"].is_null());
}

}  // namespace
}  // namespace gyre::cli
