#include "tools/bench/echo/server.h"

#include <sys/resource.h>

#include <array>
#include <future>
#include <memory>

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>

namespace gyre::echo {

namespace {

using asio::ip::tcp;

// One connection. Owned by its pending operation; ends with the first error. One read takes whatever has arrived, one
// write answers it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::size_t frame_bytes) : socket_(std::move(socket)), frame_bytes_(frame_bytes) {}

  void read() {
    socket_.async_read_some(asio::buffer(received_), [self = shared_from_this()](std::error_code error, std::size_t n) {
      if (!error) self->answer(n);
    });
  }

 private:
  void answer(std::size_t bytes) {
    unanswered_bytes_ += bytes;
    const std::size_t whole = unanswered_bytes_ / frame_bytes_ * frame_bytes_;
    unanswered_bytes_ -= whole;
    if (whole == 0) return read();
    asio::async_write(socket_, asio::buffer(answers_.data(), whole),
                      [self = shared_from_this()](std::error_code error, std::size_t) {
                        if (!error) self->read();
                      });
  }

  tcp::socket socket_;
  std::size_t frame_bytes_;
  std::size_t unanswered_bytes_ = 0;
  std::array<char, Server::kReadBytes> received_{};
  std::array<char, 2 * Server::kReadBytes> answers_{};  // a read completes at most one frame begun before it
};

}  // namespace

Server::Server(std::size_t frame_bytes)
    : frame_bytes_(frame_bytes), acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  accept();
  thread_ = std::thread([this] { context_.run(); });
}

Server::~Server() {
  context_.stop();
  thread_.join();
}

std::chrono::microseconds Server::cpu_time() {
  std::promise<std::chrono::microseconds> reading;
  asio::post(context_, [&reading] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    reading.set_value(std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
  });
  return reading.get_future().get();
}

void Server::accept() {
  acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
    if (error) return;
    socket.set_option(tcp::no_delay(true));
    std::make_shared<Session>(std::move(socket), frame_bytes_)->read();
    accept();
  });
}

}  // namespace gyre::echo
