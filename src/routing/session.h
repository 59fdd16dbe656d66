// What one client has written and seen of each partition, and what failovers took back of it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "messages/request.h"
#include "routing/session_token.h"

namespace gyre::routing {

// Acknowledged writes of this client that the surviving history of a partition lacks.
struct Lost {
  struct Write {
    Bytes key;
    Position version;
  };
  PartitionId partition;
  std::vector<Write> writes;  // in the order of their acknowledgement; of a batch, one for each key
  bool more = false;          // there may be older ones, which are no longer remembered
};

// Each answer says where its member stood, and which terms began behind what the session had seen. A position is lost
// once a later term is known to begin at or below its sequence.
//
// INVARIANT 1: seen() of a partition only grows, except that what is lost is replaced by what survived.
// INVARIANT 2: an acknowledged write is given as lost at most once.
class Session {
 public:
  // REQUIRES: before anything else of a partition is asked or noted; the number never changes.
  void set_partitions(std::size_t count) { partitions_.resize(count); }

  // What requests carry.
  Position seen(PartitionId partition) const { return of(partition).seen; }
  // What was seen is lost, and the session has not been told: true once.
  bool take_loss(PartitionId partition);
  // A member says that what a read asked for, `asked`, is lost, and the primary has told where it stands now: the
  // session goes on from there.
  void on_told(PartitionId partition, Position asked, Position now);

  // An answer to a request that carried `asked`. Gives acknowledged writes that it shows to be lost.
  std::optional<Lost> on_answer(PartitionId partition, Position asked, const messages::Standing& standing);
  // A write was acknowledged. Gives it back where it is known to be lost already.
  std::optional<Lost> on_acknowledged(Instant now, PartitionId partition, const messages::WriteRequest& write,
                                      const messages::WriteResponse& response);
  // The newest acknowledged write there, where nothing tells whether it survived the start of `term`; else null.
  const Lost::Write* unsure(PartitionId partition, Term term) const;

  SessionToken token(const ClusterId& cluster) const;
  // ERRORS: wrong_cluster, invalid_argument.
  Result<void> resume(const ClusterId& cluster, const SessionToken& token);
  // Forgets what was seen; acknowledged writes are remembered.
  void reset();

 private:
  struct Partition {
    Position seen;
    std::optional<Position> lost;  // was seen, did not survive, and the session has not been told
    messages::TermHistory starts;  // of the newest terms, as far as they are known here
    Lost::Write acknowledged;      // the newest; version {0, 0}: none that could be lost
    Position forgotten;            // the newest of the acknowledged writes no longer in acknowledged_
  };
  struct Acknowledged {
    Instant at;
    PartitionId partition;
    Lost::Write write;
  };

  const Partition& of(PartitionId partition) const { return partitions_[partition.value()]; }
  Partition& of(PartitionId partition) { return partitions_[partition.value()]; }
  static bool is_lost(const Partition& state, Position position);
  static void learn(Partition& state, Term behind, const messages::TermHistory& starts);
  static void see(Partition& state, Position position);
  std::optional<Lost> take_lost_writes(PartitionId partition);
  void forget_old(Instant now);

  std::vector<Partition> partitions_;
  std::deque<Acknowledged> acknowledged_;  // oldest first
};

}  // namespace gyre::routing
