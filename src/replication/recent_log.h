// The newest writes of a partition in memory, for members that follow closely.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "messages/operation.h"

namespace gyre::replication {

// Consecutive sequences; holds at most about `bytes_max` of writes that were committed, the newest ones.
//
// An empty one reaches nothing: it does not know where the partition stands. Whether a member lacks anything at all is
// for its caller to see.
class RecentLog {
 public:
  explicit RecentLog(std::size_t bytes_max);

  // REQUIRES: the next sequence, or the log is empty.
  void append(messages::LoggedWritePtr write);
  // Forgets those behind `last`.
  void truncate_after(Sequence last);
  // Of the writes up to `held` the oldest go, until about `bytes_max` are left in all.
  void trim(Sequence held, std::size_t bytes_max);
  void clear();

  bool empty() const { return writes_.empty(); }
  Sequence first() const;  // REQUIRES: !empty()
  Sequence last() const;   // REQUIRES: !empty()
  // Can give the write behind `after` (or there is none behind it yet)?
  bool reaches(Sequence after) const;
  // Those behind `after`, up to `last` and to about `bytes_max`, at least one where there is one.
  // REQUIRES: reaches(after).
  std::vector<messages::LoggedWritePtr> page(Sequence after, Sequence last, std::size_t bytes_max) const;
  // Null: not here. Valid until the next change.
  const messages::LoggedWrite* find(Sequence sequence) const;

 private:
  std::size_t bytes_max_;
  std::deque<messages::LoggedWritePtr> writes_;
  std::size_t bytes_ = 0;  // of writes_
};

}  // namespace gyre::replication
