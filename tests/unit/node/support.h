// Helpers for tests with real loops and connections over loopback. Every wait has a deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "net/connection.h"
#include "net/listener.h"
#include "net/loop.h"

namespace gyre::node {

using namespace std::chrono_literals;

inline constexpr auto kPatience = 10s;

template <class T>
T ready(std::future<T> future) {
  GYRE_ASSERT(future.wait_for(kPatience) == std::future_status::ready);
  return future.get();
}

// Runs `work` on a running loop and gives what it returns.
template <class Work>
auto run_on(net::Loop& loop, Work work) {
  std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
  auto result = task.get_future();
  loop.post([task = std::move(task)]() mutable { task(); });
  return ready(std::move(result));
}

// Long enough for a running loop to handle everything that is ready by now.
inline void let_turns_pass(net::Loop& loop) {
  for (int i = 0; i < 20; ++i) {
    std::promise<void> ended;
    loop.post([&] { loop.at_turn_end([&] { ended.set_value(); }); });
    ready(ended.get_future());
  }
}

// Asks `condition` again and again, until it holds.
template <class Condition>
void wait_until(Condition condition) {
  const Instant limit = net::steady_now() + kPatience;
  while (!condition()) {
    GYRE_ASSERT(net::steady_now() < limit);
    std::this_thread::yield();
  }
}

inline net::ConnectionPtr connect_to(net::Loop& loop, const std::string& address,
                                     std::shared_ptr<net::ConnectionHandler> handler) {
  std::promise<net::ConnectionPtr> connected;
  loop.post([&] {
    net::connect(loop, address, 5s, wire::Limits{}, [&](Result<net::ConnectionPtr> connection) {
      GYRE_ASSERT(connection);
      (*connection)->start(std::move(handler));
      connected.set_value(*std::move(connection));
    });
  });
  return ready(connected.get_future());
}

// Keeps the answers that arrive.
class Answers : public net::ConnectionHandler {
 public:
  void on_frame(messages::Frame frame) override {
    const std::lock_guard lock(mutex_);
    for (auto& response : frame.responses) {
      const RequestId id = response.id;
      GYRE_ASSERT(by_id_.emplace(id, std::move(response)).second);
    }
    changed_.notify_all();
  }
  void on_closed(const Error&) override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  messages::Response wait_for(RequestId id) {
    std::unique_lock lock(mutex_);
    GYRE_ASSERT(changed_.wait_for(lock, kPatience, [&] { return by_id_.contains(id); }));
    return by_id_.at(id);
  }
  void wait_for_close() {
    std::unique_lock lock(mutex_);
    GYRE_ASSERT(changed_.wait_for(lock, kPatience, [&] { return closed_; }));
  }
  void wait_for_count(std::size_t count) {
    std::unique_lock lock(mutex_);
    GYRE_ASSERT(changed_.wait_for(lock, kPatience, [&] { return by_id_.size() >= count; }));
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return by_id_.size();
  }
  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<RequestId, messages::Response> by_id_;
  bool closed_ = false;
};

}  // namespace gyre::node
