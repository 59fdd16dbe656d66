// A connection of the admin server, bounded as a whole.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <httplib.h>

#include "base/time.h"

namespace gyre::observe {

// httplib's own stream limits how long each read and each write may take, so a peer that sends or takes a byte now and
// then keeps a thread for ever. This one ends at a deadline, and reads only so many bytes. Does not own the socket.
class DeadlineStream final : public httplib::Stream {
 public:
  DeadlineStream(socket_t socket, Instant deadline, std::size_t read_bytes_max)
      : socket_(socket), deadline_(deadline), read_bytes_left_(read_bytes_max) {}

  bool is_readable() const override;
  bool is_writable() const override;
  // As read(2). Negative: failed, too late, or more than is allowed.
  ssize_t read(char* to, std::size_t size) override;
  // All of it, or a negative number.
  ssize_t write(const char* from, std::size_t size) override;
  // Nobody asks who the peer is.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  bool wait_for(short events) const;

  const socket_t socket_;
  const Instant deadline_;
  std::size_t read_bytes_left_;
  std::array<char, 4096> buffer_;
  std::string_view unread_;  // of buffer_: httplib reads a header byte by byte
};

}  // namespace gyre::observe
