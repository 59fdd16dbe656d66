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
// INVARIANT 2: of memory, it takes about twice what window() gives.
class LoggedIds {
 public:
  // Nothing happens where it has no id, or is not behind all that are here.
  void add(const messages::LoggedWrite& write);
  void add(messages::WindowWrite write);
  // Takes the place of everything.
  void replace(const std::vector<messages::WindowWrite>& writes);
  // Forgets those behind `last`: the partition's history went back to it.
  void truncate_after(Sequence last);
  // What a partition's window keeps, oldest first. Of what no client's lowest open number closes as many as it holds,
  // the newest: what came before those had left the window of the primary that took them in, as a full one takes
  // nothing. Of what may repeat another write and is closed, kRetriesKeptMax, the newest.
  std::vector<messages::WindowWrite> window() const;

 private:
  void compact();

  static constexpr std::size_t kCompactMin = 1024;

  std::deque<messages::WindowWrite> writes_;
  std::size_t compact_at_ = kCompactMin;
};

}  // namespace gyre::storage
