#include "client/network_backend.h"

#include <algorithm>
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

}  // namespace

NetworkBackend::NetworkBackend(const ClientOptions& options)
    : default_deadline_(bounded(options.deadline)),
      wire_limits_{.value_bytes_max = options.value_bytes_max},
      loop_("gyre-client"),
      caller_(loop_, caller_options(options)) {
  loop_.start();
}

net::CallerOptions NetworkBackend::caller_options(const ClientOptions& options) {
  net::CallerOptions caller{.dispatcher = {.seeds = options.seeds,
                                           .connections_per_node = options.connections_per_node,
                                           .retries_max = options.retries_max,
                                           .retry_budget = options.retry_budget,
                                           .calls_in_flight_max = options.calls_in_flight_max},
                            .connect_timeout = bounded(options.connect_timeout),
                            .limits = wire_limits_,
                            .on_map = [this](const ring::ClusterMapPtr& map) {
                              const std::lock_guard lock(mutex_);
                              published_map_ = map;
                            }};
  if (options.on_lost) {
    caller.on_lost = [tell = options.on_lost](const routing::Lost& lost) { tell(to_lost_writes(lost)); };
  }
  return caller;
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
  run_on_loop([&] { token = caller_.dispatcher().session_token(); });
  return token;
}

Result<void> NetworkBackend::resume_session(std::string_view token) {
  Result<void> outcome;
  run_on_loop([&] { outcome = caller_.dispatcher().resume_session(token); });
  return outcome;
}

void NetworkBackend::reset_session() {
  run_on_loop([this] { caller_.dispatcher().reset_session(); });
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
  for (auto& [done, call] : draining_) {
    if (!call) {
      done(fail(std::move(call).error()));
    } else if (closed_) {
      done(fail(ErrorCode::unavailable, "the client was closed before the call was sent"));
    } else {
      caller_.call(*std::move(call), std::move(done));
    }
  }
  draining_.clear();
}

void NetworkBackend::shut_down() {
  closed_ = true;
  caller_.shut_down();
  // Callbacks may have made new calls, and those again.
  const auto pending = [this] {
    const std::lock_guard lock(mutex_);
    return !inbox_.empty();
  };
  while (pending()) drain();
  loop_.stop();
}

}  // namespace gyre::client
