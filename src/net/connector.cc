#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <asio/connect.hpp>

#include "net/connection.h"

namespace gyre::net {

namespace {

// One attempt to connect: resolves, tries each address, gives up at the deadline.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Done = std::function<void(Result<ConnectionPtr>)>;

  Connector(Loop& loop, std::string address, wire::Limits limits, Done done)
      : loop_(loop),
        address_(std::move(address)),
        limits_(limits),
        done_(std::move(done)),
        resolver_(loop.context()),
        socket_(loop.context()),
        deadline_(loop.context()) {}

  void start(Duration timeout) {
    const auto parsed = parse_host_port(address_);
    if (!parsed) return loop_.post([self = shared_from_this(), error = parsed.error()] { self->finish(fail(error)); });
    deadline_.expires_after(timeout);
    deadline_.async_wait([self = shared_from_this(), timeout](std::error_code error) {
      if (!error) self->give_up(fmt::format("no answer within {} ms", to_ms(timeout)));
    });
    resolver_.async_resolve(parsed->host, std::to_string(parsed->port),
                            [self = shared_from_this()](std::error_code error, const auto& found) {
                              if (error) return self->give_up(error.message());
                              self->try_each(found);
                            });
  }

 private:
  void try_each(const asio::ip::tcp::resolver::results_type& found) {
    if (!done_) return;
    asio::async_connect(socket_, found, [self = shared_from_this()](std::error_code error, const auto&) {
      if (error) return self->give_up(error.message());
      if (!self->done_) return;
      self->finish(
          std::make_shared<Connection>(self->loop_, std::move(self->socket_), next_connection_id(), self->limits_));
    });
  }

  void give_up(const std::string& why) {
    finish(fail(ErrorCode::unavailable, fmt::format("cannot connect to {}: {}", address_, why)));
  }

  void finish(Result<ConnectionPtr> result) {
    if (!done_) return;
    deadline_.cancel();
    resolver_.cancel();
    std::error_code ignored;
    if (!result) socket_.close(ignored);
    std::exchange(done_, nullptr)(std::move(result));
  }

  Loop& loop_;
  std::string address_;
  wire::Limits limits_;
  Done done_;
  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer deadline_;
};

}  // namespace

ConnectionId next_connection_id() {
  static std::atomic<std::uint64_t> last{0};
  return ConnectionId(last.fetch_add(1, std::memory_order_relaxed) + 1);
}

void connect(Loop& loop, const std::string& address, Duration timeout, wire::Limits limits,
             std::function<void(Result<ConnectionPtr>)> done) {
  std::make_shared<Connector>(loop, address, limits, std::move(done))->start(timeout);
}

}  // namespace gyre::net
