// The event loop: one thread that works in turns.
//
// A turn handles everything that is ready, up to a bound: sockets, timers, tasks. Then it runs the turn-end hooks:
// there groups of writes are committed and answers leave, so that one system call serves many requests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "base/time.h"
#include "net/poller.h"

namespace gyre::net {

using Task = std::move_only_function<void()>;

// Reads CLOCK_BOOTTIME, so that a suspended machine's time counts.
Instant steady_now();
UnixMillis wall_now();
// Holds the calling thread up, and so all that its loop serves: a fault that somebody asked for.
void stall(Duration duration);

// When a loop runs that something wakes while every processor is busy.
enum class Wakeup {
  preempts,  // at once, often in the place of who sent the first of many requests
  queues,  // once who runs waits or has had its time: more requests are there by then, and a turn serves them together
};

class Loop {
 public:
  // `name` is the thread's (at most 15 characters).
  explicit Loop(std::string name, Wakeup wakeup = Wakeup::preempts);
  // Stops and joins.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Starts the thread. Call once.
  void start();
  // Ends the loop after the current turn, from any thread; join() waits for it.
  void stop();
  void join();
  // Drops what was posted and never ran, and all sockets and timers. What one loop still holds may need the others:
  // call it on all before the first is destroyed. REQUIRES: joined, or neither started nor asked for what is beside it.
  void discard();

  // Runs `task` on the loop, from any thread, in the order posted.
  void post(Task task);
  // Runs `task` on the loop after `delay`. THREAD: the loop's, or before start().
  void after(Duration delay, Task task);
  // Runs `task` every `period` until the loop stops. THREAD: the loop's, or before start().
  void every(Duration period, std::function<void()> task);
  // Runs once at the end of the current turn. THREAD: the loop's.
  void at_turn_end(Task task);
  // Runs at the end of every turn, before the tasks of at_turn_end. THREAD: before start().
  void on_turn_end(std::function<void()> hook);

  // The number of the current turn. THREAD: the loop's.
  std::uint64_t turn() const { return turn_; }

  // When it found what it serves now, and for how long it had not looked before: so long that may have waited. That the
  // thread was ready and had no processor is not in it, nor what a turn left for the next. THREAD: the loop's.
  struct Found {
    Instant at;
    Duration held_up{0};  // 0: it had slept, or was held up for less than half a millisecond
  };
  const Found& found() const { return found_; }

  bool on_this_thread() const { return std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed); }
  Poller& poller() { return poller_; }
  // For what is rare and waits: names, connects, accepts. What runs there posts its outcome to the loop. Its thread is
  // another, started when it is first asked for, and ends with the loop's. THREAD: any.
  asio::io_context& beside();

 private:
  struct Timer {
    Instant due;
    std::uint64_t number;  // those due together run in the order set
    Task task;
  };
  // An io_context whose handlers can be dropped before it goes.
  struct Context : asio::io_context {
    Context() : asio::io_context(1) {}
    using asio::execution_context::shutdown;
  };

  void run();
  void begin_turn();
  // At the moment; `before`: when it looked for the like last.
  void note_found(Instant& before);
  void serve_sockets();
  Duration patience();
  void run_due();
  void run_posted();
  bool take_posted();
  void end_turn();

  std::string name_;
  Wakeup wakeup_;
  Poller poller_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<Task> posted_;  // under mutex_
  std::atomic<bool> sleeping_ = false;  // what is posted has to wake it; set under mutex_
  std::vector<Task> taken_;  // of what was posted; run up to next_taken_
  std::size_t next_taken_ = 0;
  std::vector<Timer> timers_;  // a heap, the first due in front
  std::uint64_t timers_set_ = 0;
  std::uint64_t turn_ = 0;
  Found found_;
  Instant looked_at_;  // what is ready
  Instant took_at_;  // what was posted
  std::vector<std::function<void()>> hooks_;
  std::vector<Task> turn_end_;
  std::vector<Task> turn_end_running_;
  std::thread thread_;
  Context beside_;
  asio::executor_work_guard<asio::io_context::executor_type> beside_work_;
  std::once_flag beside_once_;
  std::thread beside_thread_;
  std::atomic<std::thread::id> thread_id_{};
};

}  // namespace gyre::net
