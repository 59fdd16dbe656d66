#include "net/connection.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include "base/assert.h"
#include "base/limits.h"
#include "net/faulty_ends.h"
#include "net/socket.h"

namespace gyre::net {

namespace {

// Buffers given to one writev.
constexpr std::size_t kGatherMax = 64;

// What a peer may need to take what it is owed once the connection is closing.

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
    : loop_(loop),
      socket_(std::move(socket)),
      id_(id),
      limits_(limits),
      reader_(limits.frame_bytes_max()),
      peer_(peer_name(socket_)) {}

Connection::~Connection() = default;

void Connection::start(std::shared_ptr<ConnectionHandler> handler) {
  GYRE_ASSERT(handler_ == nullptr);
  handler_ = std::move(handler);
  prepare_socket(socket_);
  read();
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
    if (!self->reading_) self->deliver_and_read();
  });
}

void Connection::read() {
  if (reading_ || held_ || closing_ || closed_) return;
  if (output_bytes_ > limits::kConnectionOutputBytesMax) return;  // write() resumes
  if (holds_too_much()) return;  // release_incoming() resumes
  reading_ = true;
  const auto space = reader_.prepare();
  socket_.async_read_some(
      asio::buffer(space.data(), space.size()), [self = shared_from_this()](std::error_code error, std::size_t bytes) {
        self->reading_ = false;
        if (self->closed_ || self->closing_) return;
        if (error) {
          const bool ended = error == asio::error::eof || error == asio::error::connection_reset;
          self->shut(
              Error{ErrorCode::unavailable,
                    Outcome::not_applied,
                    fmt::format("{} {}", self->peer_, ended ? "closed the connection" : "failed: " + error.message()),
                    {}});
          return;
        }
        self->on_read(bytes);
      });
}

void Connection::on_read(std::size_t bytes) {
  reader_.commit(bytes);
  deliver_and_read();
}

// Hands on the whole frames received, then waits for more. REQUIRES: no read is under way.
void Connection::deliver_and_read() {
  while (!held_ && !closing_ && !closed_) {
    auto bytes = reader_.next();
    if (!bytes) return refuse(std::move(bytes).error());
    if (!*bytes) return read();
    auto frame = wire::decode(**bytes, limits_);
    if (!frame) return refuse(std::move(frame).error());
    if (faulty_ && vanishes_or_waits(*frame, (*bytes)->size())) continue;
    handler_->on_frame(*std::move(frame));
  }
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

void Connection::write() {
  if (closed_ || !in_flight_.empty()) return;
  if (unsent_.empty()) {
    if (closing_ && !holds_outgoing()) shut(std::move(close_reason_));
    return;
  }
  // Most answers fit the socket's buffer: try at once, and wait for room only if they do not.
  std::error_code error;
  while (unsent_.size() == 1) {
    const std::size_t sent = socket_.write_some(asio::buffer(unsent_[0].data(), unsent_[0].size()), error);
    if (error) break;
    output_bytes_ -= sent;
    const std::string_view rest = unsent_[0].view().substr(sent);
    if (rest.empty()) {
      unsent_.clear();
      return write();
    }
    unsent_[0] = unsent_[0].slice(rest);
  }
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    shut(Error{ErrorCode::unavailable, Outcome::not_applied, fmt::format("{} failed: {}", peer_, error.message()), {}});
    return;
  }
  write_async();
}

void Connection::write_async() {
  const std::size_t count = std::min(unsent_.size(), kGatherMax);
  in_flight_.assign(std::make_move_iterator(unsent_.begin()),
                    std::make_move_iterator(unsent_.begin() + static_cast<std::ptrdiff_t>(count)));
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(in_flight_.size());
  for (const Bytes& bytes : in_flight_) buffers.emplace_back(bytes.data(), bytes.size());
  asio::async_write(socket_, buffers, [self = shared_from_this()](std::error_code error, std::size_t bytes) {
    if (self->closed_) return;
    self->in_flight_.clear();
    self->output_bytes_ -= bytes;
    if (error) {
      self->shut(Error{ErrorCode::unavailable,
                       Outcome::not_applied,
                       fmt::format("{} failed: {}", self->peer_, error.message()),
                       {}});
      return;
    }
    self->write();
    self->read();
  });
}

void Connection::shut(Error why) {
  if (closed_) return;
  closed_ = true;
  std::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  unsent_.clear();
  const auto handler = std::exchange(handler_, nullptr);
  if (handler) handler->on_closed(why);
}

}  // namespace gyre::net
