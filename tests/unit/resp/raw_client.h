// The other end of a connection of bytes, for tests.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "net/address.h"

namespace gyre::resp {

// A socket that blocks, but not for ever.
class RawClient {
 public:
  explicit RawClient(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(net::parse_host_port(address)->port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // So many bytes, or fewer where the connection ends before.
  std::string receive(std::size_t bytes) {
    std::string got(bytes, '\0');
    std::size_t have = 0;
    while (have < bytes) {
      const ssize_t more = ::recv(fd_, got.data() + have, bytes - have, 0);
      if (more <= 0) break;
      have += static_cast<std::size_t>(more);
    }
    got.resize(have);
    return got;
  }
  std::string line() {
    std::string got;
    while (!got.ends_with("\r\n")) {
      const std::string next = receive(1);
      if (next.empty()) break;
      got += next;
    }
    return got;
  }
  void send_no_more() { ::shutdown(fd_, SHUT_WR); }
  std::string rest() { return receive(std::size_t{1} << 20); }
  std::string answer(std::string_view request, std::string_view like) {
    send(request);
    return receive(like.size());
  }

 private:
  int fd_;
};

}  // namespace gyre::resp
