#include <gtest/gtest.h>

#include "tests/simulation/history.h"
#include "tests/simulation/run.h"
#include "tests/simulation/script.h"

namespace gyre::simulation {
namespace {

using namespace std::chrono_literals;

Operation op(Operation::Kind kind, std::uint64_t value, int called, int answered, std::uint64_t expected = 0) {
  const auto at = [](int ms) { return WorldTime(std::chrono::milliseconds(ms)); };
  return {kind, value, expected, at(called), answered < 0 ? kEndOfTime : at(answered)};
}
using Kind = Operation::Kind;

TEST(Linearizable, AcceptsReadsOfEitherSideOfAConcurrentWrite) {
  EXPECT_TRUE(linearizable({op(Kind::write, 1, 0, 10), op(Kind::read, 0, 2, 4), op(Kind::read, 1, 5, 6)}));
}

TEST(Linearizable, RefusesAReadThatGoesBack) {
  EXPECT_FALSE(linearizable({op(Kind::write, 1, 0, 10), op(Kind::read, 1, 2, 4), op(Kind::read, 0, 5, 6)}));
}

TEST(Linearizable, RefusesALostWrite) {
  EXPECT_FALSE(linearizable({op(Kind::write, 1, 0, 1), op(Kind::read, 0, 2, 3)}));
}

TEST(Linearizable, AnUnknownWriteMayTakeEffectLateOrNever) {
  EXPECT_TRUE(linearizable({op(Kind::write, 1, 0, -1), op(Kind::read, 0, 5, 6), op(Kind::read, 1, 7, 8)}));
  EXPECT_TRUE(linearizable({op(Kind::write, 1, 0, -1), op(Kind::read, 0, 5, 6)}));
  EXPECT_FALSE(linearizable({op(Kind::write, 1, 0, -1), op(Kind::read, 1, 5, 6), op(Kind::read, 0, 7, 8)}));
}

TEST(Linearizable, ConditionsSeeTheValueToo) {
  EXPECT_TRUE(linearizable({op(Kind::insert, 1, 0, 1), op(Kind::replace, 2, 2, 3, 1), op(Kind::read, 2, 4, 5)}));
  EXPECT_FALSE(linearizable({op(Kind::write, 1, 0, 1), op(Kind::insert, 2, 2, 3)}));
  EXPECT_FALSE(linearizable({op(Kind::write, 1, 0, 1), op(Kind::remove, 0, 2, 3), op(Kind::found_present, 0, 4, 5)}));
  EXPECT_FALSE(linearizable({op(Kind::write, 1, 0, 1), op(Kind::found_other, 0, 2, 3, 1)}));
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

TEST(Simulation, SeedsRunClean) {
  RunReport sum;
  for (std::uint64_t seed = 1000; seed < 1300; ++seed) {
    const RunReport report = run(seed);
    EXPECT_EQ(report.failure, "") << "replay: sim --seed " << seed << " --trace";
    sum.answered += report.answered;
    sum.faults += report.faults;
    sum.lost_acknowledged += report.lost_acknowledged;
  }
  EXPECT_GT(sum.answered, 50'000u) << "the workload must get through";
  EXPECT_GT(sum.faults, 3'000u) << "faults must happen";
  EXPECT_GT(sum.lost_acknowledged, 50u) << "failovers must cost something, or the ledger is never tried";
}

TEST(Scenario, EachEndsWell) {
  for (const Scenario& scenario : scenarios()) {
    EXPECT_EQ(play(scenario, BrokenRule::none), "") << "replay: sim --scenario " << scenario.name << " --trace";
  }
}

}  // namespace
}  // namespace gyre::simulation
