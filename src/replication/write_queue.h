// The order of what clients ask of a serving primary: writes, and reads that came behind one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "gyre/result.h"
#include "replication/brake.h"
#include "replication/context.h"
#include "replication/deadlines.h"
#include "replication/read_request.h"

namespace gyre::replication {

// A term in office, and since when.
struct Office {
  Term term;
  Instant since;
};

// Requests pass through in order: a write that depends on a stored value waits at the head until the host has read it;
// the rest is carried out at once. A write, also one of many operations, has one sequence. What was carried out leaves
// its answer in Context::waits. What is still here when its deadline passes is not carried out.
class WriteQueue {
 public:
  explicit WriteQueue(Context& context) : context_(context) {}

  void push(Instant now, Ticket ticket, messages::WriteRequest write, Instant deadline);
  void push(Ticket ticket, ReadRequest read);
  // Carries out what can be, and as many writes as `brake` lets pass.
  void drain(const Moment& now, Office office, Brake& brake);
  // False: nobody waits for it.
  bool on_current(const Moment& now, Office office, Ticket ticket, std::size_t operation,
                  Result<std::optional<messages::Record>> record);
  // Answers all of it so.
  void fail_all(const Error& error);
  // Answers what waits beyond its deadline, by up to kDeadlineSlot. Costs next to nothing where there is none.
  void end_overdue(Instant now);

  // A read whose turn has come: of a key with a pending write, or of everything.
  void plan(Ticket ticket, const ReadRequest& read);

  bool empty() const { return queue_.empty(); }
  std::size_t size() const { return queue_.size(); }
  // The head waits for a stored value.
  bool reading() const { return !queue_.empty() && queue_.front().started; }

 private:
  struct Queued {
    Ticket ticket;
    std::optional<ReadRequest> read;  // else a write
    messages::WriteRequest write = {};
    Instant deadline = kNever;
    Instant arrived = {};
    std::uint64_t fingerprint = 0;
    std::vector<std::optional<messages::Record>> current = {};  // by operation, as they arrive; empty: none needed
    std::size_t reads_open = 0;
    bool started = false;
  };

  void push(Queued queued);
  void pop();
  void refuse(const Queued& queued, const Error& error);
  // True: its deadline has passed, and it was answered so.
  bool timed_out(Instant now, const Queued& queued);
  // True: it was answered by what the window knows, or refused.
  bool answered_before(Instant now, Queued& queued);
  bool start_reads(Queued& queued);
  // Of the last write that has its place.
  Position newest() const;
  void apply(const Moment& now, Office office, Queued& queued);
  // `position`: where the answer stands; it shows nothing behind that. `shows`: it shows what other writes did.
  enum class Shows : std::uint8_t { own_write, others };
  void answer(const Queued& queued, Position position, Shows shows,
              Result<std::vector<messages::WriteOutcome>> outcomes);

  Context& context_;
  std::deque<Queued> queue_;
  Deadlines deadlines_;
};

}  // namespace gyre::replication
