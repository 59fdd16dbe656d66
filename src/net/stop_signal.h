// Lets a server's main thread sleep until it is asked to stop, by a signal or by one of its own threads.
#pragma once

#include <atomic>

namespace gyre::net {

// Blocks SIGINT and SIGTERM in the calling thread and all that it starts afterwards, and ignores SIGPIPE. Create it
// before any thread.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Sleeps until asked; returns the exit code: 0 for a signal.
  int wait();
  // THREAD: any. The first code given counts.
  void stop(int exit_code);

 private:
  static constexpr int kNotAsked = -1;

  int signals_;  // signalfd
  int asked_;    // eventfd
  std::atomic<int> code_{kNotAsked};
};

}  // namespace gyre::net
