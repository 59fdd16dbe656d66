// Redis clients for tests: a raw socket, and the programs that come with Redis.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "wire/resp_reader.h"

namespace gyre::integration {

inline std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

// What RespClient says where the connection ended.
inline constexpr std::string_view kNoAnswer = "no answer";

class RespClient {
 public:
  explicit RespClient(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port_of(address))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~RespClient() { ::close(fd_); }
  RespClient(const RespClient&) = delete;
  RespClient& operator=(const RespClient&) = delete;

  // Of an inline command.
  wire::RespValue ask(const std::string& line) {
    send(line + "\r\n");
    return receive();
  }
  void send(const std::string& bytes) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    const bool closed = sent < 0 && (errno == EPIPE || errno == ECONNRESET);  // receive() tells
    EXPECT_TRUE(closed || sent == static_cast<ssize_t>(bytes.size())) << sent;
  }
  // The next reply.
  wire::RespValue receive() {
    while (true) {
      const auto reply = reader_.next(received_);
      if (!reply) return {.kind = wire::RespValue::Kind::error, .text = reply.error().message};
      received_.erase(0, reply->consumed);
      if (reply->value) return *reply->value;
      std::array<char, 4096> more{};
      const ssize_t bytes = ::recv(fd_, more.data(), more.size(), 0);
      if (bytes <= 0) return {.kind = wire::RespValue::Kind::error, .text = std::string(kNoAnswer)};
      received_.append(more.data(), static_cast<std::size_t>(bytes));
    }
  }

 private:
  int fd_;
  wire::RespReader reader_;
  std::string received_;
};

// Both outputs of a shell command.
inline std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> part{};
  while (const std::size_t bytes = std::fread(part.data(), 1, part.size(), pipe)) out.append(part.data(), bytes);
  ::pclose(pipe);
  return out;
}

inline bool installed(const std::string& program) { return !run("command -v " + program).empty(); }

}  // namespace gyre::integration
