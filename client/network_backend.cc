#include "client/network_backend.h"

#include <algorithm>
#include <random>
#include <utility>

#include "client/convert.h"
#include "client/waiter.h"

namespace gyre::client {

namespace {

// A deadline beyond this is as good as none, and adds to any clock reading without overflow.
constexpr std::chrono::milliseconds kDeadlineMax = std::chrono::hours(365 * 24);

Duration bounded(std::chrono::milliseconds time) {
  return std::clamp(time, std::chrono::milliseconds(0), kDeadlineMax);
}

routing::DispatcherOptions dispatcher_options(const ClientOptions& options) {
  std::random_device random;
  return {.seeds = options.seeds,
          .random_seed = (std::uint64_t{random()} << 32) | random(),
          .connections_per_node = options.connections_per_node,
          .retries_max = options.retries_max,
          .retry_budget = options.retry_budget,
          .calls_in_flight_max = options.calls_in_flight_max};
}

}  // namespace

// Tells the backend what happens on one link, until that link was given up.
class NetworkBackend::LinkHandler final : public net::ConnectionHandler {
 public:
  LinkHandler(NetworkBackend& backend, routing::LinkId link) : backend_(&backend), link_(link) {}

  void detach() { backend_ = nullptr; }
  void on_frame(messages::Frame frame) override {
    if (backend_) backend_->on_frame(link_, std::move(frame));
  }
  void on_closed(const Error& why) override {
    if (backend_) backend_->on_closed(link_, why);
  }

 private:
  NetworkBackend* backend_;
  routing::LinkId link_;
};

NetworkBackend::NetworkBackend(const ClientOptions& options)
    : default_deadline_(bounded(options.deadline)),
      connect_timeout_(bounded(options.connect_timeout)),
      wire_limits_{.value_bytes_max = options.value_bytes_max},
      on_lost_(options.on_lost),
      loop_("gyre-client"),
      dispatcher_(dispatcher_options(options)) {
  loop_.start();
}

NetworkBackend::~NetworkBackend() {
  loop_.post([this] { shut_down(); });
  loop_.join();
}

void NetworkBackend::submit(Result<messages::RequestBody> body, std::chrono::milliseconds deadline, Handler done) {
  Submission submission{std::move(done), routing::Call{}};
  if (body) {
    const Duration budget = deadline.count() == 0 ? default_deadline_ : bounded(deadline);
    submission.call = routing::Call{*std::move(body), net::steady_now() + budget};
  } else {
    submission.call = fail(std::move(body).error());
  }
  const bool wake = [&] {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(submission));
    return inbox_.size() == 1;
  }();
  if (wake) loop_.post([this] { drain(); });
}

ring::ClusterMapPtr NetworkBackend::map() const {
  const std::lock_guard lock(mutex_);
  return published_map_;
}

std::string NetworkBackend::session_token() {
  std::string token;
  run_on_loop([&] { token = dispatcher_.session_token(); });
  return token;
}

Result<void> NetworkBackend::resume_session(std::string_view token) {
  Result<void> outcome;
  run_on_loop([&] { outcome = dispatcher_.resume_session(token); });
  return outcome;
}

void NetworkBackend::reset_session() {
  run_on_loop([this] { dispatcher_.reset_session(); });
}

void NetworkBackend::run_on_loop(const std::function<void()>& work) {
  if (loop_.on_this_thread()) return work();
  Waiter waiter(1);
  loop_.post([&] {
    work();
    waiter.count_down();
  });
  waiter.wait();
}

void NetworkBackend::drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_.swap(inbox_);
  }
  const Instant now = net::steady_now();
  for (auto& [done, call] : draining_) {
    if (!call) {
      done(fail(std::move(call).error()));
    } else if (closed_) {
      done(fail(ErrorCode::unavailable, "the client was closed before the call was sent"));
    } else {
      dispatcher_.on_call(now, keep(std::move(done)), *std::move(call));
    }
  }
  draining_.clear();
  touch();
}

