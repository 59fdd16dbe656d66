// The ids of one partition's writes that a store gives back when it is opened. Internal to this folder.
#pragma once

#include <deque>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "messages/operation.h"

namespace gyre::storage {

// INVARIANT: in the order of their positions, no sequence twice.
class LoggedIds {
 public:
  // Nothing happens where it has no id, or is not behind all that are here.
  void add(const messages::LoggedWrite& write);
  void add(messages::WindowWrite write);
  // Takes the place of everything.
  void replace(const std::vector<messages::WindowWrite>& writes);
  // Forgets those behind `last`: the partition's history went back to it.
  void truncate_after(Sequence last);
  // Forgets what is older than kWriteIdLife at `time`.
  void expire(UnixMillis time);
  // Those that a retry may still ask for, oldest first: without what a client's lowest open number closes.
  std::vector<messages::WindowWrite> open() const;

 private:
  std::deque<messages::WindowWrite> writes_;
};

}  // namespace gyre::storage
