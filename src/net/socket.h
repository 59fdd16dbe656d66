// What every TCP connection sets up alike, whatever passes over it.
#pragma once

#include <chrono>
#include <string>

#include <asio/ip/tcp.hpp>

namespace gyre::net {

// A connection that is closing is cut then, sent or not.
inline constexpr auto kCloseLimit = std::chrono::seconds(5);

// Sends without delay, never blocks, and notices a peer that vanished within about a minute.
void prepare_socket(asio::ip::tcp::socket& socket);
// "127.0.0.1:4711"
std::string peer_name(const asio::ip::tcp::socket& socket);
std::string local_name(const asio::ip::tcp::socket& socket);

}  // namespace gyre::net