void NetworkBackend::shut_down() {
  closed_ = true;
  dispatcher_.on_shutdown();
  carry_out();
  for (auto& [id, link] : links_) link.handler->detach();
  // Callbacks may have made new calls, and those again.
  const auto pending = [this] {
    const std::lock_guard lock(mutex_);
    return !inbox_.empty();
  };
  while (pending()) drain();
  loop_.stop();
}

void NetworkBackend::touch() {
  if (std::exchange(touched_, true)) return;
  loop_.at_turn_end([this] { carry_out(); });
}

void NetworkBackend::carry_out() {
  touched_ = false;
  publish_map();
  for (auto& effect : dispatcher_.take_effects()) {
    std::visit([this](auto& wanted) { perform(wanted); }, effect);
  }
  arm_timer();
}

void NetworkBackend::perform(routing::Connect& wanted) {
  if (closed_) return;
  net::connect(
      loop_, wanted.address, connect_timeout_, wire_limits_,
      [this, link = wanted.link](Result<net::ConnectionPtr> connection) { on_connected(link, std::move(connection)); });
}

void NetworkBackend::perform(routing::Disconnect& wanted) {
  const auto found = links_.find(wanted.link);
  if (found == links_.end()) return;
  found->second.handler->detach();
  found->second.connection->close(Error{ErrorCode::unavailable, Outcome::not_applied, "the node fell silent", {}});
  links_.erase(found);
}

void NetworkBackend::perform(routing::Send& wanted) {
  const auto found = links_.find(wanted.link);
  if (found != links_.end()) found->second.connection->send(std::move(wanted.request));
}

void NetworkBackend::perform(routing::Complete& wanted) {
  Handler done = std::exchange(handlers_[wanted.call.value()], nullptr);
  free_handlers_.push_back(wanted.call.value());
  done(std::move(wanted.result));
}

void NetworkBackend::perform(const routing::Lost& lost) {
  if (on_lost_) on_lost_(to_lost_writes(lost));
}

void NetworkBackend::on_connected(routing::LinkId link, Result<net::ConnectionPtr> connection) {
  if (closed_) return;
  if (connection) {
    auto handler = std::make_shared<LinkHandler>(*this, link);
    links_.emplace(link, OpenLink{*connection, handler});
    (*connection)->start(std::move(handler));
    dispatcher_.on_connected(net::steady_now(), link);
  } else {
    dispatcher_.on_connect_failed(net::steady_now(), link, connection.error());
  }
  touch();
}

void NetworkBackend::on_frame(routing::LinkId link, messages::Frame frame) {
  const Instant now = net::steady_now();
  for (auto& response : frame.responses) dispatcher_.on_response(now, link, std::move(response));
  touch();
}

void NetworkBackend::on_closed(routing::LinkId link, const Error& why) {
  links_.erase(link);
  dispatcher_.on_connection_lost(net::steady_now(), link, why);
  touch();
}

void NetworkBackend::publish_map() {
  const auto& newest = dispatcher_.map();
  const std::lock_guard lock(mutex_);
  if (published_map_ != newest) published_map_ = newest;
}

// Timers cannot be taken back, so only an earlier deadline needs a new one; one that fires early does no harm.
void NetworkBackend::arm_timer() {
  const Instant next = dispatcher_.next_deadline();
  if (closed_ || next >= armed_) return;
  armed_ = next;
  loop_.after(next - net::steady_now(), [this, next] {
    if (armed_ == next) armed_ = kNever;
    dispatcher_.on_deadline(net::steady_now());
    touch();
  });
}

routing::CallId NetworkBackend::keep(Handler done) {
  if (free_handlers_.empty()) {
    handlers_.push_back(std::move(done));
    return routing::CallId(handlers_.size() - 1);
  }
  const std::uint64_t place = free_handlers_.back();
  free_handlers_.pop_back();
  handlers_[place] = std::move(done);
  return routing::CallId(place);
}

}  // namespace gyre::client
