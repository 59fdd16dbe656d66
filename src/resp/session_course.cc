// The course of a command: what it asks for, whom, and what the answers make of it.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "resp/own_commands.h"
#include "resp/session.h"

namespace gyre::resp {

using redis::Reply;

namespace {

std::size_t bytes_of(const std::vector<messages::WriteOperation>& operations) {
  std::size_t bytes = 0;
  for (const messages::WriteOperation& operation : operations) bytes += operation.key.size() + operation.value.size();
  return bytes;
}

Effect effect_of(const redis::Step& step, bool keeps_order) {
  if (const auto* reads = std::get_if<redis::DoReads>(&step)) {
    return reads->for_update ? Effect::update : Effect::read;
  }
  if (const auto* scan = std::get_if<redis::DoScan>(&step)) {
    return scan->plan.kind == redis::ScanPlan::Kind::clear ? Effect::update : Effect::read;
  }
  if (!std::holds_alternative<redis::DoWrites>(step)) return Effect::none;
  return keeps_order ? Effect::write : Effect::update;
}

std::optional<Reply> key_too_long(const Bytes& key) {
  if (key.size() <= limits::kKeyBytesMax) return std::nullopt;
  return Reply::error_text(
      fmt::format("ERR a key of {} bytes: at most {} are allowed", key.size(), limits::kKeyBytesMax));
}

}  // namespace

void Session::start_or_wait(std::uint64_t number, redis::Step step) {
  Open& open = at(number);
  open.effect = effect_of(step, backend_.traits().keeps_order);
  if (must_wait(open)) {
    waiting_ = std::move(step);
    return;
  }
  order_.begin(open.effect, open.slot);
  proceed(number, std::move(step));
}

// WAIT is about what is answered: all that came before.
bool Session::must_wait(const Open& open) const {
  return order_.must_wait(open.effect, open.slot) || ((open.wait || open.awaiting) && requests_open_ > 0);
}

void Session::proceed(std::uint64_t number, redis::Step step) {
  if (auto* reply = std::get_if<Reply>(&step)) return finish(number, std::move(*reply));
  if (auto* writes = std::get_if<redis::DoWrites>(&step)) {
    if (auto refused = too_much(*writes)) return finish(number, *std::move(refused));
    return ask(number, std::move(*writes));
  }
  if (auto* scan = std::get_if<redis::DoScan>(&step)) {
    if (backend_.map() == nullptr) return finish(number, Reply::error("LOADING there is no cluster map yet"));
    at(number).scan = std::make_unique<Scan>(std::move(scan->plan), client_, server_.cursors,
                                             Rng(server_.seed.fetch_add(1, std::memory_order_relaxed)));
    return look_on(number);
  }
  if (at(number).wait) return ask_members(number);
  if (const auto own = std::move(at(number).awaiting)) {
    const std::vector<std::string_view> views(own->arguments.begin(), own->arguments.end());
    return finish(number,
                  run_own_command({backend_, server_, client_, *entry_}, *own->command, redis::Arguments(views)));
  }
  const auto& reads = std::get<redis::DoReads>(step);
  if (auto refused = too_much(reads)) return finish(number, *std::move(refused));
  if (auto lost = take_loss(at(number), reads)) return finish(number, *std::move(lost));
  ask(number, reads);
}

// What no member takes must not get out: a router's requests share connections with those of other clients.
std::optional<Reply> Session::too_much(const redis::DoReads& reads) const {
  if (reads.reads.size() > limits::kBatchOperationsMax) {
    return Reply::error_text(fmt::format("ERR {} keys in one command: at most {} are allowed", reads.reads.size(),
                                         limits::kBatchOperationsMax));
  }
  for (const redis::Read& read : reads.reads) {
    if (auto refused = key_too_long(read.key)) return refused;
  }
  return std::nullopt;
}

std::optional<Reply> Session::too_much(const redis::DoWrites& writes) const {
  if (writes.operations.size() > limits::kBatchOperationsMax) {
    return Reply::error_text(fmt::format("ERR {} operations in one write: at most {} are allowed",
                                         writes.operations.size(), limits::kBatchOperationsMax));
  }
  for (const messages::WriteOperation& operation : writes.operations) {
    if (auto refused = key_too_long(operation.key)) return refused;
    if (operation.value.size() > server_.value_bytes_max) {
      return Reply::error_text(fmt::format("ERR a value of {} bytes: at most {} are allowed (--value-max)",
                                           operation.value.size(), server_.value_bytes_max));
    }
  }
  const std::size_t bytes = bytes_of(writes.operations);
  const std::size_t bytes_max = std::max(server_.value_bytes_max, limits::kFrameBytesFloor);
  if (bytes <= bytes_max) return std::nullopt;
  return Reply::error_text(
      fmt::format("ERR {} bytes in one write: at most {} are allowed (--value-max)", bytes, bytes_max));
}

// An answer may come within Backend::ask(), and with the last one the command goes.
void Session::ask(std::uint64_t number, const redis::DoReads& reads) {
  Open& open = at(number);
  const std::size_t count = reads.reads.size();
  GYRE_ASSERT(count > 0);
  open.found.assign(count, {});
  open.missing = count;
  requests_open_ += count;
  open.failed.reset();
  const std::optional<Slot> slot = open.slot;
  const bool as_is = !reads.for_update || open.read.level == messages::ReadLevel::linearizable;
  const messages::ReadConsistency read = as_is ? open.read : messages::ReadConsistency();
  const Instant deadline = open.deadline;
  open.asked.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const redis::Read& each = reads.reads[i];
    const Slot of_key = slot ? *slot : ring::slot_of(each.key.view());
    messages::GetRequest get{each.key, each.value_wanted, read};
    // The command may be gone with the last answer, but not before the last read was asked for.
    if (client_.seen) carry_seen(at(number), of_key, get.read);
    backend_.ask(shared_from_this(), client_, of_key,
                 {.id = RequestId(number * kRequestsPerCommand + i), .epoch = {}, .body = std::move(get)}, deadline);
  }
}

