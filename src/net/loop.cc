#include "net/loop.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <pthread.h>
#include <sched.h>
#include <asio/steady_timer.hpp>

#include "base/assert.h"

namespace gyre::net {

namespace {

// Sockets, timers and tasks served before a turn ends even if more are ready: bounds how long the first answer waits
// for the last.
constexpr int kTurnTasksMax = 256;

// Shorter ones are not worth a look of their own.
constexpr Duration kHoldUp = std::chrono::microseconds(500);

void name_this_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

// Batch work preempts nobody when it wakes, and loses nothing else by it. Who started the process under a policy of
// their own keeps it, as does a system that refuses. What the loop starts beside it is the same: it works seldom.
void queue_when_woken() {
  if (sched_getscheduler(0) != SCHED_OTHER) return;
  const sched_param priority{};
  sched_setscheduler(0, SCHED_BATCH, &priority);
}

constexpr auto kLater = [](const auto& a, const auto& b) {
  return std::pair(a.due, a.number) > std::pair(b.due, b.number);
};

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

Loop::Loop(std::string name, Wakeup wakeup)
    : name_(std::move(name)), wakeup_(wakeup), beside_work_(beside_.get_executor()) {}

Loop::~Loop() {
  stop();
  join();
  discard();
}

void Loop::start() {
  GYRE_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void Loop::stop() {
  stopping_.store(true);
  beside_.stop();
  poller_.wake();
}

void Loop::join() {
  if (thread_.joinable()) thread_.join();
  if (beside_thread_.joinable()) beside_thread_.join();
}

void Loop::discard() {
  GYRE_ASSERT(!thread_.joinable() && !beside_thread_.joinable());
  beside_.shutdown();
  // What goes may add to what is to go.
  do {
    poller_.clear();
    std::exchange(turn_end_, {}).clear();
    std::exchange(timers_, {}).clear();
    std::exchange(taken_, {}).clear();
  } while (take_posted() || !timers_.empty() || !turn_end_.empty());
}

asio::io_context& Loop::beside() {
  std::call_once(beside_once_, [this] {
    beside_thread_ = std::thread([this] {
      name_this_thread(name_ + " io");
      beside_.run();
    });
  });
  return beside_;
}

void Loop::post(Task task) {
  {
    const std::unique_lock lock(mutex_);
    posted_.push_back(std::move(task));
  }
  if (sleeping_.exchange(false)) poller_.wake();
}

void Loop::after(Duration delay, Task task) {
  const Instant now = steady_now();
  timers_.push_back({delay < kNever - now ? now + delay : kNever, timers_set_++, std::move(task)});
  std::ranges::push_heap(timers_, kLater);
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
  name_this_thread(name_);
  if (wakeup_ == Wakeup::queues) queue_when_woken();
  looked_at_ = took_at_ = steady_now();
  while (!stopping_.load(std::memory_order_relaxed)) {
    serve_sockets();
    run_due();
    run_posted();
    end_turn();
  }
}

// Sleeps until there is something to do. Where it was held up, it looks first: what it finds then came meanwhile.
void Loop::begin_turn() {
  const Duration limit = patience();
  bool sleeps = limit > Duration(0);
  if (!sleeps || steady_now() - looked_at_ >= kHoldUp) sleeps = !poller_.wait(Duration(0)) && sleeps;
  if (sleeps) {
    poller_.wait(limit);
    looked_at_ = took_at_ = steady_now();
    found_ = {looked_at_};
  } else {
    note_found(looked_at_);
  }
  sleeping_.store(false);
}

void Loop::note_found(Instant& before) {
  const Instant now = steady_now();
  found_ = {now, now - before >= kHoldUp ? now - before : Duration(0)};
  before = now;
}

// Those that became ready while others were served take part in the turn, too: what answers them leaves together.
void Loop::serve_sockets() {
  begin_turn();
  for (int served = 0; served < kTurnTasksMax; poller_.wait(Duration(0)), note_found(looked_at_)) {
    const int ready = poller_.serve();
    if (ready == 0) return;
    served += ready;
  }
}

// How long there is nothing to do but for sockets and for what is posted from now on.
Duration Loop::patience() {
  if (next_taken_ < taken_.size()) return Duration(0);
  {
    const std::unique_lock lock(mutex_);
    if (!posted_.empty()) return Duration(0);
    sleeping_.store(true);
  }
  return timers_.empty() ? Poller::kForever : std::max(timers_.front().due - steady_now(), Duration(0));
}

void Loop::run_due() {
  if (timers_.empty()) return;
  const Instant now = steady_now();
  for (int i = 0; i < kTurnTasksMax && !timers_.empty() && timers_.front().due <= now; ++i) {
    std::ranges::pop_heap(timers_, kLater);
    Task task = std::move(timers_.back().task);
    timers_.pop_back();
    task();
  }
}

void Loop::run_posted() {
  for (int i = 0; i < kTurnTasksMax && !stopping_.load(std::memory_order_relaxed); ++i) {
    if (next_taken_ == taken_.size() && !take_posted()) return;
    Task task = std::move(taken_[next_taken_++]);
    task();
  }
}

// False: nothing was posted.
bool Loop::take_posted() {
  note_found(took_at_);
  taken_.clear();
  next_taken_ = 0;
  const std::unique_lock lock(mutex_);
  taken_.swap(posted_);
  return !taken_.empty();
}

void Loop::end_turn() {
  for (const auto& hook : hooks_) hook();
  // Tasks may add tasks (an answer that closes its connection), and so may what goes: run until none is left.
  do {
    while (!turn_end_.empty()) {
      turn_end_running_.swap(turn_end_);
      for (Task& task : turn_end_running_) task();
      turn_end_running_.clear();
    }
  } while (poller_.let_go());
  ++turn_;
}

}  // namespace gyre::net
