#include "tools/gyre/bench_worker.h"

#include <cmath>
#include <thread>
#include <utility>

#include "tools/gyre/interrupt.h"

namespace gyre::cli {

namespace {

using namespace std::chrono_literals;

// How long Ctrl-C may go unnoticed while nothing else happens.
constexpr auto kLookAround = 100ms;

}  // namespace

BenchWorker::BenchWorker(BenchTarget& target, Workload& workload, const ValueSlices& values, std::uint32_t open_calls,
                         std::uint64_t seed)
    : target_(target), workload_(workload), values_(values) {
  for (std::uint32_t i = 0; i < open_calls; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->worker = this;
    slots_.back()->rng = Rng(seed + i);
  }
}

void BenchWorker::run(const BenchPlan& plan) {
  plan_ = plan;
  if (plan.rate > 0) return run_open_loop();
  running_ = std::make_unique<std::latch>(static_cast<std::ptrdiff_t>(slots_.size()));
  for (auto& slot : slots_) pump(*slot);
  running_->wait();
}

bool BenchWorker::over() const { return interrupted() || BenchClock::now() >= plan_.end; }

void BenchWorker::pump(Slot& slot) {
  do {
    const auto operation = over() ? std::nullopt : workload_.next(slot.rng);
    if (!operation) return running_->count_down();
    slot.half_done.store(false, std::memory_order_relaxed);
    start(slot, *operation, BenchClock::now());
  } while (slot.half_done.exchange(true, std::memory_order_acq_rel));  // the answer was faster: go on here
}

void BenchWorker::start(Slot& slot, const Operation& operation, BenchClock::time_point due) {
  slot.due = due;
  slot.read = operation.read;
  const auto key = slot.key.of(operation.key);
  if (operation.read) {
    target_.get(key, [&slot](const Error* error) { slot.worker->on_answer(slot, error); });
  } else {
    target_.put(key, values_.next(slot.rng), [&slot](const Error* error) { slot.worker->on_answer(slot, error); });
  }
}

void BenchWorker::on_answer(Slot& slot, const Error* error) {
  record(slot, error);
  if (plan_.rate > 0) {
    const std::lock_guard lock(mutex_);
    free_.push_back(&slot);
    freed_.notify_one();
  } else if (slot.half_done.exchange(true, std::memory_order_acq_rel)) {
    pump(slot);
  }
}

void BenchWorker::record(const Slot& slot, const Error* error) {
  const bool miss = error != nullptr && error->code == ErrorCode::not_found;
  const bool failed = error != nullptr && !miss;
  const Duration took = BenchClock::now() - slot.due;
  if (!failed) recent_.record(took);
  if (slot.due < plan_.measure_from) return;
  auto& tally = slot.read ? result_.reads : result_.writes;
  if (failed) {
    tally.errors.add();
    const auto number = static_cast<std::size_t>(std::to_underlying(error->code));
    result_.errors_by_code[std::min(number, result_.errors_by_code.size() - 1)].add();
    return;
  }
  if (miss) tally.misses.add();
  tally.latency.record(took);
}

void BenchWorker::run_open_loop() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& slot : slots_) free_.push_back(slot.get());
  }
  const auto begin = plan_.begin;
  const auto due_of = [&](std::uint64_t i) {
    return begin + std::chrono::duration_cast<BenchClock::duration>(
                       std::chrono::duration<double>(static_cast<double>(i) / plan_.rate));
  };
  std::uint64_t sent = 0;
  for (; !interrupted() && due_of(sent) < plan_.end; ++sent) {
    const auto due = due_of(sent);
    while (!interrupted() && BenchClock::now() < due) {
      std::this_thread::sleep_until(std::min(due, BenchClock::now() + kLookAround));
    }
    Slot* const slot = take_free_slot();
    if (slot == nullptr) break;
    const auto operation = workload_.next(slot->rng);
    start(*slot, *operation, due);
  }
  if (!interrupted()) {
    const double measured = std::chrono::duration<double>(plan_.end - begin).count();
    const auto wanted = static_cast<std::uint64_t>(std::llround(measured * plan_.rate));
    result_.unsent = wanted > sent ? wanted - sent : 0;
  }
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return free_.size() == slots_.size(); });
}

BenchWorker::Slot* BenchWorker::take_free_slot() {
  std::unique_lock lock(mutex_);
  while (free_.empty()) {
    if (over()) return nullptr;
    freed_.wait_for(lock, kLookAround);
  }
  Slot* const slot = free_.back();
  free_.pop_back();
  return slot;
}

}  // namespace gyre::cli
