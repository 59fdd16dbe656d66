// Scenarios of moves: members leave, others take their places (PROTOCOL.md sections 5 and 10).
#include "tests/simulation/scenarios.h"

namespace gyre::simulation {

using namespace std::chrono_literals;
using messages::Append;
using messages::kAckAll;
using Action = messages::NodeSetRequest::Action;

// D is to take the place of C and does not catch up: C must stay until it has.
void successor_that_is_not_in_sync(Script& s) {
  s.add_d();
  s.hold<Append>({}, s.host(s.d));
  s.set_node(s.c, Action::drain);
  s.await("D is a member", [&] { return s.is_member(s.d); });
  s.run_for(2s);
  s.written(s.a, "k", "1", kAckAll);
  s.expect(s.in_sync(s.c), "C is in sync until D is");
  s.release_all();
  s.hold_nothing();
  s.await("D is in sync", [&] { return s.in_sync(s.d); });
  s.await("C is no member any more", [&] { return !s.is_member(s.c); });
}

// A is replaced as primary while it is cut off, and its machine dies: what it acknowledged alone is gone. It is not one
// of those that should have the partition, but it must stay a member until it has said so.
void deposed_member_that_is_moved(Script& s) {
  s.add_d();
  s.isolate(s.host(s.a), s.client_host());
  s.written(s.a, "k", "1");
  s.node(s.a).crash(Death::machine, true);
  s.await("another is primary", [&] { return !s.is_primary(s.a) && (s.serves(s.b) || s.serves(s.c)); });
  s.set_node(s.a, Action::drain);
  s.await("D is in sync", [&] { return s.in_sync(s.d); });
  s.run_for(2s);
  s.expect(s.is_member(s.a), "A is a member until it has accounted");
}

// Only C has a write that A acknowledged before it lost its disk; B is elected, and C is moved away before it is heard
// again: it has to save that write before it deletes its copy.
void tail_of_a_member_that_was_moved(Script& s) {
  s.hold_if([&s](const Envelope& envelope) {
    const auto* append = std::get_if<Append>(&envelope.message);
    return envelope.to == s.host(s.b) && append != nullptr && !append->writes.empty();
  });
  s.written(s.a, "k", "1");
  const Position written = s.held(s.a);
  s.await("C has the write", [&] { return s.holds(s.c, written); });
  s.isolate(s.host(s.c));
  s.node(s.a).crash(Death::disk);
  s.drop_held();
  s.hold_nothing();
  s.await("B is primary", [&] { return s.is_primary(s.b) && s.serves(s.b); });
  s.node(s.a).start();
  s.await("A is in sync", [&] { return s.in_sync(s.a); });
  s.add_d();
  s.set_node(s.c, Action::drain);
  s.await("D is in sync", [&] { return s.in_sync(s.d); });
  s.await("C is no member any more", [&] { return !s.is_member(s.c); });
  s.mend(s.host(s.c), s.coordinator_host());
  s.run_for(2s);
}

void one_more(ClusterOptions& options) { options.spares = 1; }

}  // namespace gyre::simulation
