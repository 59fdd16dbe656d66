// The dedupe window of one partition: which writes a retry may still ask for, and what they were answered
// (PROTOCOL.md section 9).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "messages/operation.h"
#include "messages/request.h"

namespace gyre::replication {

// Of the operations of a write, so that an id used for another write is noticed.
std::uint64_t fingerprint(const std::vector<messages::WriteOperation>& operations);

// INVARIANT: no write is forgotten before its client has said that it never asks again, or kWriteIdLife has passed by
// the partition's time. A full window refuses new ids instead.
class Window {
 public:
  // The write that already has this id; null: none. Valid until the next change.
  const messages::WindowWrite* find(const messages::WriteId& id) const;
  // True: the client has said that it never asks for this one (again).
  bool closed(const messages::WriteId& id) const;
  bool full() const;

  // REQUIRES: not there yet. Positions only grow. Also drops what the client's `lowest_open` closes.
  void add(messages::WindowWrite write);
  // Forgets those behind `last`: they were never applied.
  void truncate_after(Sequence last);
  // Forgets what is older than kWriteIdLife at `time`.
  void expire(UnixMillis time);
  // Takes the place of everything.
  void replace(std::vector<messages::WindowWrite> writes);
  // Everything, by position.
  std::vector<messages::WindowWrite> all() const;
  std::size_t size() const;

 private:
  // (the owner of this file chooses the representation)
};

}  // namespace gyre::replication
