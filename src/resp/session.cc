#include "resp/session.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/limits.h"
#include "resp/own_commands.h"
#include "wire/resp_peek.h"

namespace gyre::resp {

using redis::Reply;

namespace {

// Answers that wait to leave. Beyond: no further command is run until most of them have left.
constexpr std::size_t kOutputBytesPause = std::size_t{16} * 1024 * 1024;
// Somebody who has not said who they are, and takes no answers, is owed so much at most; then the connection ends.
constexpr std::size_t kStrangersBytesMax = std::size_t{16} * 1024;
// A command of so many bytes shares the memory it came in with what is kept of it. What is kept of smaller ones is
// copied, so that a small value does not hold a large buffer.
constexpr std::size_t kSharedBytesMin = std::size_t{32} * 1024;
wire::RespLimits parser_limits(const Server& server) {
  wire::RespLimits limits;
  limits.arguments_max = Session::kRequestsPerCommand;
  limits.argument_bytes_max = std::max(server.value_bytes_max, limits::kKeyBytesMax);
  return limits;
}

// Nothing binds its keys together.
bool divisible(const redis::Plan& plan) {
  if (const auto* write = std::get_if<redis::WritePlan>(&plan)) return write->divisible;
  return !std::holds_alternative<redis::UpdatePlan>(plan);
}

redis::Context planning(const Server& server) {
  return {.now = net::wall_now(), .value_bytes_max = server.value_bytes_max};
}

Client client_of(const net::ByteConnection& connection, const Server& server) {
  Client client;
  client.id = connection.id().value();
  client.peer = connection.peer();
  client.local = connection.local();
  client.address = client.peer.substr(0, client.peer.rfind(':'));
  client.affinity = hash64(client.address);
  client.since = net::steady_now();
  become(client, server, {.user = server.users.unnamed()});
  return client;
}

std::function<void()> ends(const net::ByteConnectionPtr& connection) {
  return [weak = std::weak_ptr(connection), &loop = connection->loop()] {
    loop.post([weak] {
      const auto open = weak.lock();
      if (open) open->close({ErrorCode::unavailable, Outcome::not_applied, "another client ended it", {}});
    });
  };
}

// What a connection forgets its transaction by, at once.
bool ends_transaction(const redis::Command& command) { return command.name == "quit" || command.name == "reset"; }

}  // namespace

Session::Session(const Shared& shared, net::ByteConnectionPtr connection)
    : shared_(shared),
      backend_(shared.backend),
      server_(shared.server),
      connection_(std::move(connection)),
      client_(client_of(*connection_, server_)),
      entry_(std::make_shared<ClientEntry>(client_, ends(connection_))),
      parser_(parser_limits(server_)) {
  parser_.set_authenticated(client_.user != nullptr);
  server_.all.add(entry_);
  server_.clients.fetch_add(1, std::memory_order_relaxed);
  server_.connections.fetch_add(1, std::memory_order_relaxed);
}

// --- Commands in ---

std::size_t Session::on_bytes(std::string_view received, Buffer* owner) {
  std::size_t consumed = 0;
  std::size_t looked_at = 0;
  read_at_ = net::steady_now();
  while (!must_hold()) {
    if (consumed >= looked_at) looked_at = consumed + look_ahead(received.substr(consumed));
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

std::size_t Session::look_ahead(std::string_view rest) const {
  if (!backend_.traits().prefetches) return 0;
  std::array<std::string_view, limits::kKeysAhead> keys;
  const auto [count, bytes] = wire::peek_gets(rest, keys);
  if (count > 1) backend_.prefetch(std::span(keys).first(count));
  return bytes;
}

void Session::run_command(const redis::Arguments& arguments) {
  server_.commands.fetch_add(1, std::memory_order_relaxed);
  closing_ = closing_ || (client_.user == nullptr && connection_->output_bytes() > kStrangersBytesMax);
  const auto command = redis::resolve(arguments);
  if (command && answer_at_once(**command, arguments)) return;
  const std::uint64_t number = first_ + pipeline_.size();
  Open& open = pipeline_.emplace_back();
  const bool skipped = std::exchange(client_.skip_next, false);
  open.version = client_.version;
  open.silent = skipped || !client_.replies;
  if (!command) {
    if (redis::says(arguments[0], "exec")) {
      finish(number, transaction_.abort(command.error()));
      return entry_->on_transaction(transaction_.queued());
    }
    transaction_.spoil();
    return finish(number, command.error());
  }
  if (client_.user == nullptr && !(*command)->is(redis::kNoAuth)) {
    return finish(number, Reply::error("NOAUTH Authentication required."));
  }
  entry_->on_command(**command, read_at_);
  if ((*command)->plan != nullptr || (*command)->group == redis::Group::transactions) {
    note_begin(open, **command, arguments);
  }
  if (auto refused = over_rate(**command)) {
    transaction_.spoil();
    return finish(number, *std::move(refused));
  }
  if ((*command)->group == redis::Group::transactions) {
    run_transactional(open, **command, arguments);
    if (!own_items_open()) entry_->on_transaction(transaction_.queued());
    return;
  }
  if (transaction_.begun() && !ends_transaction(**command)) {
    Reply reply = queue(open, **command, arguments);
    if (reply.kind == Reply::Kind::error) transaction_.spoil();
    entry_->on_transaction(transaction_.queued());
    return finish(number, std::move(reply));
  }
  if ((*command)->plan != nullptr) return run_planned(open, **command, arguments);
  if ((*command)->name == "wait" || (*command)->name == "waitaof") return wait(**command, arguments);
  if ((*command)->name == "gyre.session") return await_session(open, **command, arguments);
  run_own(open, **command, arguments, skipped);
}

// A GET of what memory holds, by a client to whom nothing else is owed: the value goes straight into the output. It is
// what clients ask for most, and a tenth of the work of a command that waits.
bool Session::answer_at_once(const redis::Command& command, const redis::Arguments& arguments) {
  const bool plain = client_.user != nullptr && pipeline_.empty() && command.name == "get" && !transaction_.begun() &&
                     !client_.seen && client_.replies && !client_.skip_next && !server_.rates.concern(*client_.user);
  if (!plain) return false;
  const Slot slot = ring::slot_of(arguments[1]);
  const auto read = backend_.route(client_, command, slot);
  if (!read) return false;
  const auto found = backend_.get_at_once(slot, arguments[1], *read);
  if (!found) return false;
  entry_->on_command(command, read_at_);
  wire::RespWriter writer(connection_->output(), client_.version);
  if (found->record) {
    writer.bulk(found->record->value);
  } else {
    writer.null();
  }
  connection_->send();
  return true;
}

// It tells of all that was asked for before, so that must be answered.
void Session::await_session(Open& open, const redis::Command& command, const redis::Arguments& arguments) {
  open.awaiting = std::make_unique<Transaction::Own>(Transaction::Own{&command, {}});
  for (std::size_t i = 0; i < arguments.size(); ++i) open.awaiting->arguments.emplace_back(arguments[i]);
  start_or_wait(first_ + pipeline_.size() - 1, redis::DoReads{.reads = {}, .for_update = true});
}

void Session::note_begin(Open& open, const redis::Command& command, const redis::Arguments& arguments) const {
  open.command = &command;
  open.began = read_at_;
  open.arguments = arguments.size();
  if (arguments.size() < 2) return;
  open.first_bytes = std::min(arguments[1].size(), open.first.size());
  std::copy_n(arguments[1].data(), open.first_bytes, open.first.data());
}

void Session::note_end(const Open& open) {
  const Duration took = net::steady_now() - open.began;
  if (took < SlowLog::kSlow) return;
  SlowLog::Entry entry{.at = net::wall_now(),
                       .took = took,
                       .arguments = {std::string(open.command->name)},
                       .peer = client_.peer,
                       .name = client_.name};
  if (open.arguments > 1) entry.arguments.emplace_back(open.first.data(), open.first_bytes);
  if (open.arguments > 2) entry.arguments.push_back(fmt::format("... ({} more arguments)", open.arguments - 2));
  server_.slow.add(std::move(entry));
}

// What is about the connection and the server alone stays free: it is how clients connect and wait.
std::optional<Reply> Session::over_rate(const redis::Command& command) {
  const bool on_keys = command.plan != nullptr || command.name == "watch" || command.name.starts_with("wait");
  if (!on_keys || !server_.rates.concern(*client_.user)) return std::nullopt;
  const Duration wait = server_.rates.take(net::steady_now(), client_.address, *client_.user);
  if (wait == Duration(0)) return std::nullopt;
  return redis::error_reply({ErrorCode::busy, Outcome::not_applied, "too many commands a second",
                             std::max(std::chrono::ceil<std::chrono::milliseconds>(wait), limits::kBusyRetryAfter)});
}

void Session::run_own(Open& open, const redis::Command& command, const redis::Arguments& arguments, bool skipped) {
  Reply reply = reply_of_own(command, arguments);
  open.version = client_.version;
  open.silent = !std::exchange(client_.speaks, false) && (skipped || !client_.replies || client_.skip_next);
  if (ends_transaction(command)) {
    transaction_ = {};
    entry_->on_transaction({});
  }
  finish(first_ + pipeline_.size() - 1, std::move(reply));
}

Reply Session::reply_of_own(const redis::Command& command, const redis::Arguments& arguments) {
  client_.input_bytes = connection_->input_bytes();
  client_.input_capacity = connection_->input_capacity();
  client_.output_bytes = connection_->output_bytes();
  entry_->publish(client_);
  Reply reply = run_own_command({backend_, server_, client_, *entry_}, command, arguments);
  entry_->publish(client_);
  parser_.set_authenticated(client_.user != nullptr);
  closing_ = closing_ || client_.leaves;
  return reply;
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
    } else {
      open.own_items.push_back({commands.size(), std::move(std::get<Transaction::Own>(item))});
      commands.push_back({Reply::null()});
    }
  }
  // What only reads is written nowhere, and is as fresh as all members' word makes it.
  const bool writes = std::ranges::any_of(commands, redis::writes, &redis::Queued::plan);
  if (!writes && open.read.level == messages::ReadLevel::linearizable) open.ack = messages::kAckAll;
  run(open, redis::plan_exec(std::move(commands), std::move(taken.watch), planning(server_)));
}

// Where EXEC was answered by an error they do not run, though with "outcome unknown" or NOREPLICAS its writes may be
// there: what is about the connection can be asked for again, and what it is to see is not known.
Reply Session::run_own_items(std::vector<OwnItem> items, Reply exec) {
  if (exec.kind != Reply::Kind::array || closed()) items.clear();
  std::size_t bytes = 0;
  for (const auto& [place, own] : items) {
    if (bytes > kOutputBytesPause) {
      exec.items[place] = Reply::error("ERR the replies of this transaction hold too much memory: this was not run");
      continue;
    }
    const std::vector<std::string_view> views(own.arguments.begin(), own.arguments.end());
    exec.items[place] = reply_of_own(*own.command, redis::Arguments(views));
    bytes += redis::bytes_of(exec.items[place]);
  }
  entry_->on_transaction(transaction_.queued());
  return exec;
}

// Nothing runs beside it: what was written before must be there before members are asked, and a client that waits has
// nothing else done meanwhile.
void Session::wait(const redis::Command& command, const redis::Arguments& arguments) {
  const std::uint64_t number = first_ + pipeline_.size() - 1;
  const bool synced = command.name == "waitaof";
  const auto wanted = synced ? Barrier::parse_synced(arguments) : Barrier::parse(arguments);
  if (!wanted) return finish(number, wanted.error());
  // What members tell is what they have applied; only so is that also synced.
  if (synced && server_.appendfsync != "always") {
    return finish(number,
                  Reply::error("ERR WAITAOF cannot be used here: what is synced is known of nodes that run with "
                               "--durability always, and by themselves"));
  }
  if (backend_.map() == nullptr) return finish(number, Reply::error("LOADING there is no cluster map yet"));
  at(number).wait = *wanted;
  const Duration longest = server_.deadline > Duration(0) ? server_.deadline : limits::kRequestWaitMax;
  at(number).deadline = net::steady_now() + (wanted->timeout > Duration(0) ? wanted->timeout : longest);
  start_or_wait(number, redis::DoReads{.reads = {}, .for_update = true});
}

// --- Replies out ---

void Session::finish(std::uint64_t number, Reply reply) {
  Open& open = at(number);
  order_.end(open.effect, open.slot);
  if (!open.own_items.empty()) reply = run_own_items(std::exchange(open.own_items, {}), std::move(reply));
  if (open.command != nullptr) note_end(open);
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
  return closing_ || connection_ == nullptr || waiting_ || own_items_open() || pipeline_.size() >= kOpenMax ||
         output_full() || found_bytes_ > kOutputBytesPause || requests_open_ >= kOpenMax ||
         write_bytes_ > kOutputBytesPause;
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
  server_.all.remove(client_.id);
  server_.clients.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace gyre::resp
