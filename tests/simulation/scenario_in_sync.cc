// Scenarios of the in-sync set: who is counted, and who may have lost what it had. Numbers as in PROTOCOL.md
// section 13.
#include <algorithm>

#include "tests/simulation/scenarios.h"

namespace gyre::simulation {

using namespace std::chrono_literals;
using messages::kAckAll;

namespace {

// A asks to grow by B; the request is held. B was out, is back, and has caught up.
void ask_for_b(Script& s) {
  s.push_out(s.b);
  s.hold<messages::SetInSync>({}, {});
  s.mend(s.host(s.a), s.host(s.b));
  s.mend(s.host(s.b), s.host(s.c));
  s.await("A asks for B", [&] { return s.held_messages() > 0; });
}

// Only B is left, and what it lacks is lost: it must not be B that decides.
void leave_b_alone(Script& s) {
  s.node(s.a).crash(Death::process);
  s.node(s.c).crash(Death::process);
  s.mend_all();
  s.run_for(4s);
}

// C loses what it had acknowledged, comes back without the others, and restarts once more.
void lose_what_c_had(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  s.node(s.c).crash(Death::machine, true);
  s.cut(s.host(s.a), s.host(s.c));
  s.cut(s.host(s.b), s.host(s.c));
  s.node(s.c).start();
  s.run_for(300ms);
  s.node(s.c).crash(Death::process);
  s.node(s.c).start();
  s.run_for(300ms);
}

}  // namespace

// 4: A asks for B, is replaced, and is appointed again in a later term without B; then the old request lands.
void old_request_lands(Script& s) {
  ask_for_b(s);
  s.cut(s.host(s.a), s.host(s.b));
  s.cut(s.host(s.b), s.host(s.c));
  s.hold_nothing();
  s.promote(s.c);
  s.await("C is primary", [&] { return s.is_primary(s.c) && s.serves(s.c); });
  s.promote(s.a);
  s.await("A is primary again", [&] { return s.is_primary(s.a) && s.serves(s.a); });
  s.written(s.a, "k", "1", kAckAll);
  s.release_all();
  s.run_for(50ms);
  leave_b_alone(s);
}

// A has asked for B, and B falls silent; A must go on counting it, for the request may still land.
void newcomer_that_falls_silent(Script& s) {
  ask_for_b(s);
  s.cut(s.host(s.a), s.host(s.b));
  s.cut(s.host(s.b), s.host(s.c));
  s.run_for(6s);
  const AskedPtr write = s.write(s.a, "k", "1", kAckAll);
  s.run_for(200ms);
  s.hold_nothing();
  s.release_all();
  s.run_for(20ms);
  leave_b_alone(s);
}

// 5: a machine crash, a start, a restart before catching up: C must not look clean.
void lossy_restarted_twice(Script& s) {
  lose_what_c_had(s);
  s.node(s.a).crash(Death::process);
  s.node(s.b).crash(Death::process);
  s.run_for(4s);
}

// 5: what C acknowledged before it lost it does not count afterwards.
void acknowledgement_from_before_the_loss(Script& s) {
  s.hold<messages::AppendAck>(s.host(s.c), s.host(s.a));
  const AskedPtr write = s.write(s.a, "k", "1", kAckAll);
  s.run_for(10ms);
  s.hold_nothing();
  s.node(s.c).crash(Death::machine, true);
  s.hold<messages::Append>(s.host(s.a), s.host(s.c));
  s.node(s.c).start();
  s.run_for(100ms);
  s.release_if([&](const Envelope& envelope) { return std::holds_alternative<messages::AppendAck>(envelope.message); });
  s.run_for(100ms);
}

// 5: an old append must not make a member that lost its data think that it has caught up.
void delayed_append_after_the_loss(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  s.hold<messages::Append>(s.host(s.a), s.host(s.c));
  s.write(s.a, "k", "2");
  s.run_for(20ms);
  s.hold_nothing();
  s.node(s.c).crash(Death::disk);
  s.node(s.c).start();
  s.run_for(30ms);
  s.release_all();
  s.await("all is well", [&] { return s.cluster().quiet(); });
}

// 6: the only in-sync member of the newer term loses its data and hears the deposed primary of the older one.
void wiped_and_wooed(Script& s) {
  s.push_out(s.c);
  s.isolate(s.host(s.a));
  s.mend(s.host(s.b), s.host(s.c));
  s.await("B serves", [&] { return s.is_primary(s.b) && s.serves(s.b); });
  s.written(s.b, "k", "1", kAckAll);
  s.await("C is in sync", [&] { return s.in_sync(s.c); });
  s.promote(s.c);
  s.await("C serves", [&] { return s.is_primary(s.c) && s.serves(s.c); });
  s.node(s.b).crash(Death::disk);
  s.isolate(s.host(s.b), s.host(s.a));
  s.mend(s.host(s.a), s.host(s.b));
  s.mend(s.host(s.b), s.coordinator_host());
  s.node(s.b).start();
  s.run_for(1500ms);
}
void small_quorum(ClusterOptions& options) { options.shape.min_in_sync = 1; }

// 7: B, alone in sync, writes; C holds the write, though its acknowledgement was not heard; then B's machine loses it.
void lone_primary_loses_its_data(Script& s) {
  s.node(s.b).crash(Death::process);
  s.hold<messages::AppendAck>(s.host(s.c), s.host(s.a));
  s.await("A is alone", [&] { return s.entry().in_sync.size() == 1; });
  const Position written = s.written(s.a, "k", "1");
  s.run_for(100ms);
  s.expect(s.holds(s.c, written), "C holds the write");
  s.node(s.a).crash(Death::machine, true);
  s.hold_nothing();
  s.node(s.a).start();
  s.run_for(3s);
  s.node(s.b).start();
  s.await("somebody serves", [&] { return s.serves(s.a) || s.serves(s.b) || s.serves(s.c); });
  s.expect(s.holds(s.c, written) && s.cluster().truth().contains(
                                        Script::kPartition, s.cluster().checks().survived(Script::kPartition), written),
           "the member that holds the write decides");
}

// A rewinds under B and gets keys as B has them, but not yet the writes that made them so; B is replaced by C, which
// lacks those writes. What A fetched is of no history that survives: it must not follow C as it is.
void rewound_under_a_primary_that_is_lost(Script& s) {
  s.hold<messages::Append>(s.host(s.a), {});
  for (int i = 0; i < 5; ++i) s.write(s.a, std::to_string(i), "lost");
  s.run_for(50ms);
  s.drop_held();
  s.isolate(s.host(s.a));
  s.hold_nothing();
  s.await("another serves", [&] { return s.serves(s.b) || s.serves(s.c); });
  const NodeIndex first = s.is_primary(s.b) ? s.b : s.c;
  const NodeIndex second = first == s.b ? s.c : s.b;
  s.hold_if([&, first](const Envelope& envelope) {
    const auto* append = std::get_if<messages::Append>(&envelope.message);
    return envelope.from == s.host(first) && append != nullptr && !append->writes.empty();
  });
  for (int i = 0; i < 5; ++i) s.write(first, std::to_string(i), "lost, too");
  const Sequence tail = s.held(s.a).sequence;
  s.mend_all();
  s.await("A has rewound", [&] { return s.held(s.a).sequence < tail; }, 900ms);
  s.isolate(s.host(first));
  s.hold_nothing();
  s.drop_held();
  s.await("the third serves", [&] { return s.serves(second); });
  s.run_for(1s);
}

// C was out and follows again, but is not in sync yet: A must not count it for a write that two are to have.
void learner_does_not_count(Script& s) {
  s.push_out(s.c);
  s.hold<messages::SetInSync>({}, {});
  s.mend(s.host(s.a), s.host(s.c));
  s.mend(s.host(s.b), s.host(s.c));
  const Position before = s.written(s.a, "k", "1");
  s.await("C follows", [&] { return s.holds(s.c, before); });
  s.hold_writes_to(s.b);
  const AskedPtr write = s.write(s.a, "k", "2", 2);
  s.run_for(100ms);
  s.expect(!write->ok(), "a learner does not count for a write");
  s.node(s.a).crash(Death::process);
  s.await("B serves", [&] { return s.serves(s.b); });
}

// C was out and follows again, but lacks a write that all have acknowledged: A must not ask for it before it has that.
void newcomer_that_lacks_a_write(Script& s) {
  s.push_out(s.c);
  s.hold_writes_to(s.c);
  s.hold<messages::AppendAck>(s.host(s.c), s.host(s.a));
  s.mend(s.host(s.a), s.host(s.c));
  s.mend(s.host(s.b), s.host(s.c));
  const auto follows = [](const Envelope& envelope) {
    const auto* ack = std::get_if<messages::AppendAck>(&envelope.message);
    return ack != nullptr && ack->state == messages::AppendAck::State::following;
  };
  s.await("C follows", [&] { return std::ranges::any_of(s.held_envelopes(), follows); });
  s.written(s.a, "k", "1", kAckAll);
  s.hold_nothing();
  s.hold_writes_to(s.c);
  s.release_if([](const Envelope& envelope) { return std::holds_alternative<messages::AppendAck>(envelope.message); });
  s.run_for(60ms);
  s.expect(!s.in_sync(s.c), "who lacks what all acknowledged is not in sync");
}

}  // namespace gyre::simulation
