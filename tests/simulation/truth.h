// What really happened to every partition: all writes that any member ever applied, as a tree of histories.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/operation.h"
#include "storage/engine.h"
#include "tests/simulation/scheduler.h"

namespace gyre::simulation {

using NodeIndex = std::uint32_t;

// Every commit of every node passes through here. A position names one write, whose predecessor is fixed when it is
// first applied: so each position has one history, and who holds a position holds that history, if it is whole.
//
// What contradicts that is a failure: two writes at one position, a hole, a write out of nowhere, one id applied twice
// in one history.
class Truth {
 public:
  using OnFailure = std::function<void(std::string)>;

  Truth(const Scheduler& scheduler, OnFailure fail) : scheduler_(scheduler), fail_(std::move(fail)) {}

  // `batch` is in the store of `node` now.
  void on_commit(NodeIndex node, const storage::PartitionBatch& batch);
  // The store of `node` holds this now: it was opened, after a crash or wiped.
  void on_opened(NodeIndex node, const std::vector<std::pair<PartitionId, storage::StoredPartition>>& stored);
  void on_dropped(NodeIndex node, PartitionId partition);

  // `node` says that those who are asked to keep the partition hold this.
  void note_said_held(NodeIndex node, PartitionId partition, Position position);
  // What the store of `node` holds of a partition; {}: nothing.
  const messages::PartitionState& held(NodeIndex node, PartitionId partition) const;
  // Is `position` in the history of `of`? {0, 0} is in every history.
  bool contains(PartitionId partition, Position of, Position position) const;
  bool holds(NodeIndex node, PartitionId partition, Position position) const {
    return contains(partition, held(node, partition).position, position);
  }
  // Held it at some time, whatever became of it.
  bool ever_held(NodeIndex node, PartitionId partition, Position position) const;
  // Held it, and lost it when it died.
  bool lost_by_death(NodeIndex node, PartitionId partition, Position position) const;
  // Held it, and deleted its copy while another node held it, or after a primary that held it had said that it may.
  bool left_to_others(NodeIndex node, PartitionId partition, Position position) const;
  // Has deleted a copy for good: it was no member for a while.
  bool was_no_member(NodeIndex node, PartitionId partition) const;
  // Whatever was written with this id, in any history.
  std::span<const Position> written_as(PartitionId partition, const messages::WriteId& id) const;
  // Null: nobody ever applied it.
  const messages::LoggedWrite* find(PartitionId partition, Position position) const;
  // When somebody first applied it. REQUIRES: somebody did.
  WorldTime applied_at(PartitionId partition, Position position) const;
  // Whatever anybody ever applied, in any history.
  void for_each(const std::function<void(PartitionId, const messages::LoggedWrite&)>& look) const;

  // A change of one key.
  struct Change {
    Position position;
    const messages::Mutation* mutation;
  };
  // All changes of `key` in any history, in the order they were first applied.
  const std::vector<Change>& changes_of(PartitionId partition, std::string_view key) const;
  // Those in the history of `of`, oldest first.
  std::vector<Change> changes_of(PartitionId partition, std::string_view key, Position of) const;
  // The writes of the history of `of`, oldest first.
  std::vector<messages::LoggedWritePtr> history(PartitionId partition, Position of) const;
  // What a store at `of` must hold, expired records included.
  std::map<std::string, messages::Record, std::less<>> contents(PartitionId partition, Position of) const;
  // The keys that were ever changed.
  std::vector<std::string> keys(PartitionId partition) const;
  std::size_t writes() const { return writes_; }

 private:
  struct Applied {
    messages::LoggedWritePtr write;
    WorldTime at;
    std::uint64_t holders = 0;  // bits by node
  };
  // The writes of one term follow each other; the first follows `base`.
  struct Term {
    Position base;
    std::vector<Applied> writes;
    std::uint64_t first() const { return base.sequence.value() + 1; }
  };
  struct Partition {
    std::map<gyre::Term, Term> terms;
    std::map<std::string, std::vector<Change>, std::less<>> changes;
    std::map<messages::WriteId, std::vector<Position>> ids;
  };

  void note_deletion(NodeIndex node, PartitionId partition, Position before, bool for_good);
  Applied* find_applied(PartitionId partition, Position position);
  void apply(NodeIndex node, PartitionId id, Position before, const messages::LoggedWritePtr& write);
  void add(PartitionId id, Partition& partition, Position before, const messages::LoggedWritePtr& write);
  void compare(NodeIndex node, PartitionId id, Position before, const Term& term, const messages::LoggedWrite& held,
               const messages::LoggedWrite& write);
  // First and last sequence of each term in the history of `of`, newest first.
  struct Piece {
    const Term* term;
    gyre::Term number;
    std::uint64_t last;
  };
  std::vector<Piece> pieces(PartitionId partition, Position of) const;

  const Scheduler& scheduler_;
  OnFailure fail_;
  std::map<PartitionId, Partition> partitions_;
  std::map<std::pair<NodeIndex, PartitionId>, messages::PartitionState> held_;
  struct Death {
    NodeIndex node;
    PartitionId partition;
    Position before;
    Position after;
  };
  std::vector<Death> deaths_;  // those that lost something
  struct Deletion {
    NodeIndex node;
    PartitionId partition;
    Position before;
    bool for_good;                 // else a snapshot takes its place
    std::vector<Position> others;  // what the other nodes held then, or primaries said before that they hold
  };
  std::vector<Deletion> deletions_;
  std::map<PartitionId, std::vector<Position>> said_held_;  // to nodes that ask whether they may delete their copies
  std::size_t writes_ = 0;
};

}  // namespace gyre::simulation
