#include "net/connection.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "net/faulty_ends.h"

namespace gyre::net {

namespace {

// Frames given to the socket at once.
constexpr std::size_t kGatherMax = 64;

// Bytes of keys and values, where they make a response or message large.
struct PayloadBytes {
  std::size_t operator()(const messages::GetResponse& get) const { return of(get.record); }
  std::size_t operator()(const messages::ScanResponse& scan) const {
    std::size_t bytes = 0;
    for (const auto& item : scan.items) bytes += item.key.size() + item.record.value.size();
    return bytes;
  }
  std::size_t operator()(const messages::Append& append) const {
    std::size_t bytes = 0;
    for (const auto& write : append.writes) bytes += write->bytes();
    return bytes;
  }
  std::size_t operator()(const messages::FetchedKeys& fetched) const { return of(fetched.keys); }
  std::size_t operator()(const messages::SnapshotChunk& chunk) const { return of(chunk.records); }
  std::size_t operator()(const auto&) const { return 0; }

 private:
  static std::size_t of(const std::optional<messages::Record>& record) { return record ? record->value.size() : 0; }
  static std::size_t of(const std::vector<messages::FetchedKey>& keys) {
    std::size_t bytes = 0;
    for (const auto& key : keys) bytes += key.key.size() + of(key.record);
    return bytes;
  }
};

}  // namespace

Connection::Connection(Loop& loop, asio::ip::tcp::socket socket, ConnectionId id, wire::Limits limits)
    : loop_(loop), socket_(loop, std::move(socket)), id_(id), limits_(limits), reader_(limits.frame_bytes_max()) {}

Connection::~Connection() = default;

void Connection::start(std::shared_ptr<ConnectionHandler> handler) {
  GYRE_ASSERT(handler_ == nullptr);
  if (closed_) return;
  handler_ = std::move(handler);
  socket_.open(shared_from_this());
  socket_.want_reading(may_read());
}

void Connection::send(messages::Request request) {
  if (closed_) return;
  outgoing_.requests.push_back(std::move(request));
  schedule_flush();
}

void Connection::send(messages::Response response) {
  if (closed_) return;
  outgoing_bytes_ += std::visit(PayloadBytes(), response.body);
  outgoing_.responses.push_back(std::move(response));
  schedule_flush();
}

void Connection::send(messages::Message message) {
  if (closed_) return;
  outgoing_bytes_ += std::visit(PayloadBytes(), message);
  outgoing_.messages.push_back(std::move(message));
  schedule_flush();
}

void Connection::close(Error why) {
  if (closed_ || closing_) return;
  closing_ = true;
  close_reason_ = std::move(why);
  schedule_flush();
  loop_.after(kCloseLimit, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->shut(std::move(self->close_reason_));
  });
}

void Connection::hold_reading() { held_ = true; }

// Frames that were received while held are delivered first, but not within this call: the handler may be on the stack.
void Connection::resume_reading() {
  if (!held_) return;
  held_ = false;
  loop_.post([self = shared_from_this()] {
    if (self->faulty_) self->release_incoming();
    self->deliver();
  });
}

// What the peer does not take, and what faults hold back, keeps it from being heard: write() and release_incoming()
// resume.
bool Connection::may_read() const {
  return !held_ && !closing_ && !closed_ && output_bytes_ <= limits::kConnectionOutputBytesMax && !holds_too_much();
}

void Connection::on_readable() {
  if (!may_read()) return socket_.want_reading(false);
  const auto bytes = socket_.read(reader_.prepare());
  if (!bytes && Socket::not_yet(bytes.error())) return;
  if (!bytes || *bytes == 0) return shut(socket_.end(bytes ? std::error_code() : bytes.error()));
  reader_.commit(*bytes);
  deliver();
}

// Hands on the whole frames received, then waits for more.
void Connection::deliver() {
  while (!held_ && !closing_ && !closed_) {
    auto bytes = reader_.next();
    if (!bytes) return refuse(std::move(bytes).error());
    if (!*bytes) break;
    auto frame = wire::decode(**bytes, limits_);
    if (!frame) return refuse(std::move(frame).error());
    if (faulty_ && vanishes_or_waits(*frame, (*bytes)->size())) continue;
    handler_->on_frame(*std::move(frame));
  }
  socket_.want_reading(may_read());
}

// Tells the peer what is wrong with its bytes, once, and closes.
void Connection::refuse(Error error) {
  outgoing_.responses.push_back({RequestId(0), Epoch(0), error});
  close(std::move(error));
}

void Connection::schedule_flush() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  loop_.at_turn_end([self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->flush();
  });
}

void Connection::flush() {
  if (closed_) return;
  if (faulty_) send_what_is_about_faults();
  for (Bytes& encoded : wire::encode_split(outgoing_, limits_)) {
    if (faulty_) {
      send_unless_lost(std::move(encoded));
      continue;
    }
    output_bytes_ += encoded.size();
    unsent_.push_back(std::move(encoded));
  }
  outgoing_.requests.clear();
  outgoing_.responses.clear();
  outgoing_.messages.clear();
  outgoing_bytes_ = 0;
  write();
}

// Most answers fit the socket's buffer: tries at once, and waits for room only if they do not.
void Connection::write() {
  if (closed_ || full_) return;
  while (!unsent_.empty() && !full_) {
    const std::error_code error = write_some();
    full_ = error && Socket::not_yet(error);
    if (error && !full_) return shut(socket_.end(error));
  }
  if (closing_ && !full_ && !holds_outgoing()) return shut(std::move(close_reason_));
  socket_.want_writing(full_);
  socket_.want_reading(may_read());
}

void Connection::on_writable() {
  full_ = false;
  write();
}

std::error_code Connection::write_some() {
  std::array<iovec, kGatherMax> parts;
  const std::size_t count = std::min(unsent_.size(), kGatherMax);
  for (std::size_t i = 0; i < count; ++i) parts[i] = {const_cast<char*>(unsent_[i].data()), unsent_[i].size()};
  const auto sent = socket_.write(std::span(parts).first(count));
  if (!sent) return sent.error();
  output_bytes_ -= *sent;
  std::size_t left = *sent;
  while (!unsent_.empty() && left >= unsent_.front().size()) {
    left -= unsent_.front().size();
    unsent_.pop_front();
  }
  if (left > 0) unsent_.front() = unsent_.front().slice(unsent_.front().view().substr(left));
  return {};
}

void Connection::shut(Error why) {
  if (closed_) return;
  closed_ = true;
  socket_.close();
  unsent_.clear();
  const auto handler = std::exchange(handler_, nullptr);
  if (handler) handler->on_closed(why);
}

}  // namespace gyre::net
