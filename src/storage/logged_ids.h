// The ids of one partition's writes that a store gives back when it is opened. Internal to this folder.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "base/ids.h"
#include "messages/operation.h"

namespace gyre::storage {

// How long ago they were written it does not know: the times in them are of wall clocks, which may have been set since.
//
// INVARIANT 1: in the order of their positions, no sequence twice.
// INVARIANT 2: of memory, it takes about twice what open() gives.
class LoggedIds {
 public:
  // Nothing happens where it has no id, or is not behind all that are here.
  void add(const messages::LoggedWrite& write);
  void add(messages::WindowWrite write);
  // Takes the place of everything.
  void replace(const std::vector<messages::WindowWrite>& writes);
  // Forgets those behind `last`: the partition's history went back to it.
  void truncate_after(Sequence last);
  // Those that a retry may still ask for, oldest first: without what a client's lowest open number closes, and of the
  // rest as many as a partition's window holds, the newest. What came before those had left the window of the primary
  // that took them in: a full one takes nothing.
  std::vector<messages::WindowWrite> open() const;

 private:
  void compact();

  static constexpr std::size_t kCompactMin = 1024;

  std::deque<messages::WindowWrite> writes_;
  std::size_t compact_at_ = kCompactMin;
};

}  // namespace gyre::storage