// --- Reads of level session ---

std::optional<Reply> Session::take_loss(const Open& open, const redis::DoReads& reads) {
  if (!client_.seen) return std::nullopt;
  const auto partitioning = backend_.map()->partitioning();
  for (const redis::Read& read : reads.reads) {
    const PartitionId partition = partitioning.of(open.slot ? *open.slot : ring::slot_of(read.key.view()));
    if (!client_.seen->take_loss(partition)) continue;
    return redis::error_reply({ErrorCode::session_lost,
                               Outcome::not_applied,
                               fmt::format("a failover of partition {} took back some of what this connection has "
                                           "seen; it goes on from what survived",
                                           partition.value()),
                               {}});
  }
  return std::nullopt;
}

Position Session::carry_seen(Open& open, Slot slot) {
  const PartitionId partition = backend_.map()->partitioning().of(slot);
  const Position seen = client_.seen->of(partition);
  open.asked.emplace_back(partition, seen);
  return seen;
}

void Session::carry_seen(Open& open, Slot slot, messages::ReadConsistency& read) {
  read.seen = carry_seen(open, slot);
  // A node has its clients read where they are.
  const bool elsewhere = backend_.traits().divides && client_.seen->asks_primary(open.asked.back().first);
  if (elsewhere && read.level == messages::ReadLevel::session) read.level = messages::ReadLevel::primary;
}

// The answer to one of its requests, where these carried what the connection had seen.
void Session::note_seen(const Open& open, std::size_t part, const messages::ResponseBody& body) {
  if (part >= open.asked.size() || !client_.seen) return;
  const auto& [partition, asked] = open.asked[part];
  if (const auto* error = std::get_if<Error>(&body)) {
    if (error->code == ErrorCode::session_lost) client_.seen->on_lost(partition, asked);
    // It tells what is there, but not since when.
    if (error->code == ErrorCode::condition_failed) client_.seen->ask_primary(partition);
  } else if (const auto* found = std::get_if<messages::GetResponse>(&body)) {
    client_.seen->on_answer(partition, asked, found->standing);
  } else if (const auto* written = std::get_if<messages::WriteResponse>(&body)) {
    client_.seen->on_answer(partition, asked, written->standing);
  } else if (const auto* page = std::get_if<messages::ScanResponse>(&body)) {
    client_.seen->on_answer(partition, asked, page->standing);
  }
}

// The client is about to be told that what it had seen is lost: of one partition, others will be told of later.
void Session::note_told(const Open& open) {
  if (!client_.seen) return;
  for (const auto& [partition, asked] : open.asked) {
    if (client_.seen->take_loss(partition)) return;
  }
}

