// The client: connections that keep a fixed number of frames unanswered each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <asio/ip/tcp.hpp>

namespace gyre::echo {

struct ClientOptions {
  asio::ip::tcp::endpoint server;
  std::size_t frame_bytes = 160;
  std::uint32_t connections = 1;
  std::uint32_t depth = 16;  // frames unanswered on each connection
  std::chrono::milliseconds warmup{500};
  std::chrono::milliseconds duration{5000};
};

// Runs on the calling thread for warmup and duration; `on_begin` is called between the two. Gives the number of
// answers that came after it. Throws std::system_error where the network fails.
std::uint64_t run_client(const ClientOptions& options, const std::function<void()>& on_begin);

}  // namespace gyre::echo
