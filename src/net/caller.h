// Calls to a cluster over real connections: what a routing::Dispatcher asks for, carried out on one loop.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/alarm.h"
#include "net/connection.h"
#include "net/loop.h"
#include "routing/dispatcher.h"

namespace gyre::net {

struct CallerOptions {
  routing::DispatcherOptions dispatcher;  // its random seed is drawn here
  Duration connect_timeout = std::chrono::seconds(1);
  wire::Limits limits = {};
  std::function<void(const routing::Lost&)> on_lost = {};          // may be empty
  std::function<void(const ring::ClusterMapPtr&)> on_map = {};  // a newer one is known; may be empty
};

// THREAD: the loop's.
class Caller {
 public:
  // Gets no Error inside the body: errors arrive as the Result's.
  using Handler = std::move_only_function<void(Result<messages::ResponseBody>)>;

  // The loop outlives it.
  Caller(Loop& loop, CallerOptions options);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // `done` runs exactly once, by the call's deadline; within this call only after shut_down().
  void call(routing::Call call, Handler done);
  // Completes every call; those that are made later fail at once. What it connected to is closed.
  void shut_down();

  // Null before the first.
  const ring::ClusterMapPtr& map() const { return dispatcher_.map(); }
  std::size_t calls_in_flight() const { return dispatcher_.calls_in_flight(); }
  routing::Dispatcher& dispatcher() { return dispatcher_; }

 private:
  class LinkHandler;
  struct OpenLink {
    ConnectionPtr connection;
    std::shared_ptr<LinkHandler> handler;
  };

  // What the dispatcher asked for is done at the end of the turn.
  void touch();
  void carry_out();
  void perform(routing::Connect& connect);
  void perform(routing::Disconnect& disconnect);
  void perform(routing::Send& send);
  void perform(routing::Complete& complete);
  void perform(const routing::Lost& lost);
  void on_connected(routing::LinkId link, Result<ConnectionPtr> connection);
  void on_frame(routing::LinkId link, messages::Frame frame);
  void on_closed(routing::LinkId link, const Error& why);
  void tell_map();
  void set_alarm();
  routing::CallId keep(Handler done);

  Loop& loop_;
  const CallerOptions options_;
  routing::Dispatcher dispatcher_;
  std::unordered_map<routing::LinkId, OpenLink> links_;
  std::vector<Handler> handlers_;  // by CallId
  std::vector<std::uint64_t> free_handlers_;
  ring::ClusterMapPtr told_map_;
  Alarm alarm_{loop_};
  bool touched_ = false;
  bool closed_ = false;
};

}  // namespace gyre::net
