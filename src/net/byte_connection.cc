#include "net/byte_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/log.h"

namespace gyre::net {

namespace {

// What a connection reads at once, and holds while it is idle.
constexpr std::size_t kReceiveBytes = std::size_t{16} * 1024;
// Less room than this at the buffer's end is not worth a system call.
constexpr std::size_t kRoomMin = std::size_t{4} * 1024;
// An output string that grew beyond is given back once it is empty.
constexpr std::size_t kOutputKept = std::size_t{64} * 1024;

Error unavailable(std::string message) {
  return Error{ErrorCode::unavailable, Outcome::not_applied, std::move(message), {}};
}

// Gives the socket as much of `bytes` behind `sent` as it takes now. ERRORS: what ends the connection.
std::error_code write_behind(Socket& socket, std::string_view bytes, std::size_t& sent) {
  while (sent < bytes.size()) {
    const auto taken = socket.write(bytes.substr(sent));
    if (!taken) return Socket::not_yet(taken.error()) ? std::error_code() : taken.error();
    sent += *taken;
  }
  return {};
}

}  // namespace

ByteConnection::ByteConnection(Loop& loop, asio::ip::tcp::socket socket, ConnectionId id, ByteLimits limits)
    : loop_(loop), socket_(loop, std::move(socket)), id_(id), limits_(limits) {}

ByteConnection::~ByteConnection() {
  if (buffer_ != nullptr) buffer_->release();
}

void ByteConnection::start(std::shared_ptr<ByteHandler> handler) {
  GYRE_ASSERT(handler_ == nullptr);
  if (closed_) return;
  handler_ = std::move(handler);
  socket_.open(shared_from_this());
  socket_.want_reading(may_read());
}

// --- Input ---

void ByteConnection::on_readable() {
  if (!may_read()) return socket_.want_reading(false);
  make_room();
  const auto bytes = socket_.read({buffer_->data() + end_, buffer_->capacity() - end_});
  if (!bytes) {
    if (!Socket::not_yet(bytes.error())) shut(socket_.end(bytes.error()));
    return;
  }
  if (*bytes == 0) {
    ended_ = true;
    socket_.want_reading(false);
    return handler_->on_end();
  }
  end_ += *bytes;
  deliver();
}

void ByteConnection::deliver() {
  if (held_ || closing_ || closed_) return;
  if (end_ > begin_) {
    const std::size_t consumed = handler_->on_bytes({buffer_->data() + begin_, end_ - begin_}, buffer_);
    GYRE_ASSERT(consumed <= end_ - begin_);
    begin_ += consumed;
  }
  if (may_read() && input_bytes() >= limits_.input_bytes_max) {
    return cut(Error{ErrorCode::too_large,
                     Outcome::not_applied,
                     fmt::format("{} sent a command of more than {} bytes", peer(), limits_.input_bytes_max),
                     {}});
  }
  socket_.want_reading(may_read());
}

// A buffer that others share keeps what they refer to: what follows goes behind that, or into a new one.
void ByteConnection::make_room() {
  const std::size_t unconsumed = end_ - begin_;
  const bool ours = buffer_ != nullptr && buffer_->unique();
  if (unconsumed == 0 && ours && buffer_->capacity() == kReceiveBytes) begin_ = end_ = 0;
  const std::size_t room = buffer_ == nullptr ? 0 : buffer_->capacity() - end_;
  const bool outgrown = unconsumed == 0 && input_capacity() > kReceiveBytes;
  if (!outgrown && room >= std::max(kRoomMin, unconsumed / 4)) return;
  // Half of it or more would be free: what is there moves to its front.
  if (!outgrown && ours && unconsumed * 2 <= buffer_->capacity()) {
    std::memmove(buffer_->data(), buffer_->data() + begin_, unconsumed);
    begin_ = 0;
    end_ = unconsumed;
    return;
  }
  move_to(Buffer::create(std::max(kReceiveBytes, unconsumed * 2)));
}

void ByteConnection::move_to(Buffer* buffer) {
  const std::size_t unconsumed = end_ - begin_;
  if (buffer_ != nullptr) {
    std::memcpy(buffer->data(), buffer_->data() + begin_, unconsumed);
    buffer_->release();
  }
  buffer_ = buffer;
  begin_ = 0;
  end_ = unconsumed;
}

void ByteConnection::resume_reading() {
  if (!held_) return;
  held_ = false;
  loop_.post([self = shared_from_this()] { self->deliver(); });
}

// --- Output ---

void ByteConnection::send() {
  if (closed_ || cut_) return output_.clear();
  if (output_bytes() > limits_.output_bytes_low) above_low_ = true;
  if (output_bytes() > limits_.output_bytes_max) {
    return cut(unavailable(fmt::format("{} does not take its answers: more than {} bytes of them wait", peer(),
                                       limits_.output_bytes_max)));
  }
  schedule_flush();
}

void ByteConnection::schedule_flush() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  loop_.at_turn_end([self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->flush();
  });
}

// Most answers fit the socket's buffer: tries at once, and waits for room only if they do not.
void ByteConnection::flush() {
  if (closed_ || cut_ || !in_flight_.empty()) return;
  std::size_t sent = 0;
  if (const auto error = write_behind(socket_, output_, sent)) return shut(socket_.end(error));
  if (sent < output_.size()) {
    in_flight_.swap(output_);
    in_flight_sent_ = sent;
    if (!std::exchange(watched_, true)) watch_taking(sent_);
    return socket_.want_writing(true);
  }
  output_.clear();
  if (output_.capacity() > kOutputKept) output_.shrink_to_fit();
  if (closing_) return shut(std::move(close_reason_));
  tell_drained();
}

void ByteConnection::on_writable() {
  const std::size_t before = in_flight_sent_;
  if (const auto error = write_behind(socket_, in_flight_, in_flight_sent_)) return shut(socket_.end(error));
  sent_ += in_flight_sent_ - before;
  if (in_flight_sent_ < in_flight_.size()) return;
  socket_.want_writing(false);
  in_flight_ = std::string();
  in_flight_sent_ = 0;
  flush();
}

// `sent`: at the last look.
void ByteConnection::watch_taking(std::uint64_t sent) {
  loop_.after(limits_.take_limit, [weak = weak_from_this(), sent] {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->watched_ = !self->in_flight_.empty();
    if (!self->watched_) return;
    if (self->sent_ > sent) return self->watch_taking(self->sent_);
    self->cut(unavailable(
        fmt::format("{} has taken none of its answers for {} ms", self->peer(), to_ms(self->limits_.take_limit))));
  });
}

void ByteConnection::tell_drained() {
  if (!above_low_ || output_bytes() > limits_.output_bytes_low) return;
  above_low_ = false;
  handler_->on_drained();
}

// --- The end ---

void ByteConnection::close(Error why) {
  if (closed_ || closing_) return;
  closing_ = true;
  close_reason_ = std::move(why);
  schedule_flush();
  loop_.after(kCloseLimit, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->shut(std::move(self->close_reason_));
  });
}

// Owes the peer nothing more: it broke a limit. The handler may be on the stack, so it is told later.
void ByteConnection::cut(Error why) {
  if (closed_ || cut_) return;
  cut_ = true;
  closing_ = true;
  spdlog::warn("closes a connection: {}", why.message);
  output_.clear();
  loop_.post([self = shared_from_this(), why = std::move(why)]() mutable { self->shut(std::move(why)); });
}

void ByteConnection::shut(Error why) {
  if (closed_) return;
  closed_ = true;
  socket_.close();
  const auto handler = std::exchange(handler_, nullptr);
  if (handler) handler->on_closed(why);
}

}  // namespace gyre::net
