// The writes of a load between "read from the file" and "known to be stored".
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "tools/gyre/record_reader.h"

namespace gyre::cli {

// Answers come in any order; what a later run must repeat is everything from the first record without one.
//
// INVARIANT: every record before first_open() is stored or was given up as bad.
class LoadWindow {
 public:
  using Ticket = std::uint64_t;

  Ticket begin(const RecordPlace& place, Record record);
  void settle(Ticket ticket);
  // REQUIRES: begun and not settled.
  const Record& record(Ticket ticket) const { return entry(ticket).record; }
  const RecordPlace& place(Ticket ticket) const { return entry(ticket).place; }

  // Where the first record that is not settled begins; none: all are.
  std::optional<RecordPlace> first_open() const;
  std::size_t open() const { return open_; }
  // Bytes of keys and values that are not settled.
  std::uint64_t open_bytes() const { return open_bytes_; }
  // Records from the first open one on, settled or not.
  std::size_t span() const { return entries_.size(); }

 private:
  struct Entry {
    RecordPlace place;
    Record record;
    bool settled = false;
  };

  const Entry& entry(Ticket ticket) const { return entries_[ticket - first_]; }

  std::deque<Entry> entries_;
  Ticket first_ = 0;  // of entries_.front()
  std::size_t open_ = 0;
  std::uint64_t open_bytes_ = 0;
};

}  // namespace gyre::cli
