#include "replication/write_queue.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "replication/evaluate.h"
#include "replication/term_history.h"

namespace gyre::replication {

using messages::LoggedWrite;
using messages::Mutation;
using messages::Record;
using messages::WriteOperation;
using messages::WriteOutcome;

namespace {

// Below the life of an id: the time that a retry was on its way, or will yet wait for stored values, is in no age.
constexpr Duration kOnItsWayMax = std::chrono::seconds(10);
constexpr Duration kRetryAgeMax = limits::kWriteIdLife - kOnItsWayMax;

// The mutations of a write in the making; each operation sees those before it.
class Draft {
 public:
  explicit Draft(std::size_t operations) { mutations_.reserve(operations); }

  void add(Mutation mutation) { mutations_.push_back(std::move(mutation)); }
  const Mutation* find(std::string_view key) {
    for (; indexed_ < mutations_.size(); ++indexed_) index_[mutations_[indexed_].key.view()] = indexed_;
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &mutations_[found->second];
  }
  bool empty() const { return mutations_.empty(); }
  std::vector<Mutation> take() { return std::move(mutations_); }

 private:
  std::vector<Mutation> mutations_;  // never moves: its capacity is reserved
  std::unordered_map<std::string_view, std::size_t> index_;  // looked up only
  std::size_t indexed_ = 0;
};

const Record* record_of(const Mutation& mutation) {
  return mutation.kind == Mutation::Kind::put ? &mutation.record : nullptr;
}

}  // namespace

void WriteQueue::push(Instant now, Ticket ticket, messages::WriteRequest write, Instant deadline) {
  GYRE_ASSERT(!write.operations.empty());
  const std::uint64_t print = write.id.given() ? fingerprint(write.operations) : 0;
  push({.ticket = ticket,
        .read = std::nullopt,
        .write = std::move(write),
        .deadline = deadline,
        .arrived = now,
        .fingerprint = print});
}

void WriteQueue::push(Ticket ticket, ReadRequest read) {
  const Instant deadline = read.deadline;
  push({.ticket = ticket, .read = std::move(read), .deadline = deadline});
}

void WriteQueue::push(Queued queued) {
  deadlines_.add(queued.deadline);
  queue_.push_back(std::move(queued));
}

void WriteQueue::pop() {
  deadlines_.remove(queue_.front().deadline);
  queue_.pop_front();
}

void WriteQueue::drain(const Moment& now, Office office, Brake& brake) {
  while (!queue_.empty()) {
    Queued& head = queue_.front();
    if (head.started) return;
    const bool over = timed_out(now.steady, head);
    if (!over && head.read) {
      plan(head.ticket, *head.read);
    } else if (!over && !answered_before(now.steady, head)) {
      if (!brake.pass(now.steady) || start_reads(head)) return;
      apply(now, office, head);
    }
    pop();
  }
}

bool WriteQueue::on_current(const Moment& now, Office office, Ticket ticket, std::size_t operation,
                            Result<std::optional<Record>> record) {
  // Only the head ever reads; an answer for anything else comes from before a change of role.
  if (queue_.empty() || queue_.front().ticket != ticket || !queue_.front().started) return false;
  Queued& head = queue_.front();
  GYRE_ASSERT(operation < head.current.size() && head.reads_open > 0);
  if (!record) {
    answer(head, newest(), Shows::others, fail(std::move(record).error()));
  } else {
    head.current[operation] = *std::move(record);
    if (--head.reads_open > 0) return true;
    if (!timed_out(now.steady, head)) apply(now, office, head);
  }
  pop();
  return true;
}

void WriteQueue::refuse(const Queued& queued, const Error& error) {
  if (queued.read) {
    context_.effects.push_back(ReadReady{queued.ticket, fail(error)});
  } else {
    context_.effects.push_back(WriteDone{queued.ticket, fail(error)});
  }
}

void WriteQueue::fail_all(const Error& error) {
  while (!queue_.empty()) {
    refuse(queue_.front(), error);
    pop();
  }
}

bool WriteQueue::timed_out(Instant now, const Queued& queued) {
  if (now < queued.deadline) return false;
  refuse(queued,
         {ErrorCode::timeout, Outcome::not_applied, "the deadline passed before the turn of this request came", {}});
  return true;
}

// Also of the one that waits for a stored value: that comes too late.
void WriteQueue::end_overdue(Instant now) {
  if (!deadlines_.due(now)) return;
  std::erase_if(queue_, [&](const Queued& queued) {
    if (!timed_out(now, queued)) return false;
    deadlines_.remove(queued.deadline);
    return true;
  });
}

// --- Writes ---

Position WriteQueue::newest() const { return context_.journal.position_of(context_.journal.assigned()); }

bool WriteQueue::answered_before(Instant now, Queued& queued) {
  const messages::WriteRequest& write = queued.write;
  if (!write.id.given()) return false;
  const Window& window = context_.journal.window();
  if (const messages::WindowWrite* before = window.find(write.id)) {
    if (before->fingerprint != queued.fingerprint) {
      context_.effects.push_back(
          WriteDone{queued.ticket, fail(ErrorCode::invalid_argument,
                                        fmt::format("write {} of this client was another operation: use a new number",
                                                    write.id.number.value()))});
      return true;
    }
    answer(queued, before->position, Shows::others, before->outcomes);
    return true;
  }
  if (write.age + (now - queued.arrived) >= kRetryAgeMax) {
    context_.effects.push_back(
        WriteDone{queued.ticket, fail(ErrorCode::outcome_unknown,
                                      "the write was first sent too long ago to know whether it was applied: read "
                                      "before you write again",
                                      Outcome::unknown)});
    return true;
  }
  if (window.closed(write.id)) {
    context_.effects.push_back(
        WriteDone{queued.ticket, fail(ErrorCode::outcome_unknown,
                                      "the client has said that it would not ask for this write again: read before you "
                                      "write again",
                                      Outcome::unknown)});
    return true;
  }
  if (window.full()) {
    context_.effects.push_back(WriteDone{
        queued.ticket,
        fail(Error{ErrorCode::busy, Outcome::not_applied,
                   fmt::format("partition {} remembers as many recent writes as it can", context_.config.id.value()),
                   limits::kBusyRetryAfter})});
    return true;
  }
  return false;
}

// Collects the stored values that the write depends on, and asks for those that are not pending. False: all are there.
bool WriteQueue::start_reads(Queued& queued) {
  const auto& operations = queued.write.operations;
  queued.started = true;
  if (std::ranges::none_of(operations, needs_current)) return false;
  queued.current.resize(operations.size());
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (!needs_current(operations[i])) continue;
    const Mutation* pending = context_.journal.pending().find(operations[i].key);
    if (pending != nullptr && !context_.broken(BrokenRule::evaluate_pending)) {
      if (const Record* record = record_of(*pending)) queued.current[i] = *record;
      continue;
    }
    context_.effects.push_back(ReadCurrent{queued.ticket, i, operations[i].key});
    ++queued.reads_open;
  }
  return queued.reads_open > 0;
}

