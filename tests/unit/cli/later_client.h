// A client whose answers come from a thread of its own, as a real one's do.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "tests/unit/cli/memory_client.h"

namespace gyre::cli {

class LaterClient final : public Client {
 public:
  explicit LaterClient(MemoryClient& inner) : inner_(inner), thread_([this](std::stop_token stop) { run(stop); }) {}

  void get(std::string_view key, CallOptions options, Callback<Value> done) override {
    post([this, key = std::string(key), options, done = std::move(done)]() mutable {
      inner_.get(key, options, std::move(done));
    });
  }
  void put(std::string_view key, std::string_view value, PutOptions options, Callback<Version> done) override {
    post([this, key = std::string(key), value = std::string(value), options, done = std::move(done)]() mutable {
      inner_.put(key, value, options, std::move(done));
    });
  }
  void del(std::string_view, DelOptions, Callback<bool>) override {}
  void incr(std::string_view, std::int64_t, CallOptions, Callback<std::int64_t>) override {}
  void expire(std::string_view, std::chrono::milliseconds, CallOptions, Callback<Version>) override {}
  void persist(std::string_view, CallOptions, Callback<bool>) override {}
  void ttl(std::string_view, CallOptions, Callback<std::optional<std::chrono::milliseconds>>) override {}
  void scan(const ScanOptions&, std::string_view, Callback<ScanPage>) override {}
  void write(Batch, CallOptions, Callback<std::vector<WriteOutcome>>) override {}
  Result<KeyLocation> locate(std::string_view key) override { return inner_.locate(key); }
  std::string session_token() override { return inner_.session_token(); }
  Result<void> resume_session(std::string_view token) override { return inner_.resume_session(token); }
  void reset_session() override { inner_.reset_session(); }

  std::size_t most_open() const { return most_open_; }

 private:
  bool on_callback_thread() const override { return std::this_thread::get_id() == thread_.get_id(); }

  using Job = std::move_only_function<void()>;

  void post(Job job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    most_open_ = std::max(most_open_, jobs_.size());
    ready_.notify_one();
  }

  void run(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (ready_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  MemoryClient& inner_;
  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<Job> jobs_;
  std::size_t most_open_ = 0;
  std::jthread thread_;
};

}  // namespace gyre::cli
