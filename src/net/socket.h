// A connected TCP socket of a loop, whatever passes over it: reads and writes that never wait, and who goes on when
// they can.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/uio.h>
#include <asio/ip/tcp.hpp>

#include "gyre/result.h"
#include "net/loop.h"

namespace gyre::net {

// A connection that is closing is cut then, sent or not.
inline constexpr auto kCloseLimit = std::chrono::seconds(5);

// Who reads from and writes to a socket; told on its loop.
class SocketOwner {
 public:
  virtual ~SocketOwner() = default;
  // Again and again until all is read, or no more is wanted. May be told for nothing.
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
};

// THREAD: its loop's, but for the constructor and, once it is closed or was never opened, the destructor.
class Socket : public PollerClient {
 public:
  // Bytes passed; or what the system said.
  using Passed = std::expected<std::size_t, std::error_code>;

  // Sends without delay, and notices a peer that vanished within about a minute. Asio has no part in it from now on.
  Socket(Loop& loop, asio::ip::tcp::socket socket);
  ~Socket() override;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Keeps `owner`, of which this is a part, until close(). Call once.
  void open(const std::shared_ptr<SocketOwner>& owner);
  // Tells on_readable(), or no longer.
  void want_reading(bool wanted);
  void want_writing(bool wanted);

  // As much as is there, at most `room`. 0: the peer sends no more.
  Passed read(std::span<char> room);
  // As much as the system takes.
  Passed write(std::string_view bytes);
  Passed write(std::span<const iovec> parts);
  // No more passes either way. The owner is let go of, after this turn.
  void close();

  // "127.0.0.1:4711"
  const std::string& peer() const { return peer_; }
  const std::string& local() const { return local_; }

  // There is nothing to read, or no room to write to: not yet.
  static bool not_yet(const std::error_code& error);
  // Unavailable: why it is at its end that met `error`; none: the peer sent no more.
  Error end(const std::error_code& error = {}) const;

 private:
  void on_ready(std::uint32_t events) override;
  void want(std::uint32_t events);
  void watch();

  Loop& loop_;
  std::string peer_;
  std::string local_;
  int fd_;
  SocketOwner* owner_ = nullptr;  // null: not opened, or closed
  Poller::Place place_ = 0;
  std::uint32_t wanted_ = 0;
  std::uint32_t watched_ = 0;  // may hold more than is wanted: that costs nothing until it comes
  std::error_code unwatched_;  // why it cannot be watched, which is its end
};

}  // namespace gyre::net
