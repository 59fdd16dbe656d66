// The newest writes of a partition that something is still to confirm (storage, or the other members), oldest first.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "messages/operation.h"

namespace gyre::replication {

// Plain writes only append. The index by key is brought up to date when somebody looks for a key, so that a load
// without conditional writes never pays for it.
class PendingLog {
 public:
  // REQUIRES: behind all others.
  void append(messages::LoggedWritePtr write);
  // Forgets everything up to and including `last`.
  void drop_through(Sequence last);
  // Forgets everything behind `last`.
  void truncate_after(Sequence last);
  // The newest mutation of a key, null if none is pending. Valid until the next change.
  const messages::Mutation* find(std::string_view key);

  bool empty() const { return first_ == writes_.size(); }
  std::size_t size() const { return writes_.size() - first_; }
  // REQUIRES: !empty().
  Sequence first() const { return writes_[first_]->position.sequence; }
  // Those behind `last`. Valid until the next change.
  std::span<const messages::LoggedWritePtr> after(Sequence last) const;

 private:
  void forget_index();

  std::vector<messages::LoggedWritePtr> writes_;
  std::size_t first_ = 0;  // those before it are dropped
  // By key, for the writes before `indexed_`. Looked up only, never iterated.
  std::unordered_map<std::string_view, const messages::Mutation*> index_;
  std::size_t indexed_ = 0;
};

}  // namespace gyre::replication
