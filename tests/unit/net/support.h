// Loops, plain sockets and a handler that remembers, for tests over loopback. Every wait has a deadline.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "net/connection.h"
#include "net/listener.h"
#include "net/loop.h"

namespace gyre::net {

inline constexpr auto kPatience = std::chrono::seconds(10);

template <class T>
T ready(std::future<T> future) {
  GYRE_ASSERT(future.wait_for(kPatience) == std::future_status::ready);
  return future.get();
}

// Runs `work` on a running loop and gives what it returns.
template <class Work>
auto run_on(Loop& loop, Work work) {
  std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
  auto result = task.get_future();
  loop.post([task = std::move(task)]() mutable { task(); });
  return ready(std::move(result));
}

// Waits until the turn of a running loop has ended, and with it what was collected in it.
inline void end_of_turn(Loop& loop) {
  std::promise<void> ended;
  loop.post([&] { loop.at_turn_end([&] { ended.set_value(); }); });
  ready(ended.get_future());
}

// Long enough for a running loop to handle everything that is ready by now.
inline void let_turns_pass(Loop& loop) {
  for (int i = 0; i < 20; ++i) end_of_turn(loop);
}

inline messages::Request get_of(std::uint64_t id, std::string_view key) {
  return {.id = RequestId(id), .epoch = {}, .body = messages::GetRequest{Bytes::copy_of(key)}};
}

inline messages::Response answer_of(RequestId id, std::string_view value) {
  messages::GetResponse found;
  found.record.emplace().value = Bytes::copy_of(value);
  return {id, Epoch(1), found};
}

// Keeps what a connection delivered.
class Recorder : public ConnectionHandler {
  template <class Read>
  auto locked(Read read) const {
    const std::lock_guard lock(mutex_);
    return read();
  }

 public:
  void on_frame(messages::Frame frame) override {
    const std::lock_guard lock(mutex_);
    ++frames_;
    for (auto& request : frame.requests) requests_.push_back(std::move(request));
    for (auto& response : frame.responses) responses_.push_back(std::move(response));
    for (auto& message : frame.messages) {
      messages_.push_back(std::move(message));
      sender_ = frame.sender;
    }
    changed_.notify_all();
  }
  void on_closed(const Error& why) override {
    const std::lock_guard lock(mutex_);
    closed_.push_back(why);
    changed_.notify_all();
  }

  void wait_for_requests(std::size_t count) {
    wait([&] { return requests_.size() >= count; });
  }
  void wait_for_responses(std::size_t count) {
    wait([&] { return responses_.size() >= count; });
  }
  void wait_for_messages(std::size_t count) {
    wait([&] { return messages_.size() >= count; });
  }
  void wait_for_close() {
    wait([&] { return !closed_.empty(); });
  }
  // Why it was closed; waits for that.
  Error reason() {
    wait_for_close();
    return locked([&] { return closed_.front(); });
  }

  std::size_t frames() const {
    return locked([&] { return frames_; });
  }
  std::size_t times_closed() const {
    return locked([&] { return closed_.size(); });
  }
  std::vector<messages::Request> requests() const {
    return locked([&] { return requests_; });
  }
  std::vector<messages::Response> responses() const {
    return locked([&] { return responses_; });
  }
  std::vector<messages::Message> messages() const {
    return locked([&] { return messages_; });
  }
  // Of the last message.
  messages::Sender sender() const {
    return locked([&] { return sender_; });
  }