// All operations under one sequence, each seeing those before it; or none of them.
void WriteQueue::apply(const Moment& now, Office office, Queued& queued) {
  Journal& journal = context_.journal;
  messages::WriteRequest& request = queued.write;
  const Position next{office.term, journal.assigned().next()};
  const UnixMillis at = context_.clock.read(now);
  Draft draft(request.operations.size());
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(request.operations.size());
  for (std::size_t i = 0; i < request.operations.size(); ++i) {
    const WriteOperation& operation = request.operations[i];
    const bool needed = needs_current(operation);
    const Record* current = needed && queued.current[i] ? &*queued.current[i] : nullptr;
    if (needed && !context_.broken(BrokenRule::evaluate_pending)) {
      // What was read may be older than what came before this write in the queue.
      const Mutation* newer = draft.find(operation.key);
      if (newer == nullptr) newer = journal.pending().find(operation.key);
      if (newer != nullptr) current = record_of(*newer);
    }
    auto evaluation = evaluate(operation, current, at, next);
    // Failed conditions and writes that change nothing show what is stored: they wait for it as others do.
    if (!evaluation) return answer(queued, newest(), Shows::others, fail(std::move(evaluation).error()));
    outcomes.push_back(evaluation->outcome);
    if (evaluation->mutation) draft.add(*std::move(evaluation->mutation));
  }
  if (draft.empty()) return answer(queued, newest(), Shows::others, std::move(outcomes));
  auto write = std::make_shared<LoggedWrite>();
  write->position = next;
  write->time = at;
  write->mutations = draft.take();
  if (request.id.given()) {
    write->id = request.id;
    write->lowest_open = request.lowest_open;
    write->fingerprint = queued.fingerprint;
    write->may_repeat = request.age > Duration(0) && queued.arrived - request.age - kOnItsWayMax < office.since;
    write->outcomes = outcomes;
  }
  if (write->bytes() > context_.config.write_bytes_max) {
    return answer(queued, newest(), Shows::others,
                  fail(ErrorCode::too_large,
                       fmt::format("the write makes {} bytes, and {} bytes fit into a message between members: change "
                                   "fewer keys at once",
                                   write->bytes(), context_.config.write_bytes_max)));
  }
  context_.lost_ids.on_written(write->id, write->position, write->time);
  journal.append(std::move(write));
  answer(queued, next, Shows::own_write, std::move(outcomes));
}

void WriteQueue::answer(const Queued& queued, Position position, Shows shows,
                        Result<std::vector<WriteOutcome>> outcomes) {
  const messages::WriteRequest& write = queued.write;
  WriteDone done{queued.ticket, messages::WriteResponse{}};
  messages::AckCount level = write.ack;
  if (outcomes) {
    done.result->outcomes = *std::move(outcomes);
    done.result->standing.position = position;
    if (write.seen != Position()) {
      done.result->standing.history = told_since(context_.journal.state().history, write.seen.term);
    }
  } else {
    done.result = fail(std::move(outcomes).error());
  }
  if (shows == Shows::others && context_.broken(BrokenRule::retries_wait)) level = messages::kAckOne;
  context_.waits.add(level, {.after = position.sequence, .effect = std::move(done), .deadline = queued.deadline});
}

// --- Reads ---

void WriteQueue::plan(Ticket ticket, const ReadRequest& read) {
  Journal& journal = context_.journal;
  const bool linearizable =
      read.read.level == messages::ReadLevel::linearizable && !context_.broken(BrokenRule::linearizable_waits);
  const Mutation* pending = read.key ? journal.pending().find(*read.key) : nullptr;
  if (pending == nullptr) {
    // A range sees all that was written before it. What was read is judged again before it leaves.
    const Sequence after = read.key ? journal.persisted() : journal.assigned();
    context_.waits.add(
        messages::kAckOne,
        {.after = after, .effect = ReadReady{ticket, ReadReady::FromEngine{}}, .deadline = read.deadline});
    return;
  }
  std::optional<Record> record;
  if (pending->kind == Mutation::Kind::put) record = pending->record;
  context_.waits.add(linearizable ? messages::kAckAll : messages::kAckOne,
                     {.after = pending->record.version.sequence,
                      .effect = ReadReady{ticket, std::move(record)},
                      .deadline = read.deadline});
}

}  // namespace gyre::replication
