#include "base/broken_rule.h"

#include "base/assert.h"

namespace gyre {

std::string_view to_string(BrokenRule rule) {
  switch (rule) {
    case BrokenRule::none: return "none";
    case BrokenRule::answer_once_persisted: return "answer_once_persisted";
    case BrokenRule::evaluate_pending: return "evaluate_pending";
    case BrokenRule::fail_what_was_refused: return "fail_what_was_refused";
    case BrokenRule::new_term_each_start: return "new_term_each_start";
    case BrokenRule::swap_by_version: return "swap_by_version";
    case BrokenRule::generation_counts: return "generation_counts";
    case BrokenRule::apply_in_order: return "apply_in_order";
    case BrokenRule::ack_counts_in_sync: return "ack_counts_in_sync";
    case BrokenRule::linearizable_waits: return "linearizable_waits";
    case BrokenRule::new_primary_floor: return "new_primary_floor";
    case BrokenRule::session_by_history: return "session_by_history";
    case BrokenRule::retries_wait: return "retries_wait";
    case BrokenRule::check_after_read: return "check_after_read";
    case BrokenRule::freshness_from_sending: return "freshness_from_sending";
    case BrokenRule::lease_of_every_member: return "lease_of_every_member";
    case BrokenRule::check_before_leaving: return "check_before_leaving";
    case BrokenRule::start_grants_all: return "start_grants_all";
    case BrokenRule::lossy_member_is_silent: return "lossy_member_is_silent";
    case BrokenRule::lone_primary_fenced: return "lone_primary_fenced";
    case BrokenRule::only_primary_grows: return "only_primary_grows";
    case BrokenRule::newcomer_reaches_position: return "newcomer_reaches_position";
    case BrokenRule::request_names_version: return "request_names_version";
    case BrokenRule::newcomer_counts: return "newcomer_counts";
    case BrokenRule::lossy_is_out: return "lossy_is_out";
    case BrokenRule::last_resort_hears_all: return "last_resort_hears_all";
    case BrokenRule::alive_stops_election: return "alive_stops_election";
    case BrokenRule::seal_is_durable: return "seal_is_durable";
    case BrokenRule::highest_position_wins: return "highest_position_wins";
    case BrokenRule::only_sealed_stay: return "only_sealed_stay";
    case BrokenRule::wait_for_own_grants: return "wait_for_own_grants";
    case BrokenRule::finish_promises: return "finish_promises";
    case BrokenRule::proof_is_for_one_primary: return "proof_is_for_one_primary";
    case BrokenRule::proof_names_incarnation: return "proof_names_incarnation";
    case BrokenRule::give_up_before_handoff: return "give_up_before_handoff";
    case BrokenRule::repair_is_learner: return "repair_is_learner";
    case BrokenRule::window_never_evicts: return "window_never_evicts";
    case BrokenRule::export_before_rewind: return "export_before_rewind";
    case BrokenRule::retries_outlive_windows: return "retries_outlive_windows";
    case BrokenRule::retries_are_marked: return "retries_are_marked";
    case BrokenRule::partition_time_only: return "partition_time_only";
    case BrokenRule::target_in_sync_first: return "target_in_sync_first";
    case BrokenRule::move_waits_for_account: return "move_waits_for_account";
    case BrokenRule::retire_asks_first: return "retire_asks_first";
    case BrokenRule::whole_once_in_place: return "whole_once_in_place";
  }
  GYRE_ASSERT(false);
  return {};
}

}  // namespace gyre
