// A connection: frames of requests, responses and one-way messages over one TCP socket, both ways, for servers and
// clients alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "messages/request.h"
#include "net/address.h"
#include "net/faults.h"
#include "net/socket.h"
#include "wire/codec.h"
#include "wire/framing.h"

namespace gyre::net {

// What the owner of a connection is told, on the connection's loop.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // A decoded frame. Slices in it keep the received memory alive.
  virtual void on_frame(messages::Frame frame) = 0;
  // Exactly once, last. `why`: unavailable (the peer closed or reset), invalid_argument or too_large (the peer sent
  // what is no frame; it was told before the close).
  virtual void on_closed(const Error& why) = 0;
};

// Owned by its socket and by whoever sends; lives until it is closed. THREAD: its loop's.
//
// What send() collects in a turn leaves as one frame at the turn's end. While more than kConnectionOutputBytesMax wait
// to leave, or hold_reading() was called, nothing is read. A closing connection reads nothing, and is cut when the peer
// has not taken what it is owed after some seconds.
class Connection : public SocketOwner, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, asio::ip::tcp::socket socket, ConnectionId id, wire::Limits limits);
  ~Connection() override;

  // The faults of this process concern what passes here. `peer`: the other side, as rules name it; empty: whoever it
  // says it is, or a client. Call before start(). `faults` outlives the connection; null: there never are any.
  void set_faults(Faults* faults, std::string peer);
  // Begins to read. Call once. The connection keeps `handler` until it is closed.
  void start(std::shared_ptr<ConnectionHandler> handler);
  // Dropped silently once the connection is closed.
  void send(messages::Request request);
  void send(messages::Response response);
  void send(messages::Message message);
  // Who sends the messages: goes with each frame of them from now on.
  void set_sender(messages::Sender sender) { outgoing_.sender = std::move(sender); }
  // After what was sent has left. on_closed follows.
  void close(Error why);
  // Delivers and reads nothing more until resumed: the peer's sending window fills, so that it waits instead of us.
  void hold_reading();
  void resume_reading();

  ConnectionId id() const { return id_; }
  bool open() const { return !closed_; }
  // What waits to leave, about.
  std::size_t output_bytes() const { return output_bytes_ + outgoing_bytes_; }
  Loop& loop() { return loop_; }
  // "127.0.0.1:4711"
  const std::string& peer() const { return socket_.peer(); }

 private:
  void on_readable() override;
  void on_writable() override;
  bool may_read() const;
  void deliver();
  void schedule_flush();
  void flush();
  void write();
  std::error_code write_some();
  void refuse(Error error);
  void shut(Error why);
  // Injected faults (connection_faults.cc).
  bool vanishes_or_waits(messages::Frame& frame, std::size_t bytes);
  void send_what_is_about_faults();
  void send_unless_lost(Bytes encoded);
  void release_incoming();
  void release_outgoing();
  void release_incoming_later();
  void release_outgoing_later();
  bool holds_outgoing() const;
  bool holds_too_much() const;

  Loop& loop_;
  Socket socket_;
  ConnectionId id_;
  wire::Limits limits_;
  wire::FrameReader reader_;
  std::shared_ptr<ConnectionHandler> handler_;
  messages::Frame outgoing_;  // collected in this turn
  std::size_t outgoing_bytes_ = 0;  // of the keys and values in its responses and messages
  std::deque<Bytes> unsent_;  // encoded, not yet given to the socket
  std::size_t output_bytes_ = 0;  // of unsent_
  bool full_ = false;  // until the socket says that it has room
  bool held_ = false;
  bool flush_scheduled_ = false;
  bool closing_ = false;  // close when the output is gone
  bool closed_ = false;
  Error close_reason_;
  struct FaultyEnds;
  std::unique_ptr<FaultyEnds> faulty_;  // null: this process injects no faults
};

using ConnectionPtr = std::shared_ptr<Connection>;

// The process's next connection id.
ConnectionId next_connection_id();

// Why there is no connection; to those who ask no more, an Error.
struct ConnectFailure : Error {
  // Every address of the name refused: no process listens there. Anything else, also silence, says nothing of that.
  bool refused = false;
};

// Resolves `address` ("HOST:PORT"; a name stands for all its addresses, tried in turn) and connects, beside `loop`.
// `done` runs on it. The connection given is not started. ERRORS: invalid_argument (no address), unavailable, with the
// address and what the system said. `done` may take a Result<ConnectionPtr>, too.
void connect(Loop& loop, const std::string& address, Duration timeout, wire::Limits limits,
             std::function<void(std::expected<ConnectionPtr, ConnectFailure>)> done);

}  // namespace gyre::net
