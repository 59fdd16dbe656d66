// The server: one thread that answers every frame with a frame of the same size.
#pragma once

#include <chrono>
#include <cstddef>
#include <thread>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

namespace gyre::echo {

// Serves from construction to destruction.
class Server {
 public:
  // Listens on a free loopback port. REQUIRES: 0 < frame_bytes <= kReadBytes.
  explicit Server(std::size_t frame_bytes);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
  // CPU time that the server's thread has used, user and system. THREAD: any but the server's.
  std::chrono::microseconds cpu_time();

  static constexpr std::size_t kReadBytes = 64 * 1024;

 private:
  void accept();

  std::size_t frame_bytes_;
  asio::io_context context_{1};
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace gyre::echo
