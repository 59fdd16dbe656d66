// Where the entries of a ledger are, by what names them. Internal to this folder.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "messages/loss.h"

namespace gyre::storage {

// Entries are numbered from 1 on, in the order in which they were added. Takes about 200 bytes for each.
class LossIndex {
 public:
  // The entry of the same write or of the very same range. 0: none.
  std::uint64_t find(const messages::Loss& loss) const;
  // Returns its number. REQUIRES: find(loss) == 0.
  std::uint64_t add(const messages::Loss& loss);
  // The entries of the writes that these retries have brought back and that are not marked yet.
  std::vector<std::uint64_t> unmarked(PartitionId partition, std::span<const messages::Retried> retries) const;
  // The writes with ids that are not marked yet.
  std::map<PartitionId, std::vector<messages::LostId>> lost_ids() const;
  // REQUIRES: 1 <= entry <= size().
  void mark(std::uint64_t entry) { reapplied_[entry - 1] = true; }
  bool reapplied(std::uint64_t entry) const { return reapplied_[entry - 1]; }
  std::uint64_t size() const { return reapplied_.size(); }

 private:
  // Partition, term, first and last sequence.
  using Name = std::tuple<PartitionId, Term, Sequence, Sequence>;
  struct Write {
    std::uint64_t entry;
    Term term;
    UnixMillis time;
  };
  static Name name_of(const messages::Loss& loss);

  std::map<Name, std::uint64_t> by_name_;
  std::multimap<std::pair<PartitionId, messages::WriteId>, Write> by_id_;
  std::vector<bool> reapplied_;
};

}  // namespace gyre::storage