// Without a WriteId: between a session and its node no request is sent twice, and a router gives each one of its own.
void Session::ask(std::uint64_t number, redis::DoWrites writes) {
  Open& open = at(number);
  open.failed.reset();
  open.found.clear();
  open.asked.clear();
  open.divided = open.slot ? nullptr : divide(writes.operations);
  const std::size_t parts = open.divided ? open.divided->parts.size() : 1;
  open.missing = parts;
  requests_open_ += parts;
  open.write_bytes = bytes_of(writes.operations);
  write_bytes_ += open.write_bytes;
  const messages::AckCount ack = open.ack;
  const Instant deadline = open.deadline;
  for (std::size_t part = 0; part < parts; ++part) {
    messages::WriteRequest write{.operations = {}, .ack = ack};
    if (parts == 1) {
      write.operations = std::move(writes.operations);
    } else {
      // The command may be gone with the last answer, but not before the last part was asked for.
      for (const std::size_t i : at(number).divided->parts[part]) {
        write.operations.push_back(std::move(writes.operations[i]));
      }
    }
    const Slot slot = open.slot ? *open.slot : ring::slot_of(write.operations.front().key.view());
    if (parts == 1) at(number).writing = backend_.map()->partitioning().of(slot);
    if (client_.seen) write.seen = carry_seen(at(number), slot);
    backend_.ask(shared_from_this(), client_, slot,
                 {.id = RequestId(number * kRequestsPerCommand + part), .epoch = {}, .body = std::move(write)},
                 deadline);
  }
}

std::unique_ptr<Session::Divided> Session::divide(const std::vector<messages::WriteOperation>& operations) const {
  const auto partitioning = backend_.map()->partitioning();
  std::map<PartitionId, std::vector<std::size_t>> parts;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    parts[partitioning.of(ring::slot_of(operations[i].key.view()))].push_back(i);
  }
  if (parts.size() == 1) return nullptr;
  auto divided = std::make_unique<Divided>();
  divided->outcomes.resize(operations.size());
  for (auto& [partition, indices] : parts) {
    divided->parts.push_back(std::move(indices));
    divided->partitions.push_back(partition);
  }
  return divided;
}

void Session::ask_members(std::uint64_t number) {
  Open& open = at(number);
  const ring::ClusterMap& map = *backend_.map();
  if (written_.empty()) {
    const Reply replicas = Reply::integer(Barrier::replicas_of_any(map));
    return finish(number, open.wait->tells_local ? Reply::array({Reply::integer(1), replicas}) : replicas);
  }
  open.barrier = std::make_unique<Barrier>(map, *open.wait, std::exchange(written_, {}));
  const std::vector<Barrier::Question> questions = open.barrier->questions();
  if (questions.empty()) return end_wait(number);
  open.missing = questions.size();
  requests_open_ += questions.size();
  const Instant deadline = open.deadline;
  const Duration budget = std::max(deadline - net::steady_now(), Duration(std::chrono::milliseconds(1)));
  for (std::size_t i = 0; i < questions.size(); ++i) {
    backend_.ask(shared_from_this(), client_, ring::slot_of(questions[i].key.view()),
                 {.id = RequestId(number * kRequestsPerCommand + i),
                  .budget = budget,
                  .epoch = {},
                  .body = questions[i].write()},
                 deadline);
  }
}

void Session::end_wait(std::uint64_t number) {
  const Barrier& barrier = *at(number).barrier;
  const ring::ClusterMap& map = *backend_.map();
  written_ = barrier.rest(map);
  const Reply replicas = Reply::integer(barrier.replicas(map));
  if (!at(number).wait->tells_local) return finish(number, replicas);
  finish(number, Reply::array({Reply::integer(barrier.held_by_primaries(map) ? 1 : 0), replicas}));
}

// Page by page to the end. Answers that come within Backend::ask() are taken by this very loop: there may be thousands.
void Session::look_on(std::uint64_t number) {
  Open& open = at(number);
  do {
    if (closed()) return finish(number, Reply::null());
    const bool gone = open.failed && open.failed->code == ErrorCode::not_primary && !open.scan->is_here(backend_);
    if (gone) open.scan->on_gone();
    if (open.failed && !gone) return finish(number, redis::error_reply(*open.failed));
    auto request = open.scan->next(backend_);
    if (!request) return finish(number, open.scan->reply(backend_));
    open.failed.reset();
    open.missing = 1;
    ++requests_open_;
    open.asking = true;
    if (client_.seen) {
      open.asked.clear();
      const Position seen = carry_seen(open, open.scan->slot(backend_));
      if (auto* scan = std::get_if<messages::ScanRequest>(&*request)) scan->read.seen = seen;
      if (auto* write = std::get_if<messages::WriteRequest>(&*request)) write->seen = seen;
    }
    backend_.ask(shared_from_this(), client_, open.scan->slot(backend_),
                 {.id = RequestId(number * kRequestsPerCommand), .epoch = {}, .body = *std::move(request)},
                 open.deadline);
    open.asking = false;
  } while (open.missing == 0);
}

