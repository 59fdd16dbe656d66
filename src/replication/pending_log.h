// The writes of a partition that storage has not confirmed yet, oldest first.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "messages/operation.h"

namespace gyre::replication {

// One write has one sequence and any number of mutations. Sequences only grow.
//
// Plain writes only append. The index by key is brought up to date when somebody looks for a key, so that a load
// without conditional writes never pays for it.
class PendingLog {
 public:
  // REQUIRES: the mutation's sequence is not below the last one's.
  void append(messages::Mutation mutation);
  // Forgets everything up to and including `last`.
  void drop_through(Sequence last);
  // Forgets everything behind `last`.
  void truncate_after(Sequence last);
  // The newest mutation of a key, null if none is pending. Valid until the next change.
  const messages::Mutation* find(std::string_view key);

  bool empty() const { return mutations_.empty(); }
  std::size_t size() const { return mutations_.size(); }
  // Those behind `last`. Valid until the next change.
  std::span<const messages::Mutation> after(Sequence last) const;

 private:
  std::vector<messages::Mutation> mutations_;
  // Key to place in mutations_, for the first `indexed_` of them. Looked up only, never iterated.
  std::unordered_map<std::string_view, std::size_t> index_;
  std::size_t indexed_ = 0;
};

}  // namespace gyre::replication
