// One client of the load generator and the calls it keeps open.
#pragma once

#include <atomic>
#include <condition_variable>
#include <latch>
#include <memory>
#include <mutex>
#include <vector>

#include "tools/gyre/bench.h"

namespace gyre::cli {

using BenchClock = std::chrono::steady_clock;

struct BenchPlan {
  BenchClock::time_point begin;  // of the open loop's schedule: a worker that starts late is late, not excused
  BenchClock::time_point measure_from;
  BenchClock::time_point end;
  double rate = 0;  // of this worker; zero: closed loop
};

// Closed loop: each open call is a slot; whatever answers it starts the next one there and then, so that no thread
// has to be woken. Open loop: run() starts calls when they are due and takes slots that are free.
//
// INVARIANT: a slot is touched by one thread at a time. Between a call's start and its answer it belongs to
// whichever of the two comes second (Slot::half_done).
class BenchWorker {
 public:
  BenchWorker(BenchTarget& target, Workload& workload, const ValueSlices& values, std::uint32_t open_calls,
              std::uint64_t seed);

  // Returns when the last answer has come.
  void run(const BenchPlan& plan);

  const BenchResult& result() const { return result_; }
  // Latencies since somebody reset it. THREAD: any.
  LatencyHistogram& recent() { return recent_; }

 private:
  struct Slot {
    BenchWorker* worker = nullptr;
    Rng rng{0};
    KeyText key;
    bool read = false;
    BenchClock::time_point due;  // when the call was meant to start
    std::atomic<bool> half_done{false};
  };

  bool over() const;
  // Starts calls in the slot, one after the other's answer, until the end.
  void pump(Slot& slot);
  void start(Slot& slot, const Operation& operation, BenchClock::time_point due);
  void on_answer(Slot& slot, const Error* error);
  void record(const Slot& slot, const Error* error);

  void run_open_loop();
  // Null: the end came first.
  Slot* take_free_slot();

  BenchTarget& target_;
  Workload& workload_;
  const ValueSlices& values_;
  BenchPlan plan_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::unique_ptr<std::latch> running_;  // closed loop: slots that go on
  BenchResult result_;
  LatencyHistogram recent_;

  std::mutex mutex_;  // guards free_
  std::condition_variable freed_;
  std::vector<Slot*> free_;
};

}  // namespace gyre::cli