 private:
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock(mutex_);
    GYRE_ASSERT(changed_.wait_for(lock, kPatience, condition));
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t frames_ = 0;
  std::vector<messages::Request> requests_;
  std::vector<messages::Response> responses_;
  std::vector<messages::Message> messages_;
  messages::Sender sender_;
  std::vector<Error> closed_;
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A plain blocking socket, that knows nothing of frames.
class PlainSocket {
 public:
  PlainSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{std::chrono::seconds(kPatience).count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  explicit PlainSocket(const std::string& address) : PlainSocket() {
    const sockaddr_in to = loopback(parse_host_port(address)->port);
    GYRE_ASSERT(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  ~PlainSocket() { close(); }
  PlainSocket(const PlainSocket&) = delete;
  PlainSocket& operator=(const PlainSocket&) = delete;

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // The peer may close before it has read all.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Everything up to the peer's close, or `bytes_max` bytes.
  std::string read(std::size_t bytes_max = SIZE_MAX) {
    std::string all;
    std::vector<char> buffer(std::min<std::size_t>(bytes_max, 1 << 20));
    while (all.size() < bytes_max) {
      const ssize_t got = ::recv(fd_, buffer.data(), std::min(buffer.size(), bytes_max - all.size()), 0);
      EXPECT_TRUE(got >= 0 || errno == ECONNRESET) << "the peer neither sent nor closed";
      if (got <= 0) break;
      all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return all;
  }

  // Takes a free port; listens there unless `backlog` is negative.
  std::string bind(int backlog) {
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    GYRE_ASSERT(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), size) == 0);
    GYRE_ASSERT(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    GYRE_ASSERT(backlog < 0 || ::listen(fd_, backlog) == 0);
    return HostPort{"127.0.0.1", ntohs(at.sin_port)}.str();
  }

 private:
  int fd_;
};

// Every frame in `bytes`, decoded.
inline std::vector<messages::Frame> frames_in(std::string_view bytes) {
  const wire::Limits limits;
  wire::FrameReader reader(limits.frame_bytes_max());
  std::vector<messages::Frame> frames;
  while (!bytes.empty()) {
    const auto space = reader.prepare();
    const std::size_t part = std::min(space.size(), bytes.size());
    std::copy_n(bytes.data(), part, space.data());
    reader.commit(part);
    bytes.remove_prefix(part);
    while (const auto frame = *reader.next()) frames.push_back(*wire::decode(*frame, limits));
  }
  return frames;
}

inline std::expected<ConnectionPtr, ConnectFailure> connect_and_wait(Loop& loop, const std::string& address,
                                                                     Duration timeout = std::chrono::seconds(5)) {
  auto result = std::make_shared<std::promise<std::expected<ConnectionPtr, ConnectFailure>>>();
  auto connected = result->get_future();
  loop.post([&loop, address, timeout, result] {
    connect(loop, address, timeout, wire::Limits{},
            [result](auto connection) { result->set_value(std::move(connection)); });
  });
  return ready(std::move(connected));
}

// A listener on one loop and a client on another. `on_accept` runs on the server's loop before reading begins.
class LoopbackTest : public testing::Test {
 protected:
  LoopbackTest() {
    server_loop.start();
    client_loop.start();
  }
  ~LoopbackTest() override {
    listener.reset();
    for (Loop* loop : {&server_loop, &client_loop}) {
      run_on(*loop, [this, loop] {
        const std::lock_guard lock(mutex_);  // what was accepted last may still arrive
        for (const auto& connection : connections_) {
          if (&connection->loop() == loop) connection->close({ErrorCode::unavailable, Outcome::not_applied, "end", {}});
        }
      });
      let_turns_pass(*loop);
    }
    server_loop.stop();
    client_loop.stop();
    server_loop.join();
    client_loop.join();
  }

  using HandlerFor = std::function<std::shared_ptr<ConnectionHandler>(const ConnectionPtr&)>;

  void listen(std::shared_ptr<ConnectionHandler> handler, wire::Limits limits = {}) {
    listen_with([handler = std::move(handler)](const ConnectionPtr&) { return handler; }, limits);
  }
  void listen_with(HandlerFor handler_for, wire::Limits limits = {}) {
    const auto on_accepted = [this, handler_for = std::move(handler_for)](const ConnectionPtr& accepted) {
      {
        const std::lock_guard lock(mutex_);
        connections_.push_back(accepted);
      }
      accepted->set_faults(server_has_faults ? &faults : nullptr, {});
      accepted->start(handler_for(accepted));
      if (!std::exchange(accepted_any_, true)) accepted_.set_value(accepted);
    };
    auto opened = Listener::open("127.0.0.1:0", {&server_loop}, limits, on_accepted);
    ASSERT_TRUE(opened) << opened.error().message;
    listener = *std::move(opened);
  }
  // The first connection accepted; call once.
  ConnectionPtr accepted() { return ready(accepted_.get_future()); }
  // `faulty_peer`: the faults are those of the process that connects, and this is whom it connects to; empty: it has
  // none.
  ConnectionPtr connect_with(std::shared_ptr<ConnectionHandler> handler, std::string faulty_peer = {}) {
    auto connection = connect_and_wait(client_loop, listener->address());
    GYRE_ASSERT(connection);
    {
      const std::lock_guard lock(mutex_);
      connections_.push_back(*connection);
    }
    run_on(client_loop, [&] {
      if (!faulty_peer.empty()) (*connection)->set_faults(&faults, std::move(faulty_peer));
      (*connection)->start(std::move(handler));
    });
    return *connection;
  }
  template <class Message>
  void send(const ConnectionPtr& connection, Message message) {
    run_on(connection->loop(), [&] { connection->send(std::move(message)); });
  }

  Faults faults{true, 1};
  Loop server_loop{"server"};
  Loop client_loop{"client"};
  std::unique_ptr<Listener> listener;
  bool server_has_faults = false;  // set before listen()

 private:
  std::mutex mutex_;
  std::vector<ConnectionPtr> connections_;
  std::promise<ConnectionPtr> accepted_;
  bool accepted_any_ = false;  // on the server's loop
};

}  // namespace gyre::net
