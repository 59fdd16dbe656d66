// Scenarios of elections, leases and proofs of death. Numbers are those of PROTOCOL.md section 13.
#include <utility>

#include "tests/simulation/scenarios.h"

namespace gyre::simulation {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::ReadLevel;

namespace {

// Waits for somebody else than A to be appointed, and says who.
NodeIndex successor_of_a(Script& s) {
  s.await("another is appointed", [&] { return !s.is_primary(s.a); });
  return s.is_primary(s.b) ? s.b : s.c;
}

}  // namespace

// 1: B is appointed while A still holds its lease; what B grows before that has run out must not serve either.
void newcomer_of_a_primary_that_waits(Script& s) {
  s.push_out(s.c);
  s.isolate(s.host(s.a));
  s.mend(s.host(s.b), s.host(s.c));
  s.await("B is appointed", [&] { return s.is_primary(s.b); });
  s.run_for(250ms);
  s.node(s.b).crash(Death::process);
  s.run_for(2s);
}

// 2: B dies right after its appointment, which is proved; C is appointed and still has its lease to A.
void lease_to_the_primary_before_the_dead_one(Script& s) {
  s.isolate(s.host(s.a));
  const NodeIndex first = successor_of_a(s);
  const NodeIndex second = first == s.b ? s.c : s.b;
  s.node(first).crash(Death::process);
  s.await("the next one is appointed", [&] { return s.is_primary(second); });
  s.run_for(2s);
}

// 3: A's death is proved, but A comes back and is lawfully appointed: the proof says nothing about this process.
void old_proof_of_death(Script& s) {
  s.coordinator().pause();
  s.node(s.a).crash(Death::process);
  s.run_for(150ms);  // the others see its port refuse
  s.node(s.a).start();
  s.run_for(50ms);
  s.coordinator().resume();
  s.await("A serves again", [&] { return s.serves(s.a); });
  s.run_for(500ms);
  s.isolate(s.host(s.a));
  successor_of_a(s);
  s.run_for(2s);
}

// 9: a seal reaches C alone, then the coordinator dies: the partition goes on, with C in it.
void partial_seal(Script& s) {
  const Term term = s.entry().term;
  s.seal(s.c, term.next());
  s.coordinator().crash();
  s.run_for(300ms);
  s.coordinator().start();
  s.await("the promise ends in a new term", [&] { return s.entry().term > term; }, 8s);
  s.await("it goes on with all", [&] { return s.cluster().quiet(); }, 8s);
}

// The coordinator does not hear A, but the members do: nothing happens.
void alive_but_not_heard_by_the_coordinator(Script& s) {
  const Term term = s.entry().term;
  s.cut(s.host(s.a), s.coordinator_host());
  s.run_for(6s);
  s.expect(s.entry().term == term, "a primary that its members hear stays primary");
  s.written(s.a, "k", "1", kAckAll);
}

// B has just given A a lease when it restarts: it must wait it out all the same.
void lease_of_the_process_before(Script& s) {
  s.isolate(s.host(s.a));
  s.run_for(50ms);
  s.node(s.b).crash(Death::process);
  s.node(s.b).start();
  s.await("B is appointed", [&] { return s.is_primary(s.b); });
  s.run_for(2s);
}
void two_nodes(ClusterOptions& options) {
  options.nodes = 2;
  options.shape.replication_factor = 2;
  options.shape.min_in_sync = 1;
}

// A serves alone: nobody gives it leases, so nobody can tell when it has stopped.
void lone_primary(Script& s) {
  s.node(s.b).crash(Death::process);
  s.await("A is alone", [&] { return s.entry().in_sync.size() == 1; });
  s.cut(s.host(s.a), s.host(s.b));
  s.cut(s.host(s.a), s.coordinator_host());
  s.node(s.b).start();
  s.run_for(8s);
  s.expect(s.is_primary(s.a), "a primary alone in its in-sync set is not replaced by a timer");
}

// The process comes back at once: same data, but answers of the one before are still under way.
void restarted_at_once(Script& s) {
  const Term term = s.entry().term;
  s.written(s.a, "k", "1", kAckAll);
  s.hold<messages::Append>(s.host(s.a), {});
  s.write(s.a, "k", "2");  // nobody hears of it in time
  s.run_for(10ms);
  s.hold_nothing();
  s.node(s.a).crash(Death::process);
  s.node(s.a).start();
  s.await("A serves again", [&] { return s.serves(s.a); });
  s.expect(s.entry().term > term, "a process that starts serves in a new term");
  s.release_all();
}

// A, alone in sync, has streamed a write to B and loses it with its machine before it was synced. What A writes next
// must not take the same position.
void restarted_behind_its_stream(Script& s) {
  s.push_out(s.b);
  s.await("A serves alone", [&] { return s.serves(s.a) && s.entry().in_sync.size() == 1; });
  s.hold<messages::SetInSync>({}, {});
  s.mend(s.host(s.a), s.host(s.b));
  const Position before = s.written(s.a, "k", "1");
  s.await("B follows", [&] { return s.holds(s.b, before); });
  s.write(s.a, "k", "2");
  for (int i = 0; i < 500 && s.held(s.b) == before; ++i) s.run_for(10us);
  s.node(s.a).crash(Death::machine, true);
  s.expect(s.held(s.b) != before && s.held(s.a) == before, "B has what A has lost");
  s.node(s.a).start();
  s.await("A serves again", [&] { return s.serves(s.a); });
  s.written(s.a, "k", "3");
  s.run_for(500ms);
}
void two_nodes_always_synced(ClusterOptions& options) {
  two_nodes(options);
  always_synced(options);
}

// 10: an acknowledgement from two terms ago reaches the same member's third term.
void acknowledgement_from_two_terms_ago(Script& s) {
  s.written(s.a, "k", "1", kAckAll);
  s.hold<messages::AppendAck>(s.host(s.b), s.host(s.a));
  s.written(s.a, "k", "2");
  s.run_for(20ms);
  s.hold_nothing();
  s.promote(s.c);
  s.await("C is primary", [&] { return s.is_primary(s.c) && s.serves(s.c); });
  s.promote(s.a);
  s.await("A is primary again", [&] { return s.is_primary(s.a) && s.serves(s.a); });
  s.cut(s.host(s.a), s.host(s.b));
  const AskedPtr write = s.write(s.a, "k", "3", kAckAll);
  s.run_for(20ms);
  s.release_all();
  s.run_for(200ms);
  s.expect(!write->ok(), "an old acknowledgement does not count");
}

// The seal of a member must survive its machine before anybody counts on it: else it helps the old primary again.
void promise_that_is_forgotten(Script& s) {
  s.hold<messages::SealAnswer>(s.host(s.b), {});
  s.isolate(s.host(s.a), s.client_host());
  bool sealed = false;
  s.hold_if([&](const Envelope& envelope) {
    const bool answer = envelope.from == s.host(s.c) && std::holds_alternative<messages::SealAnswer>(envelope.message);
    if (!answer || std::exchange(sealed, true)) return false;
    s.cluster().scheduler().after(0ms, [&s] { s.node(s.c).crash(Death::machine, true); });
    return false;
  });
  s.await("C seals", [&] { return sealed && !s.node(s.c).up(); });
  s.node(s.c).start();
  s.mend(s.host(s.a), s.host(s.c));
  s.write(s.a, "k", "1", 2);
  s.run_for(300ms);
  s.hold_nothing();
  s.release_all();
  s.run_for(2s);
}
void always_synced(ClusterOptions& options) { options.durability = runtime::Durability::always; }

// B is ahead of C: only B may be chosen.
void highest_position(Script& s) {
  s.hold<messages::Append>(s.host(s.a), s.host(s.c));
  s.written(s.a, "k", "1", 2);
  s.node(s.a).crash(Death::process);
  s.await("another is appointed", [&] { return !s.is_primary(s.a); });
  s.expect(s.is_primary(s.b), "the member with the highest position is chosen");
}

}  // namespace gyre::simulation
