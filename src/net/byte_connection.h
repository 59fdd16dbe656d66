// A connection of bytes: what passes over one TCP socket when the protocol is not ours.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <asio/ip/tcp.hpp>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "gyre/result.h"
#include "net/socket.h"

namespace gyre::net {

// What the owner of a connection is told, on the connection's loop.
class ByteHandler {
 public:
  virtual ~ByteHandler() = default;
  // All that was received and not consumed; says how many bytes of it are done with. What is kept of the others by
  // reference shares `owner`, in which they lie.
  virtual std::size_t on_bytes(std::string_view received, Buffer* owner) = 0;
  // The peer sends no more. What it sent is delivered; it may still take answers.
  virtual void on_end() = 0;
  // What waits to leave fell below ByteLimits::output_bytes_low after having been above it.
  virtual void on_drained() {}
  // Exactly once, last. `why`: unavailable (the peer closed or reset, or took nothing), too_large (input beyond the
  // limit), or what close() was given.
  virtual void on_closed(const Error& why) = 0;
};

struct ByteLimits {
  // Received and not consumed. Beyond: closed. Memory grows with what is received, up to twice that.
  std::size_t input_bytes_max = std::size_t{128} * 1024 * 1024;
  // Written and not yet taken by the peer. Beyond: closed.
  std::size_t output_bytes_max = limits::kConnectionOutputBytesMax;
  std::size_t output_bytes_low = std::size_t{4} * 1024 * 1024;
  // A peer that takes nothing of it for so long is cut off.
  Duration take_limit = std::chrono::seconds(30);
};

// Owned by its socket and by whoever holds it; lives until it is closed. THREAD: its loop's.
//
// The handler appends to output() and calls send(); what a turn collects leaves at its end. While hold_reading() was
// called nothing is read. A closing connection reads nothing, and is cut when the peer has not taken what it is owed
// after some seconds.
class ByteConnection : public SocketOwner, public std::enable_shared_from_this<ByteConnection> {
 public:
  ByteConnection(Loop& loop, asio::ip::tcp::socket socket, ConnectionId id, ByteLimits limits);
  ~ByteConnection() override;
  ByteConnection(const ByteConnection&) = delete;
  ByteConnection& operator=(const ByteConnection&) = delete;

  // Begins to read. Call once. The connection keeps `handler` until it is closed.
  void start(std::shared_ptr<ByteHandler> handler);
  // To append to; then call send(). Whatever is in it once the connection is closed goes nowhere.
  std::string& output() { return output_; }
  // What was appended leaves at the turn's end; or the connection is closed because it is too much, after this call.
  void send();
  // After what was appended has left. on_closed follows.
  void close(Error why);
  // Delivers and reads nothing more until resumed.
  void hold_reading() { held_ = true; }
  // What was received before is delivered first, not within this call: the handler may be on the stack.
  void resume_reading();

  ConnectionId id() const { return id_; }
  bool open() const { return !closed_; }
  // What waits to leave.
  std::size_t output_bytes() const { return output_.size() + in_flight_.size() - in_flight_sent_; }
  // Received and not consumed, and the memory that it lies in.
  std::size_t input_bytes() const { return end_ - begin_; }
  std::size_t input_capacity() const { return buffer_ == nullptr ? 0 : buffer_->capacity(); }
  Loop& loop() { return loop_; }
  // "127.0.0.1:4711"
  const std::string& peer() const { return socket_.peer(); }
  const std::string& local() const { return socket_.local(); }

 private:
  void on_readable() override;
  void on_writable() override;
  bool may_read() const { return !held_ && !ended_ && !closing_ && !closed_; }
  void deliver();
  void make_room();
  void move_to(Buffer* buffer);
  void schedule_flush();
  void flush();
  void watch_taking(std::uint64_t sent);
  void tell_drained();
  void cut(Error why);
  void shut(Error why);

  Loop& loop_;
  Socket socket_;
  ConnectionId id_;
  ByteLimits limits_;
  std::shared_ptr<ByteHandler> handler_;
  Buffer* buffer_ = nullptr;  // one reference is ours; what was received lies at [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string output_;     // to append to
  std::string in_flight_;  // waits for room in the socket, which has taken in_flight_sent_ of it
  std::size_t in_flight_sent_ = 0;
  std::uint64_t sent_ = 0;  // of all that waited for room in the socket
  bool watched_ = false;
  bool held_ = false;
  bool ended_ = false;  // the peer sends no more
  bool flush_scheduled_ = false;
  bool above_low_ = false;
  bool closing_ = false;  // close when the output is gone
  bool cut_ = false;      // close without that
  bool closed_ = false;
  Error close_reason_;
};

using ByteConnectionPtr = std::shared_ptr<ByteConnection>;

// As connect() in connection.h, to a server of another protocol.
void connect_bytes(Loop& loop, const std::string& address, Duration timeout, ByteLimits limits,
                   std::function<void(Result<ByteConnectionPtr>)> done);

}  // namespace gyre::net
