// The shell around routing::Dispatcher: one loop thread, its connections, and calls from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/backend.h"
#include "gyre/client.h"
#include "net/connection.h"
#include "net/loop.h"
#include "routing/dispatcher.h"

namespace gyre::client {

// Calls are collected in an inbox that the loop empties in one go, so one wake-up serves many. The dispatcher and the
// connections belong to the loop.
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
  class LinkHandler;
  struct OpenLink {
    net::ConnectionPtr connection;
    std::shared_ptr<LinkHandler> handler;
  };

  void drain();
  void shut_down();
  // What the dispatcher asked for is done at the end of the turn.
  void touch();
  void carry_out();
  void perform(routing::Connect& connect);
  void perform(routing::Disconnect& disconnect);
  void perform(routing::Send& send);
  void perform(routing::Complete& complete);
  void perform(const routing::Lost& lost);
  // Runs `work` on the loop's thread and waits for its end.
  void run_on_loop(const std::function<void()>& work);
  void on_connected(routing::LinkId link, Result<net::ConnectionPtr> connection);
  void on_frame(routing::LinkId link, messages::Frame frame);
  void on_closed(routing::LinkId link, const Error& why);
  void publish_map();
  void arm_timer();
  routing::CallId keep(Handler done);

  const Duration default_deadline_;
  const Duration connect_timeout_;
  const wire::Limits wire_limits_;
  const LostCallback on_lost_;
  net::Loop loop_;  // outlives the connections

  mutable std::mutex mutex_;  // of the two below
  std::vector<Submission> inbox_;
  ring::ClusterMapPtr published_map_;

  // The loop's own.
  routing::Dispatcher dispatcher_;
  std::unordered_map<routing::LinkId, OpenLink> links_;
  std::vector<Handler> handlers_;  // by CallId
  std::vector<std::uint64_t> free_handlers_;
  std::vector<Submission> draining_;
  Instant armed_ = kNever;
  bool touched_ = false;
  bool closed_ = false;
};

}  // namespace gyre::client
