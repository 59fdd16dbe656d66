// Scenarios of a coordinator that does not run, does not know, or is told by an operator. Numbers as in PROTOCOL.md
// section 13.
#include <algorithm>

#include "tests/simulation/scenarios.h"

namespace gyre::simulation {

using namespace std::chrono_literals;
using control::MemoryStore;
using messages::kAckAll;

namespace {

// The store takes the swap of a handoff to B, but the coordinator is told that it has failed.
// Gives the term that ended.
Term hand_over_unknown_to_the_coordinator(Script& s) {
  const Term term = s.entry().term;
  s.written(s.a, "k", "1", kAckAll);
  s.coordinator().store().set_swap_fault(MemoryStore::SwapFault::stored);
  s.promote(s.b);
  s.await("the store has the handoff", [&] { return s.is_primary(s.b); });
  s.coordinator().store().set_swap_fault(MemoryStore::SwapFault::none);
  return term;
}

}  // namespace

// A and C hold a write of two; A dies. The coordinator asks B and C to seal and is paused while both answers lie before
// it, that of B in front. When it wakes it must not take C for silent: only C has the write.
void coordinator_wakes_in_an_election(Script& s) {
  s.hold_if([&s](const Envelope& envelope) {
    const auto* append = std::get_if<messages::Append>(&envelope.message);
    return envelope.to == s.host(s.b) && append != nullptr && !append->writes.empty();
  });
  const Position written = s.written(s.a, "k", "1", 2);
  s.hold<messages::SealAnswer>(s.host(s.c), {});
  s.coordinator().at_next_seal([&s] { s.coordinator().pause(); });
  s.node(s.a).crash(Death::process);
  const auto is_answer = [](const Envelope& envelope) {
    return std::holds_alternative<messages::SealAnswer>(envelope.message);
  };
  s.await("C seals", [&] { return std::ranges::any_of(s.held_envelopes(), is_answer); });
  s.run_for(50ms);
  s.expect(s.coordinator().paused(), "the coordinator was paused when it had asked");
  s.hold_nothing();
  s.release_if(is_answer);
  s.run_for(3s);
  s.coordinator().resume();
  s.await("another is appointed", [&] { return !s.is_primary(s.a); });
  s.expect(s.is_primary(s.c) && s.holds(s.c, written), "the member that holds the write is chosen");
}

// 8: the store takes the swap of a handoff, but the coordinator is told that it has failed.
void handoff_whose_answer_is_lost(Script& s) {
  const Term term = hand_over_unknown_to_the_coordinator(s);
  // A has given up its term, and B does not know of its own yet.
  const AskedPtr read_a = s.read(s.a, "k");
  const AskedPtr write_a = s.write(s.a, "k", "2");
  const AskedPtr read_b = s.read(s.b, "k");
  s.run_for(200ms);
  s.expect(read_a->answered() && !read_a->ok(), "A, which gave up its term, shows nothing");
  s.expect(write_a->answered() && !write_a->ok(), "A, which gave up its term, writes nothing");
  s.expect(!read_b->ok() && !s.serves(s.b), "B does not serve by a map that it has not seen");
  s.await("B serves", [&] { return s.serves(s.b); });
  s.written(s.b, "k", "3", kAckAll);
  s.run_for(1s);
  s.expect(s.entry().term == term.next(), "one handoff begins one term");
}

// The same, and the coordinator dies before it can look: another one finds the handoff done, and A still asks for it.
void handoff_whose_coordinator_dies(Script& s) {
  const Term term = hand_over_unknown_to_the_coordinator(s);
  s.coordinator().crash();
  s.run_for(300ms);
  s.coordinator().start();
  s.await("B serves", [&] { return s.serves(s.b); });
  s.written(s.b, "k", "2", kAckAll);
  s.run_for(1s);
  s.expect(s.entry().term == term.next(), "one handoff begins one term");
}

// A, alone in sync, is gone and nothing proves it. Nobody else is promoted until an operator names B and gives his word
// that A is stopped; what only A had is lost, and in its ledger when it comes back.
void operator_gives_up_a_primary(Script& s) {
  s.node(s.b).crash(Death::process);
  s.node(s.c).crash(Death::process);
  s.await("A is alone", [&] { return s.entry().in_sync.size() == 1; });
  const Position lost = s.written(s.a, "k", "1");
  s.node(s.a).crash(Death::process);
  s.node(s.b).start();
  s.node(s.c).start();
  s.run_for(6s);
  s.expect(s.is_primary(s.a), "a primary alone in its in-sync set is not replaced by a timer");
  const auto refuses = [&s](const AskedPtr& asked) {
    s.await("the operator is answered", [&] { return asked->answered(); });
    return !asked->ok();
  };
  s.expect(refuses(s.promote(s.b)), "B, which is not in sync, is not promoted without a word on the loss");
  s.expect(refuses(s.promote_unclean(s.b, {})), "B is not promoted while A may serve");
  const AskedPtr asked = s.promote_unclean(s.b, {s.a});
  s.await("B serves", [&] { return s.serves(s.b); });
  s.await("the operator is told", [&] { return asked->ok(); });
  s.written(s.b, "k", "2", kAckAll);
  s.expect(!s.holds(s.b, lost), "what only A had is lost");
}
void refusals_not_trusted(ClusterOptions& options) {
  options.trust_refused = false;
  options.shape.min_in_sync = 1;
}

}  // namespace gyre::simulation
