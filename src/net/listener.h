// Accepts connections on one address and hands each to one of several loops in turn.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "net/byte_connection.h"
#include "net/connection.h"

namespace gyre::net {

class Listener {
 public:
  // Runs on the connection's loop; must start() the connection there.
  using OnConnection = std::function<void(ConnectionPtr)>;
  using OnByteConnection = std::function<void(ByteConnectionPtr)>;

  // Listens at "HOST:PORT" (port 0: any free one). Connections go to `loops` in turn; at most kConnectionsMax are
  // open, and a quarter as many as the process may open files (that limit is raised first): another listener and
  // storage need the rest. A further one is closed at once. The thread beside the first loop accepts.
  // ERRORS: unavailable (address in use, not ours, or not allowed; says which), invalid_argument.
  static Result<std::unique_ptr<Listener>> open(const std::string& address, std::vector<Loop*> loops,
                                                wire::Limits limits, OnConnection on_connection);
  // The same for connections of bytes.
  static Result<std::unique_ptr<Listener>> open_bytes(const std::string& address, std::vector<Loop*> loops,
                                                      ByteLimits limits, OnByteConnection on_connection);
  ~Listener();

  // "127.0.0.1:4711", with the real port.
  const std::string& address() const;
  // Stops accepting; open connections live on. THREAD: any.
  void close();

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  // Makes the connection, on the thread that accepts. `place` is given up with the connection.
  using OnSocket = std::function<void(Loop& loop, asio::ip::tcp::socket socket, std::shared_ptr<void> place)>;
  static Result<std::unique_ptr<Listener>> open_sockets(const std::string& address, std::vector<Loop*> loops,
                                                        OnSocket on_socket);
  std::shared_ptr<State> state_;
};

}  // namespace gyre::net
