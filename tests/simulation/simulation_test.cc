#include <gtest/gtest.h>

#include "tests/simulation/history.h"
#include "tests/simulation/run.h"
#include "tests/simulation/script.h"

namespace gyre::simulation {
namespace {

using namespace std::chrono_literals;

Operation op(Operation::Kind kind, std::uint64_t value, int called, int answered, std::uint64_t expected = 0) {
  const auto at = [](int ms) { return WorldTime(std::chrono::milliseconds(ms)); };
  return {kind, value, expected, at(called), answered < 0 ? kEndOfTime : at(answered), {}};
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

TEST(Linearizable, ALossOfEverythingExcusesOnlyWhatWasBefore) {
  const auto at = [](int ms) { return WorldTime(std::chrono::milliseconds(ms)); };
  const std::vector<TimeSpan> loss{{at(10), at(20)}};
  // The second write is lost with everything; what is read later is the first, or nothing.
  const Operation first = op(Kind::write, 1, 0, 1);
  EXPECT_TRUE(linearizable_between({first, op(Kind::write, 2, 2, 3), op(Kind::read, 1, 30, 31)}, loss));
  EXPECT_TRUE(linearizable_between({first, op(Kind::read, 0, 30, 31)}, loss));
  // One that was under way takes effect or not, but once.
  const Operation slow = op(Kind::write, 1, 5, 25);
  EXPECT_TRUE(linearizable_between({slow, op(Kind::read, 0, 30, 31), op(Kind::read, 1, 32, 33)}, loss));
  EXPECT_FALSE(linearizable_between({slow, op(Kind::read, 1, 30, 31), op(Kind::read, 0, 32, 33)}, loss));
  // What it saw when it was tried again says nothing of what it did before.
  Operation removal = op(Kind::read, 0, 5, 25);
  const std::vector<Operation> around{first, op(Kind::read, 0, 7, 8), removal, op(Kind::read, 0, 30, 31)};
  EXPECT_FALSE(linearizable_between(around, loss));
  removal.tried = Kind::remove;
  EXPECT_TRUE(linearizable_between({first, op(Kind::read, 0, 7, 8), removal, op(Kind::read, 0, 30, 31)}, loss));
  removal.answered = at(9);
  EXPECT_TRUE(linearizable_between({op(Kind::read, 0, 7, 8), removal}, loss));
  EXPECT_FALSE(linearizable_between({first, removal}, loss)) << "all of it was before the loss";
  // A write behind the loss counts like any other, and so does one before it until then.
  EXPECT_FALSE(linearizable_between({op(Kind::write, 1, 21, 22), op(Kind::read, 0, 30, 31)}, loss));
  EXPECT_FALSE(linearizable_between({first, op(Kind::read, 0, 2, 3)}, loss));
  EXPECT_FALSE(linearizable_between({op(Kind::read, 7, 30, 31)}, loss));
}

// --- Checks that no broken rule tries ---

// The map with another primary, in a new term with this in-sync set.
ring::ClusterMap with_primary(const ring::ClusterMap& map, const NodeId& primary, std::vector<NodeId> in_sync) {
  ring::ClusterMap next = map;
  next.epoch = map.epoch.next();
  ring::PartitionEntry& entry = next.entries.front();
  entry.term = entry.term.next();
  ++entry.version;
  entry.primary = primary;
  entry.primary_incarnation = map.find_node(primary)->incarnation;
  entry.in_sync.clear();
  for (const NodeId& node : in_sync) entry.in_sync.push_back({node, map.find_node(node)->generation});
  return next;
}

std::string_view noticed(Script& script) {
  const auto& failure = script.cluster().failure();
  return failure ? failure->check : std::string_view();
}

TEST(Checks, APrimaryThatWasNotInSyncIsNoticed) {
  Script script({});
  const ring::ClusterMap map = *script.cluster().map();
  const NodeId a = script.node(script.a).id();
  const NodeId b = script.node(script.b).id();
  const ring::ClusterMap before = with_primary(map, a, {a});
  script.cluster().checks().on_swapped(0, &map, before);
  EXPECT_EQ(noticed(script), "");
  script.cluster().checks().on_swapped(0, &before, with_primary(before, b, {b}));
  EXPECT_EQ(noticed(script), "appointment");
}

TEST(Checks, ASecondPromotionAtOnceIsNoticedUnlessThePrimaryIsGone) {
  for (const bool gone : {false, true}) {
    Script script({});
    const ring::ClusterMap map = *script.cluster().map();
    const NodeId b = script.node(script.b).id();
    const NodeId c = script.node(script.c).id();
    const ring::ClusterMap first = with_primary(map, b, {b, c});
    script.cluster().checks().on_swapped(0, &map, first);
    EXPECT_EQ(noticed(script), "");
    if (gone) script.node(script.b).crash(Death::process);
    script.cluster().checks().on_swapped(0, &first, with_primary(first, c, {b, c}));
    EXPECT_EQ(noticed(script), gone ? "" : "appointment");
  }
}

TEST(Checks, AWriteOfTwoThatATermLeavesBehindIsNoticedUnlessBothFailed) {
  for (const bool failed : {false, true}) {
    Script script({});
    script.hold<messages::Append>(script.host(script.a), script.host(script.c));
    script.written(script.a, "k", "1", 2);
    script.node(script.a).crash(Death::process);
    if (failed) script.node(script.b).crash(Death::process);
    const ring::ClusterMap map = *script.cluster().map();
    const NodeId c = script.node(script.c).id();
    script.cluster().checks().on_swapped(0, &map, with_primary(map, c, {c}));
    EXPECT_EQ(noticed(script), failed ? "" : "promise of n");
  }
}

// A write of A alone, which A's successor lacks.
Position lose_a_write(Script& script) {
  script.hold<messages::Append>(script.host(script.a), {});
  const Position lost = script.written(script.a, "k", "1");
  script.isolate(script.host(script.a));
  script.drop_held();
  script.hold_nothing();
  script.await("another serves", [&] { return script.serves(script.b) || script.serves(script.c); });
  return lost;
}

TEST(Checks, AWriterThatIsNotToldOfALossIsNoticedUnlessItCouldNotKnow) {
  Script script({});
  const WorldTime written_at = script.cluster().scheduler().now();
  const Position lost = lose_a_write(script);
  const auto untold = [&](WorldTime learnt_at, std::vector<Memory::Told> told) {
    const Term term = script.entry().term;
    const std::vector<Memory> clients{{.client = "u1",
                                       .written = {{Script::kPartition, lost, written_at}},
                                       .learnt = {{Script::kPartition, term, learnt_at}},
                                       .told = std::move(told)}};
    return script.cluster().checks().untold(clients).has_value();
  };
  const WorldTime soon = written_at + 3s;
  const WorldTime late = written_at + 11s;
  EXPECT_TRUE(untold(soon, {}));
  EXPECT_FALSE(untold(late, {}));
  EXPECT_FALSE(untold(soon, {{Script::kPartition, {lost}, false, soon}}));
  EXPECT_TRUE(untold(soon, {{Script::kPartition, {}, true, soon}})) << "it was remembered, so it has to be named";
  EXPECT_FALSE(untold(soon, {{Script::kPartition, {}, true, late}}));
  EXPECT_TRUE(untold(soon, {{PartitionId(1), {lost}, true, late}}));
}

TEST(Checks, ARefusedWriteThatIsInAHistoryIsNoticed) {
  const messages::WriteId id{ClientId(77), WriteNumber(1)};
  for (const RefusedWrite& refused : {RefusedWrite{"u1", {id}, {}}, RefusedWrite{"u1", {}, {{"k", "1"}}},
                                      RefusedWrite{"u1", {{ClientId(77), WriteNumber(2)}}, {{"k", "2"}}}}) {
    Script script({});
    script.written(script.a, "k", "1");
    script.cluster().checks().check_refused({refused});
    const bool other = !refused.ids.empty() && refused.ids.front() != id;
    EXPECT_EQ(noticed(script), other ? "" : "surely not applied");
  }
}

TEST(Ledger, ThatCannotBeSyncedIsBrokenUntilItIsOpenedAgain) {
  SimLedger ledger(1);
  const messages::Loss loss = messages::LostRange{.partition = {}, .term = Term(1), .first = {}, .last = {}, .why = {}};
  ledger.set_fails(1);
  for (int i = 0; i < 100 && !ledger.broken(); ++i) EXPECT_FALSE(ledger.append({&loss, 1}, {}));
  ASSERT_TRUE(ledger.broken());
  ledger.set_fails(0);
  EXPECT_FALSE(ledger.append({&loss, 1}, {}));
  ledger.open();
  EXPECT_TRUE(ledger.append({&loss, 1}, {}));
  EXPECT_EQ(ledger.page(0, 10)->items.size(), 1u);
  ledger.destroy();
  EXPECT_EQ(ledger.page(0, 10)->items.size(), 0u);
  EXPECT_EQ(ledger.gone().size(), 1u);
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
    EXPECT_FALSE(report.failure) << to_string(*report.failure) << "\nreplay: sim --seed " << seed << " --trace";
    sum.answered += report.answered;
    sum.faults += report.faults;
    sum.refused += report.refused;
    sum.lost_acknowledged += report.lost_acknowledged;
    sum.promises_bound += report.promises_bound;
    sum.losses_told += report.losses_told;
  }
  EXPECT_GT(sum.answered, 50'000u) << "the workload must get through";
  EXPECT_GT(sum.faults, 3'000u) << "faults must happen";
  EXPECT_GT(sum.refused, 1000u) << "calls must end surely not applied, or nobody looks for their traces";
  EXPECT_GT(sum.lost_acknowledged, 50u) << "failovers must cost something, or the ledger is never tried";
  EXPECT_GT(sum.losses_told, 50u) << "and what they cost must be told to writers";
  EXPECT_GT(sum.promises_bound, 1000u) << "elections must be bound by what fewer than n members have lost";
}

TEST(Scenario, EachEndsWell) {
  for (const Scenario& scenario : scenarios()) {
    const auto failure = play(scenario, BrokenRule::none);
    EXPECT_FALSE(failure) << to_string(*failure) << "\nreplay: sim --scenario " << scenario.name << " --trace";
  }
}

}  // namespace
}  // namespace gyre::simulation