void Session::respond(messages::Response response) {
  if (shared_.loop.on_this_thread()) return take(std::move(response));
  shared_.loop.post(
      [self = shared_from_this(), response = std::move(response)]() mutable { self->take(std::move(response)); });
}

void Session::take(messages::Response response) {
  const std::uint64_t number = response.id.value() / kRequestsPerCommand;
  Open& open = at(number);
  note(open, response.id.value() % kRequestsPerCommand, response.body);
  --requests_open_;
  if (--open.missing > 0) return;
  write_bytes_ -= std::exchange(open.write_bytes, 0);
  if (open.barrier) return end_wait(number);
  if (open.scan) return open.asking ? void() : look_on(number);
  if (open.failed && open.failed->code == ErrorCode::session_lost) note_told(open);
  if (open.failed && open.slot) {
    if (auto elsewhere = backend_.redirect(*open.slot, *open.failed)) return finish(number, *std::move(elsewhere));
  }
  proceed(number, next_step(open));
}

// The answer to one of its requests.
void Session::note(Open& open, std::size_t part, messages::ResponseBody& body) {
  note_seen(open, part, body);
  if (open.barrier) {
    open.barrier->on_answer(part, body);
  } else if (auto* error = std::get_if<Error>(&body)) {
    // What may have been applied outweighs what surely was not.
    // So does a loss, which is told by this alone.
    const bool stays =
        open.failed && (open.failed->outcome == Outcome::unknown || open.failed->code == ErrorCode::session_lost);
    if (!stays) open.failed = std::move(*error);
  } else if (auto* found = std::get_if<redis::Found>(&body)) {
    const std::size_t bytes = found->record ? found->record->value.size() : 0;
    if (found_bytes_ + bytes > limits::kConnectionAnswerBytesMax) {
      open.failed =
          Error{ErrorCode::busy, Outcome::not_applied,
                "this connection has not taken its earlier answers: ask for less at once", limits::kBusyRetryAfter};
      return;
    }
    found_bytes_ += bytes;
    open.found_bytes += bytes;
    open.found[part] = std::move(*found);
  } else if (auto* page = std::get_if<messages::ScanResponse>(&body)) {
    open.scan->on_page(std::move(*page));
  } else {
    auto& response = std::get<messages::WriteResponse>(body);
    auto& outcomes = response.outcomes;
    if (open.scan) {
      note_written(open.scan->partition(), response);
      return open.scan->on_deleted();
    }
    note_written(open.divided ? open.divided->partitions[part] : open.writing, response);
    if (!open.divided) {
      open.outcomes = std::move(outcomes);
      return;
    }
    ++open.divided->written;
    const auto& indices = open.divided->parts[part];
    for (std::size_t i = 0; i < indices.size(); ++i) open.divided->outcomes[indices[i]] = std::move(outcomes[i]);
  }
}

void Session::note_written(PartitionId partition, const messages::WriteResponse& response) {
  if (backend_.map()->shape.replication_factor == 1) return;
  written_.insert_or_assign(partition, response.standing.position.term);
}

redis::Step Session::next_step(Open& open) {
  const bool read = !open.found.empty();
  if (read && open.failed) return open.run->on_failed(*open.failed);
  if (read) return open.run->on_found(open.found);
  return open.run->on_written(written(open));
}

redis::Written Session::written(Open& open) {
  const auto divided = std::move(open.divided);
  if (!open.failed) return std::move(divided ? divided->outcomes : open.outcomes);
  Error why = *std::exchange(open.failed, std::nullopt);
  if (divided && divided->written > 0) {
    why.outcome = Outcome::unknown;
    why.message = fmt::format("its keys are in {} partitions, and {} have it; of the others: {}", divided->parts.size(),
                              divided->written, why.message);
  }
  return fail(std::move(why));
}

}  // namespace gyre::resp
