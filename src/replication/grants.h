// The leases that one member has given, as the member counts them (PROTOCOL.md sections 4 and 6).
#pragma once

#include <map>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/time.h"

namespace gyre::replication {

// Kept per grantee: a primary of one term in one process. A member that starts takes itself to have given a lease to
// every primary at that moment.
//
// A term is over for good once its primary gave it up, is dead, or a primary of a later term has served: that one had
// waited for its own leases to all earlier primaries, and each of those had counted it. So nothing is waited for in
// terms up to `over_`.
class Grants {
 public:
  struct Grantee {
    NodeId node;
    Incarnation incarnation;
    Term term;

    auto operator<=>(const Grantee&) const = default;
  };

  // `started`: not before the peer port began to listen, for a refused connection counts as a lease. `lease`: L.
  // `served`: the last term in which this member has served itself; one in which it only waited to is none.
  Grants(Instant started, Duration lease, Term served, BrokenRule broken = BrokenRule::none);

  void give(const Grantee& grantee, Instant now);
  // The primary of `term` gave it up.
  void on_given_up(const NodeId& node, Term term);
  // This process and all before it are dead.
  void on_dead(const NodeId& node, Incarnation incarnation);
  // The primary of `term` says that it holds the right to serve.
  void on_heard_serving(Term term);
  // This member itself has served in `term`, and does not any more when it asks about a later one.
  void on_served(Term term);

  // When this member may serve in `term` itself: once the leases to primaries of all earlier terms have run out.
  Instant free_at(Term term) const;
  // What is left of the last lease given to anybody else; never negative.
  Duration left(Instant now) const;

 private:
  bool ended(const Grantee& grantee) const;
  void raise_over();

  Instant start_until_;  // the end of the leases taken to be given at the start
  Duration lease_;
  BrokenRule broken_;
  Term over_;
  std::map<Grantee, Instant> until_;
  std::map<NodeId, Term> given_up_;
  std::map<NodeId, Incarnation> dead_;
};

}  // namespace gyre::replication
