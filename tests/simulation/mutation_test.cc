// A simulator that notices nothing proves nothing: every rule that a machine can break on purpose is noticed.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include <fmt/format.h>

#include "tests/simulation/run.h"
#include "tests/simulation/script.h"

namespace gyre::simulation {
namespace {

using enum Notice::Kind;

// How a broken rule shows: in a scenario, or in one of so many random runs; and by what kind of notice. Safety, where a
// rule is there for it: that something did not come about proves nothing about that.
struct Noticed {
  std::string scenario;  // empty: random runs
  std::uint64_t first_seed = 0;
  std::uint64_t runs = 0;
  Notice::Kind kind = safety;
};

const std::map<BrokenRule, Noticed>& expectations() {
  static const std::map<BrokenRule, Noticed> kAll = {
      {BrokenRule::answer_once_persisted, {"restarted_at_once"}},
      {BrokenRule::evaluate_pending, {"", 100, 600}},
      {BrokenRule::fail_what_was_refused, {"", 1, 600}},
      {BrokenRule::new_term_each_start, {"restarted_behind_its_stream"}},
      {BrokenRule::swap_by_version, {"", 200, 600}},
      {BrokenRule::generation_counts, {"lossy_restarted_twice"}},
      {BrokenRule::apply_in_order, {"session_is_told_of_a_loss"}},
      {BrokenRule::ack_counts_in_sync, {"learner_does_not_count"}},
      {BrokenRule::linearizable_waits, {"linearizable_read_waits"}},
      {BrokenRule::new_primary_floor, {"linearizable_read_of_a_new_primary"}},
      {BrokenRule::session_by_history, {"session_is_told_of_a_loss", 0, 0, expected}},
      {BrokenRule::retries_wait, {"failed_condition_waits"}},
      {BrokenRule::check_after_read, {"paused_in_the_middle_of_a_read"}},
      {BrokenRule::freshness_from_sending, {"late_heartbeats"}},
      {BrokenRule::lease_of_every_member, {"lease_of_the_process_before"}},
      {BrokenRule::check_before_leaving, {"", 1, 600}},
      {BrokenRule::start_grants_all, {"lease_of_the_process_before"}},
      {BrokenRule::lossy_member_is_silent, {"wiped_and_wooed"}},
      {BrokenRule::lone_primary_fenced, {"lone_primary"}},
      {BrokenRule::only_primary_grows, {"newcomer_of_a_primary_that_waits"}},
      {BrokenRule::newcomer_reaches_position, {"newcomer_that_lacks_a_write"}},
      {BrokenRule::request_names_version, {"old_request_lands"}},
      {BrokenRule::newcomer_counts, {"newcomer_that_falls_silent"}},
      {BrokenRule::lossy_is_out, {"lossy_restarted_twice"}},
      {BrokenRule::last_resort_hears_all, {"", 1, 600}},
      {BrokenRule::alive_stops_election, {"alive_but_not_heard_by_the_coordinator", 0, 0, expected}},
      {BrokenRule::seal_is_durable, {"promise_that_is_forgotten"}},
      {BrokenRule::highest_position_wins, {"highest_position"}},
      {BrokenRule::only_sealed_stay, {"session_is_told_of_a_loss"}},
      {BrokenRule::wait_for_own_grants, {"lease_to_the_primary_before_the_dead_one"}},
      {BrokenRule::finish_promises, {"partial_seal", 0, 0, progress}},
      {BrokenRule::proof_is_for_one_primary, {"lease_to_the_primary_before_the_dead_one"}},
      {BrokenRule::proof_names_incarnation, {"old_proof_of_death"}},
      {BrokenRule::give_up_before_handoff, {"handoff_that_lands_late"}},
      {BrokenRule::repair_is_learner, {"rewound_under_a_primary_that_is_lost"}},
      {BrokenRule::window_never_evicts, {"late_retry"}},
      {BrokenRule::export_before_rewind, {"session_is_told_of_a_loss"}},
      {BrokenRule::retries_outlive_windows, {"closed_retry_behind_a_snapshot"}},
      {BrokenRule::retries_are_marked, {"", 1, 600}},
      {BrokenRule::partition_time_only, {"", 1, 600}},
      {BrokenRule::target_in_sync_first, {"successor_that_is_not_in_sync", 0, 0, expected}},
      {BrokenRule::move_waits_for_account, {"deposed_member_that_is_moved"}},
      {BrokenRule::retire_asks_first, {"tail_of_a_member_that_was_moved"}},
      {BrokenRule::whole_once_in_place, {"", 1, 600}},
  };
  return kAll;
}

class Mutation : public testing::TestWithParam<int> {};

TEST_P(Mutation, IsNoticed) {
  const auto rule = static_cast<BrokenRule>(GetParam());
  ASSERT_TRUE(expectations().contains(rule)) << "how is " << to_string(rule) << " noticed?";
  const Noticed& noticed = expectations().at(rule);
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name != noticed.scenario) continue;
    const auto notice = play(scenario, rule);
    const std::string replay = fmt::format("sim --scenario {} --rule {}", scenario.name, to_string(rule));
    ASSERT_TRUE(notice) << replay;
    EXPECT_EQ(notice->kind, noticed.kind) << replay << " notices: " << to_string(*notice);
    return;
  }
  for (std::uint64_t n = 0; n < noticed.runs; ++n) {
    const std::uint64_t seed = noticed.first_seed + n;
    const auto notice = run(seed, false, rule).failure;
    if (notice && notice->kind == noticed.kind && !run(seed).failure) return;
  }
  ADD_FAILURE() << to_string(rule) << " is not noticed by " << noticed.runs << " runs from seed " << noticed.first_seed;
}

INSTANTIATE_TEST_SUITE_P(EveryRule, Mutation,
                         testing::Range(static_cast<int>(kBrokenRuleFirst), static_cast<int>(kBrokenRuleLast) + 1),
                         [](const auto& instance) {
                           return std::string(to_string(static_cast<BrokenRule>(instance.param)));
                         });

}  // namespace
}  // namespace gyre::simulation
