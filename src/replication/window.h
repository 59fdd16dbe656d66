// The dedupe window of one partition: which writes a retry may still ask for, and what they were answered
// (PROTOCOL.md section 9); and which retries were written that may repeat what a failover lost (section 10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/broken_rule.h"
#include "messages/operation.h"

namespace gyre::replication {

// Of the operations of a write, so that an id used for another write is noticed. Stored and sent: fixed for ever.
std::uint64_t fingerprint(const std::vector<messages::WriteOperation>& operations);

// INVARIANT: no write is forgotten before its client has said that it never asks again, or kWriteIdLife has passed. A
// full window refuses new ids instead.
//
// That time counts from when this process was first seen running with the write in its window, however long ago it was
// written: the partition's time says nothing of it. That of a member may be ahead of what a new primary writes with,
// and any of them jumps with a wall clock that is set.
//
// Of a write that may repeat one that an earlier primary wrote and nobody else has, the id is kept when it is forgotten
// as above, too: that primary, when it comes back, finds it here, though it gets a snapshot and not the log. They are
// few, as only what was under way during a failover is among them; of more than kRetriesKeptMax the oldest go.
//
// A change costs the same however much is kept: writes stand in one list by position, which is also the order in which
// they expire, and each client has its few open ones by number.
class Window {
 public:
  explicit Window(BrokenRule broken = BrokenRule::none) : broken_(broken) {}
  Window(Window&&) = default;  // not copied: clients refer into the list
  Window& operator=(Window&&) = default;

  // The write that already has this id; null: none. Valid until the next change.
  const messages::WindowWrite* find(const messages::WriteId& id) const;
  // True: the client has said that it never asks for this one (again).
  bool closed(const messages::WriteId& id) const;
  bool full() const;

  // REQUIRES: an id is given, and not there yet. Positions only grow. Also drops what the client's `lowest_open`
  // closes.
  void add(messages::WindowWrite write);
  // Forgets those behind `last`: they were never applied. What they closed stays closed.
  void truncate_after(Sequence last);
  // Forgets what was here kWriteIdLife ago. `running`: how long this process has been running (RunningClock); time in
  // which it was not does not count, as what it was sent meanwhile is still to be read. Call often.
  void expire(Duration running);
  // When that has something to do next, by the same clock; none: never.
  std::optional<Duration> next_expiry() const;
  // Nobody is away any more who might have what the retries repeat.
  void forget_retries() { retries_.clear(); }
  // Takes the place of everything. Input from outside: what is not in order of position, has no id or has one twice is
  // left out.
  void replace(std::vector<messages::WindowWrite> writes);
  // Everything, by position, retries included.
  std::vector<messages::WindowWrite> all() const;
  // Those that nobody asks for again, and that may repeat other writes.
  const std::map<Sequence, messages::WindowWrite>& retries() const { return retries_; }
  // Of those that a retry may ask for.
  std::size_t size() const { return writes_.size(); }

 private:
  // By the running clock, when expire() saw it first; none: it has not yet.
  using Seen = std::optional<Duration>;
  struct Kept {
    messages::WindowWrite write;
    Seen seen;
  };
  using Writes = std::list<Kept>;
  struct Heard {
    ClientId client;
    Seen seen;
  };
  struct OfClient {
    WriteNumber number;  // of `write`: looking for one touches no other
    Writes::iterator write;
  };
  struct Client {
    WriteNumber lowest_open;
    std::vector<OfClient> writes;  // by number
    std::list<Heard>::iterator heard;
  };

  void keep_retry(messages::WindowWrite write);
  Client& client_of(const messages::WindowWrite& write);
  // Nobody asks for it again. Its client's `writes` are the caller's to tidy.
  void close(Writes::iterator write);
  // Forgets it; the same.
  void erase(Writes::iterator write);
  // Forgets it altogether.
  void forget(Writes::iterator write);
  void remove_from_client(Writes::iterator write);

  BrokenRule broken_;
  Writes writes_;  // by position
  std::size_t bytes_ = 0;
  std::map<Sequence, messages::WindowWrite> retries_;
  // A client is remembered for kWriteIdLife after its last write, for the sake of `lowest_open`. Looked up only.
  std::unordered_map<ClientId, Client> clients_;
  std::list<Heard> heard_;  // each client once, by its last write
};

}  // namespace gyre::replication
