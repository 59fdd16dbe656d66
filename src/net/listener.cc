#include "net/listener.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <sys/resource.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "base/limits.h"

namespace gyre::net {

using asio::ip::tcp;

namespace {

// Raises the number of files this process may open as far as the system lets it, and returns it.
std::size_t raise_file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// The place is free again when the connection goes, whoever lets go of it last.
template <class Made, class Limits, class Callback>
auto makes_connections(Limits limits, Callback on_connection) {
  return
      [limits, on_connection = std::move(on_connection)](Loop& loop, tcp::socket socket, std::shared_ptr<void> place) {
        std::shared_ptr<Made> connection(new Made(loop, std::move(socket), next_connection_id(), limits),
                                         [place = std::move(place)](Made* made) mutable {
                                           delete made;
                                           place.reset();
                                         });
        loop.post([on_connection, connection = std::move(connection)] { on_connection(connection); });
      };
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(std::vector<Loop*> loops_given, OnSocket callback)
      : loops(std::move(loops_given)),
        on_socket(std::move(callback)),
        acceptor(loops.front()->beside()),
        retry(loops.front()->beside()) {}

  void accept();
  void on_accepted(tcp::socket socket);
  void accept_later();

  std::vector<Loop*> loops;
  OnSocket on_socket;
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  std::string address;
  std::size_t next_loop = 0;
  const std::size_t open_max = std::min(gyre::limits::kConnectionsMax, raise_file_limit() / 4);
  std::shared_ptr<std::atomic<std::size_t>> open = std::make_shared<std::atomic<std::size_t>>(0);
  std::atomic<bool> closed = false;
};

void Listener::State::accept() {
  if (closed) return;
  next_loop = (next_loop + 1) % loops.size();
  acceptor.async_accept([self = shared_from_this()](std::error_code error, tcp::socket socket) {
    if (self->closed) return;
    // Out of file descriptors, mostly: a pause lets some come free.
    if (error) return self->accept_later();
    self->on_accepted(std::move(socket));
    self->accept();
  });
}

void Listener::State::accept_later() {
  retry.expires_after(std::chrono::milliseconds(50));
  retry.async_wait([self = shared_from_this()](std::error_code) { self->accept(); });
}

void Listener::State::on_accepted(tcp::socket socket) {
  if (open->load(std::memory_order_relaxed) >= open_max) return;  // closes it
  open->fetch_add(1, std::memory_order_relaxed);
  std::shared_ptr<void> place(nullptr,
                              [count = open](std::nullptr_t) { count->fetch_sub(1, std::memory_order_relaxed); });
  on_socket(*loops[next_loop], std::move(socket), std::move(place));
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() { close(); }

const std::string& Listener::address() const { return state_->address; }

void Listener::close() {
  if (state_->closed.exchange(true)) return;
  // From now on the system refuses; the rest is for the thread that accepts.
  ::shutdown(state_->acceptor.native_handle(), SHUT_RDWR);
  asio::post(state_->acceptor.get_executor(), [state = state_] {
    std::error_code ignored;
    state->acceptor.close(ignored);
    state->retry.cancel();
  });
}

Result<std::unique_ptr<Listener>> Listener::open(const std::string& address, std::vector<Loop*> loops,
                                                 wire::Limits limits, OnConnection on_connection) {
  return open_sockets(address, std::move(loops), makes_connections<Connection>(limits, std::move(on_connection)));
}

Result<std::unique_ptr<Listener>> Listener::open_bytes(const std::string& address, std::vector<Loop*> loops,
                                                       ByteLimits limits, OnByteConnection on_connection) {
  return open_sockets(address, std::move(loops), makes_connections<ByteConnection>(limits, std::move(on_connection)));
}

Result<std::unique_ptr<Listener>> Listener::open_sockets(const std::string& address, std::vector<Loop*> loops,
                                                         OnSocket on_socket) {
  GYRE_TRY_SET(const auto wanted, parse_host_port(address));
  const auto refuse = [&](const std::error_code& error) {
    return fail(ErrorCode::unavailable,
                fmt::format("cannot listen at {}: {}; choose another address or stop the process that has it", address,
                            error.message()));
  };
  auto state = std::make_shared<State>(std::move(loops), std::move(on_socket));
  std::error_code error;
  tcp::resolver resolver(state->acceptor.get_executor());
  const auto found = resolver.resolve(wanted.host, std::to_string(wanted.port), tcp::resolver::passive, error);
  if (error) return refuse(error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  if (state->acceptor.open(endpoint.protocol(), error); error) return refuse(error);
  if (state->acceptor.set_option(tcp::acceptor::reuse_address(true), error); error) return refuse(error);
  if (state->acceptor.bind(endpoint, error); error) return refuse(error);
  if (state->acceptor.listen(asio::socket_base::max_listen_connections, error); error) return refuse(error);
  state->address = HostPort{wanted.host, state->acceptor.local_endpoint().port()}.str();
  asio::post(state->acceptor.get_executor(), [state] { state->accept(); });
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

}  // namespace gyre::net
