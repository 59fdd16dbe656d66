#include "net/caller.h"

#include <random>
#include <utility>

namespace gyre::net {

namespace {

routing::DispatcherOptions seeded(routing::DispatcherOptions options) {
  std::random_device random;
  options.random_seed = (std::uint64_t{random()} << 32) | random();
  return options;
}

}  // namespace

// Tells the caller what happens on one link, until that link was given up.
class Caller::LinkHandler final : public ConnectionHandler {
 public:
  LinkHandler(Caller& caller, routing::LinkId link) : caller_(&caller), link_(link) {}

  void detach() { caller_ = nullptr; }
  void on_frame(messages::Frame frame) override {
    if (caller_) caller_->on_frame(link_, std::move(frame));
  }
  void on_closed(const Error& why) override {
    if (caller_) caller_->on_closed(link_, why);
  }

 private:
  Caller* caller_;
  routing::LinkId link_;
};

Caller::Caller(Loop& loop, CallerOptions options)
    : loop_(loop), options_(std::move(options)), dispatcher_(seeded(options_.dispatcher)) {}

Caller::~Caller() = default;

void Caller::call(routing::Call call, Handler done) {
  if (closed_) return done(fail(ErrorCode::unavailable, "this process stops: the call was not sent"));
  dispatcher_.on_call(steady_now(), keep(std::move(done)), std::move(call));
  touch();
}

void Caller::shut_down() {
  closed_ = true;
  dispatcher_.on_shutdown();
  carry_out();
  for (auto& [id, link] : links_) {
    link.handler->detach();
    link.connection->close(Error{ErrorCode::unavailable, Outcome::not_applied, "this process stops", {}});
  }
  links_.clear();
}

void Caller::touch() {
  if (std::exchange(touched_, true)) return;
  loop_.at_turn_end([this] { carry_out(); });
}

void Caller::carry_out() {
  touched_ = false;
  tell_map();
  for (auto& effect : dispatcher_.take_effects()) {
    std::visit([this](auto& wanted) { perform(wanted); }, effect);
  }
  set_alarm();
}

void Caller::perform(routing::Connect& wanted) {
  if (closed_) return;
  connect(loop_, wanted.address, options_.connect_timeout, options_.limits,
          [this, link = wanted.link](Result<ConnectionPtr> connection) { on_connected(link, std::move(connection)); });
}

void Caller::perform(routing::Disconnect& wanted) {
  const auto found = links_.find(wanted.link);
  if (found == links_.end()) return;
  found->second.handler->detach();
  found->second.connection->close(Error{ErrorCode::unavailable, Outcome::not_applied, "the node fell silent", {}});
  links_.erase(found);
}

void Caller::perform(routing::Send& wanted) {
  const auto found = links_.find(wanted.link);
  if (found != links_.end()) found->second.connection->send(std::move(wanted.request));
}

void Caller::perform(routing::Complete& wanted) {
  Handler done = std::exchange(handlers_[wanted.call.value()], nullptr);
  free_handlers_.push_back(wanted.call.value());
  done(std::move(wanted.result));
}

void Caller::perform(const routing::Lost& lost) {
  if (options_.on_lost) options_.on_lost(lost);
}

void Caller::on_connected(routing::LinkId link, Result<ConnectionPtr> connection) {
  if (closed_) return;
  if (connection) {
    auto handler = std::make_shared<LinkHandler>(*this, link);
    links_.emplace(link, OpenLink{*connection, handler});
    (*connection)->start(std::move(handler));
    dispatcher_.on_connected(steady_now(), link);
  } else {
    dispatcher_.on_connect_failed(steady_now(), link, connection.error());
  }
  touch();
}

void Caller::on_frame(routing::LinkId link, messages::Frame frame) {
  const Instant now = steady_now();
  for (auto& response : frame.responses) dispatcher_.on_response(now, link, std::move(response));
  touch();
}

void Caller::on_closed(routing::LinkId link, const Error& why) {
  links_.erase(link);
  dispatcher_.on_connection_lost(steady_now(), link, why);
  touch();
}

void Caller::tell_map() {
  if (told_map_ == dispatcher_.map()) return;
  told_map_ = dispatcher_.map();
  if (options_.on_map) options_.on_map(told_map_);
}

void Caller::set_alarm() {
  if (closed_) return;
  alarm_.set(dispatcher_.next_deadline(), [this] {
    dispatcher_.on_deadline(steady_now());
    touch();
  });
}

routing::CallId Caller::keep(Handler done) {
  if (free_handlers_.empty()) {
    handlers_.push_back(std::move(done));
    return routing::CallId(handlers_.size() - 1);
  }
  const std::uint64_t place = free_handlers_.back();
  free_handlers_.pop_back();
  handlers_[place] = std::move(done);
  return routing::CallId(place);
}

}  // namespace gyre::net
