// The server's side of a connection that carries requests: how many are open, and what follows from that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "net/connection.h"

namespace gyre::net {

// While too many requests are open nothing is read. Values for a peer that does not take what it was sent are answered
// busy. THREAD: its connection's loop.
class RequestSession : public ConnectionHandler {
 public:
  // `malformed` counts connections that were closed because of what they sent. `stopping`, a literal, is what a
  // peer is told by finish().
  RequestSession(ConnectionPtr connection, Counter& malformed, std::string_view stopping);

  void on_frame(messages::Frame frame) override;
  void on_closed(const Error& why) override;

  // Every request is answered.
  bool idle() const { return open_ == 0; }
  bool closed() const { return connection_ == nullptr; }
  // Reads nothing more; closes when the requests that are open are answered.
  void finish();

 protected:
  // Is to be answered by send(), now or later.
  virtual void on_request(messages::Request request) = 0;
  // These are the next ones, at most limits::kKeysAhead: a chance to prepare for them together.
  virtual void expect(std::span<const messages::Request> /*requests*/) {}
  virtual void on_messages(const messages::Sender& /*sender*/, std::vector<messages::Message> /*messages*/) {}

  // The answer to one of the requests.
  void send(messages::Response response);
  // A cluster map is large and its request small: in a turn one is all that a connection gets. False: it had it.
  bool take_map_turn();
  static Error map_is_on_its_way();
  // REQUIRES: not closed.
  const Connection& connection() const { return *connection_; }

 private:
  void close_if_done();

  ConnectionPtr connection_;
  Counter& malformed_;
  const std::string_view stopping_;
  std::size_t open_ = 0;
  bool holding_ = false;
  bool finishing_ = false;
  std::optional<std::uint64_t> map_turn_;  // in which a map was given last
};

}  // namespace gyre::net
