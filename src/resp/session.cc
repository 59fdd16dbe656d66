#include "resp/session.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "resp/own_commands.h"

namespace gyre::resp {

using redis::Reply;

namespace {

// Answers that wait to leave. Beyond: no further command is run until most of them have left.
constexpr std::size_t kOutputBytesPause = std::size_t{16} * 1024 * 1024;
// A command of so many bytes shares the memory it came in with what is kept of it. What is kept of smaller ones is
// copied, so that a small value does not hold a large buffer.
constexpr std::size_t kSharedBytesMin = std::size_t{32} * 1024;
// The requests of one command: its number, then their index.
constexpr std::uint64_t kRequestsPerCommand = std::uint64_t{1} << 20;

wire::RespLimits parser_limits(const Server& server) {
  wire::RespLimits limits;
  limits.arguments_max = kRequestsPerCommand;
  limits.argument_bytes_max = std::max(server.value_bytes_max, limits::kKeyBytesMax);
  return limits;
}

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

// Nothing binds its keys together.
bool divisible(const redis::Plan& plan) {
  if (const auto* write = std::get_if<redis::WritePlan>(&plan)) return write->divisible;
  return !std::holds_alternative<redis::UpdatePlan>(plan);
}

redis::Context planning(const Server& server) {
  return {.now = net::wall_now(), .value_bytes_max = server.value_bytes_max};
}

// What a connection forgets its transaction by, at once.
bool ends_transaction(const redis::Command& command) { return command.name == "quit" || command.name == "reset"; }

}  // namespace

Session::Session(const Shared& shared, net::ByteConnectionPtr connection)
    : shared_(shared),
      backend_(shared.backend),
      server_(shared.server),
      connection_(std::move(connection)),
      parser_(parser_limits(server_)) {
  parser_.set_authenticated(true);  // there are no users
  client_.id = connection_->id().value();
  client_.peer = connection_->peer();
  client_.local = connection_->local();
  client_.since = net::steady_now();
  client_.read = server_.read;
  client_.ack = server_.ack;
  server_.clients.fetch_add(1, std::memory_order_relaxed);
  server_.connections.fetch_add(1, std::memory_order_relaxed);
}

// --- Commands in ---

std::size_t Session::on_bytes(std::string_view received, Buffer* owner) {
  std::size_t consumed = 0;
  while (!must_hold()) {
    const wire::RespStep step = parser_.next(received.substr(consumed));
    consumed += step.consumed;
    if (step.outcome == wire::RespOutcome::incomplete) return consumed;
    if (step.outcome != wire::RespOutcome::command) {
      refuse_bytes(step.outcome == wire::RespOutcome::http ? std::string_view() : parser_.error());
      break;
    }
    const bool share = parser_.arguments_in_place() && step.consumed >= kSharedBytesMin;
    run_command(redis::Arguments(parser_.arguments(), share ? owner : nullptr));
  }
  held_ = true;
  if (connection_ != nullptr) connection_->hold_reading();
  return consumed;
}

void Session::run_command(const redis::Arguments& arguments) {
  server_.commands.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t number = first_ + pipeline_.size();
  Open& open = pipeline_.emplace_back();
  const bool skipped = std::exchange(client_.skip_next, false);
  open.version = client_.version;
  open.silent = skipped || !client_.replies;
  const auto command = redis::resolve(arguments);
  if (!command) {
    if (redis::says(arguments[0], "exec")) return finish(number, transaction_.abort(command.error()));
    transaction_.spoil();
    return finish(number, command.error());
  }
  if ((*command)->group == redis::Group::transactions) return run_transactional(open, **command, arguments);
  if (transaction_.begun() && !ends_transaction(**command)) {
    Reply reply = queue(open, **command, arguments);
    if (reply.kind == Reply::Kind::error) transaction_.spoil();
    return finish(number, std::move(reply));
  }
  if ((*command)->plan != nullptr) return run_planned(open, **command, arguments);
  if ((*command)->name == "wait") return wait(arguments);
  run_own(open, **command, arguments, skipped);
}

void Session::run_own(Open& open, const redis::Command& command, const redis::Arguments& arguments, bool skipped) {
  client_.input_bytes = connection_->input_bytes();
  client_.input_capacity = connection_->input_capacity();
  client_.output_bytes = connection_->output_bytes();
  client_.last_command = command.name;
  Reply reply = run_own_command({backend_, server_, client_}, command, arguments);
  open.version = client_.version;
  open.silent = !std::exchange(client_.speaks, false) && (skipped || !client_.replies || client_.skip_next);
  closing_ = closing_ || client_.leaves;
  if (ends_transaction(command)) transaction_ = {};
  finish(first_ + pipeline_.size() - 1, std::move(reply));
}

void Session::run_planned(Open& open, const redis::Command& command, const redis::Arguments& arguments) {
  const std::uint64_t number = first_ + pipeline_.size() - 1;
  const auto slot = redis::slot_of_keys(command, arguments);
  if (!slot && !backend_.traits().divides) return finish(number, slot.error());
  if (!slot || *slot) {
    if (auto refused = aim(open, command, slot ? *slot : std::nullopt)) return finish(number, *std::move(refused));
  }
  redis::Plan plan = redis::plan(command, arguments, planning(server_));
  if (!slot && !divisible(plan)) return finish(number, slot.error());
  run(open, std::move(plan));
}

std::optional<Reply> Session::aim(Open& open, const redis::Command& command, std::optional<Slot> slot) {
  open.slot = slot;
  auto read = backend_.route(client_, command, slot);
  if (!read) return std::move(read).error();
  open.read = *read;
  open.ack = client_.ack;
  return std::nullopt;
}

void Session::run(Open& open, redis::Plan plan) {
  if (server_.deadline > Duration(0)) open.deadline = net::steady_now() + server_.deadline;
  open.run.emplace(std::move(plan));
  start_or_wait(first_ + pipeline_.size() - 1, open.run->start());
}

// --- Transactions ---

void Session::run_transactional(Open& open, const redis::Command& command, const redis::Arguments& arguments) {
  const std::uint64_t number = first_ + pipeline_.size() - 1;
  if (command.name == "multi") return finish(number, transaction_.begin());
  if (command.name == "discard") return finish(number, transaction_.discard());
  if (command.name == "exec") return exec(open, command);
  if (command.name == "unwatch") return finish(number, transaction_.unwatch(arguments));
  const auto slot = redis::slot_of_keys(command, arguments);
  if (!slot) return finish(number, slot.error());
  if (auto refused = transaction_.unwatchable(*slot, arguments.size() - 1)) return finish(number, *std::move(refused));
  if (auto refused = aim(open, command, *slot)) return finish(number, *std::move(refused));
  run(open, transaction_.watch(**slot, arguments));
}

Reply Session::queue(Open& open, const redis::Command& command, const redis::Arguments& arguments) {
  if (command.plan == nullptr) {
    if (!Transaction::fits(command)) return Reply::error("ERR Command not allowed inside a transaction");
    Transaction::Own own{&command, {}};
    for (std::size_t i = 0; i < arguments.size(); ++i) own.arguments.emplace_back(arguments[i]);
    return transaction_.enqueue(std::move(own), arguments);
  }
  const auto slot = redis::slot_of_keys(command, arguments);
  if (!slot) return slot.error();
  if (!transaction_.join(*slot)) return Reply::error(redis::words::kCrossSlot);
  if (*slot) {
    if (auto refused = aim(open, command, *slot)) return *std::move(refused);
    open.slot.reset();  // nothing is asked for yet
  }
  redis::Plan plan = redis::plan(command, arguments, planning(server_));
  if (auto unfit = redis::unfit_for_transaction(plan)) return *std::move(unfit);
  redis::Queued queued{std::move(plan)};
  for (const std::string_view key : redis::keys_of(command, arguments)) queued.keys.push_back(Bytes::copy_of(key));
  return transaction_.enqueue(std::move(queued), arguments);
}

void Session::exec(Open& open, const redis::Command& command) {
  const std::uint64_t number = first_ + pipeline_.size() - 1;
  if (!transaction_.begun()) return finish(number, Reply::error("ERR EXEC without MULTI"));
  Transaction::Taken taken = transaction_.take();
  if (taken.spoiled) {
    return finish(number, Reply::error("EXECABORT Transaction discarded because of previous errors."));
  }
  if (taken.slot) {
    if (auto refused = aim(open, command, taken.slot)) return finish(number, *std::move(refused));
  }
  std::vector<redis::Queued> commands;
  for (Transaction::Item& item : taken.queue) {
    if (auto* queued = std::get_if<redis::Queued>(&item)) {
      commands.push_back(std::move(*queued));
      continue;
    }
    const auto& own = std::get<Transaction::Own>(item);
    const std::vector<std::string_view> views(own.arguments.begin(), own.arguments.end());
    commands.push_back({run_own_command({backend_, server_, client_}, *own.command, redis::Arguments(views))});
  }
  // What only reads is written nowhere, and is as fresh as all members' word makes it.
  const bool writes = std::ranges::any_of(commands, redis::writes, &redis::Queued::plan);
  if (!writes && open.read.level == messages::ReadLevel::linearizable) open.ack = messages::kAckAll;
  run(open, redis::plan_exec(std::move(commands), std::move(taken.watch), planning(server_)));
}

// Nothing runs beside it: what was written before must be there before members are asked, and a client that waits has
// nothing else done meanwhile.
void Session::wait(const redis::Arguments& arguments) {
  const std::uint64_t number = first_ + pipeline_.size() - 1;
  const auto wanted = Barrier::parse(arguments);
  if (!wanted) return finish(number, wanted.error());
  if (backend_.map() == nullptr) return finish(number, Reply::error("LOADING there is no cluster map yet"));
  at(number).wait = *wanted;
  const Duration longest = server_.deadline > Duration(0) ? server_.deadline : limits::kRequestWaitMax;
  at(number).deadline = net::steady_now() + (wanted->timeout > Duration(0) ? wanted->timeout : longest);
  start_or_wait(number, redis::DoReads{.reads = {}, .for_update = true});
}

// --- The course of a command ---

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
  return order_.must_wait(open.effect, open.slot) || (open.wait && requests_open_ > 0);
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
  const auto& reads = std::get<redis::DoReads>(step);
  if (auto refused = too_much(reads)) return finish(number, *std::move(refused));
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
  for (std::size_t i = 0; i < count; ++i) {
    const redis::Read& each = reads.reads[i];
    backend_.ask(shared_from_this(), slot ? *slot : ring::slot_of(each.key.view()),
                 {.id = RequestId(number * kRequestsPerCommand + i),
                  .epoch = {},
                  .body = messages::GetRequest{each.key, each.value_wanted, read}},
                 deadline);
  }
}

