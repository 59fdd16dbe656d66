#include "net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fmt/format.h>

namespace gyre::net {

namespace {

// A machine that vanished, or a network that was cut, is noticed within about a minute: an idle peer by probes, one
// that owes an acknowledgement by its silence.
void notice_dead_peer(asio::ip::tcp::socket& socket) {
  using Seconds = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  using ProbeInterval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
  using SilenceMs = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;
  std::error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  socket.set_option(Seconds(30), ignored);
  socket.set_option(ProbeInterval(10), ignored);
  socket.set_option(SilenceMs(60'000), ignored);
}

std::string name_of(const asio::ip::tcp::endpoint& endpoint) {
  return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
}

}  // namespace

void prepare_socket(asio::ip::tcp::socket& socket) {
  std::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  notice_dead_peer(socket);
}

std::string peer_name(const asio::ip::tcp::socket& socket) {
  std::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? "unknown peer" : name_of(endpoint);
}

std::string local_name(const asio::ip::tcp::socket& socket) {
  std::error_code error;
  const auto endpoint = socket.local_endpoint(error);
  return error ? std::string() : name_of(endpoint);
}

}  // namespace gyre::net
