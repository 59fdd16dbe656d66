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

// Each answer says where its member stood, and which terms there are from that on that the session had seen. A position
// is lost once a later term is known to begin at or below its sequence, or to be there when its own is not: where
// everything newer was lost, what survives may be longer than what it began with.
//
// A write is settled through a term if all starts from its own term on, up to that one, are or were known here. What
// survives keeps all that was before it; so the newest write stands for the others, once they are settled through it.
//
// INVARIANT 1: seen() of a partition only grows, except that what is lost is replaced by what survived.
// INVARIANT 2: an acknowledged write is given as lost at most once.
// INVARIANT 3: where an acknowledged write is not settled through a term, unsure() of that term gives one that tells.
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
  // An acknowledged write there, where something is not settled through `term`; else null. The answer to a request that
  // carried its version tells.
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
    messages::TermHistory starts;  // of the newest terms, as far as they are known here; of one history
    Term reach;  // no start from this one on is missing among them
    Term judged;  // nor from this one on when they were last compared with what was acknowledged
    Lost::Write acknowledged;  // the newest not known to be lost; version {0, 0}: none
    std::optional<Lost::Write> doubtful;  // an older one, of the lowest term that is not settled through that one's
    Lost::Write forgotten;  // the newest of the acknowledged writes no longer in acknowledged_
  };
  struct Acknowledged {
    Instant at;
    PartitionId partition;
    Lost::Write write;
  };

  const Partition& of(PartitionId partition) const { return partitions_[partition.value()]; }
  Partition& of(PartitionId partition) { return partitions_[partition.value()]; }
  static bool is_lost(const Partition& state, Position position);
  static bool is_settled(const Partition& state, Position position, Term term);
  static void learn(Partition& state, Term asked, const messages::TermHistory& starts);
  static void trim(Partition& state);
  static void see(Partition& state, Position position);
  static void add(Partition& state, Lost::Write write);
  static bool forget_lost(Partition& state);
  std::optional<Lost> take_lost_writes(PartitionId partition);
  void forget_old(Instant now);

  std::vector<Partition> partitions_;
  std::deque<Acknowledged> acknowledged_;  // oldest first
};

}  // namespace gyre::routing
