// The names of a client's writes, so that a retry is recognised (PROTOCOL.md section 9).
#pragma once

#include <deque>

#include "base/ids.h"
#include "messages/operation.h"

namespace gyre::routing {

// Numbers go up by one from 1. A write is open until its caller has been answered: until then it may be sent again.
class WriteIds {
 public:
  // REQUIRES: `client` is not 0, and no other client's.
  explicit WriteIds(ClientId client) : client_(client) {}

  messages::WriteId open();
  void close(const messages::WriteId& id);
  // What is below is never sent again.
  WriteNumber lowest_open() const { return WriteNumber(first_); }

 private:
  ClientId client_;
  std::uint64_t first_ = 1;  // the number of the first of `open_`; the next number where that is empty
  std::deque<bool> open_;    // by number; begins with an open one
};

}  // namespace gyre::routing
