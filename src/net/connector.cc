#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <asio/connect.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "net/byte_connection.h"
#include "net/connection.h"

namespace gyre::net {

namespace {

// One attempt to connect, beside the loop: resolves, tries each address, gives up at the deadline.
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Connected = std::expected<asio::ip::tcp::socket, ConnectFailure>;
  using Done = std::move_only_function<void(Connected)>;

  Connector(Loop& loop, std::string address, Done done)
      : loop_(loop),
        address_(std::move(address)),
        done_(std::move(done)),
        resolver_(loop.beside()),
        socket_(loop.beside()),
        deadline_(loop.beside()) {}

  void start(Duration timeout) {
    asio::post(loop_.beside(), [self = shared_from_this(), timeout] { self->resolve(timeout); });
  }

 private:
  void resolve(Duration timeout) {
    const auto parsed = parse_host_port(address_);
    if (!parsed) return fail_with({parsed.error()});
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

  void try_each(const asio::ip::tcp::resolver::results_type& found) {
    if (!done_) return;
    const auto before_each = [self = shared_from_this()](std::error_code of_the_last, const auto&) {
      self->note(of_the_last);
      return true;
    };
    asio::async_connect(socket_, found, before_each, [self = shared_from_this()](std::error_code error, const auto&) {
      self->note(error);
      if (error) return self->give_up(error.message(), self->refused_by_all_);
      if (!self->done_) return;
      self->finish(std::move(self->socket_));
    });
  }

  void note(std::error_code error) {
    if (error && error != asio::error::connection_refused) refused_by_all_ = false;
  }

  void give_up(const std::string& why, bool refused = false) {
    const std::string message = fmt::format("cannot connect to {}: {}", address_, why);
    fail_with({{ErrorCode::unavailable, Outcome::not_applied, message, {}}, refused});
  }

  void fail_with(ConnectFailure failure) { finish(std::unexpected(std::move(failure))); }

  void finish(Connected result) {
    if (!done_) return;
    deadline_.cancel();
    resolver_.cancel();
    std::error_code ignored;
    if (!result) socket_.close(ignored);
    loop_.post(
        [done = std::exchange(done_, nullptr), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  Loop& loop_;
  std::string address_;
  Done done_;
  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer deadline_;
  bool refused_by_all_ = true;  // of the addresses tried
};

}  // namespace

ConnectionId next_connection_id() {
  static std::atomic<std::uint64_t> last{0};
  return ConnectionId(last.fetch_add(1, std::memory_order_relaxed) + 1);
}

void connect(Loop& loop, const std::string& address, Duration timeout, wire::Limits limits,
             std::function<void(std::expected<ConnectionPtr, ConnectFailure>)> done) {
  auto on_socket = [&loop, limits, done = std::move(done)](Connector::Connected socket) {
    if (!socket) return done(std::unexpected(std::move(socket).error()));
    done(std::make_shared<Connection>(loop, *std::move(socket), next_connection_id(), limits));
  };
  std::make_shared<Connector>(loop, address, std::move(on_socket))->start(timeout);
}

void connect_bytes(Loop& loop, const std::string& address, Duration timeout, ByteLimits limits,
                   std::function<void(Result<ByteConnectionPtr>)> done) {
  auto on_socket = [&loop, limits, done = std::move(done)](Connector::Connected socket) {
    if (!socket) return done(fail(static_cast<Error&&>(std::move(socket).error())));
    done(std::make_shared<ByteConnection>(loop, *std::move(socket), next_connection_id(), limits));
  };
  std::make_shared<Connector>(loop, address, std::move(on_socket))->start(timeout);
}

}  // namespace gyre::net
