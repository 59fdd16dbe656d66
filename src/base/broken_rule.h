// Rules of the protocol that a test may switch off, one at a time, to show that it would notice.
#pragma once

#include <cstdint>
#include <string_view>

namespace gyre {

// Each is named after the rule that it breaks. PROTOCOL.md sections in brackets.
enum class BrokenRule : std::uint8_t {
  none,
  // One process alone.
  answer_once_persisted,     // broken: answers leave before their writes are persisted
  evaluate_pending,          // broken: what depends on a stored value looks past the writes that are pending
  fail_what_was_refused,     // broken: a refused commit leaves its answers to the next one
  // Terms and entries.
  new_term_each_start,       // [1] broken: a restarted primary serves on in its old term
  swap_by_version,  // [1] broken: a change of an entry looks at the map's epoch alone, not at term and version
  generation_counts,  // [1] broken: generations are ignored in acknowledgements and eligibility
  // Writing.
  apply_in_order,  // [2] broken: a member applies what comes, gap or not, and whatever history it follows
  ack_counts_in_sync,  // [2] broken: a write of n counts members that are not in sync
  // Reading.
  linearizable_waits,  // [3] broken: a linearizable read does not wait for the other members
  new_primary_floor,  // [3] broken: a new primary's old writes count as held by all
  session_by_history,  // [3] broken: a session's position is compared by sequence alone
  retries_wait,  // [2] broken: failed conditions, no-ops and retries answer `all` without waiting
  check_after_read,  // [3] broken: the right to serve is checked before the value is read, not after
  freshness_from_sending,  // [3] broken: freshness counts from receiving, or from any heartbeat
  // Leases.
  lease_of_every_member,  // [4] broken: the right to serve needs no lease
  check_before_leaving,  // [4] broken: no second look at the lease before answers leave
  start_grants_all,  // [4] broken: a process that starts has given no lease
  lossy_member_is_silent,  // [4] broken: a member without its data gives leases before it has read the map
  lone_primary_fenced,  // [4] broken: a silent primary alone in its in-sync set is replaced by a timer
  // In-sync set.
  only_primary_grows,  // [5] broken: a primary without the right to serve asks to grow
  newcomer_reaches_position,  // [5] broken: a newcomer is asked for before it has reached what was acknowledged
  request_names_version,  // [5] broken: requests are accepted whatever term and version they were made for
  newcomer_counts,  // [5] broken: a newcomer asked for is uncounted after a timeout
  lossy_is_out,  // [5] broken: a member that may have lost data stays promotable
  last_resort_hears_all,  // [5] broken: after a loss everywhere, the first that answers wins
  // Promotion.
  alive_stops_election,  // [6] broken: polls are ignored
  seal_is_durable,  // [6] broken: a promise is answered before it is durable
  highest_position_wins,  // [6] broken: any sealed member is chosen
  only_sealed_stay,  // [6] broken: the old in-sync set is kept at a promotion
  wait_for_own_grants,  // [6] broken: the chosen member serves at once
  finish_promises,  // [6] broken: a seal that led nowhere is forgotten
  proof_is_for_one_primary,  // [6] broken: a proof of death ends the leases to earlier primaries too
  proof_names_incarnation,  // [6] broken: an old proof counts against a later process
  // Handoff, repair, exactly once, ledger, expiry.
  give_up_before_handoff,  // [7] broken: the old primary serves on until it sees the new entry
  repair_is_learner,  // [8] broken: a member under repair counts as whole
  window_never_evicts,  // [9] broken: a window of a few writes forgets the oldest
  export_before_rewind,  // [10] broken: a divergent tail is given up without being exported
  retries_outlive_windows,  // [10] broken: a retry is forgotten once its client has closed it
  retries_are_marked,  // [10] broken: the ledger is not told which of its writes a retry has brought back
  partition_time_only,  // [11] broken: members expire by their own wall clock
  // Moves.
  target_in_sync_first,    // [5] broken: members leave before those that replace them are in sync
  move_waits_for_account,  // [10] broken: a member that has not accounted for what it served is removed
  retire_asks_first,       // [10] broken: who is no member any more deletes its copy at once
  whole_once_in_place,     // [8] broken: a snapshot is complete before what was ingested of it is in place
};

// Every rule but none, for tests that try them all.
inline constexpr auto kBrokenRuleFirst = BrokenRule::answer_once_persisted;
inline constexpr auto kBrokenRuleLast = BrokenRule::whole_once_in_place;

// E.g. "answer_once_persisted".
std::string_view to_string(BrokenRule rule);

}  // namespace gyre
