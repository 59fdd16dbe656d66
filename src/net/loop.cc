#include "net/loop.h"

#include <ctime>
#include <utility>

#include <pthread.h>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include "base/assert.h"

namespace gyre::net {

namespace {

// Handlers run before a turn ends even if more are ready: bounds how long the first answer waits for the last.
constexpr int kTurnHandlersMax = 256;

}  // namespace

Instant steady_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

UnixMillis wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count()};
}

void stall(Duration duration) {
  asio::io_context nothing_else(1);
  asio::steady_timer(nothing_else, duration).wait();
}

Loop::Loop(std::string name) : name_(std::move(name)), work_(context_.get_executor()) {}

Loop::~Loop() {
  stop();
  join();
}

void Loop::start() {
  GYRE_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void Loop::stop() { context_.stop(); }

void Loop::join() {
  if (thread_.joinable()) thread_.join();
}

void Loop::discard() {
  GYRE_ASSERT(!thread_.joinable());
  context_.shutdown();
  turn_end_.clear();
}

void Loop::post(Task task) { asio::post(context_, std::move(task)); }

void Loop::after(Duration delay, Task task) {
  auto timer = std::make_unique<asio::steady_timer>(context_, delay);
  auto& armed = *timer;
  armed.async_wait([timer = std::move(timer), task = std::move(task)](std::error_code error) mutable {
    if (!error) task();
  });
}

void Loop::every(Duration period, std::function<void()> task) {
  after(period, [this, period, task = std::move(task)] {
    task();
    every(period, task);
  });
}

void Loop::at_turn_end(Task task) { turn_end_.push_back(std::move(task)); }

void Loop::on_turn_end(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

void Loop::run() {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  while (context_.run_one() > 0) {
    for (int i = 1; i < kTurnHandlersMax && context_.poll_one() > 0; ++i) {
    }
    end_turn();
  }
}

void Loop::end_turn() {
  for (const auto& hook : hooks_) hook();
  // Tasks may add tasks (an answer that closes its connection): run until none is left.
  while (!turn_end_.empty()) {
    turn_end_running_.swap(turn_end_);
    for (Task& task : turn_end_running_) task();
    turn_end_running_.clear();
  }
  ++turn_;
}

}  // namespace gyre::net