// Without a WriteId: between a session and its node no request is sent twice, and a router gives each one of its own.
void Session::ask(std::uint64_t number, redis::DoWrites writes) {
  Open& open = at(number);
  open.failed.reset();
  open.found.clear();
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
    backend_.ask(shared_from_this(), slot,
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
  if (written_.empty()) return finish(number, Reply::integer(Barrier::replicas_of_any(map)));
  open.barrier = std::make_unique<Barrier>(map, *open.wait, std::exchange(written_, {}));
  const std::vector<Barrier::Question> questions = open.barrier->questions();
  if (questions.empty()) return end_wait(number);
  open.missing = questions.size();
  requests_open_ += questions.size();
  const Instant deadline = open.deadline;
  const Duration budget = std::max(deadline - net::steady_now(), Duration(std::chrono::milliseconds(1)));
  for (std::size_t i = 0; i < questions.size(); ++i) {
    backend_.ask(shared_from_this(), ring::slot_of(questions[i].key.view()),
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
  finish(number, Reply::integer(barrier.replicas(map)));
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
    backend_.ask(shared_from_this(), open.scan->slot(backend_),
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
  if (open.failed && open.slot) {
    if (auto elsewhere = backend_.redirect(*open.slot, *open.failed)) return finish(number, *std::move(elsewhere));
  }
  proceed(number, next_step(open));
}

// The answer to one of its requests.
void Session::note(Open& open, std::size_t part, messages::ResponseBody& body) {
  if (open.barrier) {
    open.barrier->on_answer(part, body);
  } else if (auto* error = std::get_if<Error>(&body)) {
    // What may have been applied outweighs what surely was not.
    if (!open.failed || open.failed->outcome != Outcome::unknown) open.failed = std::move(*error);
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

// --- Replies out ---

void Session::finish(std::uint64_t number, Reply reply) {
  Open& open = at(number);
  order_.end(open.effect, open.slot);
  open.reply = std::move(reply);
  open.run.reset();
  open.scan.reset();
  open.barrier.reset();
  if (number == first_) write_ready();
  if (waiting_ && !must_wait(pipeline_.back())) {
    redis::Step step = *std::exchange(waiting_, std::nullopt);
    start_or_wait(first_ + pipeline_.size() - 1, std::move(step));
  }
  resume_if_possible();
}

// While much waits to leave, replies stay what they are: they share the memory of the values that they show.
void Session::write_ready() {
  while (!pipeline_.empty() && pipeline_.front().reply && !output_full()) {
    const Open& open = pipeline_.front();
    if (connection_ != nullptr && !open.silent) {
      wire::RespWriter writer(connection_->output(), open.version);
      redis::write(writer, *open.reply);
      connection_->send();
    }
    found_bytes_ -= open.found_bytes;
    pipeline_.pop_front();
    ++first_;
  }
  close_if_done();
}

// Empty: a browser, which is told nothing.
void Session::refuse_bytes(std::string_view why) {
  shared_.malformed.add();
  closing_ = true;
  if (why.empty()) return close_if_done();
  pipeline_.emplace_back().version = client_.version;
  finish(first_ + pipeline_.size() - 1, Reply::error_text(fmt::format("ERR {}", why)));
}

bool Session::output_full() const { return connection_ != nullptr && connection_->output_bytes() > kOutputBytesPause; }

bool Session::must_hold() const {
  return closing_ || connection_ == nullptr || waiting_ || pipeline_.size() >= kOpenMax || output_full() ||
         found_bytes_ > kOutputBytesPause || requests_open_ >= kOpenMax || write_bytes_ > kOutputBytesPause;
}

void Session::on_drained() {
  write_ready();
  resume_if_possible();
}

void Session::resume_if_possible() {
  if (!held_ || must_hold()) return;
  held_ = false;
  connection_->resume_reading();
}

void Session::finish() {
  if (closed()) return;
  closing_ = true;
  held_ = true;
  connection_->hold_reading();
  close_if_done();
}

void Session::close_if_done() {
  if (!closing_ || !pipeline_.empty() || connection_ == nullptr) return;
  connection_->close({ErrorCode::unavailable, Outcome::not_applied, "all is answered", {}});
}

void Session::on_closed(const Error&) {
  connection_ = nullptr;
  write_ready();
  server_.clients.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace gyre::resp
