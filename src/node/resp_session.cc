#include "node/resp_session.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "node/resp_commands.h"

namespace gyre::node {

using redis::Reply;

namespace {

// Answers that wait to leave. Beyond: no further command is run until most of them have left.
constexpr std::size_t kOutputBytesPause = std::size_t{16} * 1024 * 1024;
// A command of so many bytes shares the memory it came in with what is kept of it. What is kept of smaller ones is
// copied, so that a small value does not hold a large buffer.
constexpr std::size_t kSharedBytesMin = std::size_t{32} * 1024;
// The requests of one command: its number, then their index.
constexpr std::uint64_t kRequestsPerCommand = std::uint64_t{1} << 20;

wire::RespLimits parser_limits(const RespNode& node) {
  wire::RespLimits limits;
  limits.arguments_max = kRequestsPerCommand;
  limits.argument_bytes_max = std::max(node.value_bytes_max, limits::kKeyBytesMax);
  return limits;
}

}  // namespace

RespSession::RespSession(const LoopView& view, RespNode& node, net::ByteConnectionPtr connection)
    : view_(view), node_(node), connection_(std::move(connection)), parser_(parser_limits(node)) {
  parser_.set_authenticated(true);  // there are no users
  client_.id = connection_->id().value();
  client_.peer = connection_->peer();
  client_.local = connection_->local();
  client_.since = net::steady_now();
  node_.clients.fetch_add(1, std::memory_order_relaxed);
  node_.connections.fetch_add(1, std::memory_order_relaxed);
}

// --- Commands in ---

std::size_t RespSession::on_bytes(std::string_view received, Buffer* owner) {
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

void RespSession::run_command(const redis::Arguments& arguments) {
  node_.commands.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t number = first_ + pipeline_.size();
  Open& open = pipeline_.emplace_back();
  const bool skipped = std::exchange(client_.skip_next, false);
  open.version = client_.version;
  open.silent = skipped || !client_.replies;
  const auto command = redis::resolve(arguments);
  if (!command) return finish(number, command.error());
  if ((*command)->plan == nullptr) return run_own(open, **command, arguments, skipped);
  run_planned(open, **command, arguments);
}

void RespSession::run_own(Open& open, const redis::Command& command, const redis::Arguments& arguments, bool skipped) {
  client_.input_bytes = connection_->input_bytes();
  client_.input_capacity = connection_->input_capacity();
  client_.output_bytes = connection_->output_bytes();
  client_.last_command = command.name;
  Reply reply = run_own_command({view_, node_, client_}, command, arguments);
  open.version = client_.version;
  open.silent = !std::exchange(client_.speaks, false) && (skipped || !client_.replies || client_.skip_next);
  closing_ = closing_ || client_.leaves;
  finish(first_ + pipeline_.size() - 1, std::move(reply));
}

void RespSession::run_planned(Open& open, const redis::Command& command, const redis::Arguments& arguments) {
  const std::uint64_t number = first_ + pipeline_.size() - 1;
  const auto slot = redis::slot_of_keys(command, arguments);
  if (!slot) return finish(number, slot.error());
  if (*slot) {
    auto read = route(**slot, command);
    if (!read) return finish(number, std::move(read).error());
    open.slot = **slot;
    open.read = *read;
    open.ack = client_.ack;
  }
  open.run.emplace(redis::plan(command, arguments, {.now = net::wall_now(), .value_bytes_max = node_.value_bytes_max}));
  start_or_wait(number, open.run->start());
}

// --- Where a slot is served ---

redis::Parsed<messages::ReadConsistency> RespSession::route(Slot slot, const redis::Command& command) const {
  if (view_.map == nullptr)
    return redis::refuse("LOADING this node has no cluster map yet: it waits for its coordinator");
  const auto& entry = view_.map->entry(view_.map->partitioning().of(slot));
  if (refusing_) {
    if (auto elsewhere = moved(slot)) return std::unexpected(*std::move(elsewhere));
    return redis::refuse("CLUSTERDOWN this node stops: ask another");
  }
  if (entry.primary == node_.self) return client_.read;
  if (client_.readonly && command.is(redis::kReadonly) && entry.find_in_sync(node_.self) != nullptr) {
    messages::ReadConsistency read = client_.read;
    // READONLY says that whatever a member holds will do.
    if (read.level == messages::ReadLevel::primary) read.level = messages::ReadLevel::any;
    return read;
  }
  if (auto elsewhere = moved(slot)) return std::unexpected(*std::move(elsewhere));
  return redis::refuse("CLUSTERDOWN Hash slot not served");
}

std::optional<Reply> RespSession::moved(Slot slot) const {
  if (view_.map == nullptr) return std::nullopt;
  const auto& entry = view_.map->entry(view_.map->partitioning().of(slot));
  if (entry.primary.empty() || entry.primary == node_.self) return std::nullopt;
  const ring::NodeInfo* primary = view_.map->find_node(entry.primary);
  if (primary == nullptr || primary->addresses.resp.empty()) return std::nullopt;
  return Reply::error_text(fmt::format("MOVED {} {}", slot.value(), primary->addresses.resp));
}

// --- The course of a command ---

void RespSession::start_or_wait(std::uint64_t number, redis::Step step) {
  Open& open = at(number);
  if (const auto* reads = std::get_if<redis::DoReads>(&step)) {
    open.effect = reads->for_update ? Effect::update : Effect::read;
  } else if (std::holds_alternative<redis::DoWrites>(step)) {
    open.effect = Effect::write;
  }
  if (must_wait(open)) {
    waiting_ = std::move(step);
    return;
  }
  if (open.effect == Effect::read) ++open_reads_[mark(open.slot)];
  if (open.effect == Effect::update) ++open_updates_[mark(open.slot)];
  proceed(number, std::move(step));
}

bool RespSession::must_wait(const Open& open) const {
  if (open.effect == Effect::none) return false;
  if (open_updates_[mark(open.slot)] > 0) return true;
  return open.effect != Effect::read && open_reads_[mark(open.slot)] > 0;
}

void RespSession::proceed(std::uint64_t number, redis::Step step) {
  if (auto* reply = std::get_if<Reply>(&step)) return finish(number, std::move(*reply));
  if (auto* writes = std::get_if<redis::DoWrites>(&step)) {
    if (auto refused = too_much(*writes)) return finish(number, *std::move(refused));
    return ask(number, std::move(*writes));
  }
  const auto& reads = std::get<redis::DoReads>(step);
  if (auto refused = too_much(reads)) return finish(number, *std::move(refused));
  ask(number, reads);
}

std::optional<Reply> RespSession::too_much(const redis::DoReads& reads) const {
  if (reads.reads.size() <= limits::kBatchOperationsMax) return std::nullopt;
  return Reply::error_text(fmt::format("ERR {} keys in one command: at most {} are allowed", reads.reads.size(),
                                       limits::kBatchOperationsMax));
}

// The host checks all that does not depend on this node's options.
std::optional<Reply> RespSession::too_much(const redis::DoWrites& writes) const {
  for (const messages::WriteOperation& operation : writes.operations) {
    if (operation.value.size() <= node_.value_bytes_max) continue;
    return Reply::error_text(fmt::format("ERR a value of {} bytes: at most {} are allowed (--value-max)",
                                         operation.value.size(), node_.value_bytes_max));
  }
  return std::nullopt;
}

// An answer may come within hand_to_host(), and with the last one the command goes.
void RespSession::ask(std::uint64_t number, const redis::DoReads& reads) {
  Open& open = at(number);
  const std::size_t count = reads.reads.size();
  GYRE_ASSERT(count > 0);
  open.found.assign(count, {});
  open.missing = count;
  open.failed.reset();
  const Slot slot = open.slot;
  const messages::ReadConsistency read = reads.for_update ? messages::ReadConsistency() : open.read;
  for (std::size_t i = 0; i < count; ++i) {
    messages::GetRequest get{reads.reads[i].key, reads.reads[i].value_wanted, read};
    hand_to_host(slot, {.id = RequestId(number * kRequestsPerCommand + i), .epoch = {}, .body = std::move(get)});
  }
}

// Without a WriteId: only a request that is sent twice needs one, and between a session and its node none is.
void RespSession::ask(std::uint64_t number, redis::DoWrites writes) {
  Open& open = at(number);
  open.missing = 1;
  open.failed.reset();
  open.found.clear();
  messages::WriteRequest write{.operations = std::move(writes.operations), .ack = open.ack};
  hand_to_host(open.slot, {.id = RequestId(number * kRequestsPerCommand), .epoch = {}, .body = std::move(write)});
}

void RespSession::hand_to_host(Slot slot, messages::Request request) {
  const auto partition = view_.map->partitioning().of(slot);
  const HostSlot& owner = (*view_.hosts)[partition.value() % view_.hosts->size()];
  if (owner.loop == view_.loop) return owner.host->on_request(shared_from_this(), std::move(request));
  owner.loop->post([host = owner.host, self = shared_from_this(), request = std::move(request)]() mutable {
    host->on_request(self, std::move(request));
  });
}

void RespSession::respond(messages::Response response) {
  if (view_.loop->on_this_thread()) return take(std::move(response));
  view_.loop->post(
      [self = shared_from_this(), response = std::move(response)]() mutable { self->take(std::move(response)); });
}

void RespSession::take(messages::Response response) {
  const std::uint64_t number = response.id.value() / kRequestsPerCommand;
  Open& open = at(number);
  if (auto* found = std::get_if<redis::Found>(&response.body)) {
    const std::size_t bytes = found->record ? found->record->value.size() : 0;
    if (found_bytes_ + bytes > limits::kConnectionAnswerBytesMax) {
      open.failed =
          Error{ErrorCode::busy, Outcome::not_applied,
                "this connection has not taken its earlier answers: ask for less at once", limits::kBusyRetryAfter};
    } else {
      found_bytes_ += bytes;
      open.found_bytes += bytes;
      open.found[response.id.value() % kRequestsPerCommand] = std::move(*found);
    }
  } else if (auto* error = std::get_if<Error>(&response.body)) {
    open.failed = std::move(*error);
  }
  if (--open.missing > 0) return;
  if (open.failed && goes_elsewhere(open, *open.failed)) return finish(number, *moved(open.slot));
  proceed(number, next_step(open, std::move(response.body)));
}

redis::Step RespSession::next_step(Open& open, messages::ResponseBody body) {
  const bool read = !open.found.empty();
  if (read && open.failed) return open.run->on_failed(*open.failed);
  if (read) return open.run->on_found(open.found);
  if (open.failed) return open.run->on_written(fail(*std::exchange(open.failed, std::nullopt)));
  return open.run->on_written(std::move(std::get<messages::WriteResponse>(body).outcomes));
}

// The map has moved on since the command was routed.
bool RespSession::goes_elsewhere(const Open& open, const Error& why) const {
  // A member that is behind cannot be waited for as one can wait for a primary.
  const bool refused =
      why.code == ErrorCode::not_primary || why.code == ErrorCode::stale_map || why.code == ErrorCode::behind;
  return refused && why.outcome == Outcome::not_applied && moved(open.slot).has_value();
}

// --- Replies out ---

void RespSession::finish(std::uint64_t number, Reply reply) {
  Open& open = at(number);
  if (open.effect == Effect::read) --open_reads_[mark(open.slot)];
  if (open.effect == Effect::update) --open_updates_[mark(open.slot)];
  open.reply = std::move(reply);
  open.run.reset();
  if (number == first_) write_ready();
  if (waiting_ && !must_wait(pipeline_.back())) {
    redis::Step step = *std::exchange(waiting_, std::nullopt);
    start_or_wait(first_ + pipeline_.size() - 1, std::move(step));
  }
  resume_if_possible();
}

// While much waits to leave, replies stay what they are: they share the memory of the values that they show.
void RespSession::write_ready() {
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
void RespSession::refuse_bytes(std::string_view why) {
  view_.malformed->add();
  closing_ = true;
  if (why.empty()) return close_if_done();
  pipeline_.emplace_back().version = client_.version;
  finish(first_ + pipeline_.size() - 1, Reply::error_text(fmt::format("ERR {}", why)));
}

bool RespSession::output_full() const {
  return connection_ != nullptr && connection_->output_bytes() > kOutputBytesPause;
}

bool RespSession::must_hold() const {
  return closing_ || connection_ == nullptr || waiting_ || pipeline_.size() >= kOpenMax || output_full() ||
         found_bytes_ > kOutputBytesPause;
}

void RespSession::on_drained() {
  write_ready();
  resume_if_possible();
}

void RespSession::resume_if_possible() {
  if (!held_ || must_hold()) return;
  held_ = false;
  connection_->resume_reading();
}

void RespSession::finish() {
  if (closed()) return;
  closing_ = true;
  held_ = true;
  connection_->hold_reading();
  close_if_done();
}

void RespSession::close_if_done() {
  if (!closing_ || !pipeline_.empty() || connection_ == nullptr) return;
  connection_->close({ErrorCode::unavailable, Outcome::not_applied, "all is answered", {}});
}

void RespSession::on_closed(const Error&) {
  connection_ = nullptr;
  write_ready();
  node_.clients.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace gyre::node
