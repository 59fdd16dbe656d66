#include "net/socket.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

namespace gyre::net {

namespace {

using asio::ip::tcp;

// A machine that vanished, or a network that was cut, is noticed within about a minute: an idle peer by probes, one
// that owes an acknowledgement by its silence.
void notice_dead_peer(tcp::socket& socket) {
  using Seconds = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  using ProbeInterval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
  using SilenceMs = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
  std::error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(Seconds(30), ignored);
  socket.set_option(ProbeInterval(10), ignored);
  socket.set_option(SilenceMs(60'000), ignored);
}

std::string name_of(const tcp::endpoint& endpoint) {
  return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
}

std::string peer_of(const tcp::socket& socket) {
  std::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? "unknown peer" : name_of(endpoint);
}

std::string local_of(const tcp::socket& socket) {
  std::error_code error;
  const auto endpoint = socket.local_endpoint(error);
  return error ? std::string() : name_of(endpoint);
}

int take(tcp::socket socket) {
  std::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  notice_dead_peer(socket);
  return socket.release(ignored);
}

Socket::Passed passed(ssize_t bytes) {
  if (bytes >= 0) return static_cast<std::size_t>(bytes);
  return std::unexpected(std::error_code(errno, std::system_category()));
}

}  // namespace

Socket::Socket(Loop& loop, tcp::socket socket)
    : loop_(loop), peer_(peer_of(socket)), local_(local_of(socket)), fd_(take(std::move(socket))) {}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

void Socket::open(const std::shared_ptr<SocketOwner>& owner) {
  GYRE_ASSERT(owner_ == nullptr && fd_ >= 0);
  owner_ = owner.get();
  place_ = loop_.poller().add(std::shared_ptr<PollerClient>(owner, this));
}

void Socket::want_reading(bool wanted) { want(wanted ? wanted_ | EPOLLIN : wanted_ & ~EPOLLIN); }

void Socket::want_writing(bool wanted) { want(wanted ? wanted_ | EPOLLOUT : wanted_ & ~EPOLLOUT); }

// What is no longer wanted is watched until it comes: it may be wanted again by then.
void Socket::want(std::uint32_t events) {
  wanted_ = events;
  if (owner_ == nullptr || (wanted_ & ~watched_) == 0) return;
  watch();
}

void Socket::watch() {
  if (unwatched_) return;
  unwatched_ = loop_.poller().watch(place_, fd_, std::exchange(watched_, wanted_), wanted_);
}

void Socket::on_ready(std::uint32_t events) {
  // Errors and the end are found by reading or writing; where neither is wanted, later.
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if ((wanted_ & EPOLLIN) != 0 && (broken || (events & EPOLLIN) != 0)) owner_->on_readable();
  if (owner_ != nullptr && (wanted_ & EPOLLOUT) != 0 && (broken || (events & EPOLLOUT) != 0)) owner_->on_writable();
  if (owner_ == nullptr || watched_ == wanted_) return;
  watch();
}

Socket::Passed Socket::read(std::span<char> room) {
  if (unwatched_) return std::unexpected(unwatched_);
  return passed(::recv(fd_, room.data(), room.size(), 0));
}

Socket::Passed Socket::write(std::string_view bytes) {
  if (unwatched_) return std::unexpected(unwatched_);
  return passed(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

Socket::Passed Socket::write(std::span<const iovec> parts) {
  if (unwatched_) return std::unexpected(unwatched_);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return passed(::sendmsg(fd_, &message, MSG_NOSIGNAL));
}

void Socket::close() {
  if (fd_ < 0) return;
  if (owner_ != nullptr) {
    loop_.poller().watch(place_, fd_, std::exchange(watched_, 0), 0);
    loop_.poller().remove(place_);
    owner_ = nullptr;
  }
  wanted_ = 0;
  ::shutdown(fd_, SHUT_RDWR);
  ::close(std::exchange(fd_, -1));
}

bool Socket::not_yet(const std::error_code& error) {
  return error == std::errc::operation_would_block || error == std::errc::resource_unavailable_try_again ||
         error == std::errc::interrupted;
}

Error Socket::end(const std::error_code& error) const {
  const bool ended = !error || error == std::errc::connection_reset;
  return {ErrorCode::unavailable,
          Outcome::not_applied,
          fmt::format("{} {}", peer_, ended ? "closed the connection" : "failed: " + error.message()),
          {}};
}

}  // namespace gyre::net
