// The leases that one member has given, as the member counts them (PROTOCOL.md sections 4 and 6).
#pragma once

#include <map>

#include "base/ids.h"
#include "base/time.h"

namespace gyre::replication {

// Kept per grantee: a primary of one term in one process. A member that starts takes itself to have given a lease to
// every primary at that moment, except to those of terms up to the last it served itself.
class Grants {
 public:
  struct Grantee {
    NodeId node;
    Incarnation incarnation;
    Term term;

    auto operator<=>(const Grantee&) const = default;
  };

  // `lease`: L. `served`: the last term this member served itself.
  Grants(Instant started, Duration lease, Term served);

  void give(const Grantee& grantee, Instant now);
  // The grantee serves no more: it said so, or is dead. `incarnation` and all before it.
  void on_given_up(const NodeId& node, Term term);
  void on_dead(const NodeId& node, Incarnation incarnation);
  // When this member may serve in `term` itself: once the leases to primaries of all earlier terms have run out.
  // `served`: this member's own last term: it knows that those before it have run out.
  Instant free_at(Term term) const;
  // What is left of the last lease given to anybody else.
  Duration left(Instant now) const;

 private:
  // (the owner of this file chooses the representation)
};

}  // namespace gyre::replication
