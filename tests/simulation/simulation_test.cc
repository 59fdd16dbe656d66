#include <gtest/gtest.h>

#include "tests/simulation/history.h"
#include "tests/simulation/run.h"

namespace gyre::simulation {
namespace {

using namespace std::chrono_literals;

Operation op(Operation::Kind kind, std::uint64_t value, int called, int answered) {
  const auto at = [](int ms) { return Instant(std::chrono::milliseconds(ms)); };
  return {kind, value, at(called), answered < 0 ? kNever : at(answered)};
}
constexpr auto kRead = Operation::Kind::read;
constexpr auto kWrite = Operation::Kind::write;

TEST(Linearizable, AcceptsReadsOfEitherSideOfAConcurrentWrite) {
  EXPECT_TRUE(linearizable({op(kWrite, 1, 0, 10), op(kRead, 0, 2, 4), op(kRead, 1, 5, 6)}));
}

TEST(Linearizable, RefusesAReadThatGoesBack) {
  EXPECT_FALSE(linearizable({op(kWrite, 1, 0, 10), op(kRead, 1, 2, 4), op(kRead, 0, 5, 6)}));
}

TEST(Linearizable, RefusesALostWrite) { EXPECT_FALSE(linearizable({op(kWrite, 1, 0, 1), op(kRead, 0, 2, 3)})); }

TEST(Linearizable, AnUnknownWriteMayTakeEffectLateOrNever) {
  EXPECT_TRUE(linearizable({op(kWrite, 1, 0, -1), op(kRead, 0, 5, 6), op(kRead, 1, 7, 8)}));
  EXPECT_TRUE(linearizable({op(kWrite, 1, 0, -1), op(kRead, 0, 5, 6)}));
  EXPECT_FALSE(linearizable({op(kWrite, 1, 0, -1), op(kRead, 1, 5, 6), op(kRead, 0, 7, 8)}));
}

TEST(Counter, NoticesALostAndADoubleIncrement) {
  EXPECT_EQ(check_counter({{1, 2, 3}, 0}, 3), "");
  EXPECT_EQ(check_counter({{1, 2, 3}, 1}, 4), "");
  EXPECT_NE(check_counter({{1, 2, 3}, 0}, 2), "");
  EXPECT_NE(check_counter({{1, 2, 3}, 0}, 4), "");
  EXPECT_NE(check_counter({{1, 2, 2}, 0}, 3), "");
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const RunReport first = run(seed);
    const RunReport second = run(seed);
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
  }
  EXPECT_NE(run(1).trace_hash, run(2).trace_hash);
}

// A simulator that notices nothing proves nothing.
TEST(Simulation, EveryBrokenRuleIsNoticed) {
  using replication::BrokenRule;
  constexpr std::uint64_t kSeeds = 100;
  for (const auto rule :
       {BrokenRule::answer_once_persisted, BrokenRule::evaluate_pending, BrokenRule::fail_what_was_refused}) {
    std::uint64_t seed = 1;
    while (seed <= kSeeds && run(seed, false, rule).failure.empty()) ++seed;
    EXPECT_LE(seed, kSeeds) << "rule " << static_cast<int>(rule);
  }
}

TEST(Simulation, SeedsRunClean) {
  std::uint64_t answered = 0;
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 100; seed < 160; ++seed) {
    const RunReport report = run(seed);
    EXPECT_EQ(report.failure, "") << "replay: sim --seed " << seed << " --trace";
    answered += report.answered;
    crashes += report.crashes;
  }
  EXPECT_GT(answered, 5000u) << "the workload must get through";
  EXPECT_GT(crashes, 60u) << "faults must happen";
}

}  // namespace
}  // namespace gyre::simulation
