// Writes acknowledged by a number of members: whether these had them, and whether they are lost only where so many
// failed.
#pragma once

#include <map>
#include <vector>

#include "tests/simulation/notice.h"
#include "tests/simulation/standing.h"
#include "tests/simulation/truth.h"

namespace gyre::simulation {

// Acknowledged by n (2 or more), a write is lost only if n of the members fail that held it then (PROTOCOL.md section
// 2). Judged at each term that begins: a primary without the write is wrong while fewer than n of these have failed. A
// write that is lost lawfully is not asked for again.
class Promises {
 public:
  Promises(const Scheduler& scheduler, const Truth& truth, const Nodes& nodes, Standing& standing, OnNotice notice)
      : scheduler_(scheduler), truth_(truth), nodes_(nodes), standing_(standing), notice_(std::move(notice)) {}

  struct Write {
    PartitionId partition;
    Position position;
    messages::AckCount ack;
  };
  // Its acknowledgement leaves from `primary`. `min_in_sync`: wanted for `all`.
  void on_acknowledged(NodeIndex primary, const Write& write, std::uint32_t min_in_sync);
  // `primary`, which has its data, is appointed, as was decided then. `given_up`: an operator has said that what it
  // lacks may be lost.
  void on_term(PartitionId partition, Term term, NodeIndex primary, const Standing::Decision& decision, bool given_up);
  // How often a term had to have a write, as fewer than n had failed.
  std::uint64_t bound() const { return bound_; }

 private:
  struct Promise {
    Position position;
    messages::AckCount n;
    WorldTime applied_at;
    WorldTime acknowledged_at;
    std::vector<NodeIndex> holders;
    std::size_t failed = 0;  // had it, and something happened to them before the acknowledgement left
  };
  struct Begun {
    Term term;
    Position from;
    WorldTime decided_at;
    Standing::Members standing;  // then
    bool given_up = false;
  };

  std::map<NodeIndex, bool> known_in_sync(NodeIndex primary, PartitionId partition) const;
  Term term_of(NodeIndex primary, PartitionId partition, Term written) const;
  // True: the term has it, or what it lacks is lost lawfully: then `promise` ends.
  bool keeps(PartitionId partition, const Begun& begun, const Promise& promise);

  const Scheduler& scheduler_;
  const Truth& truth_;
  const Nodes& nodes_;
  Standing& standing_;
  OnNotice notice_;
  std::map<PartitionId, std::vector<Promise>> promises_;
  std::map<PartitionId, std::vector<Begun>> begun_;
  std::uint64_t bound_ = 0;
};

}  // namespace gyre::simulation
