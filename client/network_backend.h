// A client over the network: one loop thread, its connections, and calls from any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "client/backend.h"
#include "gyre/client.h"
#include "net/caller.h"
#include "net/loop.h"

namespace gyre::client {

// Calls are collected in an inbox that the loop empties in one go, so one wake-up serves many.
class NetworkBackend final : public Backend {
 public:
  explicit NetworkBackend(const ClientOptions& options);
  // Completes every open call, then joins the loop. REQUIRES: not on the loop's thread.
  ~NetworkBackend() override;

  void submit(Result<messages::RequestBody> body, std::chrono::milliseconds deadline, Handler done) override;
  ring::ClusterMapPtr map() const override;
  bool on_callback_thread() const override { return loop_.on_this_thread(); }
  std::size_t value_bytes_max() const override { return wire_limits_.value_bytes_max; }

  // REQUIRES of these: a map. They wait for the loop.
  std::string session_token() override;
  Result<void> resume_session(std::string_view token) override;
  void reset_session() override;

 private:
  struct Submission {
    Handler done;
    Result<routing::Call> call;
  };

  void drain();
  void shut_down();
  // Runs `work` on the loop's thread and waits for its end.
  void run_on_loop(const std::function<void()>& work);
  net::CallerOptions caller_options(const ClientOptions& options);

  const Duration default_deadline_;
  const wire::Limits wire_limits_;
  net::Loop loop_;  // outlives the connections

  mutable std::mutex mutex_;  // of the two below
  std::vector<Submission> inbox_;
  ring::ClusterMapPtr published_map_;

  // The loop's own.
  net::Caller caller_;
  std::vector<Submission> draining_;
  bool closed_ = false;
};

}  // namespace gyre::client
