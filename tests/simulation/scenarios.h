// The scenarios by name: see script.h for how they are played.
#pragma once

#include "tests/simulation/script.h"

namespace gyre::simulation {

// scenario_election.cc
void newcomer_of_a_primary_that_waits(Script&);
void lease_to_the_primary_before_the_dead_one(Script&);
void old_proof_of_death(Script&);
void partial_seal(Script&);
void alive_but_not_heard_by_the_coordinator(Script&);
void lease_of_the_process_before(Script&);
void two_nodes(ClusterOptions&);
void lone_primary(Script&);
void restarted_at_once(Script&);
void restarted_behind_its_stream(Script&);
void two_nodes_always_synced(ClusterOptions&);
void acknowledgement_from_two_terms_ago(Script&);
void promise_that_is_forgotten(Script&);
void always_synced(ClusterOptions&);
void highest_position(Script&);

// scenario_in_sync.cc
void old_request_lands(Script&);
void newcomer_that_falls_silent(Script&);
void lossy_restarted_twice(Script&);
void acknowledgement_from_before_the_loss(Script&);
void delayed_append_after_the_loss(Script&);
void wiped_and_wooed(Script&);
void small_quorum(ClusterOptions&);
void lone_primary_loses_its_data(Script&);
void rewound_under_a_primary_that_is_lost(Script&);
void learner_does_not_count(Script&);
void newcomer_that_lacks_a_write(Script&);

// scenario_coordinator.cc
void coordinator_wakes_in_an_election(Script&);
void handoff_whose_answer_is_lost(Script&);
void handoff_whose_coordinator_dies(Script&);
void operator_gives_up_a_primary(Script&);
void refusals_not_trusted(ClusterOptions&);

// scenario_moves.cc
void successor_that_is_not_in_sync(Script&);
void deposed_member_that_is_moved(Script&);
void tail_of_a_member_that_was_moved(Script&);
void one_more(ClusterOptions&);

// scenario_reads.cc
void handoff_that_lands_late(Script&);
void pool_read_sees_a_later_write(Script&);
void paused_in_the_middle_of_a_read(Script&);
void paused_in_the_middle_of_a_write(Script&);
void linearizable_read_waits(Script&);
void linearizable_read_of_a_new_primary(Script&);
void failed_condition_waits(Script&);
void session_is_told_of_a_loss(Script&);
void ledger_that_fails(Script&);
void late_heartbeats(Script&);
void late_retry(Script&);
void closed_retry_behind_a_snapshot(Script&);
void two_nodes_with_short_logs(ClusterOptions&);
void wrong_wall_clock(Script&);
void wrong_clocks(ClusterOptions&);

}  // namespace gyre::simulation
