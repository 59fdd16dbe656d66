// Scenarios of reads, acknowledgements and handoffs. Numbers as in PROTOCOL.md section 13.
#include "tests/simulation/scenarios.h"

namespace gyre::simulation {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::ReadLevel;

namespace {

NodeIndex wait_for_another(Script& s) {
  s.await("another serves", [&] { return s.serves(s.b) || s.serves(s.c); });
  return s.is_primary(s.b) ? s.b : s.c;
}

// A acknowledges a write that nobody else has, and is cut off: it will not survive.
Position acknowledge_alone(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  s.hold_writes_to(s.b);
  s.hold_writes_to(s.c);
  const Position alone = s.written(s.a, "k", "2");
  s.isolate(s.host(s.a));
  s.hold_nothing();
  s.drop_held();
  return alone;
}

}  // namespace

// 8: the swap of a handoff lands late; the old primary has given up its term and serves nothing meanwhile.
void handoff_that_lands_late(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  s.coordinator().hold_swaps(true);
  bool given_up = false;
  s.hold_if([&](const Envelope& envelope) {
    given_up = given_up || std::holds_alternative<messages::HandedOver>(envelope.message);
    return false;
  });
  s.promote(s.b);
  s.await("A gives up its term", [&] { return given_up; });
  const AskedPtr read = s.read(s.a, "k");
  const AskedPtr write = s.write(s.a, "k", "2");
  s.run_for(50ms);
  s.isolate(s.host(s.a));
  s.coordinator().hold_swaps(false);
  s.await("B serves", [&] { return s.serves(s.b); });
  s.run_for(1500ms);
}

// 11: the right to serve is checked, a later write is applied, then the pool fetches the newer value.
void pool_read_sees_a_later_write(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  storage::FaultPlan from_disk;
  from_disk.needs_disk = 1;
  s.node(s.a).set_storage_faults(from_disk);
  s.hold_writes_to(s.c);
  for (int i = 0; i < 30; ++i) {
    s.read(s.a, "k", ReadLevel::linearizable);
    s.write(s.a, "k", std::to_string(i + 2));
    s.run_for(4ms);
  }
}

// The process stops between reading a value and answering, for longer than its leases last.
void paused_in_the_middle_of_a_read(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  storage::FaultPlan from_disk;
  from_disk.needs_disk = 1;
  s.node(s.a).set_storage_faults(from_disk);
  for (int i = 0; i < 10; ++i) s.read(s.a, "k");
  s.run_for(500us);
  s.node(s.a).pause();
  wait_for_another(s);
  s.node(s.a).resume();
  s.run_for(100ms);
}

// The process stops between persisting a write and acknowledging it.
void paused_in_the_middle_of_a_write(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  for (int i = 0; i < 10; ++i) {
    s.write(s.a, std::to_string(i), "1");
    s.run_for(150us);
  }
  s.node(s.a).pause();
  wait_for_another(s);
  s.node(s.a).resume();
  s.run_for(100ms);
}

// What only A and B hold must not be shown by a linearizable read.
void linearizable_read_waits(Script& s) {
  s.hold_writes_to(s.c);
  s.write(s.a, "k", "1");
  s.run_for(5ms);
  const AskedPtr read = s.read(s.a, "k", ReadLevel::linearizable);
  s.run_for(100ms);
  s.expect(!read->answered(), "a linearizable read waits for the members");
  s.hold_nothing();
  s.release_all();
  s.await("it is answered", [&] { return read->ok(); });
}

// A new primary does not know what of its history the others hold.
void linearizable_read_of_a_new_primary(Script& s) {
  s.hold_writes_to(s.c);
  s.written(s.a, "k", "1", 2);
  s.node(s.a).crash(Death::process);
  s.await("B serves", [&] { return s.serves(s.b); });
  s.read(s.b, "k", ReadLevel::linearizable);
  s.run_for(100ms);
}

// A failed condition shows that a write happened: under `all` it waits for the members, too.
void failed_condition_waits(Script& s) {
  s.hold_writes_to(s.c);
  s.write(s.a, "k", "1");
  s.run_for(5ms);
  messages::WriteRequest insert;
  insert.operations.push_back(
      {.key = Bytes::copy_of("k"), .value = Bytes::copy_of("2"), .expiry = {}, .condition = {}});
  insert.operations.front().condition.kind = messages::Condition::Kind::absent;
  insert.ack = kAckAll;
  s.ask(s.a, std::move(insert));
  s.run_for(100ms);
}

// What a session has seen is lost; a newer write has the same sequence.
void session_is_told_of_a_loss(Script& s) {
  const Position seen = acknowledge_alone(s);
  const NodeIndex primary = wait_for_another(s);
  s.written(primary, "k", "3", kAckAll);
  const AskedPtr read = s.read(primary, "k", ReadLevel::session, seen);
  s.await("the session is answered", [&] { return read->answered(); });
  s.expect(!read->ok() && read->answer->error().code == ErrorCode::session_lost, "the session is told of its loss");
}

// A comes back with a write that did not survive, and cannot write its ledger: it keeps what nobody else can name.
void ledger_that_fails(Script& s) {
  const Position lost = acknowledge_alone(s);
  wait_for_another(s);
  s.node(s.a).disk().ledger().set_fails(1);
  s.mend_all();
  s.run_for(3s);
  s.expect(s.holds(s.a, lost), "a member keeps what its ledger could not take");
  s.expect(!s.in_sync(s.a) && !s.entry().deposed.empty(), "a deposed primary accounts only when its ledger has it");
}

// Heartbeats that were under way for long do not make a member fresh.
void late_heartbeats(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  s.hold<messages::Append>(s.host(s.a), s.host(s.c));
  s.run_for(250ms);
  s.written(s.a, "k", "2");
  s.run_for(450ms);
  // Those from before the write arrive now; the write does not.
  s.release_if([](const Envelope& envelope) { return std::get<messages::Append>(envelope.message).writes.empty(); });
  messages::GetRequest get;
  get.key = Bytes::copy_of("k");
  get.read = {ReadLevel::bounded, 300ms, {}};
  s.ask(s.c, std::move(get));
  s.run_for(20ms);
}

// The wall clock of a member is a minute ahead: what lives for half a minute is still there.
void wrong_wall_clock(Script& s) {
  messages::WriteRequest put;
  put.operations.push_back({.key = Bytes::copy_of("k"), .value = Bytes::copy_of("1"), .expiry = {}, .condition = {}});
  put.operations.front().expiry = {messages::Expiry::Kind::after, 30'000};
  put.ack = kAckAll;
  s.ask(s.a, std::move(put));
  s.run_for(300ms);
  for (const NodeIndex node : {s.a, s.b, s.c}) s.read(node, "k", ReadLevel::any);
  s.run_for(100ms);
}
void wrong_clocks(ClusterOptions& options) { options.wall_offset_max = 3min; }

// A retry long after many other writes is still recognised.
void late_retry(Script& s) {
  messages::WriteRequest first;
  first.operations.push_back({.kind = messages::WriteKind::incr,
                              .key = Bytes::copy_of("n"),
                              .value = {},
                              .delta = 1,
                              .expiry = {},
                              .condition = {}});
  first.id = {ClientId(5), WriteNumber(1)};
  const AskedPtr once = s.ask(s.a, first);
  s.await("it is answered", [&] { return once->ok(); });
  for (int i = 0; i < 200; ++i) s.write(s.a, std::to_string(i), "1");
  s.run_for(300ms);
  const AskedPtr again = s.ask(s.a, first);
  s.await("the retry is answered", [&] { return again->answered(); });
  s.expect(again->ok(), "a retry is answered as the first");
}

// A has a write alone and dies. Its retry comes to B, whose client has nothing open any more when A comes back, and
// whose log does not reach back to there.
void closed_retry_behind_a_snapshot(Script& s) {
  const auto answered = [&](NodeIndex node, messages::WriteRequest write) {
    const AskedPtr asked = s.ask(node, std::move(write));
    s.await("it is answered", [&] { return asked->ok(); });
  };
  messages::WriteRequest write;
  write.operations.push_back({.key = Bytes::copy_of("k"), .value = Bytes::copy_of("1"), .expiry = {}, .condition = {}});
  write.id = {ClientId(5), WriteNumber(1)};
  s.hold_writes_to(s.b);
  answered(s.a, write);
  s.node(s.a).crash(Death::process);
  s.hold_nothing();
  s.drop_held();
  s.await("B serves", [&] { return s.serves(s.b); });
  write.age = 1s;
  answered(s.b, write);
  messages::WriteRequest next = write;
  next.id.number = next.lowest_open = WriteNumber(2);
  next.age = {};
  answered(s.b, next);
  for (int i = 0; i < 50; ++i) s.written(s.b, std::to_string(i), "1");
  s.node(s.b).crash(Death::process);
  s.node(s.b).start();
  s.await("B serves again", [&] { return s.serves(s.b); });
  s.node(s.a).start();
}
void two_nodes_with_short_logs(ClusterOptions& options) {
  two_nodes(options);
  options.log_kept = 20;
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kAll = {
      {"newcomer_of_a_primary_that_waits", newcomer_of_a_primary_that_waits},
      {"lease_to_the_primary_before_the_dead_one", lease_to_the_primary_before_the_dead_one},
      {"old_proof_of_death", old_proof_of_death},
      {"partial_seal", partial_seal},
      {"alive_but_not_heard_by_the_coordinator", alive_but_not_heard_by_the_coordinator},
      {"lease_of_the_process_before", lease_of_the_process_before, two_nodes},
      {"lone_primary", lone_primary, two_nodes},
      {"restarted_at_once", restarted_at_once},
      {"restarted_behind_its_stream", restarted_behind_its_stream, two_nodes_always_synced},
      {"acknowledgement_from_two_terms_ago", acknowledgement_from_two_terms_ago},
      {"promise_that_is_forgotten", promise_that_is_forgotten, always_synced},
      {"highest_position", highest_position},
      {"old_request_lands", old_request_lands},
      {"newcomer_that_falls_silent", newcomer_that_falls_silent},
      {"lossy_restarted_twice", lossy_restarted_twice},
      {"acknowledgement_from_before_the_loss", acknowledgement_from_before_the_loss},
      {"delayed_append_after_the_loss", delayed_append_after_the_loss},
      {"wiped_and_wooed", wiped_and_wooed, small_quorum},
      {"lone_primary_loses_its_data", lone_primary_loses_its_data, small_quorum},
      {"rewound_under_a_primary_that_is_lost", rewound_under_a_primary_that_is_lost},
      {"learner_does_not_count", learner_does_not_count},
      {"newcomer_that_lacks_a_write", newcomer_that_lacks_a_write},
      {"coordinator_wakes_in_an_election", coordinator_wakes_in_an_election},
      {"handoff_whose_answer_is_lost", handoff_whose_answer_is_lost},
      {"handoff_whose_coordinator_dies", handoff_whose_coordinator_dies},
      {"operator_gives_up_a_primary", operator_gives_up_a_primary, refusals_not_trusted},
      {"successor_that_is_not_in_sync", successor_that_is_not_in_sync, one_more},
      {"deposed_member_that_is_moved", deposed_member_that_is_moved, one_more},
      {"tail_of_a_member_that_was_moved", tail_of_a_member_that_was_moved, one_more},
      {"handoff_that_lands_late", handoff_that_lands_late},
      {"pool_read_sees_a_later_write", pool_read_sees_a_later_write},
      {"paused_in_the_middle_of_a_read", paused_in_the_middle_of_a_read},
      {"paused_in_the_middle_of_a_write", paused_in_the_middle_of_a_write, always_synced},
      {"linearizable_read_waits", linearizable_read_waits},
      {"linearizable_read_of_a_new_primary", linearizable_read_of_a_new_primary},
      {"failed_condition_waits", failed_condition_waits},
      {"session_is_told_of_a_loss", session_is_told_of_a_loss},
      {"ledger_that_fails", ledger_that_fails},
      {"late_heartbeats", late_heartbeats},
      {"late_retry", late_retry},
      {"closed_retry_behind_a_snapshot", closed_retry_behind_a_snapshot, two_nodes_with_short_logs},
      {"wrong_wall_clock", wrong_wall_clock, wrong_clocks},
  };
  return kAll;
}

}  // namespace gyre::simulation
